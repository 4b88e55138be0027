/** One commit when a prompt is accepted: nothing runs that was not written down first. It also reserves the identity, across all daemons that share the history. */

import type { Failure } from '#core/failure.ts';
import type { Filed } from '#core/history.ts';
import { describeIdentity, identityKey } from '#core/prompt.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { Ports } from './ports.ts';
import type { Accepted, InFlight, Submitted } from './task.ts';

/** The same bytes are answered already: this job is finished at once, by naming the first one. */
export type Duplicate = { readonly kind: 'duplicate'; readonly of: Filed };

/** Identities that jobs of this daemon are working on right now. */
export type Identities = Map<string, InFlight>;

export async function submit(ports: Ports, identities: Identities, accepted: Accepted): Promise<Result<Submitted, Failure | Duplicate>> {
  const { job } = accepted.task.claimed;
  const key = identityKey(accepted.identity);
  const taken = (byJob: InFlight['job']): Failure => ({ kind: 'identity-taken', identity: describeIdentity(accepted.identity), byJob });
  for (let other = identities.get(key); other !== undefined && other.job !== job.id; other = identities.get(key)) {
    if (other.sha256 !== accepted.sha256) return err(taken(other.job));
    await other.done;
  }
  const mine = Promise.withResolvers<void>();
  identities.set(key, { job: job.id, sha256: accepted.sha256, done: mine.promise });
  accepted.task.onEnd(() => {
    if (identities.get(key)?.job === job.id) identities.delete(key);
    mine.resolve();
  });

  const code = await ports.code();
  const at = ports.clock.now().toISOString();
  const filed = await ports.history.submit({
    job: job.id,
    identity: accepted.identity,
    featureName: accepted.prompt.feature.name,
    title: accepted.prompt.title,
    stream: accepted.prompt.stream ?? 'feature',
    roleFolder: accepted.role.folder,
    prompt: accepted.bytes,
    promptSha256: accepted.sha256,
    specVersion: accepted.spec.version,
    codeCommit: code.headCommit,
    runner: accepted.facts.name,
    model: accepted.model,
    at,
  });
  const here = (goesOnAs: Filed['job']): Result<Submitted, never> => ok({ ...accepted, recordAs: goesOnAs, submittedAt: at, code });
  if (!filed.ok) {
    const { filed: other } = filed.error;
    // Accepted by a job of this daemon that ended without an answer (held, or lost with the machine): the same job goes on.
    const isOurs = other.status === 'submitted' && other.promptSha256 === accepted.sha256 && ports.journal.job(other.job)?.state === 'done';
    return isOurs ? here(other.job) : err(taken(other.job));
  }
  const isAnswered = filed.value.status === 'answered' || (filed.value.status === 'briefed' && accepted.facts.kind === 'offline');
  if (isAnswered && filed.value.job !== job.id) return err({ kind: 'duplicate', of: filed.value });
  return here(filed.value.job);
}
