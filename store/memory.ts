/**
 * The jobs in flight, in memory as they are durable, so that a change needs no read before it is written.
 * Invariant: there is one writer for a journal (the daemon's kernel lock), and memory follows a transaction only after it is durable.
 */

import type { JobId } from '#core/names.ts';
import type { JournalJob } from '#core/ports.ts';
import type { Draft, Known } from './draft.ts';
import type { Reads } from './reads.ts';

export type Memory = {
  /** In flight from memory, ended from the file; null: neither. */
  find(id: JobId): Known | null;
  isInFlight(id: JobId): boolean;
  /** After the draft is durable. */
  accept(draft: Draft): void;
};

export function makeMemory(reads: Reads): Memory {
  const withAttempts = (job: JournalJob): Known => ({ job, attempts: job.attempts === 0 ? [] : reads.attempts(job.id) });
  const inFlight = new Map<JobId, Known>(reads.open().map((job) => [job.id, withAttempts(job)]));
  return {
    find(id) {
      const known = inFlight.get(id);
      if (known !== undefined) return known;
      const job = reads.job(id);
      return job === null ? null : withAttempts(job);
    },
    isInFlight: (id) => inFlight.has(id),
    accept(draft) {
      for (const [id, known] of draft.jobs) {
        if (known === null || known.job.state === 'done') inFlight.delete(id);
        else inFlight.set(id, known);
      }
    },
  };
}
