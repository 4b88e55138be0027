/**
 * Everything beside the disk that a crash does not take: a history and a journal whose commits are durable when they resolve, the tools that were
 * started, and what people and programs around docket have seen. Part of a state of the model: copied with the disk, never changed in place.
 */

import type { Answer, Filed, History, Submission } from '#core/history.ts';
import type { JobId } from '#core/names.ts';
import type { Journal, JournalJob } from '#core/ports.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import { err, ok } from '#core/result.ts';
import type { AttemptRecord } from '#core/run.ts';
import { judgeMove } from '#store/moves.ts';
import type { RunState } from './keeper.ts';

export type Recorded = {
  readonly identity: Identity;
  readonly filed: Filed;
  readonly evidence: string | null;
  readonly result: Uint8Array | null;
};
type Attempt = AttemptRecord & { readonly spent: boolean };

export type Outside = {
  /** Prompts whose author was told that they are in the queue. */
  readonly dropped: readonly string[];
  /** How many results the reader of out/ took away. */
  readonly taken: number;
  readonly records: ReadonlyMap<string, Recorded>;
  /** Commits that changed a record: `submit <job>`, `answer <job>`. */
  readonly commits: readonly string[];
  readonly jobs: ReadonlyMap<JobId, JournalJob>;
  readonly attempts: ReadonlyMap<JobId, readonly Attempt[]>;
  readonly runs: readonly RunState[];
  /** What other hands have done: each does its part once. */
  readonly done: readonly string[];
  /** What was seen to be wrong at the moment it happened. */
  readonly wrong: readonly string[];
};

export const NOTHING_YET: Outside = {
  dropped: [],
  taken: 0,
  records: new Map(),
  commits: [],
  jobs: new Map(),
  attempts: new Map(),
  runs: [],
  done: [],
  wrong: [],
};

/** The living end of it during one process's life. */
export type Hold = {
  get(): Outside;
  set(change: Partial<Outside>): void;
  /** A crash point beside the disk. */
  point(what: string): void;
};

export function makeHold(start: Outside, point: (what: string) => void): Hold {
  let outside = start;
  return {
    get: () => outside,
    set(change) {
      outside = { ...outside, ...change };
    },
    point,
  };
}

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);

async function* none(): AsyncGenerator<never> {
  yield* await Promise.resolve([]);
}

/** As history/record.ts decides, without git. */
export function makeHistory(hold: Hold, sha256: (bytes: Uint8Array | string) => Filed['promptSha256']): History {
  const filedAs = (identity: Identity): Recorded | undefined => hold.get().records.get(identityKey(identity));
  const commit = (what: string, identity: Identity, record: Recorded): Filed => {
    hold.point(`history ${what}`);
    const { records, commits } = hold.get();
    const words = `${what} ${record.filed.job}`;
    hold.set({
      records: withEntry(records, identityKey(identity), record),
      commits: [...commits, words],
    });
    return record.filed;
  };
  return {
    open: async () => Promise.resolve(),
    async *spending() {
      // Nobody sets a budget here.
    },
    find: async (identity) => Promise.resolve(filedAs(identity)?.filed ?? null),
    async submit(submission: Submission) {
      await Promise.resolve();
      const { identity, job, promptSha256 } = submission;
      const found = filedAs(identity);
      if (found !== undefined) {
        const { filed } = found;
        const isOurs = filed.promptSha256 === promptSha256 && (filed.job === job || filed.status !== 'submitted');
        return isOurs ? ok(filed) : err({ kind: 'identity-taken', byJob: filed.job, filed });
      }
      const filed: Filed = { job, status: 'submitted', promptSha256, resultSha256: null, evidenceSha256: null, commit: job };
      return ok(commit('submit', identity, { identity, filed, evidence: null, result: null }));
    },
    async record(answer: Answer) {
      await Promise.resolve();
      const { identity, job, status, evidence, result } = answer;
      const found = filedAs(identity);
      if (found === undefined) throw new Error(`an answer of ${job} without a submission`);
      const { filed } = found;
      if (filed.job !== job) return err({ kind: 'identity-taken', byJob: filed.job, filed });
      const evidenceSha256 = sha256(evidence);
      if (filed.status === 'answered' || (filed.status === status && filed.evidenceSha256 === evidenceSha256)) return ok(filed);
      const next: Filed = { ...filed, status, evidenceSha256, resultSha256: result === null ? null : sha256(result) };
      return ok(commit('answer', identity, { identity, filed: next, evidence, result }));
    },
    log: none,
    read: async () => Promise.resolve(null),
    records: none,
    verify: none,
    purged: async () => Promise.resolve([]),
    stamps: async (features) => {
      const { length } = hold.get().commits;
      return Promise.resolve({ commit: String(length), features: features.map(() => String(length)) });
    },
    // No person is in this model: nobody judges, nobody closes.
    judge: async () => Promise.reject(new Error('nobody judges here')),
    verdicts: async () => Promise.resolve([]),
    closeFeature: async () => Promise.reject(new Error('nobody closes a feature here')),
    closings: async () => Promise.resolve([]),
    promote: async () => Promise.reject(new Error('nobody promotes here')),
    promotions: async () => Promise.resolve([]),
    close: async () => Promise.resolve(),
  };
}

export function makeJournal(hold: Hold): Journal {
  const jobs = (): JournalJob[] => [...hold.get().jobs.values()];
  const commit: Journal['commit'] = async (changes) => {
    await Promise.resolve();
    if (changes.length === 0) return;
    hold.point('journal commit');
    for (const change of changes) {
      const { jobs: rows, attempts } = hold.get();
      const set = (id: JobId, row: JournalJob): void => {
        hold.set({ jobs: withEntry(rows, id, row) });
      };
      if (change.do === 'job') set(change.job.id, change.job);
      else if (change.do === 'move') {
        const row = rows.get(change.id);
        const verdict = row === undefined ? 'refuse' : judgeMove(row.state, change.to);
        if (row === undefined || verdict === 'refuse') throw new Error(`the journal refuses ${row?.state ?? 'nothing'} -> ${change.to}`);
        if (verdict === 'go') set(change.id, { ...row, state: change.to, outcome: change.outcome ?? row.outcome });
      } else if (change.do === 'attempt') {
        const before = (attempts.get(change.id) ?? []).filter(({ n }) => n !== change.attempt.n);
        const after = [...before, { ...change.attempt, spent: change.spent }];
        hold.set({
          attempts: withEntry(attempts, change.id, after),
        });
      } else if (change.do === 'forget') {
        const left = new Map(rows);
        left.delete(change.id);
        hold.set({ jobs: left });
      }
    }
  };
  // The model does not forget a note in a power cut; a journal that is lost with all its notes is a scenario.
  return {
    commit,
    note: commit,
    job: (id) => hold.get().jobs.get(id) ?? null,
    open: () => jobs().filter(({ state }) => state !== 'done'),
    recent: (limit) => jobs().toReversed().slice(0, limit),
    attempts: (id) => [...(hold.get().attempts.get(id) ?? [])],
    errors: () => [],
    spending: () => [],
    holds: () => [],
    lanes: () => [],
    isIntact: () => true,
    brokenBy: () => null,
    close: () => undefined,
  };
}
