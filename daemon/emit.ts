/**
 * An answer of a role whose `emits` is `prompts` enqueues its prompts (docs/emit.md).
 *
 *   checked (emit-check.ts) -> names and bytes decided with the job's end (seal.ts) -> recorded -> enqueued as .held -> published -> approved: released (emit-release.ts)
 *
 * Invariant: all of them or none, each once: they are part of the one decision about the end, and the spool enqueues what was decided (spool/enqueue.ts).
 */

import { promptsIn } from '#agents/prompts-answer.ts';
import type { EmittedPrompt } from '#core/evidence.ts';
import type { FinalFile } from '#core/job.ts';
import type { Claimed, Decided } from '#core/spool.ts';
import { describeDependency } from './dependencies.ts';
import { parseAnswer, type Child } from './emit-answer.ts';
import type { Ports } from './ports.ts';
import type { Ended, Submitted } from './task.ts';

export const PROMPTS_PART = '_prompts.json';

export type Emission = {
  /** For the evidence, in the order of the answer. */
  readonly emitted: readonly EmittedPrompt[];
  readonly children: NonNullable<Decided['children']>;
  /** out/<stem>_prompts.json */
  readonly page: string;
};

/** Null: the answer enqueues nothing. Throws when a prompt of it is not valid: it was checked before. */
export async function emissionOf(ports: Ports, job: Submitted, ended: Ended): Promise<Emission | null> {
  if (job.role.emits !== 'prompts' || ended.status !== 'answered' || ended.answer === null) return null;
  const found = parseAnswer(ports, job.role, job.recordAs, promptsIn(ended.answer).blocks).map(({ child, block }) => {
    if (child === null) throw new Error(`the prompt at line ${String(block.fenceLine)} of the answer is not valid, and was not found out`);
    return child;
  });
  if (found.length === 0) return null;
  const stems = await ports.spool.childStems(job.task.claimed, found);
  const all = found.map((child, n) => ({ ...child, stem: stems[n] ?? child.stem, sha256: ports.digest.sha256(child.bytes) }));
  return {
    emitted: all.map(({ identity, stem, sha256 }) => ({ role: identity.role, stem, sha256 })),
    children: all.map(({ folder, stem, bytes }) => ({ folder, stem, bytes })),
    page: `${JSON.stringify({ v: 1, job: job.recordAs, feature: job.identity.feature, prompts: all.map(rowOf) }, null, 2)}\n`,
  };
}

const rowOf = ({ identity, folder, stem, sha256, prompt }: Child & { readonly sha256: string }): unknown => ({
  role: identity.role,
  stem,
  file: `${folder}/in/${stem}.held`,
  sha256,
  name: identity.name,
  revision: identity.revision,
  depends_on: prompt.dependsOn.map(describeDependency),
});

/** After the record, before the answer is published. Throws what keeps a role's folder from being used: the job waits and comes again. */
export async function enqueueChildren(ports: Ports, claimed: Claimed, decided: FinalFile): Promise<FinalFile> {
  if (decided.children === undefined) return decided;
  const { id, role } = claimed.job;
  const final = await ports.spool.enqueue(claimed, decided, (point) => {
    ports.reached(point, id);
  });
  const note = await ports.spool.note(claimed);
  const parent = (note?.['answer'] as { readonly job?: typeof id } | undefined)?.job ?? id;
  const roles = new Map([...ports.roles.values()].map((one) => [one.folder, one.name]));
  const made = (final.children ?? []).flatMap(({ folder, stem }) => {
    const name = roles.get(folder);
    return name === undefined ? [] : [{ role: name, stem, parent }];
  });
  // After a crash those that the start found, under whatever name, stay known.
  const before = (ports.heldChildren.get(parent) ?? []).filter(
    ({ role: at, stem }) => !made.some((one) => one.role === at && one.stem === stem),
  );
  ports.heldChildren.set(parent, [...before, ...made]);
  // Some may go at once (emit.auto_release).
  ports.acceptance.touch();
  ports.log.info(`${String(final.children?.length ?? 0)} prompts out of the answer wait for its approval`, { job: id, role });
  return final;
}
