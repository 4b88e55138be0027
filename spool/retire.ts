/**
 * Retention: `.processed` files that ended long ago leave in/ for archive/<YYYY-MM>/, the month they ended in. Nothing is deleted, no byte changes,
 * and out/ stays as it is: whoever reads answers finds them where they were (docs/decisions/0018).
 *
 *   in/foo.processed -> linked as archive/2026-11/foo.processed -> that folder synced -> unlinked in in/ -> in/ synced
 *
 * Invariant: at every moment, a power cut included, the file stands under at least one of the two names. A crash between leaves both; the next round
 * goes on with the same file. A file that has a third name is not touched: a job that was cut short in its last step still needs it.
 *
 * A role whose oldest file is still too young at its next round is not gone through again: what comes later is younger.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import path from 'node:path';
import { MONTH, parseEndedName } from './layout.ts';
import { makeFolderIfMissing, randomText, unlinkIfThere, type Parts, type SpoolRole } from './parts.ts';
import { isSameFile, linkTo, renameIfFree } from './place.ts';

const RETIRED = '.processed';
/** Files that are moved with two syncs. */
const BATCH = 100;
/** Files that are looked at in one go: some 10 ms, as long as none of them is old. */
const LOOKS = 1_000;
/** Names that are held in memory at a time. */
const NAMES_MAX = 20_000;

/** How many files each batch moved, 0 where none was old; who asks for the next one decides when. Throws what the system says, and may then be asked again. */
export async function* retire(parts: Parts, endedBefore: Date): AsyncGenerator<number> {
  const beforeNs = BigInt(endedBefore.getTime()) * 1_000_000n;
  for (const role of parts.roles) {
    if ((parts.oldestEnded.get(role.folder) ?? beforeNs - 1n) >= beforeNs) continue;
    parts.oldestEnded.delete(role.folder);
    let oldestNs: bigint | null = null;
    let count = 0;
    await walkRetirable(parts, role, () => count++);
    // A folder of any size is gone through in shares, because no order of its names can be relied on.
    const shares = Math.ceil(count / NAMES_MAX);
    for (let share = 0; share < shares; share++) {
      const names: string[] = [];
      await walkRetirable(parts, role, (name) => {
        if (shareOf(name) % shares === share) names.push(name);
      });
      for (let start = 0; start < names.length; start += LOOKS) {
        const seen = await lookAt(parts, role, names.slice(start, start + LOOKS), beforeNs);
        oldestNs = earlier(oldestNs, seen.oldestNs);
        if (seen.old.length === 0) yield 0;
        for (let from = 0; from < seen.old.length; from += BATCH) {
          // Looked at once more: the pause before it may have been long.
          const moved = await moveOld(parts, role, seen.old.slice(from, from + BATCH), beforeNs);
          yield moved;
        }
      }
    }
    if (oldestNs !== null) parts.oldestEnded.set(role.folder, oldestNs);
  }
}

const earlier = (a: bigint | null, b: bigint | null): bigint | null => (a === null || (b !== null && b < a) ? b : a);

/** Which names may have to be moved, and when the oldest of the others ended. */
async function lookAt(
  parts: Parts,
  { folder }: SpoolRole,
  names: readonly string[],
  beforeNs: bigint,
): Promise<{ readonly old: readonly string[]; readonly oldestNs: bigint | null }> {
  const old: string[] = [];
  let oldestNs: bigint | null = null;
  for (const name of names) {
    const facts = await parts.fs.facts(parts.layout.entry(folder, Buffer.from(name, 'latin1')));
    if (facts === null || facts.kind !== 'file') continue;
    if (facts.nlink !== 1 || facts.ctimeNs < beforeNs) old.push(name);
    // One with a second name is to be seen again: something of it was cut short.
    oldestNs = earlier(oldestNs, facts.nlink === 1 ? facts.ctimeNs : 0n);
  }
  return { old, oldestNs };
}

async function walkRetirable(parts: Parts, role: SpoolRole, see: (name: string) => void): Promise<void> {
  await parts.fs.walk(parts.layout.in(role.folder), (name, kind) => {
    if (kind === 'file' && name.endsWith(RETIRED)) see(name);
  });
}

/** FNV-1a: spreads names evenly. */
function shareOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}

type Old = { readonly from: string; readonly name: string; readonly month: string; readonly to: string };

async function moveOld(parts: Parts, role: SpoolRole, names: readonly string[], beforeNs: bigint): Promise<number> {
  const { fs, layout } = parts;
  const old: Old[] = [];
  for (const latin of names) {
    const one = await oldFile(parts, role, latin, beforeNs);
    if (one !== null) old.push(one);
  }
  const months = new Set(old.map((one) => one.month));
  for (const month of months) await makeFolderIfMissing(fs, month, 0o700);
  if (months.size > 0) await parts.sync(layout.archive(role.folder), 'safety');
  const linked: Old[] = [];
  let moved = 0;
  for (const one of old) {
    const answer = await place(parts, one, parts.linkless.has(role.folder));
    if (answer === 'linked') linked.push(one);
    if (answer !== 'gone') moved++;
  }
  for (const month of months) await parts.sync(month, 'safety');
  for (const one of linked) await unlinkIfThere(fs, one.from);
  if (moved > 0) await parts.sync(layout.in(role.folder), 'safety');
  return moved;
}

/** Null: it ended later, is gone, is not what it seems, or is still needed by a job. */
async function oldFile(parts: Parts, role: SpoolRole, latin: string, beforeNs: bigint): Promise<Old | null> {
  const { fs, layout } = parts;
  const raw = Buffer.from(latin, 'latin1');
  if (!isUtf8(raw)) return null;
  const name = raw.toString();
  const from = path.join(layout.in(role.folder), name);
  const facts = parseEndedName(name) === null ? null : await fs.facts(from);
  if (facts === null || facts.kind !== 'file') return null;
  if (facts.nlink === 1) {
    // Its last change was that of its mode, when it ended: docket makes it read-only then.
    const month = layout.month(role.folder, new Date(Number(facts.ctimeNs / 1_000_000n)).toISOString().slice(0, 7));
    return facts.ctimeNs < beforeNs ? { from, name, month, to: path.join(month, name) } : null;
  }
  // Its second name may be in archive/ already; to give it one changed its ctime.
  for (const entry of facts.nlink === 2 ? await fs.list(layout.archive(role.folder)) : []) {
    if (entry.name === null || !MONTH.test(entry.name)) continue;
    const month = layout.month(role.folder, entry.name);
    const to = path.join(month, name);
    if (await isSameFile(fs, from, to)) return { from, name, month, to };
  }
  return null;
}

/** A stem may have been used twice, when somebody tidied out/ in between: the later one gets a name that no stem has. */
async function place(parts: Parts, { from, name, month, to }: Old, isLinkless: boolean): Promise<'linked' | 'renamed' | 'gone'> {
  for (let target = to; ; target = path.join(month, `${name.slice(0, -RETIRED.length)}.${randomText(parts.digest, 4)}${RETIRED}`)) {
    const answer = isLinkless ? 'no-links' : await linkTo(parts.fs, from, target);
    if (answer === 'linked' || answer === 'already') return 'linked';
    if (answer === 'gone') return 'gone';
    if (answer === 'taken') continue;
    const renamed = await renameIfFree(parts.fs, from, target);
    if (renamed !== 'taken') return renamed;
  }
}
