/** What a story does with a daemon that it started. */

import { spawnSync } from 'node:child_process';
import type { Daemon } from '#test/support/rig.ts';

const UP = 'is up for';

/** Resolves when it says that it is up; rejects with what it said when it ends before. */
export async function isUp(daemon: Daemon): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const look = (): void => {
    if (daemon.output().includes(UP)) resolve(null);
  };
  daemon.child.stdout?.on('data', look);
  look();
  const end = await Promise.race([promise, daemon.ended.then((code) => ({ code }))]);
  daemon.child.stdout?.off('data', look);
  if (end !== null) throw new Error(`the daemon ended with ${String(end.code)}: ${daemon.output()}`);
}

/**
 * What `ulimit -f` sets, in a process that runs; needs no rights.
 * @param soft bytes, or `unlimited`
 * @returns false when it could not be set
 */
export const limitFileSize = (daemon: Daemon, soft: string): boolean =>
  spawnSync('prlimit', ['--pid', String(daemon.child.pid), `--fsize=${soft}:unlimited`]).status === 0;
