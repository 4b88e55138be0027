/**
 * The body of core/shared.ts: one small SQLite file, in the user's state folder for accounts, in the git folder of a work tree for its one writer.
 *
 * Invariants: every question that changes something is one BEGIN IMMEDIATE transaction, so the last slot is taken once. Nothing is synced: a power cut ends
 * every process that the file tells of. Who took something is named by pid, start time and boot, so a number that is used again is somebody else; a row is
 * dropped when its docket and its run are both gone, and this is asked only of rows that stand in somebody's way. Of other boots and other pid namespaces
 * nothing can be asked: their rows count as gone.
 */

import type { Shared, SharedHold, SharedReserve, SharedSpend, SlotAnswer, SlotAsk } from '#core/shared.ts';
import type { Clock } from '#core/ports.ts';
import type { Database, OpenDatabase, PreparedStatement, Row } from '#platform/sqlite.ts';

/** A process: of this boot, and no other with its number. */
export type Owner = {
  readonly pid: number;
  readonly pidStart: string;
  readonly bootId: string;
  /** of the daemon */ readonly instance: string;
};

export type SharedInput = {
  readonly path: string;
  readonly openDatabase: OpenDatabase;
  readonly clock: Clock;
  readonly owner: Owner;
  readonly isAlive: (pid: number, pidStart: string) => boolean;
  /** Does the program still run whose run.json lies in this folder? */
  readonly isRunAlive: (folder: string) => boolean;
};

/** Longest wait for another docket's transaction, which takes well under a millisecond. */
const BUSY_MS = 250;
const DAY_MS = 86_400_000;
/** What was spent is kept for so long: a day's budget asks for today, a feature's for what was spent since its daemon started. */
const SPEND_MS = 35 * DAY_MS;

