/** daemon.json: who holds the workspace, for people. It decides nothing; the kernel lock does. */

import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { isAlive, isStopped, startTimeOf } from '#platform/process-facts.ts';
import { hostName } from '#platform/system.ts';
import { packageVersion } from './package.ts';
import { daemonFile } from './places.ts';

export type Holder = {
  readonly pid: number;
  /** Start time of the process as the system gives it. */
  readonly pid_start: string | null;
  readonly host: string;
  readonly version: string;
  readonly instance: string;
  readonly started_at: string;
};

const LONGEST = 4_096;

export const daemonFacts = (instance: string, startedAt: string): Holder => ({
  pid: process.pid,
  pid_start: startTimeOf(process.pid),
  host: hostName(),
  version: packageVersion(),
  instance,
  started_at: startedAt,
});

/** Null when there is none, or it is not readable: it is only for words. */
export async function readHolder(fs: Fs, state: string): Promise<Holder | null> {
  try {
    const data: unknown = JSON.parse(new TextDecoder().decode((await fs.readBounded(daemonFile(state), LONGEST)).bytes));
    return typeof data === 'object' && data !== null && 'pid' in data && typeof data.pid === 'number' ? (data as Holder) : null;
  } catch {
    return null;
  }
}

/** What to do about it. A stopped one answers nobody. */
const mendOf = ({ pid, pid_start, host }: Holder): string =>
  host === hostName() && pid_start !== null && isAlive(pid, pid_start) && isStopped(pid)
    ? `it is stopped: \`kill -CONT ${String(pid)}\` lets it go on, \`kill -KILL ${String(pid)}\` ends it and loses nothing`
    : '`docket status` asks it, `docket down` stops it';

export const describeHolder = (workspace: Pick<Workspace, 'queues'>, holder: Holder | null): string =>
  holder === null
    ? `another daemon holds ${workspace.queues} (it has just started, or is just stopping)`
    : `another daemon holds ${workspace.queues}: pid ${String(holder.pid)} on ${holder.host}, docket ${holder.version}, since ${holder.started_at} (${mendOf(holder)})`;
