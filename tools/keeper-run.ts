/**
 * One run in the keeper's hands.
 *
 *   gate started -> run.json durable -> go -> watched -> ended (by itself, or its tree is ended) -> exit.json -> it and both outputs synced -> told
 *
 * Invariants: nothing runs before its run.json is on disk; exit.json is written only when no process of the run is left, and nobody is told before it and
 * both outputs are synced (one that a power cut leaves without them names other hashes than they have, and is believed by nobody: exit.ts); files of an
 * attempt are made new, never opened again, so a start that came first wins.
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { Clock, Fs, StartRun } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { ExitFile, RunFile, StopReason } from '#core/run.ts';
import type { Sha256 } from '#core/names.ts';
import type { Processes, StartedProgram } from '#platform/process.ts';
import { ceilingPassed, hasCeiling } from './ceilings.ts';
import { endTree, MARKER } from './end-tree.ts';
import { NAMES, readRun } from './exit.ts';
import { endOf } from './sandbox-exit.ts';
import { makeRunFolder } from './run-folder.ts';

export type RunPorts = {
  readonly fs: Fs;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly hashFile: (path: string) => Promise<{ readonly sha256: Sha256; readonly sizeBytes: number }>;
  /** Shortens a file to this length. */
  readonly cutFile: (path: string, bytes: number) => Promise<void>;
  /** Trouble that no client may be there to hear of; goes to keeper.log. */
  readonly note: (message: string) => void;
  /** The same to whoever is there: keeper.log lies on the disk that may be full. */
  readonly tell?: (failure: Failure) => void;
  /** Between SIGTERM and SIGKILL; tests shorten it. */
  readonly graceMs?: number;
};

export type LiveRun = {
  readonly run: RunFile;
  /** Null only when exit.json could not be written for COMMIT_TRIES_MAX tries, or until `stop`: the run is lost. Never rejects. */
  readonly ended: Promise<ExitFile | null>;
  stop(reason: StopReason): void;
};

/** How often the limits are looked at; oftener at first, and while the output grows fast towards its limit: a flood writes a gigabyte in a second. */
const LOOK_MS = 250;
const LOOK_SOON_MS = 20;
/** An hour: a disk may be full for long, and a run that is lost is started again. */
const COMMIT_TRIES_MAX = 720;
const COMMIT_PAUSE_MS = 1_000;
const COMMIT_PAUSE_MS_MAX = 5_000;
/** After the first try, each so many more are told. */
const TOLD_TRIES = 12;
const TAKE_BACK_TRIES_MAX = 60;

const codeOf = (error: unknown): string => {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : 'ERROR';
};
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function startFailure(error: unknown, request: StartRun): Failure {
  const at = error instanceof Error ? (error as { readonly path?: unknown }).path : undefined;
  const { program } = request.plan;
  if (codeOf(error) === 'ENOENT' && at === program) return { kind: 'missing-program', program, searched: path.dirname(program) };
  return {
    kind: 'environment',
    what: 'the program could not be started',
    path: typeof at === 'string' ? at : program,
    code: codeOf(error),
    message: messageOf(error),
  };
}

/** All of them, to their end; then the first error. */
async function all(acts: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(acts)) if (one.status === 'rejected') throw one.reason;
}

/** Starts the program behind its gate, writes run.json, lets it go. */
export async function startRun(ports: RunPorts, request: StartRun): Promise<Result<LiveRun, Failure>> {
  const { fs, processes, clock } = ports;
  const { plan, dir, runId, token, limits } = request;
  const at = (name: string): string => path.join(dir, name);
  let started: StartedProgram;
  let home: bigint | null;
  try {
    home = await inodeOf(fs, dir);
    await makeRunFolder(fs, dir);
    await makeRunFolder(fs, at(NAMES.tmp));
    started = await processes.start({
      program: plan.program,
      args: plan.args,
      env: { ...plan.env, TMPDIR: at(NAMES.tmp), [MARKER]: runId },
      cwd: plan.cwd,
      stdinPath: plan.stdin,
      stdoutPath: at(NAMES.stdout),
      stderrPath: at(NAMES.stderr),
      gate: true,
    });
  } catch (error) {
    return err(startFailure(error, request));
  }
  const now = clock.now();
  const run: RunFile = {
    v: 1,
    runId,
    token,
    pid: started.pid,
    pidStart: started.startTime,
    bootId: processes.bootId(),
    startedAt: now.toISOString(),
    deadline: new Date(now.getTime() + limits.timeoutMs).toISOString(),
    shown: plan.shown,
    ...(plan.sandbox === undefined ? {} : { sandbox: plan.sandbox }),
  };
  try {
    await fs.writeDerived(at(NAMES.run), `${JSON.stringify(run, null, 2)}\n`);
    // Side by side: one wait for the disk.
    await all([fs.syncFile(at(NAMES.run), 'no-second-run'), fs.syncFolder(dir, 'no-second-run')]);
  } catch (error) {
    processes.signal(started.pid, 'SIGKILL', true);
    return err(startFailure(error, request));
  }
  return ok(follow(ports, request, run, { started, home }));
}

