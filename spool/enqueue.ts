/**
 * The prompts that came out of an answer, each into in/ of the role that it is for. Names and bytes are decided with the job's end (decide.ts).
 *
 *   decided -> written as in/.docket-child-<job>-<n>, synced -> a line in the ledger: staged -> each renamed to <stem>.held -> in/ synced
 *
 * Invariant: once they are staged, the staged name is gone <=> the prompt was enqueued, by one rename inside one folder. So whatever becomes of `<stem>.held`
 * afterwards (released, edited, renamed, removed), it is not written a second time; and before the line nothing of them is visible. The table of crashes: docs/emit.md.
 * A name that is taken is never replaced: an empty file of that name is made first, and only it is renamed over.
 */

import path from 'node:path';
import type { EmitPoint, FinalChild, FinalFile } from '#core/job.ts';
import type { RoleFolder, Stem } from '#core/names.ts';
import type { Claimed } from '#core/spool.ts';
import { describe } from '#core/failure.ts';
import { finalOf, writeFinal } from './decide.ts';
import { mustBeHome } from './folder-faults.ts';
import { ENDED_SUFFIXES, numberedStem, OUT_PARTS, PROMPT_ENDING } from './layout.ts';
import { codeOf, roleOfFolder, unlinkIfThere, type Parts } from './parts.ts';

type Wanted = { readonly folder: RoleFolder; readonly stem: Stem };

/**
 * Free names for the children of a job: no file in in/ or out/ of their role is called so, no job in flight, and no two are the same. They are kept for this job
 * until it has enqueued them; after a crash somebody may have taken one, and the child then gets the next number.
 */
export async function childStems(parts: Parts, { job }: Claimed, wanted: readonly Wanted[]): Promise<readonly Stem[]> {
  const mine = new Set<string>();
  const stems: Stem[] = [];
  for (const { folder, stem: base } of wanted) stems.push(await freeStem(parts, job.id, folder, base, mine));
  return stems;
}

async function freeStem(parts: Parts, parent: Claimed['job']['id'], folder: RoleFolder, base: Stem, mine: Set<string>): Promise<Stem> {
  for (let n = 1; ; n++) {
    const stem = numberedStem(base, n);
    const key = `${folder}/${stem.normalize('NFC').toLowerCase()}`;
    if (mine.has(key) || !(await parts.stems.reserve(folder, stem, parent))) continue;
    if (await isUnused(parts, folder, stem)) {
      mine.add(key);
      return stem;
    }
    parts.stems.free(folder, stem, parent);
  }
}

async function isUnused({ fs, layout }: Parts, folder: RoleFolder, stem: Stem): Promise<boolean> {
  for (const ending of [PROMPT_ENDING, ...ENDED_SUFFIXES.map((suffix) => `.${suffix}`)])
    if ((await fs.facts(path.join(layout.in(folder), `${stem}${ending}`))) !== null) return false;
  for (const part of OUT_PARTS) if ((await fs.facts(path.join(layout.out(folder), `${stem}${part}`))) !== null) return false;
  return true;
}

/**
 * Throws what keeps a role's folder from being used, with its code: the job waits and comes again.
 * @returns the final as it is now: a name that was taken meanwhile is another one
 */
