/**
 * Taking a waiting file out of the queue before anybody claimed it: `in/foo.md` becomes `in/foo.cancelled`, by link and unlink, so that no
 * name is ever replaced. The daemon may claim it at the same moment: then its rename wins, and the new name is taken back.
 */

import path from 'node:path';
import { parseStem, type RoleFolder, type Stem } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { finishedName, numberedStem, type Layout } from '#spool/layout.ts';
import { linkTo, renameIfFree } from '#spool/place.ts';

/** `claimed`: the daemon was faster. `not-a-file`: it is a link, a folder or a device, or its name cannot be written as text. */
export type Withdrawn = { readonly path: string } | 'claimed' | 'not-a-file';

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown }).code;

/** @param file its name in in/, where that states a SHA-256 */
export async function withdraw(fs: Fs, layout: Layout, folder: RoleFolder, stemText: string, file = `${stemText}.md`): Promise<Withdrawn> {
  const parsed = parseStem(stemText);
  if (!parsed.ok) return 'not-a-file';
  const stem: Stem = parsed.value;
  const inFolder = layout.in(folder);
  const from = path.join(inFolder, file);
  const facts = await fs.facts(from);
  if (facts === null) return 'claimed';
  if (facts.kind !== 'file') return 'not-a-file';
  for (let n = 1; ; n++) {
    const to = path.join(inFolder, finishedName(numberedStem(stem, n), 'cancelled'));
    const answer = await linkTo(fs, from, to);
    if (answer === 'taken') continue;
    if (answer === 'gone') return 'claimed';
    const isOurs = answer === 'no-links' ? await renamed(fs, from, to) : await unlinked(fs, from, to);
    if (isOurs === 'taken') continue;
    if (isOurs === 'claimed') return 'claimed';
    await fs.syncFolder(inFolder, 'safety');
    return { path: to };
  }
}

async function unlinked(fs: Fs, from: string, to: string): Promise<'done' | 'claimed'> {
  try {
    await fs.unlink(from);
    return 'done';
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    await fs.unlink(to);
    return 'claimed';
  }
}

async function renamed(fs: Fs, from: string, to: string): Promise<'done' | 'taken' | 'claimed'> {
  const answer = await renameIfFree(fs, from, to);
  return answer === 'renamed' ? 'done' : answer === 'taken' ? 'taken' : 'claimed';
}
