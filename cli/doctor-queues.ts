/** The queues and what lies in them: a local, writable file system with room, folders that renames can cross, the private state folder. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { userId } from '#platform/system.ts';
import { bad, codeOf, showBytes, warn, well, wordsOf, type Check } from './doctor-checks.ts';

const FREE_BYTES_BAD = 64_000_000;
const FREE_BYTES_LOW = 1_000_000_000;
const OTHERS = 0o077;
const OTHERS_WRITE = 0o002;
const INIT = 'run `docket init` (it mends what is missing)';

export async function lookAtQueues(fs: Fs, workspace: Workspace, roles: readonly Role[], uuid: string): Promise<readonly Check[]> {
  const { queues } = workspace;
  const kind = (await fs.facts(queues))?.kind;
  if (kind === undefined) return [bad('queues', `${queues} is not there`, INIT)];
  if (kind !== 'folder')
    return [bad('queues', `${queues} is a ${kind}, not a folder`, 'put a real folder there, or set queues: in docket.yaml')];
  return [
    ...(await lookAtPlace(fs, 'queues', queues)),
    ...(await lookAtState(fs, workspace.state)),
    ...(await lookAtRoles(fs, queues, roles, uuid)),
  ];
}

/** File system and free space, of the queues and of the history alike. */
export async function lookAtPlace(fs: Fs, check: string, folder: string): Promise<readonly Check[]> {
  const { type, network, freeBytes } = await fs.fileSystem(folder);
  const free = Number.isFinite(freeBytes) ? `${showBytes(freeBytes)} free` : 'it does not say how much is free';
  const found = `${folder} (${type}, ${free})`;
  if (network)
    return [
      bad(
        check,
        `${found}: a network file system, where locks cannot be trusted`,
        'move it to a local disk (queues: and history: in docket.yaml)',
      ),
    ];
  if (freeBytes < FREE_BYTES_BAD) return [bad(check, found, 'make room: a full disk stops every job')];
  if (freeBytes < FREE_BYTES_LOW) return [warn(check, found, 'make room soon: a full disk stops every job')];
  return [well(check, found)];
}

async function lookAtState(fs: Fs, state: string): Promise<readonly Check[]> {
  const check = 'state folder';
  const facts = await fs.facts(state);
  if (facts === null) return [warn(check, `${state} is not there yet`, 'the first `docket up` makes it')];
  if (facts.kind !== 'folder')
    return [bad(check, `${state} is a ${facts.kind}, not a folder`, 'put it aside; `docket up` makes the folder')];
  const mode = `0${facts.mode.toString(8)}`;
  const uid = userId();
  if (uid !== null && uid !== 0 && facts.uid !== uid)
    return [
      bad(
        check,
        `${state} belongs to user ${String(facts.uid)}, you are ${String(uid)}`,
        'run docket as that user, or give the queues to yourself (chown -R)',
      ),
    ];
  if ((facts.mode & OTHERS) !== 0)
    return [bad(check, `${state} has mode ${mode}: other users can reach the log and the control socket`, `chmod 700 ${state}`)];
  return [well(check, `${state} (${mode})`)];
}

async function lookAtRoles(fs: Fs, queues: string, roles: readonly Role[], uuid: string): Promise<readonly Check[]> {
  const faults: Check[] = [];
  for (const role of roles) faults.push(...(await lookAtRole(fs, path.join(queues, role.folder), role, uuid)));
  if (faults.length > 0) return faults;
  return [well('folders', `in, out, work and archive of ${String(roles.length)} roles are there, writable, each on one file system`)];
}

async function lookAtRole(fs: Fs, place: string, role: Role, uuid: string): Promise<readonly Check[]> {
  const check = `folders ${role.folder}`;
  const devices = new Set<bigint>();
  for (const name of ['in', 'out', 'work', 'archive']) {
    const folder = path.join(place, name);
    const facts = await fs.facts(folder);
    if (facts === null) return [warn(check, `${folder} is not there`, `${INIT}; \`docket up\` does so too`)];
    if (facts.kind !== 'folder') return [bad(check, `${folder} is a ${facts.kind}, not a folder`, 'docket needs a real folder there')];
    if (name === 'in' && (facts.mode & OTHERS_WRITE) !== 0)
      return [warn(check, `every user of this machine may drop prompts into ${folder}`, `chmod o-w ${folder}`)];
    devices.add(facts.dev);
  }
  if (devices.size > 1)
    return [
      bad(check, `in, out, work and archive of ${place} are on different file systems`, 'put them on one: docket moves files by rename'),
    ];
  return tryRename(fs, check, place, `.docket-${uuid}.tmp`);
}

/** Same device number is not enough (bind mounts, overlays), nor are mode bits: only doing it proves it. */
async function tryRename(fs: Fs, check: string, place: string, name: string): Promise<readonly Check[]> {
  let at = path.join(place, 'work', name);
  try {
    await fs.writeDerived(at, '');
    for (const folder of ['out', 'archive', 'work']) {
      const next = path.join(place, folder, name);
      await fs.rename(at, next);
      at = next;
    }
    return [];
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return [
      bad(
        check,
        `a file cannot be written and moved in ${place}: ${wordsOf(error)}`,
        'look at its permissions and mounts (it must be yours, writable, one file system)',
      ),
    ];
  } finally {
    await fs.unlink(at).catch(() => undefined);
  }
}
