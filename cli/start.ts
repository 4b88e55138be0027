/**
 * The only composition root: builds every object of a running daemon and hands each room what it may use.
 * Order: kernel lock (decides) -> visible lock and daemon.json (for people) -> journal, spool, history -> rescue -> watch -> loop.
 */

import { makeDocuments } from '#agents/contract-thread.ts';
import { makeRunners, type Runners } from '#agents/registry.ts';
import { isJobId } from '#core/names.ts';
import type { Journal, KernelLock, Log } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { makeAcceptance } from '#daemon/acceptance.ts';
import { CONTROL_LINE_BYTES, serveControl } from '#daemon/control.ts';
import { makeDaemon } from '#daemon/daemon.ts';
import { scanUnlessLeaving } from '#daemon/leaving.ts';
import { tellingPurse } from '#daemon/notify.ts';
import type { Ports } from '#daemon/ports.ts';
import { openReleases } from '#daemon/releases.ts';
import { keepRetention } from '#daemon/retention.ts';
import type { Pauses } from '#daemon/pauses.ts';
import { makeLiveRuns, type LiveRuns } from '#daemon/live-runs.ts';
import { makeLanes } from '#daemon/schedule.ts';
import { askProgram } from '#platform/ask.ts';
import { makeDigest } from '#platform/digest.ts';
import { openMark } from '#platform/mark.ts';
import { takeEpoch, type Epoch } from '#platform/epoch.ts';
import { fencedFs, type FencedFs } from '#platform/fenced-fs.ts';
import { makeFs } from '#platform/files.ts';
import { makeHeapRoom } from '#platform/heap.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeLog, type ClosableLog, type LogLevel } from '#platform/log.ts';
import { makeSockets } from '#platform/socket.ts';
import { hostName } from '#platform/system.ts';
import { takeVisibleLock } from '#platform/visible-lock.ts';
import { startWatch } from '#platform/watch.ts';
import type { Programs } from '#policy/program.ts';
import { isPromptText, makeLayout } from '#spool/layout.ts';
import { makeClean } from './clean.ts';
import { authorOf } from './author.ts';
import { makeCodeSnapshot } from './code.ts';
import { daemonFacts, describeHolder, readHolder } from './holder.ts';
import { tellAtStart } from './committed.ts';
import { eventsOf } from './events.ts';
import { glanceOf, glanceParts, type GlanceParts } from './glance-parts.ts';
import { heardJournal, notifyOf, settingsHash } from './notify-start.ts';
import { CliError, EXIT } from './io.ts';
import { connectWorkspaceKeeper } from './keeper-door.ts';
import { loadProfiles, loadRoles, loadSpecs } from './load.ts';
import { describeFileFaults } from './open.ts';
import { clock, historyOf, journalOf, spoolOf } from './parts.ts';
import { crashPoint } from './crash-point.ts';
import { packageVersion } from './package.ts';
import { laneName, makeLaneRules } from './lane-rules.ts';
import { mustBeOurs, ownersOf, preparedSpool } from './owners.ts';
import { pausesOf } from './pauses.ts';
import { programsOf } from './programs.ts';
import { openSecretScan } from './secret-scan-of.ts';
import { purseOf } from './purse.ts';
import { daemonToolPorts } from './tool-ports.ts';
import { loadPrices } from './settings-prices.ts';
import { mustSign, signingOf } from './signing.ts';
import { controlSocket, daemonFile, epochFile, lockFile, logFolder, parsingFile, releasesFile, visibleLock } from './places.ts';
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

/** Runs a daemon until it is told to stop. Throws CliError 3 when it cannot start; returns when all is closed. */
export async function runDaemon(options: StartOptions): Promise<'drained' | 'left'> {
  const { workspace } = options;
  const fs = makeFs();
  await mustBeOurs(fs, workspace);
  await fs.makeFolders(workspace.state, 0o700);
  await fs.chmod(workspace.state, 0o700);
  const place = await fs.fileSystem(workspace.state);
  if (place.network)
    throw new CliError(
      `${workspace.state} is on a network file system (${place.type}), where locks cannot be trusted: set queues: in docket.yaml to a local folder`,
      EXIT.environment,
    );

  const lock = await takeLock(workspace);
  if (lock === null) throw new CliError(describeHolder(workspace, await readHolder(fs, workspace.state)), EXIT.environment);
  try {
    const log = makeLog({
      folder: logFolder(workspace.state),
      level: workspace.settings['log.level'] as LogLevel,
      maxBytes: workspace.settings['log.max_bytes'],
      keep: workspace.settings['log.keep'],
      terminal: options.terminal,
      color: options.color,
      print: options.print ?? undefined,
    });
    await tellAtStart(log, workspace);
    try {
      return await runLocked(options, lock, log);
    } finally {
      log.close();
    }
  } finally {
    lock.release();
  }
}