export async function enqueue(
  parts: Parts,
  claimed: Claimed,
  given: FinalFile,
  reached: (point: EmitPoint) => void = () => undefined,
): Promise<FinalFile> {
  const { id, folder } = claimed.job;
  let final = (await finalOf(parts, claimed)) ?? given;
  const { children = [] } = final;
  if (children.length === 0) return final;
  const folders = [...new Set(children.map((child) => child.folder))];
  for (const one of folders) await mustBeUsable(parts, one);
  const homes = await homesOf(parts, folders);
  const staged = (await parts.ledgerOf(folder).entry(id))?.staged ?? null;
  // In a folder that is not the one they were staged in, a missing name says nothing: they are written there again, and the same bytes are answered once.
  const missing = folders.filter((one) => staged?.[one] !== homes[one]);
  if (missing.length > 0) {
    for (const [n, child] of children.entries()) if (missing.includes(child.folder)) await stage(parts, claimed, child, n);
    for (const one of missing) await parts.sync(parts.layout.in(one), 'safety');
    await parts.ledgerOf(folder).append([{ do: 'staged', id, homes: { ...staged, ...homes } }], 'safety');
    reached('staged');
  }
  for (let n = 0; n < children.length; n++) {
    final = await place(parts, claimed, final, n);
    if (n === 0) reached('first-child');
  }
  for (const one of folders) {
    await parts.sync(parts.layout.in(one), 'safety');
    await mustBeUsable(parts, one);
  }
  for (const child of final.children ?? []) parts.stems.free(child.folder, child.stem, id);
  reached('enqueued');
  return final;
}

async function mustBeUsable(parts: Parts, folder: RoleFolder): Promise<void> {
  const unready = parts.unready.get(roleOfFolder(parts, folder).folder);
  if (unready !== undefined)
    throw Object.assign(new Error(describe(unready)), { code: unready.kind === 'environment' ? unready.code : 'ENOENT' });
  await mustBeHome(parts, folder, 'in');
}

async function homesOf(parts: Parts, folders: readonly RoleFolder[]): Promise<Record<string, string>> {
  const homes: Record<string, string> = {};
  for (const folder of folders) homes[folder] = String((await parts.fs.facts(parts.layout.in(folder)))?.ino ?? '');
  return homes;
}

/** What an interrupted staging left is of no worth. */
async function stage(parts: Parts, { job }: Claimed, child: FinalChild, n: number): Promise<void> {
  const bytes = await parts.ledgerOf(job.folder).blob(child.sha256);
  if (bytes === null) throw new Error(`prompt ${String(n + 1)} out of the answer of job ${job.id} is not in the ledger any more`);
  const file = parts.layout.staged(child.folder, job.id, n);
  await unlinkIfThere(parts.fs, file);
  await parts.fs.writeNew(file, bytes, 'safety', 0o600);
}

async function place(parts: Parts, claimed: Claimed, given: FinalFile, n: number): Promise<FinalFile> {
  const { fs, layout } = parts;
  let final = given;
  for (;;) {
    const child = final.children?.[n];
    if (child === undefined) return final;
    const from = layout.staged(child.folder, claimed.job.id, n);
    if ((await fs.facts(from)) === null) return final;
    const to = path.join(layout.in(child.folder), `${child.stem}.held`);
    if (await isOurs(parts, to)) {
      await fs.rename(from, to);
      return final;
    }
    final = await otherStem(parts, claimed, final, n);
  }
}

/** An empty file of the wanted name, made now or by a try that was cut short: nothing is lost with it. */
async function isOurs({ fs }: Parts, to: string): Promise<boolean> {
  try {
    await fs.writeDerived(to, '', 0o600);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const facts = await fs.facts(to);
    return facts === null || (facts.kind === 'file' && facts.sizeBytes === 0);
  }
}

/** The next number, durable before it is used. */
async function otherStem(parts: Parts, claimed: Claimed, final: FinalFile, n: number): Promise<FinalFile> {
  const children = [...(final.children ?? [])];
  const child = children[n];
  if (child === undefined) return final;
  const others = new Set(children.map((one) => `${one.folder}/${one.stem.normalize('NFC').toLowerCase()}`));
  const stem = await freeStem(parts, claimed.job.id, child.folder, child.stem, others);
  parts.log.info('the name of a prompt out of an answer is taken: another is used', { job: claimed.job.id, stem, folder: child.folder });
  children[n] = { ...child, stem };
  const next: FinalFile = { ...final, children };
  await writeFinal(parts, claimed, next);
  return next;
}
