/** Notices of a daemon (daemon/notify.ts): what its journal is told is what they are made of, so nothing else need know of them. */

import type { Clock, Fs, Journal, JournalChange, JournalJob, Log } from '#core/ports.ts';
import type { JobId, RoleName } from '#core/names.ts';
import { isUnreviewed } from '#core/glance.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { makeNotify, tellChanges, type Notify } from '#daemon/notify.ts';
import { makeDigest } from '#platform/digest.ts';
import { hostName } from '#platform/system.ts';
import { CliError, EXIT } from './io.ts';
import { notifyPlan } from './notify-ways.ts';
import { settingsBytes } from './status-place.ts';

/** Null: nobody wants to be told. Throws CliError 3 for settings that cannot be done. @param closers what is done when the daemon ends */
export async function notifyOf(
  workspace: Workspace,
  env: Readonly<Record<string, string | undefined>>,
  ports: { readonly clock: Clock; readonly log: Log; readonly ring: (() => void) | null },
  closers: (() => void | Promise<void>)[],
): Promise<Notify | null> {
  if (workspace.settings['notify.on'].length === 0) return null;
  const { on, ways, faults } = await notifyPlan(workspace, env, ports.clock, ports.ring);
  if (faults.length > 0) throw new CliError(faults.join('\n'), EXIT.environment);
  if (ways.length === 0) return null;
  const windowMs = workspace.settings['notify.window'];
  const notify = makeNotify({ clock: ports.clock, log: ports.log, host: hostName(), on, ways, windowMs });
  closers.push(notify.close);
  return notify;
}

const isTold = (change: JournalChange): change is JournalChange & { readonly id: JobId } => change.do === 'move' && change.to === 'done';

/** The same journal; what was written is heard once it is. */
export function heardJournal(
  journal: Journal,
  notify: Notify | null,
  { roles, listed }: { readonly roles: ReadonlyMap<RoleName, Role>; readonly listed: readonly string[] },
): { readonly journal: Journal; readonly onAttempt: (listen: (changes: readonly JournalChange[]) => void) => void } {
  let hear: ((changes: readonly JournalChange[]) => void) | null = null;
  const isReviewed = (name: string): boolean => {
    const role = [...roles.values()].find((one) => one.name === name);
    return role === undefined || !isUnreviewed(role, listed);
  };
  const heard =
    (write: (changes: readonly JournalChange[]) => Promise<void>): Journal['commit'] =>
    async (changes) => {
      const jobs = new Map<string, JournalJob | null>();
      // As long as they are in flight they are in memory.
      if (notify !== null) for (const change of changes) if (isTold(change)) jobs.set(change.id, journal.job(change.id));
      await write(changes);
      hear?.(changes);
      if (notify !== null) tellChanges(notify, changes, (id) => jobs.get(id) ?? journal.job(id), isReviewed);
    };
  return {
    journal: {
      ...journal,
      commit: heard(async (changes) => journal.commit(changes)),
      note: heard(async (changes) => journal.note(changes)),
    },
    onAttempt(listen) {
      hear = listen;
    },
  };
}

/** Of docket.yaml and docket.local.yaml as they are: whoever asks the daemon sees whether it runs with these. */
export async function settingsHash(fs: Pick<Fs, 'readBounded'>, root: string): Promise<string> {
  const { shared, local } = await settingsBytes(fs, root);
  return makeDigest().sha256(`${shared ?? ''}\0${local ?? ''}`);
}
