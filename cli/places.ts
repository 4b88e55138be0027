/** Where the parts of a workspace's state lie: names inside queues/.docket/ (ARCHITECTURE "Workspace"). */

import path from 'node:path';

const inState =
  (name: string) =>
  (state: string): string =>
    path.join(state, name);

/** The kernel lock: never opened by node:fs, never removed. */
export const lockFile = inState('lock.db');
/** Whose turn it is to write (platform/epoch.ts). */
export const epochFile = inState('epoch');
/** proper-lockfile's folder, for people. */
export const visibleLock = inState('daemon.lock');
/** Who holds it: pid, start time, host, version. For people. */
export const daemonFile = inState('daemon.json');
/** The job that is being parsed (platform/mark.ts). */
export const parsingFile = inState('parsing');
export const journalFile = inState('journal.db');
export const logFolder = inState('log');
/** What `up --detach` has no terminal for: words before the log is open. */
export const outputFile = inState('daemon.out');
/** What a person has paused (daemon/pauses.ts). */
export const pausesFile = inState('paused.json');
/** Which program of each runner was accepted (policy/program.ts). */
export const programsFile = inState('programs.json');
/** Which prompts may start whatever is spent (daemon/releases.ts). */
export const releasesFile = inState('released.json');
/** Makes the fingerprints of secrets this workspace's own (platform/fingerprint.ts). */
export const fingerprintKeyFile = inState('fingerprint.key');
/** Makes the hashes of accounts this workspace's own. */
export const saltFile = inState('salt');
/** How the newest answers stand, by the commit that it is true of (daemon/board.ts): a cache. */
export const boardFile = inState('board.json');
export const controlSocket = inState('control.sock');
