import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { jobIdFrom, type JobId } from '#core/names.ts';
import { JOB_STATES } from '#core/job.ts';
import type { JournalChange, JournalJob } from '#core/ports.ts';
import { NO_USAGE, type AttemptRecord } from '#core/run.ts';
import { makeClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { openDatabase, type OpenDatabase } from '#platform/sqlite.ts';
import { openJournal, openJournalReadOnly, type OpenedJournal } from '#store/journal.ts';
import { judgeMove } from '#store/moves.ts';
import { unpack } from '#test/compat/unpack.ts';

const clock = makeClock();
const AT = '2026-11-20T10:00:00.000Z';

function moveFile(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}

function folder(context: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'docket-store-'));
  context.after(() => {
    rmSync(made, { recursive: true, force: true });
  });
  return made;
}

function open(context: TestContext, file: string, given: OpenDatabase = openDatabase): OpenedJournal {
  const journal = openJournal({ path: file, openDatabase: given, clock, log: silentLog(), moveFile });
  context.after(() => {
    journal.close();
  });
  return journal;
}

let made = 0;
function job(fields: Partial<JournalJob> = {}): JournalJob {
  made += 1;
  const id = jobIdFrom(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, made >> 8, made & 255]));
  return {
    id,
    role: 'architect',
    stem: `foo${String(made)}`,
    state: 'claimed',
    outcome: null,
    feature: null,
    name: null,
    revision: null,
    sha256: null,
    claimedAt: AT,
    changedAt: AT,
    attempts: 0,
    reason: null,
    ...fields,
  };
}
const put = (one: JournalJob): JournalChange => ({ do: 'job', job: one });
const move = (id: JobId, to: JournalJob['state']): JournalChange => ({ do: 'move', id, to, at: AT });
const attempt = (n: number): AttemptRecord => ({
  n,
  runId: `run-${String(n)}`,
  startedAt: AT,
  endedAt: AT,
  outcome: 'agent-failure',
  failure: null,
  usage: NO_USAGE,
  starts: 1,
});

