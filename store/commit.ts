/**
 * Group commit: what is asked for in one turn of the event loop becomes one transaction, so a batch of jobs at the same step costs one fsync.
 * Invariant: a caller's changes are all in or none; one caller's illegal change does not touch the others; whoever is told "done" is
 * told after the transaction is durable.
 */

import type { Clock, JournalChange } from '#core/ports.ts';
import type { Database } from '#platform/sqlite.ts';
import { IllegalChange, makeApply } from './apply.ts';

type Caller = {
  readonly changes: readonly JournalChange[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};
export type Commits = {
  commit(changes: readonly JournalChange[]): Promise<void>;
  /** Writes what is waiting, at once. */
  flush(): void;
};

export function makeCommits(database: Database, clock: Clock): Commits {
  const apply = makeApply(database);
  let callers: Caller[] = [];

  /** In a savepoint of its own; the error when it was refused and undone. */
  const applyFor = (caller: Caller): IllegalChange | null => {
    database.exec('SAVEPOINT caller');
    try {
      for (const change of caller.changes) apply(change);
      database.exec('RELEASE caller');
      return null;
    } catch (error) {
      if (!(error instanceof IllegalChange)) throw error;
      database.exec('ROLLBACK TO caller; RELEASE caller');
      apply({ do: 'event', at: clock.now().toISOString(), job: error.job, kind: 'refused', detail: error.message });
      return error;
    }
  };

  const flush = (): void => {
    const turn = callers;
    callers = [];
    if (turn.length === 0) return;
    let refusals: (IllegalChange | null)[];
    try {
      refusals = database.transaction(() => turn.map(applyFor));
    } catch (error) {
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
    commit: (changes) =>
      new Promise((resolve, reject) => {
        if (callers.length === 0) setImmediate(flush);
        callers.push({ changes, resolve, reject });
      }),
  };
}