const TABLES = `
CREATE TABLE IF NOT EXISTS slot (run TEXT PRIMARY KEY, key TEXT NOT NULL, owner TEXT NOT NULL, label TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slot_by_key ON slot (key);
CREATE TABLE IF NOT EXISTS line (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, owner TEXT NOT NULL, until_ms REAL NOT NULL, UNIQUE (key, owner)) STRICT;
CREATE TABLE IF NOT EXISTS start (key TEXT NOT NULL, boot TEXT NOT NULL, at_ms REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS start_by_time ON start (key, at_ms);
CREATE TABLE IF NOT EXISTS hold (key TEXT PRIMARY KEY, until_ms REAL NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spend (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, key TEXT, history TEXT NOT NULL,
  feature TEXT NOT NULL, role TEXT NOT NULL, at_ms REAL NOT NULL, micros INTEGER NOT NULL, unknown_runs INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS reserve (run TEXT PRIMARY KEY, owner TEXT NOT NULL, key TEXT, history TEXT NOT NULL, feature TEXT NOT NULL,
  micros INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

const QUERIES = {
  mine: 'SELECT 1 FROM slot WHERE run = ?',
  put: 'INSERT OR REPLACE INTO slot (run, key, owner, label) VALUES (?, ?, ?, ?)',
  drop: 'DELETE FROM slot WHERE run = ?',
  count: 'SELECT count(*) AS n FROM slot WHERE key = ?',
  slots: 'SELECT run, owner, label FROM slot WHERE key = ? ORDER BY run',
  lineUp: 'INSERT INTO line (key, owner, until_ms) VALUES (?, ?, ?) ON CONFLICT (key, owner) DO UPDATE SET until_ms = excluded.until_ms',
  leaveLine: 'DELETE FROM line WHERE key = ? AND owner = ?',
  before: 'SELECT owner FROM line WHERE key = ?1 AND owner <> ?2 AND until_ms > ?3 AND id < coalesce((SELECT id FROM line WHERE key = ?1 AND owner = ?2), 9e15) ORDER BY id',
  started: 'INSERT INTO start (key, boot, at_ms) VALUES (?, ?, ?)',
  forgetStarts: 'DELETE FROM start WHERE key = ? AND at_ms < ?',
  forgetBoots: 'DELETE FROM start WHERE boot <> ?',
  nthStart: 'SELECT at_ms FROM start WHERE key = ? AND at_ms >= ? AND boot = ? ORDER BY at_ms DESC LIMIT 1 OFFSET ?',
  holdOf: 'SELECT until_ms, reason, at FROM hold WHERE key = ?',
  hold: 'INSERT INTO hold (key, until_ms, reason, at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET until_ms = excluded.until_ms, reason = excluded.reason, at = excluded.at WHERE excluded.until_ms > until_ms',
  free: 'DELETE FROM hold WHERE key = ?',
  spend: 'INSERT OR IGNORE INTO spend (run_id, owner, key, history, feature, role, at_ms, micros, unknown_runs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  spent: 'SELECT id, run_id, key, history, feature, role, at_ms, micros, unknown_runs FROM spend WHERE id > ? AND owner <> ? ORDER BY id',
  forgetSpend: 'DELETE FROM spend WHERE at_ms < ?',
  reserve: 'INSERT OR REPLACE INTO reserve (run, owner, key, history, feature, micros) VALUES (?, ?, ?, ?, ?, ?)',
  release: 'DELETE FROM reserve WHERE run = ?',
  reserved: 'SELECT run, owner, key, history, feature, micros FROM reserve WHERE owner <> ? ORDER BY run',
} as const; // prettier-ignore

const textOf = ({ pid, pidStart, bootId, instance }: Owner): string => JSON.stringify([pid, pidStart, bootId, instance]);
const text = (row: Row, column: string): string => String(row[column]);
const textOrNull = (row: Row, column: string): string | null => (row[column] === null ? null : String(row[column]));

/** Throws with a code when it cannot be opened or is no such file. */
export function openShared(input: SharedInput): Shared {
  const database = input.openDatabase(input.path, { busyTimeoutMs: BUSY_MS });
  try {
    database.transaction(() => database.exec(TABLES), { isSynced: false });
    return makeShared(database, input, textOf(input.owner));
  } catch (error) {
    database.close();
    throw error;
  }
}

function makeShared(database: Database, { clock, owner, isAlive, isRunAlive }: SharedInput, me: string): Shared {
  const ask = Object.fromEntries(Object.entries(QUERIES).map(([name, sql]) => [name, database.prepare(sql)])) as Record<
    keyof typeof QUERIES,
    PreparedStatement
  >;
  const atomically = <T>(act: () => T): T => {
    if (!database.isIntact()) throw Object.assign(new Error(`it was removed or replaced, '${database.path}'`), { code: 'ESTALE' });
    return database.transaction(act, { isSynced: false });
  };
  const nowMs = (): number => clock.monotonicMs();

  const lives = (of: string): boolean => {
    if (of === me) return true;
    try {
      const [pid, pidStart, bootId] = JSON.parse(of) as [number, string, string];
      return bootId === owner.bootId && isAlive(pid, pidStart);
    } catch {
      return false;
    }
  };
  /** Frees what processes that are gone have left. */
  const sweep = (rows: readonly Row[], drop: PreparedStatement): void => {
    for (const row of rows) if (!lives(text(row, 'owner')) && !isRunAlive(text(row, 'run'))) drop.run(text(row, 'run'));
  };

  const holdOf = (key: string): SharedHold | null => {
    const row = ask.holdOf.get(key);
    if (row === undefined) return null;
    const hold = { untilMs: Number(row['until_ms']), reason: text(row, 'reason'), at: text(row, 'at') };
    // It was never longer than when it was told: a clock that was set back does not make it so.
    const wholeMs = hold.untilMs - Date.parse(hold.at);
    const leftMs = hold.untilMs - clock.now().getTime();
    return leftMs > 0 && leftMs <= wholeMs ? hold : null;
  };
  const countOf = (key: string): number => Number(ask.count.get(key)?.['n'] ?? 0);
  const isBehind = (key: string): boolean => {
    for (const row of ask.before.all(key, me, nowMs())) {
      const other = text(row, 'owner');
      if (lives(other)) return true;
      ask.leaveLine.run(key, other);
    }
    return false;
  };
  const earlyMs = (key: string, pace: NonNullable<SlotAsk['pace']>): number => {
    // Older ones keep nobody waiting: a lane may have begun ten thousand times today.
    const sinceMs = nowMs() - Math.max(pace.staggerMs, pace.intervalMs);
    const nth = (at: number): number => {
      const row = ask.nthStart.get(key, sinceMs, owner.bootId, at);
      return row === undefined ? Number.NEGATIVE_INFINITY : Number(row['at_ms']);
    };
    return Math.max(0, nth(0) + pace.staggerMs - nowMs(), nth(pace.cap - 1) + pace.intervalMs - nowMs());
  };

  /** @param key of the slot */
  function refusal({ key: account, slots, pace }: SlotAsk, key: string): SlotAnswer | null {
    if (countOf(key) >= slots) {
      sweep(ask.slots.all(key), ask.drop);
      const others = ask.slots.all(key).filter((row) => text(row, 'owner') !== me);
      const used = countOf(key);
      const [first] = others;
      if (used >= slots) return { is: 'full', used, byOthers: others.length, label: first === undefined ? null : text(first, 'label') };
    }
    if (isBehind(key)) return { is: 'behind' };
    const waitMs = pace === null ? 0 : earlyMs(account, pace);
    return waitMs > 0 ? { is: 'early', waitMs } : null;
  }

  atomically(() => {
    ask.forgetSpend.run(clock.now().getTime() - SPEND_MS);
    ask.forgetBoots.run(owner.bootId);
  });

  return {
    atomically,
    take: (asked) =>
      atomically((): SlotAnswer => {
        const { run, label } = asked;
        const key = asked.isProbe ? `${asked.key} probe` : asked.key;
        // A run that was under way when its docket went away has its slot still.
        if (ask.mine.get(run) !== undefined) {
          ask.put.run(run, key, me, label);
          return { is: 'taken' };
        }
        const hold = holdOf(asked.key);
        if (hold !== null) return { is: 'held', hold };
        const refused = refusal(asked, key);
        if (refused !== null) {
          ask.lineUp.run(key, me, nowMs() + asked.lineMs);
          return refused;
        }
        ask.leaveLine.run(key, me);
        ask.put.run(run, key, me, label);
        if (asked.pace !== null) {
          ask.forgetStarts.run(asked.key, nowMs() - DAY_MS);
          ask.started.run(asked.key, owner.bootId, nowMs());
        }
        return { is: 'taken' };
      }),
    keep({ key, run, label }) {
      atomically(() => ask.put.run(run, key, me, label));
    },
    give(run) {
      atomically(() => ask.drop.run(run));
    },
    used: (key) =>
      atomically(() => {
        sweep(ask.slots.all(key), ask.drop);
        const rows = ask.slots.all(key);
        return { all: rows.length, byOthers: rows.filter((row) => text(row, 'owner') !== me).length };
      }),
    othersOf: (key) =>
      ask.slots
        .all(key)
        .filter((row) => text(row, 'owner') !== me)
        .map((row) => text(row, 'label')),
    hold(key, { untilMs, reason, at }) {
      atomically(() => {
        if (holdOf(key) === null) ask.free.run(key);
        ask.hold.run(key, untilMs, reason, at);
      });
    },
    free(key) {
      atomically(() => ask.free.run(key));
    },
    holdOf: (key) =>
      atomically(() => {
        const hold = holdOf(key);
        if (hold === null) ask.free.run(key);
        return hold;
      }),
    spend({ runId, key, history, feature, role, atMs, micros, unknownRuns }) {
      ask.spend.run(runId, me, key, history, feature, role, atMs, micros, unknownRuns);
    },
    spentSince(id) {
      let last = id;
      const spent = ask.spent.all(id, me).map((row): SharedSpend => {
        last = Number(row['id']);
        return {
          runId: text(row, 'run_id'),
          key: textOrNull(row, 'key'),
          history: text(row, 'history'),
          feature: text(row, 'feature'),
          role: text(row, 'role'),
          atMs: Number(row['at_ms']),
          micros: Number(row['micros']),
          unknownRuns: Number(row['unknown_runs']),
        };
      });
      return { last, spent };
    },
    reserve({ run, key, history, feature, micros }) {
      ask.reserve.run(run, me, key, history, feature, micros);
    },
    release(run) {
      ask.release.run(run);
    },
    reserved() {
      sweep(ask.reserved.all(me), ask.release);
      return ask.reserved.all(me).map((row): SharedReserve => ({
        run: text(row, 'run'),
        key: textOrNull(row, 'key'),
        history: text(row, 'history'),
        feature: text(row, 'feature'),
        micros: Number(row['micros']),
      }));
    },
    close() {
      database.close();
    },
  };
}
