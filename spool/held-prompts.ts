/**
 * Prompts in in/ that are held and never ran: `foo.held` without a page in out/ that tells of a bad end (finish.ts writes both).
 *
 *   foo.md -> foo.held     hold: a person does not want it to run yet
 *   foo.held -> foo.md     release: the answer that it came out of was approved, or a person says so
 *
 * Invariant: a prompt stands under at least one of its names at every moment, nothing is replaced, and of a file that the daemon takes meanwhile no second
 * one is made. A release that was killed leaves both names, and whoever reads the claimed file takes the other away (reopen.ts, endReopening).
 */

import { Buffer, isUtf8 } from 'node:buffer';
import path from 'node:path';
import { isJobId, type JobId, type RoleFolder, type RoleName, type Stem } from '#core/names.ts';
import type { HeldPrompt } from '#core/spool.ts';
import { enter } from './drop.ts';
import { ROLE_FAULTS } from './folder-faults.ts';
import { numberedStem, parseEndedName, PROMPT_ENDING, stemOfName } from './layout.ts';
import { codeOf, inBatches, roleOf, unlinkIfThere, type Parts, type SpoolRole } from './parts.ts';
import { contentOf } from './settle.ts';

const HELD = '.held';
const AT_ONCE = 64;
/** The front matter is at most this long, fences included (prompt-spec/peek.ts). */
const HEAD_BYTES = 20_480;

/** The line that enqueue writes; what else a `parent:` may say is nobody's child. */
const PARENT = /^parent: ([a-z2-7]{16})\r?$/m;

/** The job whose answer a prompt came out of, by its first bytes; null: none. */
export function parentIn(head: Uint8Array): JobId | null {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
  const end = text.indexOf('\n---', 3);
  const parent = PARENT.exec(end === -1 ? '' : text.slice(0, end))?.[1] ?? '';
  return isJobId(parent) ? parent : null;
}

/** Null: no regular file, empty (about to be filled), gone, or a job that ended as held. */
export async function heldPrompt(parts: Parts, folder: RoleFolder, stem: Stem): Promise<{ readonly parent: JobId | null } | null> {
  if ((await parts.fs.facts(path.join(parts.layout.out(folder), `${stem}_error.md`))) !== null) return null;
  const head = await heldHead(parts, folder, stem);
  return head === null || head.length === 0 ? null : { parent: parentIn(head) };
}

/** Null: no regular file that may be read. */
export async function heldHead(parts: Parts, folder: RoleFolder, stem: Stem): Promise<Uint8Array | null> {
  try {
    return (await parts.fs.readHead(path.join(parts.layout.in(folder), `${stem}${HELD}`), HEAD_BYTES)).bytes;
  } catch (error) {
    if (['ENOENT', 'EINVAL', 'EACCES', 'EPERM', 'ELOOP'].includes(codeOf(error))) return null;
    throw error;
  }
}

/** All of them, of the roles whose folders can be read. */
export async function heldPrompts(parts: Parts): Promise<readonly HeldPrompt[]> {
  const found: HeldPrompt[] = [];
  for (const role of parts.roles) {
    if (parts.unready.has(role.folder)) continue;
    try {
      const stems = await heldStems(parts, role);
      for (const one of await inBatches(stems, AT_ONCE, async (stem) => {
        const held = await heldPrompt(parts, role.folder, stem);
        return held === null ? null : { role: role.name, stem, parent: held.parent };
      }))
        if (one !== null) found.push(one);
    } catch (error) {
      if (!ROLE_FAULTS.has(codeOf(error))) throw error;
    }
  }
  return found;
}

async function heldStems(parts: Parts, { folder }: SpoolRole): Promise<Stem[]> {
  const stems: Stem[] = [];
  await parts.fs.walk(parts.layout.in(folder), (name, kind) => {
    if (kind !== 'file' || !name.endsWith(HELD)) return;
    const raw = Buffer.from(name, 'latin1');
    const parsed = isUtf8(raw) ? parseEndedName(raw.toString()) : null;
    if (parsed !== null) stems.push(parsed.stem);
  });
  return stems.toSorted((a, b) => (a < b ? -1 : 1));
}

/**
 * `foo.md` -> `foo.held` (or `foo~2.held`), by one rename over an empty file of that name, so that of two who want it one has it.
 * @param file its name in in/ @returns null: it is not there any more, the daemon was faster
 */
export async function hold(parts: Parts, name: RoleName, file: string): Promise<{ readonly stem: Stem } | null> {
  const role = roleOf(parts, name);
  const wanted = stemOfName(Buffer.from(file));
  if (!file.endsWith(PROMPT_ENDING) || wanted.stem === null)
    throw Object.assign(new Error(`EINVAL: ${file} is no prompt's name`), { code: 'EINVAL' });
  const from = path.join(parts.layout.in(role.folder), file);
  if ((await parts.fs.facts(from))?.kind !== 'file') return null;
  for (let n = 1; ; n++) {
    const stem = numberedStem(wanted.stem, n);
    const to = path.join(parts.layout.in(role.folder), `${stem}${HELD}`);
    // With a page of a bad end beside it, it would look like one.
    if ((await parts.fs.facts(path.join(parts.layout.out(role.folder), `${stem}_error.md`))) !== null) continue;
    if (!(await takeName(parts, to))) continue;
    try {
      await parts.fs.rename(from, to);
    } catch (error) {
      await unlinkIfThere(parts.fs, to);
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
    await parts.sync(parts.layout.in(role.folder), 'safety');
    return { stem };
  }
}

/** False: somebody has it. */
async function takeName(parts: Parts, file: string): Promise<boolean> {
  try {
    await parts.fs.writeDerived(file, '', 0o600);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  }
}

export type Released = {
  readonly role: RoleName;
  readonly stem: Stem;
  /** Its name in in/; null: it is not there any more. */ readonly name: string | null;
};

/** `foo.held` -> `foo.md` (or `foo~2.md`), all of them with three syncs for each role. What is not there is left out. @param onOne after each one has its name */
export async function release(
  parts: Parts,
  held: readonly Pick<HeldPrompt, 'role' | 'stem'>[],
  onOne: () => void = () => undefined,
): Promise<readonly Released[]> {
  const done: Released[] = [];
  for (const name of new Set(held.map((one) => one.role))) {
    const role = roleOf(parts, name);
    const folder = parts.layout.in(role.folder);
    const linked: string[] = [];
    for (const { stem } of held.filter((one) => one.role === name)) {
      const from = path.join(folder, `${stem}${HELD}`);
      const entered = (await heldPrompt(parts, role.folder, stem)) === null ? null : await enterSettled(parts, role, from, stem);
      done.push({ role: name, stem, name: entered });
      if (entered === null) continue;
      linked.push(from);
      onOne();
    }
    if (linked.length === 0) continue;
    // The new names are certain before the old ones go.
    await parts.sync(folder, 'safety');
    for (const from of linked) await unlinkIfThere(parts.fs, from);
    await parts.sync(folder, 'safety');
  }
  return done;
}

/** This very process need not wait until it is settled: it was written long ago. */
async function enterSettled(parts: Parts, role: SpoolRole, from: string, stem: Stem): Promise<string | null> {
  const facts = await parts.fs.facts(from);
  if (facts === null) return null;
  parts.sights.announced.set(contentOf(facts), parts.clock.monotonicMs());
  return (await enter(parts, role, from, stem))?.name ?? null;
}