/**
 * After a start that failed before "go": its run.json, if it came to lie there, is taken away, so that nobody counts it as a start. It tries for a minute;
 * one that stays makes the evidence tell a start too many, never too few.
 */
export async function takeBack({ fs, clock, note }: RunPorts, { dir, runId, token }: StartRun): Promise<void> {
  for (let tries = 1; tries <= TAKE_BACK_TRIES_MAX; tries++) {
    try {
      const left = await readRun(dir, fs);
      if (left?.runId === runId && left.token === token) await fs.unlink(path.join(dir, NAMES.run));
      return;
    } catch (error) {
      note(`run ${runId}: it was not started, and its run.json could not be taken away (try ${String(tries)}): ${messageOf(error)}`);
    }
    await clock.sleep(COMMIT_PAUSE_MS);
  }
}

/** `home`: which folder the jobs' folders lie in, by its inode. */
type Begun = { readonly started: StartedProgram; readonly home: bigint | null };

const inodeOf = async (fs: RunPorts['fs'], dir: string): Promise<bigint | null> =>
  (await fs.facts(path.dirname(path.dirname(dir))))?.ino ?? null;

/** Lets the program go and watches it to its end. */
function follow(ports: RunPorts, request: StartRun, run: RunFile, { started, home }: Begun): LiveRun {
  const wake = new AbortController();
  let stopped: StopReason | null = null;
  let exit: { readonly code: number | null; readonly signal: string | null } | null = null;
  const exited = new Promise<void>((resolve) => {
    started.onExit((code, signal) => {
      exit = { code, signal };
      wake.abort('exit');
      resolve();
    });
  });
  const giveUp = new AbortController();
  const stop = (reason: StopReason): void => {
    // One that ended by itself was not stopped by anybody.
    if (exit === null) stopped ??= reason;
    else giveUp.abort('stop');
    wake.abort('stop');
  };

  async function finish(): Promise<ExitFile | null> {
    const limit = await watch(ports, request, run, wake.signal);
    // It may have ended while it was looked at.
    if (limit !== null && exit === null) stop(limit);
    // What eats the machine gets no time to say goodbye.
    const isCeiling = limit === 'memory-limit' || limit === 'process-limit';
    const left = await endTree(ports.processes, ports.clock, run, isCeiling ? 0 : ports.graceMs);
    if (left > 0) ports.note(`run ${run.runId}: ${String(left)} processes could not be ended`);
    if (left === 0 || !ports.processes.isAlive(run.pid, run.pidStart)) await exited;
    const { code, signal } = endOf(exit ?? { code: null, signal: null }, run.sandbox);
    return commit(
      ports,
      request,
      { v: 1, runId: run.runId, token: run.token, code, signal, stopped, startedAt: run.startedAt },
      { home, giveUp: giveUp.signal },
    );
  }

  started.go();
  const ended = finish().catch((error: unknown) => {
    ports.note(`run ${run.runId}: ${messageOf(error)}`);
    return null;
  });
  return { run, ended, stop };
}

/** Resolves when a limit is passed (with which), or when the signal aborts (null). */
async function watch(ports: RunPorts, request: StartRun, run: RunFile, signal: AbortSignal): Promise<StopReason | null> {
  const { fs, clock } = ports;
  const { limits, dir } = request;
  const sizeOf = async (name: string): Promise<number> => (await fs.facts(path.join(dir, name)))?.sizeBytes ?? 0;
  /** Null: the folder cannot be looked at now. The run goes on all the same, and nobody may take it for ended. */
  const size = async (): Promise<number | null> => {
    try {
      return (await sizeOf(NAMES.stdout)) + (await sizeOf(NAMES.stderr));
    } catch {
      return null;
    }
  };
  const startMs = clock.monotonicMs();
  let grownMs = startMs;
  let bytes = 0;
  let pauseMs = LOOK_SOON_MS;
  const isCeiled = hasCeiling(limits);
  for (;;) {
    const nowMs = clock.monotonicMs();
    const before = bytes;
    bytes = (await size()) ?? before;
    const grownBytes = bytes - before;
    if (grownBytes !== 0) grownMs = nowMs;
    if (signal.aborted) return null;
    if (bytes > limits.outputBytes) return 'output-limit';
    const leftMs = startMs + limits.timeoutMs - nowMs;
    if (leftMs <= 0) return 'timeout';
    const passed = isCeiled ? await ceilingPassed(ports.processes, run, limits) : null;
    if (passed !== null) return passed;
    const idleLeftMs = grownMs + limits.idleMs - nowMs;
    if (idleLeftMs <= 0) return 'idle';
    await clock.sleep(Math.min(pauseMs, leftMs, idleLeftMs), signal);
    pauseMs = grownBytes > limits.outputBytes / 10 ? LOOK_SOON_MS : Math.min(pauseMs * 1.5, LOOK_MS);
  }
}

