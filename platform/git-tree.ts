/** The files of a commit as the git program lists them: `git ls-tree -r`, told nothing but the repository. */

import { spawn } from 'node:child_process';
import { systemError } from './files.ts';
import { gitEnvironment, QUIET_GIT } from './git.ts';

const LIST_BYTES_MAX = 1024 * 1024 * 1024;
const WORDS_MAX = 2_000;

export type TipFile = { readonly path: string; readonly oid: string };

/** Plain files; no links, no submodules. Rejects (ENOENT, EGIT …) when there is no git, or it cannot. */
export async function gitTipFiles(gitDir: string, commit: string): Promise<readonly TipFile[]> {
  const text = await new Promise<string>((resolve, reject) => {
    const child = spawn('git', [`--git-dir=${gitDir}`, ...QUIET_GIT, 'ls-tree', '-r', '-z', '--full-tree', commit], {
      cwd: gitDir,
      env: { ...gitEnvironment(), GIT_CONFIG_GLOBAL: '/dev/null' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    let length = 0;
    let words = '';
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > LIST_BYTES_MAX) child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (words.length < WORDS_MAX) words += chunk.toString('utf8');
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(systemError('EGIT', `git ls-tree ended with ${String(code)}: ${words.slice(0, WORDS_MAX).trim()}`));
    });
  });
  return text.split('\0').flatMap((line) => {
    // <mode> SP blob SP <40 characters> TAB <path>
    const found = /^100[0-7]{3} blob ([0-9a-f]{40})\t/.exec(line);
    return found?.[1] === undefined ? [] : [{ path: line.slice(found[0].length), oid: found[1] }];
  });
}
