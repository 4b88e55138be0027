/** What the dockets of this machine share (core/shared.ts), for a workspace: which lanes take part, under which hash, and the files behind it. */

import path from 'node:path';
import { accountOf, providerOf } from '#core/lane.ts';
import type { Clock, Digest, Fs, Log } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import type { Workspace } from '#core/settings.ts';
import { makeSharedMoney, type SharedMoney } from '#daemon/shared-money.ts';
import { makeSharing, type Sharing } from '#daemon/sharing.ts';
import { bootId, isAlive } from '#platform/process-facts.ts';
import { codeOf, makeFs } from '#platform/files.ts';
import { foreignMountOf } from '#platform/foreign-mounts.ts';
import { readSmall } from '#platform/small-files.ts';
import { isRunFile, NAMES } from '#tools/exit.ts';
import { codeGitFolder } from './code.ts';
import type { Io } from './io.ts';
import { clock, openSharedFile } from './parts.ts';
import { saltFile } from './places.ts';
import type { UserState } from './user-state.ts';

/** The number goes up when its tables change: dockets of different forms then share nothing with one another. */
export const LIMITS_FILE = 'limits-1.db';
export const WRITER_FILE = 'writer-1.db';
const OFFLINE = 'offline';
const RUN_BYTES_MAX = 65_536;
const ACCOUNT_LENGTH = 8;
const SALT_BYTES = 16;

/** Does the program still run whose run.json lies in this folder? A keeper goes on when its daemon is gone. */
export function isRunAlive(folder: string): boolean {
  if (foreignMountOf(folder) !== null) return isForeignRunAlive(folder);
  try {
    const read = readSmall(path.join(folder, NAMES.run), RUN_BYTES_MAX);
    return read !== null && doesRun(read.bytes);
  } catch {
    return false;
  }
}

function doesRun(bytes: Uint8Array): boolean {
  const run: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return isRunFile(run) && run.bootId === bootId() && isAlive(run.pid, run.pidStart);
}

/** Of runs on file systems that may not answer: what was read there; null: nothing yet. */
const foreignRuns = new Map<string, Uint8Array | null>();

/** Not read in this thread. Until it was read the run keeps its place. */
function isForeignRunAlive(folder: string): boolean {
  const known = foreignRuns.get(folder);
  if (known === undefined) {
    foreignRuns.set(folder, null);
    makeFs()
      .readBounded(path.join(folder, NAMES.run), RUN_BYTES_MAX)
      .then(
        ({ bytes }) => foreignRuns.set(folder, bytes),
        (error: unknown) => {
          // Asked again as long as nothing is known; what is not there does not run.
          if (codeOf(error) === 'ETIMEDOUT') foreignRuns.delete(folder);
          else foreignRuns.set(folder, new Uint8Array());
        },
      );
  }
  if (known === undefined || known === null) return true;
  let isAliveNow = false;
  try {
    isAliveNow = doesRun(known);
  } catch {
    // Torn, or not there: it counts as ended.
  }
  if (!isAliveNow) foreignRuns.delete(folder);
  return isAliveNow;
}

export type Accounts = {
  /** Letters for the lane of an account. */
  readonly letters: (credential: string) => string;
  /** What the letters stand for, the same in all workspaces; null: nobody knows them. */
  readonly credentialOf: (letters: string) => string | null;
};

/**
 * The same account has the same letters in all workspaces of this user. A workspace that has made letters of its own before (a salt in its state) keeps them,
 * so that lanes keep their names.
 */
export async function accountsOf(
  workspace: Pick<Workspace, 'state'>,
  user: Result<UserState, string>,
  fs: Pick<Fs, 'facts' | 'replace' | 'readBounded'>,
  digest: Digest,
): Promise<Accounts> {
  const file = saltFile(workspace.state);
  const isOwn = (await fs.facts(file)) !== null;
  if (!isOwn && !user.ok) await fs.replace(file, digest.randomBytes(SALT_BYTES), 'safety', 0o600);
  const salt = isOwn || !user.ok ? Buffer.from((await fs.readBounded(file, 1_000)).bytes).toString('hex') : user.value.salt;
  const known = new Map<string, string>();
  return {
    letters(credential) {
      const letters = digest.sha256(`${salt} ${credential}`).slice(0, ACCOUNT_LENGTH);
      known.set(letters, credential);
      return letters;
    },
    credentialOf: (letters) => known.get(letters) ?? null,
  };
}

