/**
 * The end of the daemon's process: at once, and whatever its other threads wait for.
 *
 * `process.exit` waits until the threads of V8 and of the pool have ended, and one of them may never: it asks for a collection of garbage that the main
 * thread does not do any more (nodejs/node issue 54918; seen in 2 of 4,000 exits right after much was compiled), or it is in a call of a file system
 * that does not answer. A daemon that has said its last words and stays would never be started again. execve(2) ends the other threads in the kernel.
 */

import { accessSync, constants } from 'node:fs';

/** POSIX has it; it does nothing but leave the code. */
const SHELL = '/bin/sh';

function isThere(): boolean {
  try {
    accessSync(SHELL, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Nothing of the process runs any more, no handler of `exit` either: what is to be closed is closed before.
 * Returns only where that cannot be had (no execve, no /bin/sh): then `process.exit` is the other way.
 * @param code 0 to 255
 */
export function endProcess(code: number): void {
  // Asked for first: a Node before 26 aborts when the program is not there.
  if (process.execve === undefined || !isThere()) return;
  try {
    process.execve(SHELL, [SHELL, '-c', 'exit "$1"', SHELL, String(code)], {});
  } catch {
    // The other way, then.
  }
}
