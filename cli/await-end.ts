/** Waiting for a job's end from outside the daemon: the journal knows, the daemon is asked so that nobody has to look again and again. */

import type { Outcome } from '#core/job.ts';
import type { JournalJob } from '#core/ports.ts';
import type { Stem } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { connectControl } from './open.ts';
import { clock, readJournal } from './parts.ts';

export type WaitEnd = { readonly job: string | null; readonly stem: Stem; readonly outcome: Outcome | null };
export type Wanted =
  /** ISO 8601: only jobs claimed since then. */
  | { readonly role: string; readonly sha256: string; readonly since: string }
  | { readonly job: string }
  /** Not claimed yet. */
  | { readonly role: string; readonly stem: string };

const LOOK_MS = 25;
const RECENT = 5_000;

const matches = (job: JournalJob, wanted: Wanted): boolean =>
  'job' in wanted
    ? job.id === wanted.job
    : job.role === wanted.role &&
      ('stem' in wanted ? job.stem === wanted.stem : job.sha256 === wanted.sha256 && job.claimedAt >= wanted.since);

/** The newest such job in the journal; null: none yet. */
export function findJob(workspace: Workspace, wanted: Wanted): JournalJob | null {
  const journal = readJournal(workspace);
  if (journal === null) return null;
  try {
    return journal.recent(RECENT).find((job) => matches(job, wanted)) ?? null;
  } finally {
    journal.close();
  }
}

/** @param timeoutS seconds; undefined: for ever. The outcome is null when it ran out. */
export async function waitForEnd(workspace: Workspace, wanted: Wanted, timeoutS?: number): Promise<WaitEnd> {
  const untilMs = timeoutS === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + timeoutS * 1000;
  for (;;) {
    const job = findJob(workspace, wanted);
    const end: WaitEnd = { job: job?.id ?? null, stem: (job?.stem ?? '') as Stem, outcome: job?.state === 'done' ? job.outcome : null };
    const leftMs = untilMs - clock.monotonicMs();
    if (end.outcome !== null || leftMs <= 0) return end;
    const control = job === null ? null : await connectControl(workspace);
    if (control === null || job === null) {
      await clock.sleep(Math.min(LOOK_MS, leftMs));
      continue;
    }
    const enough = new AbortController();
    await Promise.race([control.ask('wait', { job: job.id }), clock.sleep(Math.min(leftMs, 60_000), enough.signal)]);
    enough.abort();
    control.close();
    await clock.sleep(1);
  }
}
