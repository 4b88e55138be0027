/**
 * Files that `.worktreeinclude` names are ignored, so git takes them away without a word; a person may have changed them here (`.env`). Those that are not
 * as in the primary checkout are copied into the archive of a removal, private, and come back with a restore. Never into git: they may hold secrets.
 */

import path from 'node:path';
import { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';
import type { GitWork } from '#core/worktrees.ts';
import { INCLUDE_FILE } from './include.ts';

type Ports = {
  readonly git: GitWork;
  readonly fs: Pick<Fs, 'facts' | 'readBounded' | 'makeFolders' | 'replace' | 'syncFolder' | 'list'>;
  readonly primary: string;
  readonly included: { readonly files: number; readonly bytes: number };
};

/** @param below folder of the archive @param queues kept as a whole elsewhere @returns words for a person */
export async function keepIncluded(
  { git, fs, primary, included }: Ports,
  folder: string,
  below: string,
  queues: string | null,
): Promise<readonly string[]> {
  const rules = path.join(folder, INCLUDE_FILE);
  if ((await fs.facts(rules))?.kind !== 'file') return [];
  const listed = await git(folder, ['ls-files', '-z', '--others', '--ignored', `--exclude-from=${rules}`]);
  const names = listed.stdout
    .split('\0')
    .filter((name) => name !== '' && (queues === null || !path.join(folder, name).startsWith(`${queues}${path.sep}`)));
  const wanted: { readonly name: string; readonly bytes: Uint8Array; readonly mode: number }[] = [];
  let left = included.bytes;
  for (const name of names) {
    const facts = await fs.facts(path.join(folder, name));
    if (facts?.kind !== 'file') continue;
    if (wanted.length >= included.files || facts.sizeBytes > left) return [tooMuch];
    const { bytes } = await fs.readBounded(path.join(folder, name), included.bytes);
    if (await isSame(fs, path.join(primary, name), bytes)) continue;
    left -= bytes.length;
    wanted.push({ name, bytes, mode: facts.mode & 0o700 });
  }
  for (const { name, bytes, mode } of wanted) {
    const file = path.join(below, name);
    await fs.makeFolders(path.dirname(file), 0o700);
    await fs.replace(file, bytes, 'safety', mode);
    await fs.syncFolder(path.dirname(file), 'safety');
  }
  return wanted.length === 0
    ? []
    : [
        `${String(wanted.length)} changed files that ${INCLUDE_FILE} names are kept: ${wanted[0]?.name ?? ''}${wanted.length > 1 ? ' …' : ''}`,
      ];
}

const tooMuch = `${INCLUDE_FILE} names more than is kept (worktrees.include_files, worktrees.include_bytes): those files went with the worktree`;

async function isSame(fs: Ports['fs'], file: string, bytes: Uint8Array): Promise<boolean> {
  if ((await fs.facts(file).catch(() => null))?.kind !== 'file') return false;
  return Buffer.compare((await fs.readBounded(file, bytes.length + 1).catch(() => null))?.bytes ?? new Uint8Array(), bytes) === 0;
}

/** Copies them back; a file that is there is left. */
export async function bringIncluded({ fs }: Pick<Ports, 'fs'>, folder: string, below: string): Promise<readonly string[]> {
  if ((await fs.facts(below))?.kind !== 'folder') return [];
  const brought: string[] = [];
  const bring = async (inner: string): Promise<void> => {
    for (const { name, kind } of await fs.list(path.join(below, inner))) {
      if (name === null) continue;
      const at = path.join(inner, name);
      if (kind === 'folder') await bring(at);
      if (kind !== 'file' || (await fs.facts(path.join(folder, at))) !== null) continue;
      const { bytes, facts } = await fs.readBounded(path.join(below, at), 1_000_000_000);
      await fs.makeFolders(path.dirname(path.join(folder, at)));
      await fs.replace(path.join(folder, at), bytes, 'safety', facts.mode & 0o777);
      brought.push(at);
    }
  };
  await bring('');
  return brought;
}
