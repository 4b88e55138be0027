/**
 * What the hooks of a code repository ask the program git: bytes in, bytes out, because names of files may hold anything.
 * As in git.ts it is asked nothing that could prompt, page or run a program that the repository names, and only for a bounded time. Unlike there,
 * the variables by which git tells a hook where it is (GIT_DIR, GIT_INDEX_FILE …) are handed on: a commit of some files has an index of its own.
 * Nothing here writes to the repository.
 */

import type { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { codeOf, systemError } from './file-facts.ts';

export type HookEnv = Readonly<Record<string, string | undefined>>;

const TIMEOUT_MS = 30_000;
/** Names of staged files, messages of pushed commits. */
const LIST_BYTES_MAX = 64 * 1024 * 1024;

const HANDED_ON = [
  'PATH',
  'HOME',
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_QUARANTINE_PATH',
  'GIT_COMMON_DIR',
  'GIT_EXEC_PATH',
] as const;

const QUIET = ['-c', 'core.fsmonitor=false', '-c', 'core.untrackedCache=false', '-c', 'core.quotePath=false'];

export type GitAnswer = { readonly code: number | null; readonly stdout: Buffer; readonly stderr: string };

/**
 * Waits in this thread: a hook has nothing else to do, and pipes of its own would cost it as much time as git itself.
 * Throws ETIMEDOUT, EFBIG, or the system's code when there is no git. @param maxBytes of its output
 */
export function askGitBytes(
  env: HookEnv,
  cwd: string,
  args: readonly string[],
  input: string = '',
  maxBytes: number = LIST_BYTES_MAX,
): GitAnswer {
  const small = Object.fromEntries(HANDED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const { status, stdout, stderr, error } = spawnSync('git', [...QUIET, ...args], {
    cwd,
    env: { ...small, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_PAGER: 'cat' },
    input,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: maxBytes,
  });
  if (codeOf(error) === 'ENOBUFS') throw systemError('EFBIG', `git said more than ${String(maxBytes)} bytes`);
  if (codeOf(error) === 'ETIMEDOUT') throw systemError('ETIMEDOUT', `git did not answer in ${String(TIMEOUT_MS)} ms`);
  if (error !== undefined) throw error;
  return { code: status, stdout, stderr: stderr.toString('utf8', 0, 4_096).trim() };
}

function bytesOf(env: HookEnv, cwd: string, args: readonly string[], input = '', maxBytes = LIST_BYTES_MAX): Buffer {
  const { code, stdout, stderr } = askGitBytes(env, cwd, args, input, maxBytes);
  if (code === 0) return stdout;
  throw new Error(`git ${args[0] ?? ''} ended with ${String(code)}: ${stderr.slice(0, 300)}`);
}

/** A file that the commit adds or changes. */
export type Staged = {
  /** From the top of the work tree; bytes that are no UTF-8 are shown as the replacement character. */
  readonly path: string;
  readonly mode: string;
  readonly oid: string;
};

/** git-diff-index(1), "Raw output format", with -z: `:<mode> <mode> <oid> <oid> <letter>` NUL path NUL. */
function readRaw(bytes: Buffer): Staged[] {
  const found: Staged[] = [];
  const fields = bytes.toString('utf8').split('\0');
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const parts = /^:[0-7]{6} ([0-7]{6}) [0-9a-f]+ ([0-9a-f]+) [A-Z]/.exec(fields[at] ?? '');
    if (parts === null) throw new Error('git listed changes in a form that is not known here');
    found.push({ path: fields[at + 1] ?? '', mode: parts[1] ?? '', oid: parts[2] ?? '' });
  }
  return found;
}

const RAW = ['--raw', '-z', '--no-renames', '--no-abbrev', '--no-ext-diff', '--diff-filter=d', '--ignore-submodules=none'];

/** What the commit that is being made adds or changes against HEAD, or against nothing before the first commit. */
export const stagedChanges = (env: HookEnv, cwd: string): Staged[] => readRaw(bytesOf(env, cwd, ['diff', '--cached', ...RAW]));

/** What a commit adds or changes against its first parent. */
export const commitChanges = (env: HookEnv, cwd: string, commit: string): Staged[] =>
  readRaw(bytesOf(env, cwd, ['diff-tree', '-r', '--root', '--no-commit-id', '-m', '--first-parent', ...RAW, commit]));

/** Sizes by object id; what is no blob, or is not there, is left out. */
export function blobSizes(env: HookEnv, cwd: string, oids: readonly string[]): Map<string, number> {
  const sizes = new Map<string, number>();
  if (oids.length === 0) return sizes;
  const text = bytesOf(env, cwd, ['cat-file', '--batch-check'], `${oids.join('\n')}\n`).toString('latin1');
  for (const line of text.split('\n')) {
    const parts = /^([0-9a-f]+) blob ([0-9]+)$/.exec(line);
    if (parts !== null) sizes.set(parts[1] ?? '', Number(parts[2]));
  }
  return sizes;
}

/** Bytes by object id. Throws EFBIG when there are more. @param totalBytes of all of them together */
export function readBlobs(env: HookEnv, cwd: string, oids: readonly string[], totalBytes: number): Map<string, Buffer> {
  const blobs = new Map<string, Buffer>();
  if (oids.length === 0) return blobs;
  const room = totalBytes + oids.length * 128;
  const bytes = bytesOf(env, cwd, ['cat-file', '--batch'], `${oids.join('\n')}\n`, room);
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0x0a, at);
    const line = bytes.toString('latin1', at, end);
    const parts = /^([0-9a-f]+) ([a-z]+) ([0-9]+)$/.exec(line);
    if (/^[0-9a-f]+ missing$/.test(line)) {
      at = end + 1;
      continue;
    }
    if (end < 0 || parts === null) throw new Error('git answered with objects in a form that is not known here');
    const size = Number(parts[3]);
    blobs.set(parts[1] ?? '', bytes.subarray(end + 1, end + 1 + size));
    at = end + 1 + size + 1;
  }
  return blobs;
}