const unwritten = (runId: string, file: string, error: unknown): Failure => ({
  kind: 'environment',
  what: `run ${runId} has ended, and its end cannot be written down; it is tried again`,
  path: file,
  code: codeOf(error),
  message: messageOf(error),
});

type Ending = Omit<ExitFile, 'endedAt' | 'stdout' | 'stderr'>;

/** Syncs the outputs, writes exit.json. A full disk may get room again: it tries for an hour, or until somebody has asked for its end. */
async function commit(
  ports: RunPorts,
  request: StartRun,
  ending: Ending,
  { home, giveUp }: { readonly home: bigint | null; readonly giveUp: AbortSignal },
): Promise<ExitFile | null> {
  const { fs, clock, hashFile, cutFile, note } = ports;
  const endedAt = clock.now().toISOString();
  const at = (name: string): string => path.join(request.dir, name);
  // Most runs leave nothing in it.
  const isRemoved = await fs.removeFolder(at(NAMES.tmp)).then(
    () => true,
    () => false,
  );
  if (!isRemoved)
    await fs.removeTree(at(NAMES.tmp)).catch((error: unknown) => {
      note(`run ${ending.runId}: its temporary folder stays: ${messageOf(error)}`);
    });
  const cut = new Set<string>();
  const sealed = async (name: string): Promise<ExitFile['stdout']> => {
    const sizeBytes = (await fs.facts(at(name)))?.sizeBytes ?? 0;
    // What is beyond the limit helps nobody, and nobody shall have to sync, hash and read a gigabyte.
    if (sizeBytes > request.limits.outputBytes) {
      await cutFile(at(name), request.limits.outputBytes);
      cut.add(name);
    }
    return hashFile(at(name));
  };
  const named = [NAMES.stdout, NAMES.stderr] as const;
  const isHome = async (): Promise<boolean> =>
    inodeOf(fs, request.dir).then(
      (inode) => inode !== null && inode === home,
      () => false,
    );
  let isLeft = false;
  const takeAway = async (): Promise<void> => {
    await fs.unlink(at(NAMES.exit)).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
    // In a folder that is out of sight nothing was taken away: it may come back with it.
    isLeft = !(await isHome());
  };
  for (let tries = 1; tries <= COMMIT_TRIES_MAX; tries++) {
    try {
      if (isLeft) await takeAway();
      const [stdout, stderr] = [await sealed(named[0]), await sealed(named[1])];
      const stopped = ending.stopped ?? (cut.size > 0 ? 'output-limit' : null);
      const exit: ExitFile = { ...ending, stopped, endedAt, stdout, stderr };
      await fs.writeDerived(at(NAMES.exit), `${JSON.stringify(exit, null, 2)}\n`);
      // One wait for the disk: an exit.json that came through a power cut without what it tells of counts as none. Of an empty file there is only the name.
      const full = named.filter((_name, index) => [stdout, stderr][index]?.sizeBytes !== 0);
      await all([...[...full, NAMES.exit].map(async (name) => fs.syncFile(at(name), 'safety')), fs.syncFolder(request.dir, 'safety')]);
      return exit;
    } catch (error) {
      note(`run ${ending.runId}: exit.json could not be written (try ${String(tries)}): ${messageOf(error)}`);
      // The folder itself is gone, and what held it is not: somebody removed the job. Else it may come back, with the run in it.
      if (codeOf(error) === 'ENOENT' && (await isHome())) return null;
      // Whole, torn or empty, it may lie there now, and nobody may believe it; what cannot be taken away now is taken away before the next try.
      isLeft ||= codeOf(error) !== 'EEXIST';
      if (isLeft) await takeAway().catch(() => undefined);
      if (tries % TOLD_TRIES === 1) ports.tell?.(unwritten(ending.runId, at(NAMES.exit), error));
    }
    if (giveUp.aborted) return null;
    await clock.sleep(Math.min(COMMIT_PAUSE_MS_MAX, COMMIT_PAUSE_MS * tries), giveUp);
  }
  return null;
}