/** `docket doctor` and a daemon that is just ending hold it for an instant: a short wait tells them from one that stays. */
const LOCK_WAIT_MS = 300;

async function takeLock(workspace: Workspace): Promise<KernelLock | null> {
  try {
    return await makeKernelLocks().acquire(lockFile(workspace.state), LOCK_WAIT_MS);
  } catch (error) {
    if (isLocked(error)) return null;
    throw error;
  }
}

const isLocked = (error: unknown): error is Error => error instanceof Error && 'code' in error && error.code === 'ELOCKED';

async function runLocked(options: StartOptions, lock: KernelLock, log: ClosableLog): Promise<'drained' | 'left'> {
  const { workspace } = options;
  const closers: (() => void | Promise<void>)[] = [];
  const fatal = Promise.withResolvers<never>();
  fatal.promise.catch(() => undefined);
  const instance = makeDigest().uuid();
  const epoch = await takeEpoch(epochFile(workspace.state), lock, instance, makeFs());
  let isLost = false;
  const hasTurn = (): boolean => !isLost;
  /** Throws when it is not our turn any more, and stops the daemon at once: the next step is somebody else's. */
  const check = (): void => {
    try {
      epoch.check();
    } catch (error) {
      isLost = true;
      const words = `the kernel lock is lost, so nothing more is written: ${error instanceof Error ? error.message : String(error)}`;
      fatal.reject(new CliError(words, EXIT.environment));
      throw error;
    }
  };
  const watchLock = (): boolean => {
    try {
      check();
    } catch {
      // It has been told.
    }
    return hasTurn();
  };
  const fs = fencedFs(check);
  try {
    closers.push(await takeVisibleLock(workspace.state, visibleLock(workspace.state), log, watchLock));
    const startedAt = clock.now().toISOString();
    await fs.replace(daemonFile(workspace.state), `${JSON.stringify(daemonFacts(instance, startedAt), null, 2)}\n`, 'safety');
    closers.push(async () => fs.unlink(daemonFile(workspace.state)).catch(() => undefined));

    const stopping = new AbortController();
    const pauses = await pausesOf(workspace, fs);
    const programs = programsOf(workspace, fs);
    const settingsSha256 = await settingsHash(fs, workspace.root);
    const { ports, glance } = await makePorts(options, log, { instance, epoch, check, fs }, { pauses, programs }, stopping.signal, closers);
    const daemon = makeDaemon(ports, (error) => {
      fatal.reject(error);
    });
    // However it ends, nothing is claimed or started any more when the journal and the lock are given back.
    const halt = new AbortController();
    closers.push(() => {
      halt.abort();
      ports.lanes.stop();
      stopping.abort();
    });
    const [latest] = ports.journal.recent(1);
    const rescued = await daemon.rescue();
    if (rescued > 0) log.info(`${String(rescued)} jobs of an earlier start go on`);

    const watch = await startWatch(
      workspace.queues,
      (noticed) => {
        if (noticed !== null && !isPromptText(noticed.name)) return;
        daemon.intake.notice(noticed);
        daemon.hint.poke();
      },
      (error) => {
        log.warn(
          `watching the folders: ${error.message}; they are looked at every ${String(workspace.settings['intake.scan_interval'])} ms all the same`,
        );
        daemon.intake.notice(null);
        daemon.hint.poke();
      },
    );
    closers.push(async () => watch.close());
    const control = await makeSockets().serve(
      controlSocket(workspace.state),
      serveControl({
        ports,
        daemon,
        pauses,
        programs,
        startedAt,
        glance: glanceOf(ports, glance, settingsSha256),
        stop: options.onStopAsked,
      }),
      { clients: workspace.settings['limits.clients'], lineBytes: CONTROL_LINE_BYTES },
    );
    closers.push(async () => control.close());
    const retention = {
      spool: ports.spool,
      clock,
      log,
      ageMs: workspace.settings['retention.processed'],
      lastSeen: latest === undefined ? null : new Date(latest.changedAt),
      stopping: stopping.signal,
    };
    keepRetention(retention).catch(fatal.reject);
    const guard = watchState(ports.journal, watchLock, fatal.reject);
    closers.push(guard);

    options.onReady({ roles: [...ports.roles.values()], runners: ports.runners, rescued, live: ports.live });
    await Promise.race([daemon.loop(AbortSignal.any([options.stop, halt.signal])), fatal.promise]);

    ports.lanes.stop();
    stopping.abort();
    const left = new Promise<false>((resolve) => {
      if (options.leave.aborted) resolve(false);
      options.leave.addEventListener('abort', () => {
        resolve(false);
      });
    });
    const isDrained = await Promise.race([daemon.drain(workspace.settings['stop.drain']), left, fatal.promise]);
    if (!isDrained)
      log.warn(`${String(daemon.jobs().length)} jobs still run: the keeper watches them, the next start takes up their answers`);
    return isDrained ? 'drained' : 'left';
  } finally {
    // Sockets, the visible lock and daemon.json bear names that belong to the next daemon now; the process ends anyway.
    if (hasTurn()) for (const close of closers.toReversed()) await close();
    else await Promise.race([fs.settled(), clock.sleep(SETTLE_MS)]);
  }
}

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

