/** One commit when a prompt is accepted: nothing runs that was not written down first. It also reserves the identity, across all daemons that share the history. */

import type { Failure } from '#core/failure.ts';
import type { Filed, Submission } from '#core/history.ts';
import type { Closing } from '#core/verdict.ts';
import { printable } from '#core/names.ts';
import { describeIdentity, identityKey } from '#core/prompt.ts';
import { placeOfField } from '#prompt-spec/parse.ts';
import { err, ok, type Result } from '#core/result.ts';
import { Leaving } from './leaving.ts';
import type { Ports } from './ports.ts';
import { byWhom, type Accepted, type InFlight, type Submitted } from './task.ts';

/** The same bytes are answered already: this job is finished at once, by naming the first one. */
export type Duplicate = { readonly kind: 'duplicate'; readonly of: Filed };

/** Identities that jobs of this daemon are working on right now. */
export type Identities = Map<string, InFlight>;

export async function submit(ports: Ports, identities: Identities, accepted: Accepted): Promise<Result<Submitted, Failure | Duplicate>> {
  for (;;) {
    const turn = await takeTurn(ports, identities, accepted);
    if (!turn.ok) return turn;
    const filed = await file(ports, accepted);
    if (filed.ok) return filed;
    if (filed.error.kind !== 'first-in-flight') return err(filed.error);
    // After a restart the second of two prompts with the same bytes may come here before the first, whose identity it is.
    turn.value();
    const left = await waitFor(ports, accepted, filed.error.ended);
    if (!left.ok) return left;
  }
}

/** One job of this daemon after the other. @returns what gives the turn back; also called when the job leaves the daemon */
async function takeTurn(ports: Ports, identities: Identities, accepted: Accepted): Promise<Result<() => void, Failure>> {
  const { job } = accepted.task.claimed;
  const key = identityKey(accepted.identity);
  for (let other = identities.get(key); other !== undefined && other.job !== job.id; other = identities.get(key)) {
    if (other.sha256 !== accepted.sha256) return err(taken(accepted, other.job));
    const left = await waitFor(ports, accepted, other.done);
    if (!left.ok) return left;
  }
  const mine = Promise.withResolvers<void>();
  const entry: InFlight = { job: job.id, sha256: accepted.sha256, done: mine.promise };
  identities.set(key, entry);
  const release = (): void => {
    if (identities.get(key) === entry) identities.delete(key);
    mine.resolve();
  };
  accepted.task.onEnd(release);
  return ok(release);
}

/** Until the job in front has left the daemon. Throws Leaving when it left because the daemon stops: both go on at the next start. */
async function waitFor(ports: Ports, accepted: Accepted, other: Promise<unknown>): Promise<Result<null, Failure>> {
  const { cancel } = accepted.task;
  await Promise.race([other, aborted(cancel)]);
  if (cancel.aborted) return err({ kind: 'cancelled', by: byWhom(cancel) });
  if (ports.stopping.aborted) throw new Leaving();
  return ok(null);
}

type FirstInFlight = { readonly kind: 'first-in-flight'; readonly ended: Promise<unknown> };

async function file(ports: Ports, accepted: Accepted): Promise<Result<Submitted, Failure | Duplicate | FirstInFlight>> {
  const { job } = accepted.task.claimed;
  const code = await ports.code();
  const at = ports.clock.now().toISOString();
  const submission: Submission = {
    job: job.id,
    identity: accepted.identity,
    featureName: accepted.prompt.feature.name,
    title: accepted.prompt.title,
    stream: accepted.prompt.stream ?? ports.workspace.work?.stream ?? 'feature',
    branch: ports.workspace.work?.branch ?? null,
    roleFolder: accepted.role.folder,
    prompt: accepted.bytes,
    promptSha256: accepted.sha256,
    specVersion: accepted.spec.version,
    codeCommit: code.headCommit,
    runner: accepted.facts.name,
    model: accepted.model,
    at,
  };
  let filed = await ports.history.submit(submission);
  if (!filed.ok && filed.error.kind === 'feature-closed') {
    const closings = await ports.history.closings(accepted.identity.feature);
    if (closings.at(-1)?.kind === 'closing') return err(closed(ports, accepted, closings.at(-1)));
    filed = await ports.history.submit({ ...submission, isReopened: true });
  }
  const here = (goesOnAs: Filed['job']): Result<Submitted, never> => ok({ ...accepted, recordAs: goesOnAs, submittedAt: at, code });
  if (!filed.ok) {
    if (filed.error.kind === 'feature-closed') throw new Error(`${accepted.identity.feature} is told to be closed after it was reopened`);
    const { filed: other } = filed.error;
    if (other.status !== 'submitted' || other.promptSha256 !== accepted.sha256) return err(taken(accepted, other.job));
    const ended = accepted.task.whenEnded(other.job);
    if (ended !== undefined) return err({ kind: 'first-in-flight', ended });
    // Accepted by a job of this daemon that ended without an answer (held, or lost with the machine): the same job goes on.
    if (ports.journal.job(other.job)?.state === 'done' || wasHeldForIt(ports, accepted)) return here(other.job);
    return err({ kind: 'in-work-elsewhere', identity: describeIdentity(accepted.identity), byJob: other.job });
  }
  const isAnswered = filed.value.status === 'answered' || (filed.value.status === 'briefed' && accepted.facts.kind === 'offline');
  if (isAnswered && filed.value.job !== job.id) return err({ kind: 'duplicate', of: filed.value });
  return here(filed.value.job);
}

/** A person was asked about this very prompt, and dropped it again. */
const RECENT = 10_000;
const wasHeldForIt = (ports: Ports, { sha256, role }: Accepted): boolean =>
  ports.journal
    .recent(RECENT)
    .some((job) => job.sha256 === sha256 && job.role === role.name && job.state === 'done' && job.outcome === 'held');

const taken = (accepted: Accepted, byJob: InFlight['job']): Failure => ({
  kind: 'identity-taken',
  identity: describeIdentity(accepted.identity),
  byJob,
});

/** What was merged and closed is not added to by accident. */
function closed(ports: Ports, { bytes, prompt, identity }: Accepted, closing: Closing | undefined): Failure {
  const { settings } = ports.workspace;
  const limits = { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] };
  const by = closing === undefined ? '' : ` by ${printable(closing.by.name)} at ${printable(closing.at)}`;
  return {
    kind: 'prompt-invalid',
    faults: [
      {
        code: 'feature-closed',
        ...placeOfField(bytes, 'feature', limits),
        field: 'feature',
        message: `${identity.feature} was closed${by}, and takes no new prompts`,
        expected: 'a feature that is open',
        found: prompt.feature.name,
        mend: `\`docket reopen ${identity.feature}\`, then \`docket retry\` this prompt`,
      },
    ],
  };
}

const aborted = async (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
