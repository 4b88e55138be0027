/**
 * Group commit: what is asked for in one turn of the event loop becomes one transaction, so a batch of jobs at the same step costs one fsync.
 * Invariant: a caller's changes are all in or none; one caller's illegal change does not touch the others; whoever is told "done" is
 * told after the transaction is durable (of a note: after it is written). After damage or a failed sync (damage.ts) nothing is written any more.
 */

import type { Clock, JournalChange } from '#core/ports.ts';
import type { Database } from '#platform/sqlite.ts';
import { isBreak } from './damage.ts';
import { makeDraft, type Draft } from './draft.ts';
import type { Memory } from './memory.ts';
import { makeWrite } from './write.ts';

type Caller = {
  readonly changes: readonly JournalChange[];
  readonly isSynced: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};
export type Commits = {
  /** One caller with a sync is enough to sync the turn. */
  commit(changes: readonly JournalChange[], isSynced: boolean): Promise<void>;
  /** Writes what is waiting, at once. */
  flush(): void;
  /** Not null: the file is damaged, or a sync failed; nothing is written any more. */
  brokenBy(): Error | null;
};

const isEmpty = (draft: Draft): boolean =>
  draft.jobs.size + draft.attempts.length + draft.errors.size + draft.holds.size + draft.lanes.size + draft.events.length === 0;

/** @param check throws to refuse: asked right before each transaction */
export function makeCommits(database: Database, memory: Memory, clock: Clock, check: () => void = () => undefined): Commits {
  const write = makeWrite(database, (id) => memory.isInFlight(id));
  let callers: Caller[] = [];
  let broken: Error | null = null;

  const flush = (): void => {
    const turn = callers;
    callers = [];
    if (turn.length === 0) return;
    const refusals: (Error | null)[] = [];
    try {
      if (broken !== null) throw broken;
      const draft = makeDraft((id) => memory.find(id));
      for (const { changes } of turn) {
        const refusal = draft.take(changes);
        if (refusal !== null) draft.event({ at: clock.now().toISOString(), job: refusal.job, kind: 'refused', detail: refusal.message });
        refusals.push(refusal);
      }
      if (!isEmpty(draft)) {
        check();
        database.transaction(
          () => {
            write(draft);
          },
          { isSynced: turn.some((caller) => caller.isSynced) },
        );
      }
      memory.accept(draft);
    } catch (error) {
      if (error instanceof Error && isBreak(error)) broken = error;
      for (const caller of turn) caller.reject(error);
      return;
    }
    for (const [index, caller] of turn.entries()) {
      const refusal = refusals[index] ?? null;
      if (refusal === null) caller.resolve();
      else caller.reject(refusal);
    }
  };

  return {
    flush,
    brokenBy: () => broken,
    commit: (changes, isSynced) =>
      new Promise((resolve, reject) => {
        if (callers.length === 0) setImmediate(flush);
        callers.push({ changes, isSynced, resolve, reject });
      }),
  };
}
