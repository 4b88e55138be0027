/**
 * The mend of what a crash left: at start everything in work/ is a job that goes on where it stopped. Known leftovers, one mend each, nothing deleted.
 *
 * | leftover in work/, and in the ledger   | mend |
 * |---|---|
 * | a claim's line, no file                | none: the file is still in in/ |
 * | <job>.claimed, a claim's line          | read again: same file, same id |
 * | <job>.claimed, not what the line saw    | back into in/ (spool/give-back.ts): it may be half written |
 * | <job>.claimed, no line                 | the same, under a name of its own |
 * | <job>.claimed, its reading             | goes on with the bytes in the ledger; damaged: read again |
 * | private copies, no decision            | removed: nothing was decided |
 * | a decision                             | the end is decided: record, publish, finish (daemon/conclude.ts) |
 * | a decision with prompts to enqueue     | the same; those without their name in in/ get it, each once (spool/enqueue.ts, docs/emit.md) |
 * | <stem>.held of an accepted answer      | released (daemon/emit-release.ts) |
 * | <job>/a<n>/ with exit.json             | the run ended: its answer is used, no tool is started |
 * | <job>/a<n>/ with a run that is alive   | adopted: waited for, not started again |
 * | <job>/a<n>/ with a run that is gone    | ended for certain, then started again: the only place where a tool can be started twice |
 * | <job>/ of docket 0.1                   | taken over into the ledger (spool/old-folders.ts), then as above |
 *
 * Attempts are mended by agents/attempt.ts, when the job comes to its attempt again; what a dead keeper left running is ended at once.
 */

import path from 'node:path';
import { endLeftRun } from '#agents/attempt.ts';
import type { FinalFile } from '#core/job.ts';
import type { JournalChange } from '#core/ports.ts';
import type { Claimed, Leftover } from '#core/spool.ts';
import type { Failure } from '#core/failure.ts';
import type { Ports } from './ports.ts';

/** A job taken up again. */
export type Resumed = {
  readonly claimed: Claimed;
  readonly bytes: Uint8Array | null;
  readonly unreadable: Failure | null;
  readonly lastAttempt: number;
  readonly final: FinalFile | null;
};

export async function resume(ports: Ports, leftover: Leftover): Promise<Resumed> {
  if (leftover.job !== null && leftover.final !== null) {
    await remember(ports, { job: leftover.job, dir: leftover.dir });
    return {
      claimed: { job: leftover.job, dir: leftover.dir },
      bytes: null,
      unreadable: null,
      lastAttempt: leftover.lastAttempt,
      final: leftover.final,
    };
  }
  const { claimed, bytes, failure } = await ports.spool.read(leftover.dir, leftover.id, leftover.folder);
  await remember(ports, claimed);
  if (leftover.lastAttempt > 0)
    void endLeftRun(ports, path.join(claimed.dir, `a${String(leftover.lastAttempt)}`)).catch((error: unknown) => {
      ports.log.warn(`what an earlier start left running may still run: ${String(error)}`, { job: claimed.job.id });
    });
  return { claimed, bytes, unreadable: failure, lastAttempt: leftover.lastAttempt, final: null };
}

/** The journal may be new, or older than the folder: the folder wins. */
async function remember(ports: Ports, claimed: Claimed): Promise<void> {
  if (ports.journal.job(claimed.job.id) === null) await ports.journal.commit([jobRow(ports, claimed)]);
}

export const jobRow = (ports: Ports, { job }: Claimed): JournalChange => ({
  do: 'job',
  job: {
    id: job.id,
    role: job.role,
    stem: job.stem,
    state: 'read',
    outcome: null,
    feature: null,
    name: null,
    revision: null,
    sha256: job.sha256,
    claimedAt: job.claimedAt,
    changedAt: ports.clock.now().toISOString(),
    attempts: 0,
    reason: null,
  },
});

/**
 * Rows that say a job is open although its folder is gone: it was never really claimed, or it was finished and the last line was lost.
 * @param isLookedAt of these roles the leftovers are all there is
 */
export async function forgetGhosts(ports: Ports, leftovers: readonly Leftover[], isLookedAt: (role: string) => boolean): Promise<void> {
  const alive = new Set<string>(leftovers.map((leftover) => leftover.id));
  const ghosts = ports.journal.open().filter((job) => !alive.has(job.id) && isLookedAt(job.role));
  const at = ports.clock.now().toISOString();
  const changes = ghosts.map((job): JournalChange => {
    const isPublished = job.state === 'published';
    return isPublished ? { do: 'move', id: job.id, to: 'done', at } : { do: 'forget', id: job.id };
  });
  if (changes.length > 0) await ports.journal.commit(changes);
}
