/** What a story does with a daemon that it started. */

import { spawnSync } from 'node:child_process';
import type { Daemon } from '#test/support/rig.ts';

const UP = /is up for/;

/** Resolves when its output holds the words. */
export async function said(daemon: Daemon, words: RegExp): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const { stdout, stderr } = daemon.child;
  const look = (): void => {
    if (words.test(daemon.output())) resolve(null);
  };
  for (const stream of [stdout, stderr]) stream?.on('data', look);
  look();
  await promise;
  for (const stream of [stdout, stderr]) stream?.off('data', look);
}

/** Resolves when it says that it is up; rejects with what it said when it ends before. */
export async function isUp(daemon: Daemon): Promise<void> {
  const end = await Promise.race([said(daemon, UP), daemon.ended.then((code) => ({ code }))]);
  if (end !== undefined) throw new Error(`the daemon ended with ${String(end.code)}: ${daemon.output()}`);
}

/**
 * What `ulimit -f` sets, in a process that runs; needs no rights.
 * @param soft bytes, or `unlimited`
 * @returns false when it could not be set
 */
export const limitFileSize = (daemon: Daemon, soft: string): boolean =>
  spawnSync('prlimit', ['--pid', String(daemon.child.pid), `--fsize=${soft}:unlimited`]).status === 0;