export type CommitText = { readonly commit: string; readonly message: string };

/** Commits that a push would bring, newest first, and whether there are more than `max`. */
export function commitsToPush(
  env: HookEnv,
  cwd: string,
  tip: string,
  have: readonly string[],
  remote: string,
  max: number,
): { readonly commits: readonly CommitText[]; readonly isAll: boolean } {
  const not = have.filter((oid) => askGitBytes(env, cwd, ['cat-file', '-e', oid]).code === 0);
  const remotes = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(remote) ? [`--remotes=${remote}`] : ['--remotes'];
  const args = [
    'log',
    '-z',
    '--no-show-signature',
    '--format=%H%n%B',
    `--max-count=${String(max + 1)}`,
    tip,
    '--not',
    ...not,
    ...remotes,
    '--',
  ];
  const text = bytesOf(env, cwd, args).toString('utf8');
  const commits = text.split('\0').flatMap((one) => {
    const end = one.indexOf('\n');
    return end < 0 ? [] : [{ commit: one.slice(0, end), message: one.slice(end + 1) }];
  });
  return { commits: commits.slice(0, max), isAll: commits.length <= max };
}

export type Places = { readonly top: string; readonly gitDir: string; readonly commonDir: string };

/** Absolute folders of the repository a hook runs in; null outside of any, or in one without a work tree. */
export function repositoryPlaces(env: HookEnv, cwd: string): Places | null {
  const args = ['rev-parse', '--path-format=absolute', '--show-toplevel', '--git-dir', '--git-common-dir'];
  const { code, stdout } = askGitBytes(env, cwd, args);
  const [top, gitDir, commonDir] = stdout.toString('utf8').split('\n');
  if (code !== 0 || top === undefined || gitDir === undefined || commonDir === undefined) return null;
  return { top, gitDir, commonDir };
}

export type HooksPath = { readonly scope: string; readonly value: string };

/** `core.hooksPath` as git resolves it, with the scope it comes from (local, worktree, global, system, command); null: it is not set. */
export function hooksPathOf(env: HookEnv, cwd: string): HooksPath | null {
  const { code, stdout } = askGitBytes(env, cwd, ['config', '--show-scope', '--type=path', '-z', '--get', 'core.hooksPath']);
  if (code !== 0) return null;
  const [scope, value] = stdout.toString('utf8').split('\0');
  return scope === undefined || value === undefined || value === '' ? null : { scope, value };
}
