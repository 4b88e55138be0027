/**
 * The whole tree of a work tree as one commit, new files included, without touching the work tree or its index: a private copy of the index takes them up.
 * What rules ignore, and what submodules hold, is not in it.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork } from '#core/worktrees.ts';
import { askLine, gitWords } from './repository.ts';

type SnapshotFs = Pick<Fs, 'facts' | 'readBounded' | 'makeFolders' | 'writeNew' | 'unlink'>;
const INDEX_BYTES_MAX = 512 * 1024 * 1024;
/** Not a person's commit: docket keeps a state. Bytes are taken as they are where the person's settings would refuse them. */
const AS_DOCKET = [
  '-c',
  'user.name=docket',
  '-c',
  'user.email=docket@localhost',
  '-c',
  'core.safecrlf=false',
  '-c',
  'core.fsmonitor=false',
];

/** The tree as it would be committed now. @param scratch a folder for the private index, made where there is none */
export async function wholeTree(git: GitWork, fs: SnapshotFs, folder: string, scratch: string): Promise<Result<string, string>> {
  const own = await askLine(git, folder, ['rev-parse', '--path-format=absolute', '--git-path', 'index']);
  if (own === null) return err('git does not say where the index is');
  await fs.makeFolders(scratch, 0o700);
  const indexFile = path.join(scratch, 'index');
  const drop = async (): Promise<void> => {
    for (const file of [indexFile, `${indexFile}.lock`]) if ((await fs.facts(file)) !== null) await fs.unlink(file);
  };
  await drop();
  if ((await fs.facts(own)) !== null) await fs.writeNew(indexFile, (await fs.readBounded(own, INDEX_BYTES_MAX)).bytes, 'safety', 0o600);
  try {
    const added = await git(folder, [...AS_DOCKET, 'add', '--all', '--sparse', '--', ':/'], { indexFile });
    if (added.code !== 0) return err(`git add: ${gitWords(added)}`);
    const tree = await git(folder, ['write-tree'], { indexFile });
    return tree.code === 0 ? ok(tree.stdout.trim()) : err(`git write-tree: ${gitWords(tree)}`);
  } finally {
    await drop();
  }
}

/** @returns the full id of the commit. @param head what it stands on */
export async function keepTree(
  git: GitWork,
  folder: string,
  { tree, head, words }: { readonly tree: string; readonly head: string; readonly words: string },
): Promise<Result<string, string>> {
  const made = await git(folder, [...AS_DOCKET, 'commit-tree', tree, '-p', head, '-m', words]);
  return made.code === 0 ? ok(made.stdout.trim()) : err(`git commit-tree: ${gitWords(made)}`);
}

/** Names in the work tree that are neither as this commit has them nor gone: what would be lost if only that commit were kept. */
export async function beyond(
  git: GitWork,
  fs: SnapshotFs,
  folder: string,
  commit: string,
  scratch: string,
): Promise<Result<readonly string[], string>> {
  await fs.makeFolders(scratch, 0o700);
  const indexFile = path.join(scratch, 'index');
  if ((await fs.facts(indexFile)) !== null) await fs.unlink(indexFile);
  try {
    const read = await git(folder, ['read-tree', commit], { indexFile });
    if (read.code !== 0) return err(`git read-tree: ${gitWords(read)}`);
    const quiet = ['-c', 'core.fsmonitor=false', '-c', 'core.untrackedCache=false'];
    const differs = await git(
      folder,
      [...quiet, 'diff', '--no-ext-diff', '--no-renames', '--name-only', '--diff-filter=d', '-z', '--ignore-submodules=none'],
      { indexFile },
    );
    const fresh = await git(folder, [...quiet, 'ls-files', '-z', '--others', '--exclude-standard'], { indexFile });
    for (const one of [differs, fresh]) if (one.code !== 0) return err(gitWords(one));
    return ok(`${differs.stdout}${fresh.stdout}`.split('\0').filter((name) => name !== ''));
  } finally {
    if ((await fs.facts(indexFile)) !== null) await fs.unlink(indexFile);
  }
}
