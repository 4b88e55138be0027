/** Who may drop prompts: the user docket runs as, and the groups of intake.groups, by number or by their name in /etc/group (group(5)). */

import type { Fs, Log } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import type { Spool } from '#core/spool.ts';
import { userId } from '#platform/system.ts';
import { faultOfFolder, NOT_OURS, type Owners } from '#spool/owner.ts';
import { CliError, EXIT } from './io.ts';

const GROUPS = '/etc/group';
const GROUPS_BYTES_MAX = 4_000_000;

/** Throws CliError when a group is not known: nobody is taken for a member of it by mistake. */
export async function ownersOf(fs: Pick<Fs, 'readBounded'>, workspace: Pick<Workspace, 'settings'>): Promise<Owners> {
  const uid = userId();
  if (uid === null) return null;
  const groups = workspace.settings['intake.groups'];
  const known = groups.every(isNumber) ? new Map<string, number>() : await groupsOf(fs);
  const gids = groups.map((group) => {
    const gid = isNumber(group) ? Number(group) : known.get(group);
    if (gid !== undefined) return gid;
    throw new CliError(
      `intake.groups: there is no group ${JSON.stringify(group)} in ${GROUPS} (a group of a directory service is given by its number, see \`getent group\`)`,
      EXIT.environment,
    );
  });
  return { uid, gids };
}

const isNumber = (text: string): boolean => /^[0-9]{1,10}$/.test(text);

async function groupsOf(fs: Pick<Fs, 'readBounded'>): Promise<ReadonlyMap<string, number>> {
  const { bytes } = await fs.readBounded(GROUPS, GROUPS_BYTES_MAX);
  const lines = new TextDecoder().decode(bytes).split('\n');
  return new Map(
    lines.flatMap((line): [string, number][] => {
      const [name = '', , gid = ''] = line.split(':');
      return isNumber(gid) ? [[name, Number(gid)]] : [];
    }),
  );
}

/** Before anything is made in it: the queues and the state folder belong to this user, and not everybody may write there. The roles' folders: spool/prepare.ts. */
export async function mustBeOurs(fs: Pick<Fs, 'facts'>, workspace: Pick<Workspace, 'queues' | 'state'>): Promise<void> {
  const uid = userId();
  for (const folder of uid === null ? [] : [workspace.queues, workspace.state]) {
    const facts = await fs.facts(folder);
    const fault = facts === null || uid === null ? null : faultOfFolder({ uid, gids: [] }, folder, facts);
    if (fault !== null) throw new CliError(`not started: ${fault}`, EXIT.environment);
  }
}

/** A daemon of root's is nobody's mistake to forbid (containers), but one to be told of at every start. */
export function warnOfRoot(log: Pick<Log, 'warn'>): void {
  if (userId() === 0)
    log.warn('docket runs as root: every tool that it calls may do anything on this machine; give it a user of its own (docs/security.md)');
}

/** The spool, ready; CliError for a queue that is not this user's, or that everybody may write to. */
export async function preparedSpool(spool: Spool): Promise<Spool> {
  await spool.prepare().catch((error: unknown) => {
    if (error instanceof Error && error.name === NOT_OURS) throw new CliError(`not started: ${error.message}`, EXIT.environment);
    throw error;
  });
  return spool;
}
