/**
 * The way back for a bad end: `foo.failed` becomes `foo.md` again, and is taken like any other prompt.
 *
 *   words moved to archive/ -> writable -> linked as foo.md -> in/ synced -> foo.failed unlinked -> in/ synced
 *
 * Invariant: the file stands under at least one name at every moment. A crash between leaves both; whoever takes `foo.md` then does what was left
 * to do (endReopening), before it looks which names are free.
 */

import path from 'node:path';
import { parseStem, type JobId, type RoleFolder, type RoleName, type Stem } from '#core/names.ts';
import { enter } from './drop.ts';
import type { EndedSuffix } from './layout.ts';
import { codeOf, randomText, roleOf, unlinkIfThere, type Parts, type SpoolRole } from './parts.ts';
import { isSameFile } from './place.ts';
import { supersede } from './stem.ts';

const REOPENED: readonly EndedSuffix[] = ['failed', 'held', 'rejected', 'cancelled'];

/** Throws ENOENT when there is no bad end of this stem, EINVAL when it is no regular file. */
export async function reopen(parts: Parts, name: RoleName, stem: Stem): Promise<{ readonly name: string }> {
  const role = roleOf(parts, name);
  const from = await newestBadEnd(parts, role, stem);
  await supersede(parts, role.folder, stem, randomText(parts.digest));
  await parts.fs.chmod(from, 0o600).catch((error: unknown) => {
    if (codeOf(error) !== 'EPERM') throw error;
  });
  const entered = await enter(parts, role, from, stem);
  if (entered === null) throw noBadEnd(parts, role, stem);
  // The new name is certain before the old one goes: a power cut may keep the second change of a folder and lose the first.
  await parts.sync(parts.layout.in(role.folder), 'safety');
  await unlinkIfThere(parts.fs, from);
  await parts.sync(parts.layout.in(role.folder), 'safety');
  return { name: entered.name };
}

/**
 * A claimed file that is still there under the name of a bad end: a reopening that was killed. That name goes; the job is the file now.
 * @param base the claimed name without `.md`
 */
export async function endReopening(parts: Parts, folder: RoleFolder, id: JobId, base: Stem): Promise<void> {
  const { fs, layout } = parts;
  const { claimed } = layout.job(folder, id);
  const facts = await fs.facts(claimed);
  if (facts?.kind !== 'file' || facts.nlink < 2) return;
  // `foo.failed` is linked as foo~2.md when foo.md was taken.
  for (const stem of new Set([base, base.replace(/~[0-9]+$/, '')]))
    for (const suffix of REOPENED) {
      const file = path.join(layout.in(folder), `${stem}.${suffix}`);
      if (!(await isSameFile(fs, claimed, file))) continue;
      // Not synced: after a power cut that took it back, whoever reads the claimed file again does it again.
      await unlinkIfThere(fs, file);
    }
}

async function newestBadEnd(parts: Parts, role: SpoolRole, stem: Stem): Promise<string> {
  let newest: { readonly file: string; readonly ctimeNs: bigint } | null = null;
  for (const suffix of REOPENED) {
    const file = path.join(parts.layout.in(role.folder), `${stem}.${suffix}`);
    const facts = await parts.fs.facts(file);
    if (facts === null || (newest !== null && newest.ctimeNs >= facts.ctimeNs)) continue;
    if (facts.kind !== 'file')
      throw Object.assign(new Error(`EINVAL: not a regular file, it cannot be tried again: '${file}'`), { code: 'EINVAL' });
    newest = { file, ctimeNs: facts.ctimeNs };
  }
  if (newest === null || !parseStem(stem).ok) throw noBadEnd(parts, role, stem);
  return newest.file;
}

const noBadEnd = (parts: Parts, role: SpoolRole, stem: Stem): Error =>
  Object.assign(new Error(`ENOENT: no ${REOPENED.map((suffix) => `${stem}.${suffix}`).join(', ')} in ${parts.layout.in(role.folder)}`), {
    code: 'ENOENT',
  });
