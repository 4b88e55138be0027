/**
 * All daemons of this user, as `--all` of status, up and down sees them: the entries of the registry, and what each workspace says when it is asked.
 * An entry is where to look; that a daemon runs is said by its socket, and by the lock of a workspace whose socket says nothing.
 */

import { whereaboutsOf, type DaemonEntry } from '#core/daemons.ts';
import type { Fs } from '#core/ports.ts';
import { makeFs } from '#platform/files.ts';
import { readHolder } from './holder.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { connectControl, type ControlReply } from './open.ts';
import { clock, lockHolder } from './parts.ts';
import { forget, isForgotten, readRegistry, registryFolder, thisMachine, type Listed, type Registry } from './registry.ts';
import { soon } from './soon.ts';
import { silentWords } from './stop-daemon.ts';

/**
 * up: it answers. silent: somebody has the workspace and does not answer. stopped: it ended in order. ended: it died, or its machine did.
 * elsewhere: another machine's.
 */
export type DaemonState = 'up' | 'silent' | 'stopped' | 'ended' | 'elsewhere';

export type Asked = {
  readonly entry: DaemonEntry;
  readonly state: DaemonState;
  /** What it told (daemon/glance.ts); null: nothing. */
  readonly told: ControlReply | null;
  /** Why it is silent, or ended; null: nothing is wrong. */
  readonly why: string | null;
};

const ANSWER_MS = 5_000;

/** For status and down: else somebody might think that only that one is meant. */
export function mustNameNoRoot(common: Common): void {
  if (common.root !== undefined) throw new CliError('--all is about all workspaces: leave out --root, or leave out --all', EXIT.wrongUse);
}

export function openRegistry(io: Pick<Io, 'env'>): { readonly folder: string; read(): Promise<Registry> } {
  const folder = registryFolder(io.env);
  if (folder === null)
    throw new CliError(
      'nobody knows where your daemons are listed: neither XDG_STATE_HOME nor HOME is set to an absolute path',
      EXIT.environment,
    );
  return { folder, read: async () => readRegistry(makeFs(), folder, thisMachine()) };
}

/** Entries whose workspace is still there; those that are gone are forgotten. */
export async function remembered(fs: Fs, registry: Registry): Promise<readonly Listed[]> {
  const machine = thisMachine();
  const kept: Listed[] = [];
  for (const listed of registry.entries)
    if (await isForgotten(fs, listed, machine)) await forget(fs, listed);
    else kept.push(listed);
  return kept;
}

/** Takes at most 5 s, whatever the daemon does. */
export async function askDaemon(entry: DaemonEntry): Promise<Asked> {
  const where = whereaboutsOf(entry, thisMachine());
  const asked = (state: DaemonState, told: ControlReply | null, why: string | null): Asked => ({ entry, state, told, why });
  if (where === 'elsewhere') return asked('elsewhere', null, null);
  const control = await connectControl(entry);
  if (control !== null) {
    const told = await soon(clock, control.ask('glance'), ANSWER_MS);
    control.close();
    if (told !== null) return asked('up', told, null);
    return asked('silent', null, silentWords(await readHolder(makeFs(), entry.state)));
  }
  const holder = lockHolder(entry.state);
  if (holder !== null || where === 'alive') {
    const pid = String(holder?.pid ?? entry.pid);
    return asked('silent', null, `process ${pid} has the workspace and listens to nobody: it has just started, or is just ending`);
  }
  if (where === 'stopped') return asked('stopped', null, null);
  return asked('ended', null, 'it died, or its machine did: `docket up` goes on where it was');
}
