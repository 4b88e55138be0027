/**
 * The half of the composition root that builds the objects; start.ts takes the locks first, and brings them to life.
 */

import { makeDocuments } from '#agents/contract-thread.ts';
import { makeRunners, type Runners } from '#agents/registry.ts';
import { isJobId } from '#core/names.ts';
import type { Journal, Log } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { makeAcceptance } from '#daemon/acceptance.ts';
import { scanUnlessLeaving } from '#daemon/leaving.ts';
import { tellingPurse } from '#daemon/notify.ts';
import type { Ports } from '#daemon/ports.ts';
import { openReleases } from '#daemon/releases.ts';
import type { Pauses } from '#daemon/pauses.ts';
import { makeLiveRuns, type LiveRuns } from '#daemon/live-runs.ts';
import { makeLanes } from '#daemon/schedule.ts';
import { askProgram } from '#platform/ask.ts';
import { makeDigest } from '#platform/digest.ts';
import { openMark } from '#platform/mark.ts';
import { type Epoch } from '#platform/epoch.ts';
import { type FencedFs } from '#platform/fenced-fs.ts';
import { makeFs } from '#platform/files.ts';
import { makeHeapRoom } from '#platform/heap.ts';
import { hostName } from '#platform/system.ts';
import type { Programs } from '#policy/program.ts';
import { makeLayout } from '#spool/layout.ts';
import { makeClean } from './clean.ts';
import { authorOf } from './person.ts';
import { makeCodeSnapshot } from './code.ts';
import { eventsOf } from './events.ts';
import { glanceParts, type GlanceParts } from './glance-parts.ts';
import { heardJournal, notifyOf } from './notify-start.ts';
import { CliError, EXIT } from './io.ts';
import { connectWorkspaceKeeper } from './keeper-door.ts';
import { loadProfiles, loadRoles, loadSpecs } from './load.ts';
import { describeFileFaults } from './open.ts';
import { clock, historyOf, journalOf, spoolOf } from './parts.ts';
import { crashPoint } from './crash-point.ts';
import { packageVersion } from './package.ts';
import { laneName, makeLaneRules } from './lane-rules.ts';
import { ownersOf, preparedSpool } from './owners.ts';
import { openSecretScan } from './secret-scan-of.ts';
import { purseOf } from './purse.ts';
import { daemonToolPorts } from './tool-ports.ts';
import { loadPrices } from './settings-prices.ts';
import { mustSign, signingOf } from './signing.ts';
import { parsingFile, releasesFile } from './places.ts';
import { accountSharing, accountsOf, keyMaker, sharedMoneyOf, writerSharing } from './shared.ts';
import { openUserState } from './user-state.ts';
import { scopeOf } from './scope.ts';
import { refuseSecretSettings } from './workspace-secrets.ts';

export type StartOptions = {
  readonly workspace: Workspace;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: boolean;
  readonly color: boolean;
  /** Takes a line for the terminal; null: standard error does. */
  readonly print: ((line: string) => void) | null;
  /** Rings the bell of the terminal; absent: there is none. */
  readonly ring?: () => void;
  /** The first request to stop: drains. */
  readonly stop: AbortSignal;
  /** The second one: leaves the runs to the keeper and goes. */
  readonly leave: AbortSignal;
  readonly onStopAsked: (by: string) => void;
  /** Called once everything is up, before the first round. */
  readonly onReady: (facts: {
    readonly roles: readonly Role[];
    readonly runners: Runners;
    readonly rescued: number;
    readonly live: LiveRuns;
  }) => void;
};

/** Whose turn it is, and the question whether it still is. */
type Turn = { readonly instance: string; readonly epoch: Epoch; readonly check: () => void; readonly fs: FencedFs };

/** Nothing is committed out of turn. */
const fencedJournal = (journal: Journal, check: () => void): Journal => ({
  ...journal,
  async commit(changes) {
    check();
    return journal.commit(changes);
  },
  async note(changes) {
    check();
    return journal.note(changes);
  },
});

export const isLocked = (error: unknown): error is Error => error instanceof Error && 'code' in error && error.code === 'ELOCKED';

