/** Runs a program on our own terminal and waits for it: an editor. Arguments are an array. */

import { spawn } from 'node:child_process';

/** @returns its exit code; null when a signal ended it. Rejects with the system's code when it cannot be started. */
export const runAttached = async (program: string, args: readonly string[]): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', resolve);
  });
