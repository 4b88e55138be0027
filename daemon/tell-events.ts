/** The points of a job's life at which lifecycle programs are told or asked (daemon/events.ts), and what they are told. Nothing, where none is switched on. */

import type { EventFacts } from '#core/events.ts';
import { classOf, describe } from '#core/failure.ts';
import type { FinalFile } from '#core/job.ts';
import type { Claimed } from '#core/spool.ts';
import type { Ports } from './ports.ts';
import type { Ended, Submitted } from './task.ts';

const WORDS_MAX = 2_000;

function factsOf(ports: Ports, { job }: Claimed, final: FinalFile | null): EventFacts {
  const row = ports.journal.job(job.id);
  const failure = final?.failure ?? null;
  return {
    job: job.id,
    role: job.role,
    stem: final?.stem ?? row?.stem ?? job.stem,
    feature: row?.feature ?? null,
    name: row?.name ?? null,
    revision: row?.revision ?? null,
    prompt_sha256: job.sha256,
    outcome: final?.outcome ?? null,
    failure: failure === null ? null : { class: classOf(failure), words: ports.clean(describe(failure), WORDS_MAX) },
    files: final?.files.map((file) => file.public) ?? [],
    at: ports.clock.now().toISOString(),
  };
}

/** A job that a start takes up again is told again. */
export async function tellAccepted(ports: Ports, job: Submitted): Promise<void> {
  await ports.events?.tell('after_intake', factsOf(ports, job.task.claimed, null));
}

/** Before the claimed file gets its last name: until then a crash makes the end of the job be repeated, after it nobody looks at it again. */
export async function tellEnd(ports: Ports, claimed: Claimed, final: FinalFile): Promise<void> {
  const isGood = final.outcome === 'answered' || final.outcome === 'briefed' || final.outcome === 'duplicate';
  await ports.events?.tell(isGood ? 'after_publish' : 'on_failure', factsOf(ports, claimed, final));
}

/** Once for a job, before its first attempt: an attempt that was under way is not asked about any more. Null: it may run. */
export async function askBeforeRun(ports: Ports, job: Submitted): Promise<Ended | null> {
  if (ports.events === undefined || job.task.lastAttempt > 0) return null;
  const veto = await ports.events.ask(factsOf(ports, job.task.claimed, null));
  if (veto === null || job.task.cancel.aborted) return null;
  return {
    status: 'held',
    answer: null,
    failure: { kind: 'vetoed', program: veto.program, message: veto.words },
    attempts: [],
    command: null,
    facts: null,
    model: null,
    sessionId: null,
    answerScan: null,
    answerNote: null,
  };
}
