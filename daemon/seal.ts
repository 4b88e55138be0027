/** The end of a job, written down privately before anything shows it: the evidence, the answer, and what history will be told. */

import { Buffer } from 'node:buffer';
import type { Predicate, Statement } from '#core/evidence.ts';
import { classOf, describe, type Failure } from '#core/failure.ts';
import type { Answer, Filed } from '#core/history.ts';
import type { FinalFile, Outcome } from '#core/job.ts';
import { accountOf } from '#core/lane.ts';
import { sumUsage } from '#core/money.ts';
import type { Sha256 } from '#core/names.ts';
import type { ScanNote } from '#core/policy.ts';
import { describeIdentity } from '#core/prompt.ts';
import type { Claimed, Decided } from '#core/spool.ts';
import { IN_TOTO, wrap } from '#history/dsse.ts';
import { maskSecrets } from '#policy/mask.ts';
import { makeStatement, renderStatement } from '#history/statement.ts';
import { repairMaterials } from './contract.ts';
import { emissionOf, PROMPTS_PART, type Emission } from './emit.ts';
import { errorPage } from './error-page.ts';
import { scopeFacts } from './hold-to-scope.ts';
import type { Ports } from './ports.ts';
import { revisesOf } from './revises.ts';
import { noteOf, type Told } from './told-note.ts';
import type { Accepted, Ended, Submitted, Task } from './task.ts';

/** Rejected, held or cancelled before anything was sent: only the folders know, with words in out/. */
export async function sealUnsent(ports: Ports, task: Task, failure: Failure): Promise<FinalFile> {
  const isHeld = classOf(failure) === 'policy-violation';
  const outcome: Outcome = isHeld ? 'held' : failure.kind === 'cancelled' ? 'cancelled' : 'rejected';
  return decide(ports, task.claimed, {
    outcome,
    failure,
    files: [{ as: '_error.md', bytes: errorPage(ports, task.claimed, outcome, failure, []) }],
  });
}

/** Cancelled by a person before it was accepted. */
export async function sealCancelled(ports: Ports, task: Task, by: string): Promise<FinalFile> {
  const failure: Failure = { kind: 'cancelled', by };
  return decide(ports, task.claimed, {
    outcome: 'cancelled',
    failure,
    files: [{ as: '_error.md', bytes: errorPage(ports, task.claimed, 'cancelled', failure, []) }],
  });
}

/** The same prompt is answered already: out/ names the first job, history gets no new commit. */
export async function sealDuplicate(ports: Ports, accepted: Accepted, of: Filed): Promise<FinalFile> {
  const page = {
    v: 1,
    duplicate_of: of.job,
    identity: describeIdentity(accepted.identity),
    prompt_sha256: of.promptSha256,
    result_sha256: of.resultSha256,
    evidence_sha256: of.evidenceSha256,
    commit: of.commit,
    message: 'the same prompt, byte for byte, is answered already; nothing was sent. For another answer raise `revision`.',
  };
  return decide(ports, accepted.task.claimed, {
    outcome: 'duplicate',
    failure: null,
    files: [{ as: '_duplicate.json', bytes: `${JSON.stringify(page, null, 2)}\n` }],
  });
}