/** Longest wait for changes that were begun in turn to take themselves back. */
const SETTLE_MS = 5_000;
const GUARD_INTERVAL_MS = 2_000;

/** Is the lock still ours, is the journal still the file we write? When not, stop at once: the next start mends it. */
function watchState(journal: Journal, watchLock: () => boolean, lost: (error: Error) => void): () => void {
  const timer = setInterval(() => {
    if (!watchLock()) return;
    const broken = journal.brokenBy();
    if (broken !== null)
      lost(
        new CliError(
          `the journal cannot be trusted any more: ${broken.message}: look at the disk and start docket again, it goes on from work/ and history`,
          EXIT.environment,
        ),
      );
    else if (!journal.isIntact())
      lost(
        new CliError(
          'the journal was removed or replaced under the running daemon: start it again, it is rebuilt from work/ and history',
          EXIT.environment,
        ),
      );
  }, GUARD_INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

async function makePorts(
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

  const prices = await loadPrices(fs, workspace);
  const releases = await openReleases({ fs, clock, log }, releasesFile(workspace.state));
  closers.push(async () => releases.settled());
  const purse = await purseOf({ workspace, clock, log, fs, journal, history, releases });

  const runners = makeRunners(workspace, profiles.value, await daemonToolPorts(workspace, env, programs, { fs, digest }));
  await runners.prepare();

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
    lanes: makeLanes({ clock, journal, log, random: Math.random, pauses, ...makeLaneRules(workspace, roles.value, runners) }),
    prices,
    purse: notify === null ? purse : tellingPurse(purse, notify),
    live: makeLiveRuns({ clock, prices }),
    scope: await scopeOf(workspace, askProgram, async (one) => fs.realPath(one)),
    ...(await eventsOf(workspace, env, { fs, log, clean }, closers)),
    clean,
    waitsForAnswers: new Map(),
    waitsForMoney: new Map(),
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
    inFlight: makeHeapRoom(),
    reached: crashPoint(env['DOCKET_CRASH_AT']),
  };
  return { ports, glance };
}

/** A network file system tells nothing of what others write there. */
async function scanInterval(workspace: Workspace, roles: readonly Role[]): Promise<number> {
  const layout = makeLayout(workspace.queues);
  const places = await Promise.all(roles.map(async (role) => makeFs().fileSystem(layout.in(role.folder))));
  const { settings } = workspace;
  const everyMs = settings['intake.scan_interval'];
  return places.some((place) => place.network) ? Math.min(everyMs, settings['intake.scan_interval_network']) : everyMs;
}
