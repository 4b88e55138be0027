/** What runs for a workspace, and what it left: the daemon behind its kernel lock, the keeper, the journal. Starts and changes nothing. */

import type { Clock, Fs, KernelLocks, Sockets } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { isAlive } from '#platform/process-facts.ts';
import type { OpenDatabase } from '#platform/sqlite.ts';
import { hostName } from '#platform/system.ts';
import { MIGRATIONS, versionOf } from '#store/schema.ts';
import { parseReply, socketPath, VERSION } from '#tools/keeper-protocol.ts';
import { bad, codeOf, warn, well, wordsOf, type Check } from './doctor-checks.ts';
import { readHolder, type Holder } from './holder.ts';
import { connectControl } from './open.ts';
import { packageVersion } from './package.ts';
import { journalFile, lockFile } from './places.ts';
import { soon } from './soon.ts';

const ANSWER_MS = 5_000;

export type DaemonPorts = {
  readonly fs: Fs;
  readonly clock: Clock;
  readonly locks: KernelLocks;
  readonly sockets: Sockets;
  readonly openDatabase: OpenDatabase;
};

export async function lookAtDaemon({ fs, clock, locks }: DaemonPorts, workspace: Workspace): Promise<readonly Check[]> {
  const check = 'daemon';
  const holder = await readHolder(fs, workspace.state);
  const control = await connectControl(workspace);
  if (control !== null) {
    const reply = await soon(clock, control.ask('status'), ANSWER_MS);
    control.close();
    if (reply?.ok !== true)
      return [
        bad(
          check,
          `${nameOf(holder)} does not answer${reply === null ? ` in ${String(ANSWER_MS)} ms` : `: ${reply.error ?? ''}`}`,
          '`docket logs`; `docket down`, then `docket up`',
        ),
      ];
    const version = String(reply['version']);
    if (version !== packageVersion())
      return [warn(check, `${nameOf(holder)} is docket ${version}, this is ${packageVersion()}`, '`docket down`, then `docket up`')];
    return [well(check, `up: ${nameOf(holder)}`)];
  }
  if (await isLocked(fs, locks, workspace.state))
    return [
      bad(
        check,
        `${nameOf(holder)} holds the workspace but does not answer on its socket`,
        'it may just be starting or stopping: look again; else end that process, the lock goes with it',
      ),
    ];
  if (holder !== null && !isRunning(holder))
    return [well(check, `not running (the last one, pid ${String(holder.pid)}, was ended without a stop: the next start mends it)`)];
  return [well(check, 'not running (`docket up` starts it)')];
}

const nameOf = (holder: Holder | null): string =>
  holder === null ? 'a daemon' : `pid ${String(holder.pid)} on ${holder.host}, since ${holder.started_at}`;
const isRunning = (holder: Holder): boolean => holder.host === hostName() && isAlive(holder.pid, holder.pid_start ?? '');

/** Taken and given back at once; a lock file that is not there is not made. */
async function isLocked(fs: Fs, locks: KernelLocks, state: string): Promise<boolean> {
  if ((await fs.facts(lockFile(state))) === null) return false;
  const lock = locks.tryAcquire(lockFile(state));
  lock?.release();
  return lock === null;
}

export async function lookAtKeeper({ sockets, clock }: DaemonPorts, workspace: Workspace): Promise<readonly Check[]> {
  const check = 'keeper';
  const socket = await sockets.connect(socketPath(workspace.state)).catch(() => null);
  if (socket === null) return [well(check, 'not running (the first program that is called starts it)')];
  const answer = new Promise<unknown>((resolve) => {
    socket.onMessage(resolve);
    socket.onClose(() => {
      resolve(null);
    });
  });
  socket.send({ v: VERSION, id: 1, do: 'list' });
  const reply = parseReply(await soon(clock, answer, ANSWER_MS));
  socket.send({ v: VERSION, id: 0, do: 'bye' });
  socket.close();
  if (reply?.ok !== true || !Array.isArray(reply.value))
    return [
      bad(
        check,
        'it runs but does not answer',
        '`docket down`; it ends by itself when its runs have ended, and the next `docket up` starts a new one',
      ),
    ];
  return [well(check, `up: watches ${String(reply.value.length)} runs`)];
}

/** The journal is an index: damaged, it is set aside and made again from the folders and the history. */
export async function lookAtJournal({ fs, openDatabase }: DaemonPorts, workspace: Workspace, isDeep: boolean): Promise<readonly Check[]> {
  const check = 'journal';
  const file = journalFile(workspace.state);
  if ((await fs.facts(file)) === null) return [well(check, 'not there yet (the first `docket up` makes it)')];
  const next = '`docket down`, then `docket up`: a damaged journal is set aside and made again from the folders and the history';
  try {
    const database = openDatabase(file, { readOnly: true });
    try {
      const known = versionOf(database);
      if (known.kind === 'ours' && known.version > MIGRATIONS.length)
        return [bad(check, `${file} was written by a newer docket`, 'use that docket again, or move the file away: it is made again')];
      if (known.kind === 'foreign') return [bad(check, `${file} is a database of something else`, next)];
      const name = isDeep ? 'integrity_check' : 'quick_check';
      const rows = database.prepare(`PRAGMA ${name}(5)`).all();
      const faults = rows.map((row) => String(row[name])).filter((words) => words !== 'ok');
      return [faults.length === 0 ? well(check, `readable, ${name} finds nothing`) : bad(check, `${file}: ${faults.join('; ')}`, next)];
    } finally {
      database.close();
    }
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return [bad(check, wordsOf(error), next)];
  }
}
