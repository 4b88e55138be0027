/**
 * An answer is held to its contract (agents/contract.ts), and one that does not keep it is mended by the agent: contract.repair attempts, each with the
 * findings at the end of its brief.
 *
 *   answer -> checked -> kept
 *                     -> a<n>/answer kept aside -> the attempt failed -> a<n+1>/brief.md (findings, last answer) -> the next attempt
 *
 * Invariants: an answer that was paid for is checked again after a crash, not bought again; whoever takes a repair attempt up again finds the very brief
 * that it was made with; how many answers failed stands in the folders (a<k>/answer), so a lost journal gives no repair away.
 */

import { Buffer } from 'node:buffer';
import { repairBrief } from '#agents/brief.ts';
import { checkContract, contractOf, type ContractPorts } from '#agents/contract.ts';
import type { Failure } from '#core/failure.ts';
import type { MaterialBytes } from '#core/history.ts';
import type { Sha256 } from '#core/names.ts';
import type { AttemptRecord } from '#core/run.ts';
import type { Claimed } from '#core/spool.ts';
import { emitFlaws } from './emit-check.ts';
import type { Ports } from './ports.ts';
import { BRIEF_FILE, type Submitted } from './task.ts';

type ContractFailure = Extract<Failure, { readonly kind: 'contract' }>;

/** What checks need that only the daemon has. One row for each kind. */
const portsOf = (ports: Ports, job: Submitted): ContractPorts => ({
  openapi: ports.documents?.openapi,
  schema: ports.documents?.schema,
  prompts: async (_fences, { text }) => emitFlaws(ports, job, text),
});

/** Of an attempt whose answer does not keep its contract: that answer. */
const ANSWER = 'answer';
const at = (n: number, name: string): string => `a${String(n)}/${name}`;

/** @returns null when the contract is kept. The answer was scanned for secrets. */
export async function breachOf(ports: Ports, job: Submitted, n: number, answer: string): Promise<ContractFailure | null> {
  const all = await checkContract(answer, contractOf(job.role, job.spec), portsOf(ports, job));
  if (all.length === 0) return null;
  const findings = all.slice(0, ports.workspace.settings['contract.findings']);
  await ports.spool.keep(job.task.claimed, at(n, ANSWER), answer);
  return { kind: 'contract', findings, leftOut: all.length - findings.length };
}

/** How many attempts before this one failed for their contract, by what lies in their folders. */
export async function breachesBefore(ports: Ports, { task }: Submitted, n: number): Promise<number> {
  let count = 0;
  for (let k = 1; k < n; k++) if ((await ports.spool.kept(task.claimed, at(k, ANSWER))) !== null) count++;
  return count;
}

export type Brief = { readonly text: string; readonly file: string; /** Null: the job's own. */ readonly repair: Sha256 | null };

/**
 * What attempt n is given: the job's brief, or, once an answer failed its contract, the brief of its repair, durable in a<n>/ before anything is started.
 * @param attempts the failed ones that are known
 */
export async function briefOf(ports: Ports, job: Submitted, n: number, attempts: readonly AttemptRecord[]): Promise<Brief> {
  const own: Brief = { text: job.brief, file: BRIEF_FILE, repair: null };
  const file = at(n, BRIEF_FILE);
  if (n === 1) return own;
  const repair = (await keptText(ports, job.task.claimed, file)) ?? (await makeRepair(ports, job, n, attempts));
  if (repair === null) return own;
  return { text: repair.text, file, repair: ports.digest.sha256(repair.text) };
}

type Kept = { readonly text: string };

async function keptText(ports: Ports, claimed: Claimed, name: string): Promise<Kept | null> {
  const bytes = await ports.spool.kept(claimed, name);
  return bytes === null ? null : { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) };
}

/** The newest answer that failed says what to mend; where the journal forgot it, the brief that was made of it. */
async function makeRepair(ports: Ports, job: Submitted, n: number, attempts: readonly AttemptRecord[]): Promise<Kept | null> {
  const { claimed } = job.task;
  for (let k = n - 1; k >= 1; k--) {
    const failure = attempts.find((one) => one.n === k)?.failure;
    const text =
      failure?.kind === 'contract'
        ? repairBrief(job.brief, {
            findings: failure.findings,
            leftOut: failure.leftOut,
            answer: await quoted(ports, claimed, k),
            emits: job.role.emits,
          })
        : (await keptText(ports, claimed, at(k, BRIEF_FILE)))?.text;
    if (text === undefined) continue;
    await ports.spool.keep(claimed, at(n, BRIEF_FILE), text);
    return { text };
  }
  return null;
}

async function quoted(ports: Ports, claimed: Claimed, k: number): Promise<string | null> {
  const answer = await keptText(ports, claimed, at(k, ANSWER));
  const fits = answer !== null && Buffer.byteLength(answer.text) <= ports.workspace.settings['contract.quote_bytes'];
  return fits ? answer.text : null;
}

/** Briefs of repairs, for the materials of the evidence. */
export async function repairMaterials(
  ports: Ports,
  claimed: Claimed,
  attempts: readonly AttemptRecord[],
): Promise<readonly MaterialBytes[]> {
  const materials: MaterialBytes[] = [];
  for (const { n, brief } of attempts) {
    if (brief === undefined || materials.some((one) => one.sha256 === brief)) continue;
    const kept = await keptText(ports, claimed, at(n, BRIEF_FILE));
    if (kept === null) throw new Error(`the brief of attempt ${String(n)} of job ${claimed.job.id} is not in work/ any more`);
    materials.push({
      role: 'brief',
      name: `brief of attempt ${String(n)}`,
      sha256: brief,
      sizeBytes: Buffer.byteLength(kept.text),
      bytes: kept.text,
    });
  }
  return materials;
}