/** After the run: evidence first, result last, and what history will be told, all durable before the end is decided. */
export async function sealEnded(
  ports: Ports,
  job: Submitted,
  ended: Ended,
): Promise<{ readonly final: FinalFile; readonly told: Told | null }> {
  const { claimed } = job.task;
  const files: { as: string; bytes: Uint8Array | string }[] = [];
  // Once: an answer that is not plain ASCII is as much work to turn into bytes as to hash.
  const result = ended.answer === null ? null : Buffer.from(ended.answer);
  let told: Told | null = null;
  let kept: ReturnType<typeof noteOf> | null = null;
  const emission = await emissionOf(ports, job, ended);
  if (ended.status !== 'held') {
    const resultHash = result === null ? null : ports.digest.sha256(result);
    const materials = [...job.materials, ...(await repairMaterials(ports, claimed, ended.attempts))];
    const evidence = renderStatement(await statementOf(ports, job, ended, ended.status, resultHash, materials, emission));
    // Throws while the key cannot be used: nothing is decided then, and the run's files in work/ give the same answer again.
    const envelope = ports.signing === null ? null : wrap(await ports.signing.signer(), IN_TOTO, evidence);
    const record: Answer = {
      job: job.recordAs,
      identity: job.identity,
      roleFolder: job.role.folder,
      status: ended.status,
      result,
      evidence,
      envelope,
      promptSha256: job.sha256,
      specVersion: job.spec.version,
      codeCommit: job.code.headCommit,
      runner: (ended.facts ?? job.facts).name,
      model: clean(modelOf(job, ended)),
      materials,
      attempts: await rawOutputs(ports, claimed, ended),
      at: ports.clock.now().toISOString(),
    };
    told = { answer: record, attempt: ended.attempts.at(-1)?.n ?? 0 };
    kept = noteOf(told, resultHash);
    files.push({ as: '_evidence.json', bytes: evidence });
    if (envelope !== null) files.push({ as: '_evidence.dsse.json', bytes: envelope });
  }
  if (emission !== null) files.push({ as: PROMPTS_PART, bytes: emission.page });
  if (result !== null) files.push({ as: '_result.md', bytes: result });
  else if (ended.failure !== null)
    files.push({ as: '_error.md', bytes: errorPage(ports, claimed, ended.status, ended.failure, ended.attempts) });
  const decided = { outcome: ended.status, failure: ended.failure, files, ...kept, ...emittedOf(ports, kept?.blobs ?? [], emission) };
  return { final: await decide(ports, claimed, decided), told };
}

/** The prompts go with the decision; so does the page that lists them, which no other place has. */
function emittedOf(ports: Ports, blobs: NonNullable<Decided['blobs']>, emission: Emission | null): Pick<Decided, 'children' | 'blobs'> {
  if (emission === null) return {};
  return { children: emission.children, blobs: [...blobs, { sha256: ports.digest.sha256(emission.page), bytes: emission.page }] };
}

async function decide(ports: Ports, claimed: Claimed, decided: Decided): Promise<FinalFile> {
  return ports.spool.decide(claimed, decided);
}

/**
 * What attempts that failed printed, for `attempts/<job>/` in history, and each answer that did not keep its contract: it was scanned for secrets like an
 * answer, and is left out when one is found.
 */
async function rawOutputs(ports: Ports, claimed: Claimed, ended: Ended): Promise<{ name: string; bytes: Uint8Array }[]> {
  const isBad = ended.status === 'failed' || ended.status === 'cancelled';
  const outputs: { name: string; bytes: Uint8Array }[] = [];
  for (const { n, failure } of ended.attempts) {
    for (const name of [...(isBad ? ['stdout', 'stderr'] : []), ...(failure?.kind === 'contract' ? ['answer'] : [])]) {
      const bytes = await ports.spool.kept(claimed, `a${String(n)}/${name}`);
      if (bytes === null || bytes.length === 0 || bytes.length > ports.workspace.settings['limits.answer_bytes']) continue;
      const scan = await ports.secrets.scan('answer', new TextDecoder().decode(bytes));
      if (scan.ok) outputs.push({ name: `a${String(n)}-${name}`, bytes });
      else ports.log.warn(`the ${name} of attempt ${String(n)} is not recorded: ${describe(scan.error)}`, { job: claimed.job.id });
    }
  }
  return outputs;
}

