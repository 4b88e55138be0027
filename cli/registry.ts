/**
 * The registry of this user's daemons on disk: `$XDG_STATE_HOME/docket/daemons/` (else ~/.local/state), 0700, a file of 0600 for each workspace. The rules are
 * core/daemons.ts. A daemon enters at its start, after its kernel lock, and notes its end; nothing that goes wrong here keeps it from running, but daemons.max.
 * Invariant: an entry is only ever replaced by a newer one of its own workspace, or removed when the workspace is gone.
 */

import path from 'node:path';
import {
  entryName,
  entryText,
  isEntryName,
  othersAlive,
  parseEntry,
  whereaboutsOf,
  type DaemonEntry,
  type Machine,
} from '#core/daemons.ts';
import { printable } from '#core/names.ts';
import type { Fs, KernelLocks, Log } from '#core/ports.ts';
import { makeDigest } from '#platform/digest.ts';
import { bootId, isAlive, startTimeOf } from '#platform/process-facts.ts';
import { hostName, userId } from '#platform/system.ts';
import { codeOf, wordsOf } from './doctor-checks.ts';
import { CliError, EXIT } from './io.ts';
import { packageVersion } from './package.ts';
import { userStateFolder } from './user-state.ts';
import { SETTINGS_FILE } from './workspace.ts';

type Env = Readonly<Record<string, string | undefined>>;
type RegistryFs = Pick<Fs, 'list' | 'facts' | 'readBounded'>;

const ENTRY_BYTES_MAX = 16_384;
/** One look at so many small files takes less than a second. */
const ENTRIES_MAX = 2_000;
const LOCK_WAIT_MS = 5_000;
/** Group and others may write. */
const WRITABLE = 0o022;

const digest = makeDigest();
export const thisMachine = (): Machine => ({ host: hostName(), bootId: bootId(), isAlive });

/** Null: nothing says where (cli/user-state.ts). */
export function registryFolder(env: Env): string | null {
  const state = userStateFolder(env);
  return state === null ? null : path.join(state, 'daemons');
}

export type Listed = { readonly file: string; readonly entry: DaemonEntry };
export type Registry = {
  readonly entries: readonly Listed[];
  /** Files that are no entries: named, and left as they are. */
  readonly faults: readonly { readonly file: string; readonly words: string }[];
};

/** Null: nobody ever entered. Throws words when the folder cannot be trusted or read: an entry names a folder whose programs docket would start. */
async function folderFault(fs: Pick<Fs, 'facts'>, folder: string): Promise<string | null> {
  const facts = await fs.facts(folder);
  const uid = userId();
  if (facts === null) return null;
  if (facts.kind !== 'folder') return `${folder} is no folder`;
  if (uid !== null && facts.uid !== uid) return `${folder} belongs to user ${String(facts.uid)}, not to ${String(uid)}`;
  return (facts.mode & WRITABLE) === 0 ? null : `others may write to ${folder}: \`chmod 700 ${folder}\``;
}