type KeyParts = {
  readonly workspace: Pick<Workspace, 'runners' | 'httpRunners'>;
  /** `lane:` of the roles. */
  readonly roleLanes: readonly (string | null)[];
  readonly accounts: Accounts;
  readonly salt: string;
  readonly env: Io['env'];
  readonly digest: Digest;
};

/**
 * Which account a lane draws on, as a hash. A lane takes part when docket can tell its account, when its tool has one for all (the provider's name), or when
 * a person has named it (`lane:`): the same name is the same account. Offline, and programs of a person's own that name no lane, take none.
 */
export function keyMaker({ workspace, roleLanes, accounts, salt, env, digest }: KeyParts): (lane: string) => string | null {
  const keys = new Map<string, string | null>();
  const named = new Set([...workspace.runners, ...workspace.httpRunners].map(({ lane }) => lane).concat(roleLanes));
  const meaning = (lane: string): string | null => {
    if (lane === OFFLINE) return null;
    const letters = accountOf(lane);
    const credential = letters === null ? null : accounts.credentialOf(letters);
    if (credential !== null) return `account ${providerOf(lane)} ${credential}`;
    if (named.has(lane)) return `lane ${lane}`;
    const http = workspace.httpRunners.find(({ name }) => name === lane);
    if (http !== undefined) return `http ${http.baseUrl} ${http.keyEnv === null ? '' : (env[http.keyEnv] ?? '')}`;
    return workspace.runners.some(({ name, kind }) => name === lane && kind === 'command') ? null : `lane ${lane}`;
  };
  return (lane) => {
    const known = keys.get(lane);
    if (known !== undefined) return known;
    const means = meaning(lane);
    const key = means === null ? null : digest.sha256(`${salt} ${means}`);
    keys.set(lane, key);
    return key;
  };
}

type Parts = { readonly clock: Clock; readonly log: Log; readonly instance: string };

/** Of the accounts; null: switched off (throttle.shared). */
export function accountSharing(workspace: Workspace, user: Result<UserState, string>, parts: Parts): Sharing | null {
  if (!workspace.settings['throttle.shared']) return null;
  return makeSharing({
    ...parts,
    what: 'limits and budgets are not shared with the other dockets of this machine, and hold for this one alone',
    open() {
      if (!user.ok) throw new Error(user.error);
      return openSharedFile(path.join(user.value.folder, LIMITS_FILE), parts.instance, isRunAlive);
    },
  });
}

/** Who writes in the work tree: in its git folder, so all that point to the same one find it; in the workspace's own state where there is none. */
export async function writerSharing(workspace: Workspace, fs: Pick<Fs, 'makeFolders'>, parts: Parts): Promise<Sharing> {
  const git = await codeGitFolder(workspace.code).catch(() => null);
  const folder = git === null ? workspace.state : path.join(git, 'docket');
  const made = await fs.makeFolders(folder, 0o700).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  const sharing = makeSharing({
    ...parts,
    what: `other dockets that write in ${workspace.code} are not waited for`,
    open() {
      if (made !== null) throw made;
      return openSharedFile(path.join(folder, WRITER_FILE), parts.instance, isRunAlive);
    },
  });
  // In a linked work tree it also says that a docket works here (platform/git-state.ts), so it is made before anything runs.
  if (git !== null && path.basename(path.dirname(git)) === 'worktrees') sharing.use(() => undefined);
  return sharing;
}

type MoneyParts = {
  readonly sharing: Sharing | null;
  readonly keyOf: (lane: string) => string | null;
  readonly lanes: readonly string[];
  readonly salt: string;
  readonly fs: Pick<Fs, 'realPath'>;
  readonly digest: Digest;
};

/** For the purse; absent: switched off. */
export async function sharedMoneyOf(
  workspace: Workspace,
  { sharing, keyOf, lanes, salt, fs, digest }: MoneyParts,
): Promise<SharedMoney | undefined> {
  if (sharing === null) return undefined;
  const history = await fs.realPath(workspace.history).catch(() => workspace.history);
  return makeSharedMoney({
    sharing,
    clock,
    pollMs: workspace.settings['throttle.shared_poll'],
    keyOf,
    lanes,
    budgetLanes: workspace.laneBudgets.map(({ lane }) => lane),
    history: digest.sha256(`${salt} history ${history}`),
  });
}
