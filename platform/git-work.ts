/**
 * The one door for commands of git that change a person's repository: worktrees, branches, fetching. Arguments are an array; nothing is asked on a
 * terminal; the person's configuration and the repository's hooks hold, as they do when the person types the command.
 * Questions that change nothing go through git.ts and git-program.ts, which let no hook run.
 */

import { execa } from 'execa';
import type { GitWork } from '#core/worktrees.ts';
import { systemError } from './files.ts';

const TIMEOUT_MS = 120_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const END_GRACE_MS = 2_000;

/** What git and its hooks need of our own environment; no GIT_* (a hook that calls docket would name its own repository), no NODE_OPTIONS, no tokens of AI tools. */
const PASSED = ['PATH', 'HOME', 'LANG', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'XDG_CONFIG_HOME', 'SSH_AUTH_SOCK', 'SSH_AGENT_PID'] as const;

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** @param env of this process */
export const makeGitWork =
  (env: Readonly<Record<string, string | undefined>>): GitWork =>
  async (folder, args, call = {}) => {
    const passed = Object.fromEntries(PASSED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
    const own = call.indexFile === undefined ? {} : { GIT_INDEX_FILE: call.indexFile };
    const timeout = call.timeoutMs ?? TIMEOUT_MS;
    const child = execa('git', ['-C', folder, ...args], {
      env: { ...passed, ...own, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_PAGER: 'cat', GIT_EDITOR: 'true' },
      extendEnv: false,
      // A group of its own: a hook, and what a hook started, is ended with git.
      detached: true,
      maxBuffer: OUTPUT_BYTES_MAX,
      stripFinalNewline: false,
      reject: false,
      ...(call.input === undefined ? { stdin: 'ignore' as const } : { input: call.input }),
    });
    const late = { isIt: false };
    const timers = [
      setTimeout(() => {
        late.isIt = true;
        endGroup(child.pid, 'SIGTERM');
      }, timeout),
      setTimeout(() => {
        endGroup(child.pid, 'SIGKILL');
      }, timeout + END_GRACE_MS),
    ];
    const result = await child;
    for (const timer of timers) clearTimeout(timer);
    if (late.isIt) throw systemError('ETIMEDOUT', `no answer of git in ${String(timeout)} ms, '${args[0] ?? ''}'`);
    if (result.isMaxBuffer) throw systemError('EFBIG', `more than ${String(OUTPUT_BYTES_MAX)} bytes of output of git, '${args[0] ?? ''}'`);
    if (result.exitCode === undefined) {
      const code = result instanceof Error && typeof result.code === 'string' ? result.code : 'EIO';
      throw systemError(code, `git could not be run in '${folder}'${result.signal === undefined ? '' : `: ended by ${result.signal}`}`);
    }
    return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  };
