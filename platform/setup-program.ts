/**
 * A command that prepares a new work tree, as the base branch has it committed (worktrees.setup): no shell, nothing on standard input, what it says goes
 * into a log file, and its whole process group is ended when its time is up.
 */

import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { codeOf } from './file-facts.ts';

const END_GRACE_MS = 2_000;
const LOG = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
/** The repository that another program works in, and what would change this Node or be taken for a run of docket's. */
const LEFT_OUT = /^(?:GIT_|DOCKET_|NODE_OPTIONS$|NODE_TEST_CONTEXT$|NODE_CHANNEL_FD$)/;

export type SetupEnd = {
  readonly how: 'exited' | 'killed' | 'too slow' | 'not started';
  readonly code: number | null;
  readonly why: string;
};

/** Never rejects. @param env of this process: a package manager needs its own variables */
export async function runSetupProgram(
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
  run: { readonly cwd: string; readonly logFile: string; readonly timeoutMs: number },
): Promise<SetupEnd> {
  const passed = Object.fromEntries(Object.entries(env).filter(([name]) => !LEFT_OUT.test(name)));
  let log: number;
  try {
    log = openSync(run.logFile, LOG, 0o600);
  } catch (error) {
    return { how: 'not started', code: null, why: `its log cannot be written [${codeOf(error)}]` };
  }
  return new Promise<SetupEnd>((resolve) => {
    let isLate = false;
    const child = spawn(program, args, {
      cwd: run.cwd,
      env: { ...passed, CI: passed['CI'] ?? '1' },
      stdio: ['ignore', log, log],
      detached: true,
    });
    const end = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The whole group has gone.
      }
    };
    const timers = [
      setTimeout(() => {
        isLate = true;
        end('SIGTERM');
      }, run.timeoutMs),
      setTimeout(end, run.timeoutMs + END_GRACE_MS, 'SIGKILL'),
    ];
    const over = (result: SetupEnd): void => {
      for (const timer of timers) clearTimeout(timer);
      resolve(result);
    };
    child.once('error', (error) => {
      over({ how: 'not started', code: null, why: codeOf(error) === 'ENOENT' ? 'there is no such program' : error.message });
    });
    child.once('exit', (code, signal) => {
      // What it left behind in its group goes with it.
      end('SIGKILL');
      if (isLate) over({ how: 'too slow', code: null, why: `it ran longer than ${String(run.timeoutMs)} ms (worktrees.setup_timeout)` });
      else if (code === null) over({ how: 'killed', code: null, why: `it was ended by ${signal ?? 'a signal'}` });
      else over({ how: 'exited', code, why: code === 0 ? '' : `it ended with code ${String(code)}` });
    });
  }).finally(() => {
    closeSync(log);
  });
}

/** The end of a text file, at most so many bytes. Empty when it cannot be read. */
export function tailOf(file: string, maxBytes: number): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    return '';
  }
  try {
    const size = fstatSync(descriptor).size;
    const bytes = Buffer.alloc(Math.min(size, maxBytes));
    readSync(descriptor, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}