async function statementOf(
  ports: Ports,
  job: Submitted,
  ended: Ended,
  status: Predicate['status'],
  resultHash: Sha256 | null,
  materials: Answer['materials'],
  emission: Emission | null,
): Promise<Statement> {
  const scope = await scopeFacts(ports, job, ended.attempts);
  const { claimed } = job.task;
  const check = ports.secrets.rules;
  return makeStatement(
    {
      job: job.recordAs,
      feature: { id: job.prompt.feature.id, name: job.prompt.feature.name },
      role: job.identity.role,
      name: job.identity.name,
      revision: job.identity.revision,
      status,
      stem: claimed.job.stem,
      spec: { asked: job.prompt.specVersion, used: job.spec.version, sha256: specHash(ports, job) },
      materials: materials.map(({ role, name, sha256, sizeBytes }) => ({ role, name, sha256, sizeBytes })),
      ...(job.context.length === 0 ? {} : { context: job.context }),
      ...(await revisesOf(ports.history, job.prompt)),
      runner: { ...(ended.facts ?? job.facts), command: clean(ended.command), model: clean(modelOf(job, ended)) },
      account: accountOf((ended.facts ?? job.facts).lane),
      attempts: ended.attempts.map(
        ({ n, runId, startedAt, endedAt, outcome, failure, usage, starts, lane, model, runner, instead, acts, sandbox, brief }) => ({
          n,
          runId,
          startedAt,
          endedAt,
          outcome,
          failure,
          usage,
          starts,
          ...(lane === undefined ? {} : { lane }),
          ...(model === undefined ? {} : { model }),
          ...(runner === undefined ? {} : { runner, instead: instead ?? null }),
          ...(acts === undefined ? {} : { acts }),
          ...(sandbox === undefined ? {} : { sandbox }),
          ...(brief === undefined ? {} : { brief }),
        }),
      ),
      usage: sumUsage(ended.attempts.map(({ usage }) => usage)),
      sessionId: clean(ended.sessionId),
      code: { ...job.code, repository: clean(job.code.repository) },
      ...scope,
      policy: [
        { ...check, on: 'prompt', outcome: 'passed', ...allowedOf(job.note) },
        ...personalOf(check.version, 'prompt', job.note),
        ...(ended.answerScan === null
          ? []
          : [{ ...check, on: 'answer' as const, outcome: ended.answerScan, ...allowedOf(ended.answerNote) }]),
        ...personalOf(check.version, 'answer', ended.answerNote),
      ],
      // What does not keep its contract is no answer (daemon/contract.ts). Evidence of docket 0.2 told of misses here.
      outputMisses: ended.status === 'answered' ? [] : null,
      ...(emission === null ? {} : { emitted: emission.emitted }),
      failure: ended.failure,
      daemon: ports.daemon,
      times: {
        promptCreated: job.prompt.createdAt,
        claimed: claimed.job.claimedAt,
        submitted: job.submittedAt,
        ended: ports.clock.now().toISOString(),
      },
    },
    job.sha256,
    resultHash,
  );
}

type Policy = Predicate['policy'][number];

const allowedOf = (note: ScanNote | null): Pick<Policy, 'allowed'> =>
  note === null || note.allowed.length === 0 ? {} : { allowed: note.allowed };

const personalOf = (version: string, on: Policy['on'], note: ScanNote | null): Policy[] =>
  note === null || Object.keys(note.personal).length === 0
    ? []
    : [{ check: 'personal-data', version, on, outcome: 'told', kinds: note.personal }];

/** Commands, models and repositories are the same from prompt to prompt. */
const cleaned = new Map<string, string>();
const CLEANED_MAX = 500;

/** Short texts that a tool or git gave: nothing secret is recorded by them. */
function clean(text: string | null): string | null {
  if (text === null) return null;
  const known = cleaned.get(text) ?? maskSecrets(text);
  if (cleaned.size >= CLEANED_MAX) cleaned.clear();
  cleaned.set(text, known);
  return known;
}

const modelOf = (job: Submitted, ended: Ended): string | null => (ended.facts === null ? job.model : ended.model);

const specHash = (ports: Ports, job: Submitted): Sha256 =>
  job.materials.find((material) => material.role === 'prompt-spec')?.sha256 ?? ports.digest.sha256(job.spec.source);
