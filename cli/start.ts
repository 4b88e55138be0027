/**
 * The only composition root of a running daemon: takes the locks, has start-ports.ts build every object and hand each room what it may use, and runs it.
 * Order: kernel lock (decides) -> visible lock and daemon.json (for people) -> journal, spool, history -> rescue -> watch -> loop.
 */

import type { Journal, KernelLock } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { CONTROL_LINE_BYTES, serveControl } from '#daemon/control.ts';
import { makeDaemon } from '#daemon/daemon.ts';
import { keepRetention } from '#daemon/retention.ts';
import { makeDigest } from '#platform/digest.ts';
import { takeEpoch } from '#platform/epoch.ts';
import { fencedFs } from '#platform/fenced-fs.ts';
import { makeFs } from '#platform/files.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeLog, type ClosableLog, type LogLevel } from '#platform/log.ts';
import { makeSockets } from '#platform/socket.ts';
import { takeVisibleLock } from '#platform/visible-lock.ts';
import { startWatch } from '#platform/watch.ts';
import { isPromptText } from '#spool/layout.ts';
import { daemonFacts, describeHolder, readHolder } from './holder.ts';
import { tellAtStart } from './committed.ts';
import { glanceOf } from './glance-parts.ts';
import { settingsHash } from './notify-start.ts';
import { CliError, EXIT } from './io.ts';
import { clock } from './parts.ts';
import { mustBeOurs } from './owners.ts';
import { pausesOf } from './pauses.ts';
import { enterRegistry, thisMachine } from './registry.ts';
import { programsOf } from './programs.ts';
import { controlSocket, daemonFile, epochFile, lockFile, logFolder, visibleLock } from './places.ts';

import { isLocked, makePorts, type StartOptions } from './start-ports.ts';

export type { StartOptions } from './start-ports.ts';

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
    const leaveRegistry = await enterRegistry({
      fs: makeFs(),
      env: options.env,
      log,
      locks: makeKernelLocks(),
      machine: thisMachine(),
      workspace,
      daemonsMax: workspace.settings['daemons.max'],
      instance,
      startedAt,
      now: () => clock.now(),
    });

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
    await leaveRegistry();
    return isDrained ? 'drained' : 'left';
  } finally {
    // Sockets, the visible lock and daemon.json bear names that belong to the next daemon now; the process ends anyway.
    if (hasTurn()) for (const close of closers.toReversed()) await close();
    else await Promise.race([fs.settled(), clock.sleep(SETTLE_MS)]);
  }
}

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