async function readOne(fs: RegistryFs, file: string): Promise<Listed | string> {
  try {
    const { bytes, facts } = await fs.readBounded(file, ENTRY_BYTES_MAX);
    const uid = userId();
    if (uid !== null && facts.uid !== uid) return `it belongs to user ${String(facts.uid)}`;
    const entry = parseEntry(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return entry.ok ? { file, entry: entry.value } : entry.error;
  } catch (error) {
    return wordsOf(error);
  }
}

/** All entries, by path; of one workspace on this machine (which may have had another name) the newest. Throws CliError 3 when the folder cannot be used. */
export async function readRegistry(fs: RegistryFs, folder: string, machine: Machine): Promise<Registry> {
  const fault = await folderFault(fs, folder).catch(wordsOf);
  if (fault !== null) throw new CliError(`the list of daemons cannot be used: ${fault}`, EXIT.environment);
  let names: readonly string[];
  try {
    names = (await fs.list(folder)).flatMap(({ name }) => (name !== null && isEntryName(name) ? [name] : []));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { entries: [], faults: [] };
    throw new CliError(`the list of daemons cannot be read: ${wordsOf(error)}`, EXIT.environment);
  }
  const newest = new Map<string, Listed>();
  const faults: { file: string; words: string }[] = [];
  if (names.length > ENTRIES_MAX) faults.push({ file: folder, words: `more than ${String(ENTRIES_MAX)} files: the others are not read` });
  for (const name of names.slice(0, ENTRIES_MAX)) {
    const file = path.join(folder, name);
    const read = await readOne(fs, file);
    if (typeof read === 'string') {
      faults.push({ file, words: printable(read) });
      continue;
    }
    const { root, host, started_at } = read.entry;
    const key = whereaboutsOf(read.entry, machine) === 'elsewhere' ? `${root}\0${host}` : root;
    const known = newest.get(key);
    if (known === undefined || known.entry.started_at < started_at) newest.set(key, read);
  }
  return { entries: [...newest.values()].toSorted((a, b) => (a.entry.root < b.entry.root ? -1 : 1)), faults };
}

/** Of this machine, ended, and without a docket.yaml where it was: there is nothing to start any more. */
export async function isForgotten(fs: Pick<Fs, 'facts'>, { entry }: Listed, machine: Machine): Promise<boolean> {
  const where = whereaboutsOf(entry, machine);
  if (where !== 'stopped' && where !== 'ended') return false;
  try {
    return (await fs.facts(path.join(entry.root, SETTINGS_FILE))) === null;
  } catch (error) {
    return codeOf(error) === 'ENOTDIR';
  }
}

export async function forget(fs: Pick<Fs, 'unlink'>, { file }: Pick<Listed, 'file'>): Promise<void> {
  await fs.unlink(file).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

export type Entering = {
  readonly fs: Fs;
  readonly env: Env;
  readonly log: Pick<Log, 'warn'>;
  readonly locks: Pick<KernelLocks, 'acquire'>;
  readonly machine: Machine;
  readonly workspace: { readonly root: string; readonly app: string; readonly state: string };
  readonly daemonsMax: number;
  readonly instance: string;
  readonly startedAt: string;
  readonly now: () => Date;
};
/** As many run as may. */
class TooManyDaemons extends CliError {}

/** Notes the orderly end. */
export type Leave = () => Promise<void>;

/** Throws CliError 3 when as many daemons run as may. Whatever else fails is told, and the daemon runs all the same. */
export async function enterRegistry(entering: Entering): Promise<Leave> {
  const { fs, env, log } = entering;
  try {
    const folder = registryFolder(env);
    if (folder === null) throw new Error('neither XDG_STATE_HOME nor HOME is set to an absolute path');
    await fs.makeFolders(folder, 0o700);
    return await alone(entering, folder, async () => enter(entering, folder));
  } catch (error) {
    if (error instanceof TooManyDaemons) throw error;
    log.warn(`\`docket status --all\` will not know this daemon: ${wordsOf(error)}`);
    return async () => Promise.resolve();
  }
}

/** Two that start at once are counted one after the other. Where locks cannot be trusted (a home folder on the network) the count is only a good guess. */
async function alone<T>({ fs, locks }: Entering, folder: string, act: () => Promise<T>): Promise<T> {
  if ((await fs.fileSystem(folder)).network) return act();
  const lock = await locks.acquire(path.join(folder, 'lock.db'), LOCK_WAIT_MS);
  try {
    return await act();
  } finally {
    lock.release();
  }
}

async function enter(entering: Entering, folder: string): Promise<Leave> {
  const { fs, machine, workspace, daemonsMax, instance, startedAt, log } = entering;
  const { root, app, state } = workspace;
  const { entries } = await readRegistry(fs, folder, machine);
  const others = othersAlive(
    entries.map(({ entry }) => entry),
    machine,
    root,
  );
  if (others >= daemonsMax)
    throw new TooManyDaemons(
      `not started: ${String(others)} daemons of yours run on this machine, and daemons.max is ${String(daemonsMax)}: \`docket status --all\` names them, \`docket down\` stops one, or raise daemons.max in docket.yaml`,
      EXIT.environment,
    );
  for (const listed of entries) if (await isForgotten(fs, listed, machine)) await forget(fs, listed);
  const entry: DaemonEntry = {
    v: 1,
    root,
    app,
    state,
    host: machine.host,
    boot_id: machine.bootId,
    pid: process.pid,
    pid_start: startTimeOf(process.pid) ?? '',
    instance,
    version: packageVersion(),
    started_at: startedAt,
    stopped_at: null,
  };
  const file = path.join(
    folder,
    entryName(root, machine.host, (text) => digest.sha256(text)),
  );
  await fs.replace(file, entryText(entry), 'safety', 0o600);
  return async () => {
    try {
      const read = await readOne(fs, file);
      // Another one took the place, or a person took the entry away: it is theirs.
      if (typeof read === 'string' || read.entry.instance !== instance) return;
      await fs.replace(file, entryText({ ...entry, stopped_at: entering.now().toISOString() }), 'safety', 0o600);
    } catch (error) {
      log.warn(`the end of this daemon could not be noted for \`docket status --all\`: ${wordsOf(error)}`);
    }
  };
}
