/**
 * One job, from claim to record. READ THIS FILE FIRST.
 *
 *   validate -> submit (one commit) -> answer (attempts, in a lane) -> seal -> record (one commit) -> enqueue its prompts -> publish -> finish
 *
 * A crash after any line is mended by running the same function again (daemon/rescue.ts): each step tests its own effect before it acts.
 * Invariant: nothing runs that was not written down first, and nothing is visible in out/ that is not recorded.
 */

import { classOf, describe, type Failure } from '#core/failure.ts';
import type { Outcome } from '#core/job.ts';
import type { Claimed } from '#core/spool.ts';
import type { JournalChange } from '#core/ports.ts';
import { answer } from './answer.ts';
import { conclude } from './conclude.ts';
import { askBeforeRun, tellAccepted } from './tell-events.ts';
import type { Ports } from './ports.ts';
import { reachedState } from './progress.ts';
import { sealCancelled, sealDuplicate, sealEnded, sealUnsent } from './seal.ts';
import { submit, type Identities } from './submit.ts';
import { byWhom, type Task } from './task.ts';
import { validateWhenHealed } from './validate.ts';

export async function processJob(ports: Ports, identities: Identities, task: Task): Promise<Outcome> {
  const { claimed } = task;
  if (task.cancel.aborted && task.lastAttempt === 0) return conclude(ports, claimed, await sealCancelled(ports, task, byWhom(task.cancel)));

  const accepted = await validateWhenHealed(ports, task); //             shape, role, semver, runner, secrets
  if (!accepted.ok && wasAccepted(ports, claimed, accepted.error)) throw notValidAnyMore(accepted.error);
  if (!accepted.ok) return conclude(ports, claimed, await sealUnsent(ports, task, accepted.error));
  const { identity } = accepted.value;
  const at = ports.clock.now().toISOString();
  const identify: JournalChange = {
    do: 'identify',
    id: claimed.job.id,
    feature: identity.feature,
    name: identity.name,
    revision: identity.revision,
    at,
  };

  const submitted = await submit(ports, identities, accepted.value); //  one commit: nothing runs that was not written down first
  if (!submitted.ok) {
    await ports.journal.commit([identify]);
    const { error } = submitted;
    const sealed = error.kind === 'duplicate' ? await sealDuplicate(ports, accepted.value, error.of) : await sealUnsent(ports, task, error);
    return conclude(ports, claimed, sealed);
  }
  await ports.journal.commit([identify, ...reachedState(ports, claimed.job.id, 'submitted')]);
  ports.reached('submitted', claimed.job.id);
  await tellAccepted(ports, submitted.value);

  const ended = (await askBeforeRun(ports, submitted.value)) ?? (await answer(ports, submitted.value)); // attempts, back-off, limits: the failure table decides
  task.place.leaves();
  const { final, told } = await sealEnded(ports, submitted.value, ended); // evidence and answer, private and durable
  return conclude(ports, claimed, final, told); //                       record, publish, finish
}

/** It stands in history as accepted, so it cannot be rejected any more. */
function wasAccepted(ports: Ports, { job }: Claimed, failure: Failure): boolean {
  if (classOf(failure) !== 'prompt-invalid') return false;
  const state = ports.journal.job(job.id)?.state ?? 'read';
  return state === 'submitted' || state === 'running' || state === 'waiting' || state === 'ran';
}

/** What changed is the installation: the job waits in work/ until a person has put it right. */
const notValidAnyMore = (failure: Failure): Error =>
  new Error(
    `this prompt was accepted, and is not valid with what is installed now: put back what was changed, and start docket again\n${describe(failure)}`,
  );
