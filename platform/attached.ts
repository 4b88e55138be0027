/** Runs a program on our own terminal, in a person's name, and waits for it: an editor, tmux, a person's own session with a tool. Arguments are an array. */

import { spawn } from 'node:child_process';

/** @param cwd default: ours. @returns its exit code; null when a signal ended it. Rejects with the system's code when it cannot be started. */
export const runAttached = async (program: string, args: readonly string[], cwd?: string): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: 'inherit', ...(cwd === undefined ? {} : { cwd }) });
    child.once('error', reject);
    child.once('exit', resolve);
  });
