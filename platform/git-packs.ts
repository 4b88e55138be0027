/**
 * The git program as a maker of packs: many packs in, one better pack out, in a folder of the caller's. It is given this repository and
 * nothing else (no configuration of a person, no hooks), runs at low priority, and is ended when the signal says so. It writes into the
 * caller's folder only, an object folder that borrows the repository's objects (`info/alternates`): a git that is killed leaves nothing elsewhere.
 */

import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { codeOf, systemError } from './files.ts';
import { gitEnvironment, QUIET_GIT } from './git.ts';

/** Low, but a machine that is busy for hours must still come to the end of it: packs pile up until then. */
const NICE = 10;
const WORDS_MAX = 2_000;

/** @returns what it printed; null: there is no git program. Rejects when it fails or the signal ended it. */
function runGit(gitDir: string, into: string, args: readonly string[], input: string, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', [`--git-dir=${gitDir}`, ...QUIET_GIT, ...args], {
      cwd: gitDir,
      env: { ...gitEnvironment(), GIT_CONFIG_GLOBAL: '/dev/null', GIT_OBJECT_DIRECTORY: into },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let said = '';
    let words = '';
    const end = (): void => {
      child.kill('SIGKILL');
    };
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1').slice(0, WORDS_MAX);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (words.length < WORDS_MAX) words += chunk.toString('utf8');
    });
    // It may end before it has read everything; its exit says why.
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => {
      signal.removeEventListener('abort', end);
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') resolve(null);
      else reject(error);
    });
    child.once('close', (code) => {
      signal.removeEventListener('abort', end);
      if (code === 0) resolve(said);
      else if (signal.aborted) reject(systemError('ECANCELED', `stopped, git ${args[0] ?? ''}`));
      else reject(systemError('EGIT', `git ${args.join(' ')} ended with ${String(code)}: ${words.slice(0, WORDS_MAX).trim()}`));
    });
    child.once('spawn', () => {
      try {
        setPriority(child.pid ?? 0, NICE);
      } catch {
        // It may have ended already; priority is a kindness.
      }
    });
    child.stdin.end(input);
  });
}

/**
 * git-pack-objects(1) with --stdin-packs: all objects of `include` that are not in `exclude` (pack names without ending), with deltas
 * looked for between them.
 * @param into an object folder that borrows the repository's: gets `pack-<sum>.pack` and `.idx`
 * @returns `pack-<sum>`; null: there is no git program, or no object was left
 */
export async function packTogether(
  gitDir: string,
  into: string,
  include: readonly string[],
  exclude: readonly string[],
  signal: AbortSignal,
): Promise<string | null> {
  const settings = ['pack.threads=1', 'pack.windowMemory=128m', 'pack.packSizeLimit=0', 'pack.writeReverseIndex=false', 'core.fsync=all'];
  const args = [
    ...settings.flatMap((one) => ['-c', one]),
    'pack-objects',
    '--quiet',
    '--delta-base-offset',
    '--stdin-packs',
    `${into}/pack`,
  ];
  const names = [...include.map((name) => `${name}.pack\n`), ...exclude.map((name) => `^${name}.pack\n`)];
  const said = await runGit(gitDir, into, args, names.join(''), signal);
  const sum = said?.trim() ?? '';
  return /^[0-9a-f]{40}$/.test(sum) ? `pack-${sum}` : null;
}

/**
 * git-commit-graph(1) for all branches, with the filters of changed paths; what is new is a layer on what is there.
 * @param into as above, with the graph of now in `info/`. @returns false: no git program
 */
export async function writeCommitGraph(gitDir: string, into: string, signal: AbortSignal): Promise<boolean> {
  const args = ['-c', 'core.fsync=all', 'commit-graph', 'write', '--reachable', '--split', '--changed-paths', '--no-progress'];
  return (await runGit(gitDir, into, args, '', signal)) !== null;
}