test('what was committed is there after the file is opened again, attempts and holds included', async (context) => {
  const file = path.join(folder(context), 'journal.db');
  const one = job();
  const first = open(context, file);
  assert.equal(first.wasRebuilt, true);
  await first.commit([put(one), move(one.id, 'read')]);
  await first.commit([
    { do: 'identify', id: one.id, feature: 'FEAT-1', name: null, revision: 2, at: AT },
    { do: 'attempt', id: one.id, attempt: attempt(1), spent: true },
    { do: 'attempt', id: one.id, attempt: attempt(1), spent: true },
    { do: 'attempt', id: one.id, attempt: attempt(2), spent: false },
    { do: 'hold-lane', lane: 'claude', untilMs: 1_800_000_000_123, reason: 'usage limit', at: AT },
  ]);
  first.close();
  const again = open(context, file);
  assert.equal(again.wasRebuilt, false);
  assert.deepEqual(again.job(one.id), { ...one, state: 'read', feature: 'FEAT-1', revision: 2, attempts: 2 });
  assert.deepEqual(again.attempts(one.id), [
    { ...attempt(1), spent: true },
    { ...attempt(2), spent: false },
  ]);
  assert.deepEqual(again.holds(), [{ lane: 'claude', untilMs: 1_800_000_000_123, reason: 'usage limit', at: AT }]);
  await again.commit([{ do: 'free-lane', lane: 'claude', at: AT }]);
  assert.deepEqual(again.holds(), []);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('open() lists what is not done, oldest first; recent() the newest changes first; forget removes a job and its attempts', async (context) => {
  const journal = open(context, path.join(folder(context), 'journal.db'));
  const old = job({ claimedAt: '2026-01-01T00:00:00.000Z' });
  const young = job({ claimedAt: '2026-02-01T00:00:00.000Z', changedAt: '2026-02-01T00:00:00.000Z' });
  const done = job({ state: 'published', changedAt: '2026-01-15T00:00:00.000Z' });
  await journal.commit([put(young), put(old), put(done), { ...move(done.id, 'done'), at: '2026-03-01T00:00:00.000Z' } as JournalChange]);
  assert.deepEqual(
    journal.open().map((one) => one.id),
    [old.id, young.id],
  );
  assert.equal(journal.recent(1)[0]?.id, old.id);
  assert.equal(journal.recent(10).length, 3);
  await journal.commit([
    { do: 'attempt', id: old.id, attempt: attempt(1), spent: true },
    { do: 'forget', id: old.id },
  ]);
  assert.equal(journal.job(old.id), null);
  assert.deepEqual(journal.attempts(old.id), []);
});

test('all commits of one turn of the event loop are one transaction, and only the caller of an impossible move is refused', async (context) => {
  let transactions = 0;
  const counting: OpenDatabase = (file, options) => {
    const database = openDatabase(file, options);
    return {
      ...database,
      transaction: (act) => {
        transactions += 1;
        return database.transaction(act);
      },
    };
  };
  const file = path.join(folder(context), 'journal.db');
  const journal = open(context, file, counting);
  const jobs = Array.from({ length: 50 }, () => job());
  const bad = job();
  transactions = 0;
  const commits = [
    ...jobs.map((one) => journal.commit([put(one), move(one.id, 'read')])),
    journal.commit([put(bad), move(bad.id, 'done')]),
  ];
  const settled = await Promise.allSettled(commits);
  assert.equal(transactions, 1);
  assert.equal(settled.filter((one) => one.status === 'fulfilled').length, 50);
  assert.match(String((settled.at(-1) as PromiseRejectedResult).reason), /cannot go from claimed to done/);
  assert.equal(journal.job(bad.id), null);
  assert.equal(journal.open().length, 50);
  journal.close();
  const database = openDatabase(file);
  assert.deepEqual(
    database
      .prepare('SELECT kind, job FROM event')
      .all()
      .map((row) => ({ ...row })),
    [{ kind: 'refused', job: bad.id }],
  );
  database.close();
});

test('a job nobody knows cannot move, and a job that ended cannot run again', async (context) => {
  const journal = open(context, path.join(folder(context), 'journal.db'));
  const one = job({ state: 'done' });
  await journal.commit([put(one)]);
  await assert.rejects(journal.commit([move(one.id, 'running')]), { code: 'ILLEGAL_CHANGE' });
  await assert.rejects(journal.commit([move(job().id, 'read')]), { code: 'ILLEGAL_CHANGE' });
  assert.equal(journal.job(one.id)?.state, 'done');
});

test('a step that recovery repeats never takes a job back, and no state can be jumped over', () => {
  assert.equal(judgeMove('running', 'submitted'), 'stay');
  assert.equal(judgeMove('done', 'recorded'), 'stay');
  assert.equal(judgeMove('published', 'published'), 'go');
  for (const from of ['recorded', 'published', 'done'] as const)
    for (const to of ['claimed', 'read', 'submitted', 'running', 'waiting', 'ran'] as const) assert.equal(judgeMove(from, to), 'refuse');
  for (const [index, from] of JOB_STATES.entries()) {
    const jump = JOB_STATES.slice(index + 2).filter((to) => judgeMove(from, to) === 'go');
    assert.ok(!jump.includes('published') && (from === 'published' || !jump.includes('done')), `${from} may jump to ${jump.join()}`);
  }
});

for (const [what, damage] of [
  ['text', (file: string): void => writeFileSync(file, 'this is no database, it only has this name\n'.repeat(100))],
  [
    'spoiled in the middle',
    (file: string): void => {
      const bytes = readFileSync(file);
      bytes.fill(0xff, 4096, 8192);
      writeFileSync(file, bytes);
    },
  ],
  [
    "somebody else's database",
    (file: string): void => {
      unlinkSync(file);
      const other = openDatabase(file);
      other.exec('CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)');
      other.close();
    },
  ],
] as const) {
  test(`a journal that is ${what} is set aside whole and a new one made`, async (context) => {
    const dir = folder(context);
    const file = path.join(dir, 'journal.db');
    const first = open(context, file);
    for (let round = 0; round < 20; round++) await first.commit([put(job({ reason: 'x'.repeat(500) }))]);
    first.close();
    damage(file);
    const bytes = readFileSync(file);
    const journal = open(context, file);
    assert.equal(journal.wasRebuilt, true);
    assert.deepEqual(journal.open(), []);
    assert.ok(journal.setAside !== null);
    assert.deepEqual(readFileSync(journal.setAside), bytes);
    assert.match(path.basename(journal.setAside), /^journal\.db\.damaged-2/);
    await journal.commit([put(job())]);
    assert.equal(journal.open().length, 1);
  });
}

test('a damaged journal that cannot be moved, and one of a newer docket, stop the start with words and stay as they are', (context) => {
  const dir = folder(context);
  const file = path.join(dir, 'journal.db');
  writeFileSync(file, 'no database, but long enough to be looked at as one\n'.repeat(50));
  assert.throws(() => openJournal({ path: file, openDatabase, clock, log: silentLog() }), /move it away/);
  const newer = path.join(dir, 'newer.db');
  open(context, newer).close();
  const database = openDatabase(newer);
  database.exec('PRAGMA user_version = 99');
  database.close();
  assert.throws(() => openJournal({ path: newer, openDatabase, clock, log: silentLog(), moveFile }), /newer docket/);
  assert.ok(readdirSync(dir).includes('newer.db'));
});

test('a running journal notices that its file was removed or replaced', (context) => {
  const file = path.join(folder(context), 'journal.db');
  const journal = open(context, file);
  assert.equal(journal.isIntact(), true);
  unlinkSync(file);
  assert.equal(journal.isIntact(), false);
  writeFileSync(file, 'new');
  assert.equal(journal.isIntact(), false);
});

test('reading alone answers while a writer holds the journal, changes nothing, and answers null when there is none', async (context) => {
  const dir = folder(context);
  const file = path.join(dir, 'journal.db');
  assert.equal(openJournalReadOnly({ path: file, openDatabase }), null);
  const writer = open(context, file);
  const one = job();
  await writer.commit([put(one)]);
  const reader = openJournalReadOnly({ path: file, openDatabase });
  assert.ok(reader !== null);
  assert.equal(reader.job(one.id)?.stem, one.stem);
  await assert.rejects(reader.commit([put(job())]), { code: 'SQLITE_READONLY' });
  reader.close();
  assert.equal(writer.open().length, 1);
});

test('what was asked for before close is written by close', async (context) => {
  const file = path.join(folder(context), 'journal.db');
  const journal = open(context, file);
  const one = job();
  const committed = journal.commit([put(one)]);
  journal.close();
  await committed;
  await assert.rejects(journal.commit([put(job())]), /closed/);
  assert.equal(open(context, file).job(one.id)?.id, one.id);
});

test('an error is kept for each failed attempt and for a bad end, with class, words and time, and goes with a repeated attempt that was answered', async (context) => {
  const file = path.join(folder(context), 'journal.db');
  const journal = open(context, file);
  const one = job({ state: 'running' });
  const failure = { kind: 'provider-error', runner: 'claude', message: 'overloaded', status: 529 } as const;
  await journal.commit([
    put(one),
    { do: 'attempt', id: one.id, attempt: { ...attempt(1), failure }, spent: true },
    { do: 'attempt', id: one.id, attempt: { ...attempt(2), failure: { kind: 'cancelled', by: 'ann' } }, spent: false },
    { do: 'error', id: one.id, attempt: null, failure: { kind: 'cancelled', by: 'ann' }, at: AT },
  ]);
  const first = {
    attempt: 1,
    class: 'provider-error',
    kind: 'provider-error',
    words: 'claude: the provider failed with status 529: overloaded',
    at: AT,
  };
  const end = { attempt: 0, class: 'cancelled', kind: 'cancelled', words: 'stopped by ann', at: AT };
  assert.deepEqual(journal.errors(one.id), [first, { ...end, attempt: 2 }, end]);
  await journal.commit([{ do: 'attempt', id: one.id, attempt: attempt(2), spent: true }]);
  assert.deepEqual(openJournalReadOnly({ path: file, openDatabase })?.errors(one.id), [first, end]);
  await assert.rejects(journal.commit([{ do: 'error', id: job().id, attempt: null, failure, at: AT }]), { code: 'ILLEGAL_CHANGE' });
  await journal.commit([{ do: 'forget', id: one.id }]);
  assert.deepEqual(journal.errors(one.id), []);
});

test('a journal of version 1 becomes one of this version with all that is in it, and is read as it is until then', async (context) => {
  const dir = folder(context);
  unpack('v1', 'many', dir);
  const file = path.join(dir, 'app', 'queues', '.docket', 'journal.db');
  const before = openJournalReadOnly({ path: file, openDatabase });
  assert.ok(before !== null);
  const rows = before.recent(100);
  const states = before.open().map(({ stem, state }) => `${stem} ${state}`);
  assert.deepEqual(states.toSorted(), ['one read', 'same running', 'waiting waiting']);
  assert.deepEqual(before.errors(rows[0]?.id ?? job().id), []);
  assert.equal(before.holds().length, 1);
  before.close();

  const journal = open(context, file);
  assert.equal(journal.wasRebuilt, false);
  assert.deepEqual(journal.recent(100), rows);
  assert.deepEqual(
    journal.open().map(({ stem, state }) => `${stem} ${state}`),
    states,
  );
  assert.equal(journal.holds().length, 1);
  const same = journal.open().find(({ stem }) => stem === 'same');
  assert.ok(same !== undefined);
  await journal.commit([
    { do: 'attempt', id: same.id, attempt: attempt(1), spent: true },
    move(same.id, 'ran'),
    move(same.id, 'recorded'),
    move(same.id, 'published'),
    move(same.id, 'done'),
  ]);
  assert.equal(journal.job(same.id)?.state, 'done');
  assert.equal(journal.recent(100).length, rows.length);
  assert.equal(openJournalReadOnly({ path: file, openDatabase })?.job(same.id)?.attempts, 1);
});

/** Changes the bytes of one word in the file, wherever SQLite put it. */
function spoil(file: string, word: string): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(word);
  assert.ok(at > 0, `${word} is in the file`);
  bytes.write('X', at);
  writeFileSync(file, bytes);
}

test('a word that changed on disk is noticed: the writer sets the journal aside, a reader leaves the row out', async (context) => {
  const dir = folder(context);
  const file = path.join(dir, 'journal.db');
  const flying = job({ state: 'running', reason: 'flying reason' });
  const ended = job({ state: 'done', reason: 'ended reason' });
  const first = open(context, file);
  await first.commit([
    put(flying),
    put(ended),
    { do: 'attempt', id: flying.id, attempt: { ...attempt(1), runId: 'run-of-one' }, spent: true },
  ]);
  first.close();

  const whole = readFileSync(file);
  spoil(file, 'ended reason');
  const reader = openJournalReadOnly({ path: file, openDatabase });
  assert.ok(reader !== null);
  assert.deepEqual(
    reader.recent(10).map(({ id }) => id),
    [flying.id],
  );
  assert.equal(reader.job(ended.id), null);
  reader.close();

  for (const word of ['flying reason', 'run-of-one']) {
    writeFileSync(file, whole);
    spoil(file, word);
    const next = open(context, file);
    assert.notEqual(next.setAside, null, word);
    assert.deepEqual(next.open(), []);
    next.close();
  }
});

test('a page that cannot be read any more is no row for a reader', async (context) => {
  const dir = folder(context);
  const file = path.join(dir, 'journal.db');
  const first = open(context, file);
  for (let round = 0; round < 20; round++) await first.commit([put(job({ state: 'done', reason: 'x'.repeat(1000) }))]);
  first.close();
  const reader = openJournalReadOnly({ path: file, openDatabase });
  assert.ok(reader !== null);
  const bytes = readFileSync(file);
  for (let page = 1; page < bytes.length / 4096; page++) bytes.fill(0xff, page * 4096 + 100, (page + 1) * 4096);
  writeFileSync(file, bytes);
  assert.ok(reader.recent(100).length < 20);
  reader.close();
});

for (const [code, isEnd] of [
  ['SQLITE_IOERR_FSYNC', true],
  ['SQLITE_IOERR_READ', true],
  ['SQLITE_IOERR_WRITE', false],
] as const)
  test(`after ${code} the journal ${isEnd ? 'writes nothing any more, and says by what' : 'takes the next commit'}`, async (context) => {
    let fails = false;
    const failing: OpenDatabase = (name, options) => {
      const database = openDatabase(name, options);
      return {
        ...database,
        transaction: (act) => {
          if (fails) throw Object.assign(new Error(code), { code });
          return database.transaction(act);
        },
      };
    };
    const writer = open(context, path.join(folder(context), 'journal.db'), failing);
    assert.equal(writer.brokenBy(), null);
    fails = true;
    await assert.rejects(writer.commit([put(job())]), { code });
    fails = false;
    if (isEnd) await assert.rejects(writer.commit([put(job())]), { code });
    else await writer.commit([put(job())]);
    assert.equal(writer.brokenBy()?.message ?? null, isEnd ? code : null);
    assert.equal(writer.isIntact(), true, 'nobody took the file away');
  });

test('a running journal notices that what SQLite keeps beside it was removed', (context) => {
  for (const companion of ['-wal', '-shm']) {
    const file = path.join(folder(context), 'journal.db');
    const journal = open(context, file);
    assert.equal(journal.isIntact(), true);
    unlinkSync(`${file}${companion}`);
    assert.equal(journal.isIntact(), false, companion);
  }
});

test('a full disk rejects a commit and nothing else: what was known stays known, and the next commit is taken', async (context) => {
  const full: { is: boolean } = { is: false };
  const filling: OpenDatabase = (name, options) => {
    const database = openDatabase(name, options);
    return {
      ...database,
      transaction: (act) =>
        database.transaction(() => {
          const value = act();
          if (full.is) throw Object.assign(new Error('SQLITE_FULL: database or disk is full'), { code: 'SQLITE_FULL' });
          return value;
        }),
    };
  };
  const journal = open(context, path.join(folder(context), 'journal.db'), filling);
  const one = job();
  await journal.commit([put(one)]);
  full.is = true;
  await assert.rejects(journal.commit([move(one.id, 'read')]), { code: 'SQLITE_FULL' });
  assert.equal(journal.job(one.id)?.state, 'claimed');
  full.is = false;
  await journal.commit([move(one.id, 'read')]);
  assert.equal(journal.job(one.id)?.state, 'read');
  assert.equal(journal.isIntact(), true);
});

test('a turn of notes alone is written without a sync; one commit in it syncs all of it', async (context) => {
  const synced: (boolean | undefined)[] = [];
  const watching: OpenDatabase = (name, options) => {
    const database = openDatabase(name, options);
    return {
      ...database,
      transaction: (act, how) => {
        synced.push(how?.isSynced);
        return database.transaction(act, how);
      },
    };
  };
  const file = path.join(folder(context), 'journal.db');
  const journal = open(context, file, watching);
  synced.length = 0;
  const [one, two] = [job(), job()];
  await journal.note([put(one)]);
  assert.equal(openJournalReadOnly({ path: file, openDatabase })?.job(one.id)?.stem, one.stem, 'whoever reads sees it');
  await Promise.all([journal.note([move(one.id, 'read')]), journal.commit([put(two)])]);
  await assert.rejects(journal.note([move(two.id, 'done')]), { code: 'ILLEGAL_CHANGE' });
  assert.deepEqual(synced, [false, true, false]);
});

const laneRecord = (lane: string, cap: number): JournalChange => ({
  do: 'lane',
  at: AT,
  record: {
    lane,
    cause: 'limit',
    runner: null,
    tries: 2,
    cap,
    threshold: 4,
    breaker: { ownState: { value: 1, openedAt: 5, attemptNo: 2 }, breakerState: 5 },
  },
});

test('what a lane remembers is there after the file is opened again; a record that was changed on disk is left out, and nothing else with it', async (context) => {
  const file = path.join(folder(context), 'journal.db');
  const first = open(context, file);
  await first.commit([laneRecord('anthropic/1a2b3c4d', 1), laneRecord('openai', 8)]);
  await first.note([laneRecord('anthropic/1a2b3c4d', 3)]);
  first.close();
  const again = open(context, file);
  assert.deepEqual(
    again.lanes().map(({ lane, cap }) => [lane, cap]),
    [
      ['anthropic/1a2b3c4d', 3],
      ['openai', 8],
    ],
  );
  assert.deepEqual(again.lanes()[0], (laneRecord('anthropic/1a2b3c4d', 3) as { record: unknown }).record);
  again.close();
  const database = openDatabase(file);
  database.exec(`UPDATE lane_state SET record = replace(record, '"cap":3', '"cap":9') WHERE lane = 'anthropic/1a2b3c4d'`);
  database.close();
  const changed = open(context, file);
  assert.equal(changed.wasRebuilt, false);
  assert.deepEqual(
    changed.lanes().map(({ lane }) => lane),
    ['openai'],
  );
});