export async function makePorts(
  options: StartOptions,
  log: Log,
  { instance, epoch, check, fs }: Turn,
  { pauses, programs }: { readonly pauses: Pauses; readonly programs: Programs },
  stopping: AbortSignal,
  closers: (() => void | Promise<void>)[],
): Promise<{ readonly ports: Ports; readonly glance: GlanceParts }> {
  const { workspace, env } = options;
  const digest = makeDigest();
  await refuseSecretSettings(fs, workspace);
  const roles = await loadRoles(fs, workspace);
  if (!roles.ok) throw new CliError(describeFileFaults(roles.error), EXIT.environment);
  const specs = await loadSpecs(fs, workspace);
  if (!specs.ok) throw new CliError(describeFileFaults(specs.error), EXIT.environment);
  const profiles = await loadProfiles(fs, workspace);
  if (!profiles.ok) throw new CliError(describeFileFaults(profiles.error), EXIT.environment);

  const clean = makeClean(env);
  const notify = await notifyOf(workspace, env, { clock, log, ring: options.ring ?? null }, closers);
  const { journal, onAttempt } = heardJournal(fencedJournal(journalOf(workspace, log, check), check), notify, {
    roles: roles.value,
    listed: workspace.settings['review.unreviewed_roles'],
  });
  closers.push(() => {
    journal.close();
  });
  const parsing = openMark(parsingFile(workspace.state));
  closers.push(() => {
    parsing.close();
  });
  if (parsing.left !== null) log.warn('the daemon before this one died while it read a prompt', { job: parsing.left });
  const suspect = parsing.left !== null && isJobId(parsing.left) ? parsing.left : null;
  const owners = await ownersOf(fs, workspace);
  const spool = await preparedSpool(spoolOf(workspace, [...roles.value.values()], log, fs, suspect, owners));
  const signing = signingOf(workspace, fs);
  await mustSign(signing, log);
  const history = historyOf(workspace, log, fs, signing);
  await history.open().catch((error: unknown) => {
    // Somebody else's daemon, or a verb, has it: words for a person, not a stack.
    if (isLocked(error)) throw new CliError(`not started: ${error.message}`, EXIT.environment);
    throw error;
  });
  closers.push(async () => history.close());
  const secrets = await openSecretScan(fs, workspace, { makesKey: true, isDaemon: true });
  closers.push(async () => secrets.close());
  const documents = makeDocuments({
    deadlineMs: workspace.settings['contract.timeout'],
    bytesMax: workspace.settings['contract.document_bytes'],
  });
  closers.push(async () => documents.close());
  const keeper = await connectWorkspaceKeeper(workspace, log, { check, text: epoch.text });
  closers.push(() => {
    keeper.close();
  });

  const user = await openUserState(env, fs, digest);
  const accounts = await accountsOf(workspace, user, fs, digest);
  const sharing = { clock, log, instance };
  const limits = accountSharing(workspace, user, sharing);
  const writers = await writerSharing(workspace, fs, sharing);
  closers.push(() => {
    limits?.close();
    writers.close();
  });
  const prices = await loadPrices(fs, workspace);
  const releases = await openReleases({ fs, clock, log }, releasesFile(workspace.state));
  closers.push(async () => releases.settled());
  const runners = makeRunners(workspace, profiles.value, daemonToolPorts(workspace, env, programs, accounts));
  await runners.prepare();
  const salt = user.ok ? user.value.salt : '';
  const keyOf = keyMaker({ workspace, roleLanes: [...roles.value.values()].map(({ lane }) => lane), accounts, salt, env, digest });
  const lanes = runners.names().flatMap((name) => runners.get(name)?.lane ?? []);
  const shared = await sharedMoneyOf(workspace, { sharing: limits, keyOf, lanes, salt, fs, digest });
  const purse = await purseOf({ workspace, clock, log, fs, journal, history, releases, ...(shared === undefined ? {} : { shared }) });

  const acceptance = makeAcceptance({
    history,
    roles: roles.value,
    code: { fs, digest, root: workspace.code },
    settings: workspace.settings,
  });
  const glance = glanceParts(workspace, roles.value, { fs, clock, history, journal, acceptance });
  onAttempt((changes) => {
    glance.tally.hear(changes);
  });
  const ports: Ports = {
    workspace,
    clock,
    digest,
    log,
    fs,
    random: Math.random,
    spool,
    history,
    acceptance,
    signing,
    journal,
    secrets: scanUnlessLeaving(secrets, stopping),
    keeper,
    documents,
    runners,
    lanes: makeLanes({
      clock,
      journal,
      log,
      random: Math.random,
      pauses,
      ...makeLaneRules(workspace, roles.value, runners),
      outside: { pollMs: workspace.settings['throttle.shared_poll'], accounts: limits, keyOf, writers, code: workspace.code },
    }),
    prices,
    purse: notify === null ? purse : tellingPurse(purse, notify),
    live: makeLiveRuns({ clock, prices }),
    scope: await scopeOf(workspace, askProgram, async (one) => fs.realPath(one)),
    ...(await eventsOf(workspace, env, { fs, log, clean }, closers)),
    clean,
    waitsForAnswers: new Map(),
    waitsForMoney: new Map(),
    waitsOutside: new Map(),
    heldChildren: new Map(),
    ...(workspace.settings['emit.auto_next'] ? { nextUp: { author: async () => authorOf(workspace), features: new Set() } } : {}),
    laneOf: (role, runner) => laneName(roles.value, runners, workspace, role, runner),
    roles: roles.value,
    specs: specs.value,
    code: makeCodeSnapshot(askProgram, clock, workspace.code),
    scanIntervalMs: await scanInterval(workspace, [...roles.value.values()]),
    stopping,
    daemon: { version: packageVersion(), host: hostName(), instance },
    whileParsing: (job, act) => {
      check();
      return parsing.during(job, act);
    },
    ...makeHeapRoom(),
    reached: crashPoint(env['DOCKET_CRASH_AT']),
  };
  return { ports, glance };
}

/** A network file system tells nothing of what others write there. */
async function scanInterval(workspace: Workspace, roles: readonly Role[]): Promise<number> {
  const layout = makeLayout(workspace.queues);
  // One that cannot be asked now (its server is gone, and its role waits) may well be one when it is back.
  const isNetwork = async (role: Role): Promise<boolean> =>
    makeFs()
      .fileSystem(layout.in(role.folder))
      .then(({ network }) => network)
      .catch(() => true);
  const places = await Promise.all(roles.map(isNetwork));
  const { settings } = workspace;
  const everyMs = settings['intake.scan_interval'];
  return places.includes(true) ? Math.min(everyMs, settings['intake.scan_interval_network']) : everyMs;
}
