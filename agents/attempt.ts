/**
 * One attempt of a runner at a job, from plan to outcome. Safe to call again after a crash at any line: the attempt's folder says how far it got.
 *
 *   a<n>/ holds            then
 *   exit.json, valid       understood; nothing is started
 *   run.json, run alive    adopted: waited for
 *   run.json, run dead     its leftovers are ended, its files put aside as <name>.<k>, and the tool is started again (`starts` counts)
 *   outputs only           a start that is just going on is adopted; else the keeper died before "go", nothing ran, and they are removed
 *   nothing                started
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { Clock, Digest, Fs, Keeper, Log } from '#core/ports.ts';
import type { ExitFile, ProgramPlan, RunFile, RunOutcome, RunRequest } from '#core/run.ts';
import { NAMES, readExit, readRun } from '#tools/exit.ts';
import { briefed, failed } from '#tools/outcome.ts';
import { REPORT_NAME } from '#tools/plan-tool.ts';
import { setupFault } from '#tools/sandbox.ts';
import { waitForRun } from '#tools/wait-run.ts';
import type { Runner } from './runner.ts';
import { makeRunFolder } from '#tools/run-folder.ts';

const REPORT_BYTES_MAX = 1_000_000;
/** A tool whose runs keep dying with their keeper is not started for ever. */
const STARTS_MAX = 3;
/** With less room than this an answer may not fit: the tool would fail, cost money and an attempt, and do so again. */
const ROOM_BYTES_MIN = 1_048_576;
const ASIDE = [NAMES.exit, NAMES.stdout, NAMES.stderr, REPORT_NAME, NAMES.run] as const;

export type AttemptPorts = {
  readonly runner: Runner;
  readonly keeper: Keeper;
  readonly fs: Fs;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly log: Log;
};
export type AttemptHooks = {
  /** Called before a program is started, as often as one is: what it says is the last look at the world before it. */
  readonly planned?: (plan: ProgramPlan) => Promise<Failure | null>;
  /** Called when run.json is durable and the program was told to go. */
  readonly spawned?: () => Promise<void>;
};
export type Attempted = {
  readonly outcome: RunOutcome;
  /** Of the run that was understood: an adopted one keeps the id that it was started with. */
  readonly runId: string;
  /** For evidence; null when no program was started. */
  readonly command: string | null;
  /** What was around it (ProgramPlan.sandbox). */
  readonly sandbox?: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** How often the tool was started within this attempt; 0 when it was not. */
  readonly starts: number;
};

type Ended = { readonly run: RunFile; readonly exit: ExitFile };

/**
 * @param signal aborting it ends the run's whole process tree; the outcome is then `cancelled`, `by` the signal's reason when that is a text
 */
export async function runAttempt(
  ports: AttemptPorts,
  request: RunRequest,
  signal: AbortSignal,
  hooks: AttemptHooks = {},
): Promise<Attempted> {
  const startedAt = ports.clock.now().toISOString();
  /** Null: nobody has looked. */
  let past: number | null = null;
  const without = (outcome: RunOutcome): Attempted => ({
    outcome,
    runId: request.runId,
    command: null,
    startedAt,
    endedAt: ports.clock.now().toISOString(),
    starts: past ?? 0,
  });

  for (let round = 1; ; round++) {
    const known = await resume(ports, request, signal);
    if (typeof known !== 'number') return understood(ports, request, signal, known, past ?? (await pastStarts(ports.fs, request.dir)));
    past = known;
    if (signal.aborted) return without(failed({ kind: 'cancelled', by: whoStopped(signal) }));
    if (round > STARTS_MAX || past >= STARTS_MAX)
      return without(
        failed({
          kind: 'interrupted',
          message: `started ${String(STARTS_MAX)} times, and each time the run died together with its keeper`,
        }),
      );
    const plan = await ports.runner.plan(request);
    if (!plan.ok) return without(failed(plan.error));
    if (plan.value.kind === 'inline') return without(briefed(plan.value.answer));
    const unseen = (await hooks.planned?.(plan.value)) ?? null;
    if (unseen !== null) return without(failed(unseen));
    const problem = await start(ports, request, plan.value, hooks);
    if (problem !== null) return without(failed(problem));
  }
}

/** What an earlier start left: its end, once there is one; else the folder is free for a new start, and the answer is how many came to nothing. */
async function resume(ports: AttemptPorts, request: RunRequest, signal: AbortSignal): Promise<Ended | number> {
  const { fs, digest, keeper, log } = ports;
  const run = await readRun(request.dir, fs);
  if (run !== null || (await fs.facts(path.join(request.dir, NAMES.stdout))) !== null) {
    const done = run === null ? null : await readExit(request.dir, fs, digest);
    const exit =
      done !== null && belongs(done, run)
        ? done
        : await waitForRun(keeper, { dir: request.dir, runId: run?.runId ?? request.runId }, signal);
    const begun = run ?? (await readRun(request.dir, fs));
    if (exit !== null && begun !== null) return { run: begun, exit };
    log.warn('a run ended without leaving its result; its tool may be started again', {
      job: request.job,
      attempt: request.attempt,
      run_id: request.runId,
    });
  }
  return putAside(fs, request.dir);
}

/**
 * At start, before the job comes to its attempt again (its lane may be full or on hold): what a dead keeper left of this attempt is ended. A run
 * that is still kept goes on, and this resolves at its end.
 * @param dir work/<job>/a<n>, absolute; need not be there
 */
export async function endLeftRun({ fs, keeper }: Pick<AttemptPorts, 'fs' | 'keeper'>, dir: string): Promise<void> {
  const run = await readRun(dir, fs);
  if (run !== null) await keeper.wait(dir, run.runId);
}

const belongs = (exit: ExitFile, run: RunFile | null): boolean => exit.runId === run?.runId && exit.token === run.token;

/** Asked for by a daemon that died before its run had left a trace in the folder (tools/keeper.ts): it is alive, and waited for. */
const isInUse = (failure: Failure, dir: string): boolean =>
  failure.kind === 'environment' && failure.code === 'EEXIST' && failure.path === dir;

/** @returns null when a program runs, or when the keeper died on the way: the folder must be looked at again */
async function start(ports: AttemptPorts, request: RunRequest, plan: ProgramPlan, hooks: AttemptHooks): Promise<Failure | null> {
  const token = Buffer.from(ports.digest.randomBytes(16)).toString('hex');
  await makeRunFolder(ports.fs, request.dir);
  const { freeBytes } = await ports.fs.fileSystem(request.dir);
  if (freeBytes < ROOM_BYTES_MIN) return noRoom(request.dir, freeBytes);
  const begun = await ports.keeper.start({ plan, dir: request.dir, runId: request.runId, token, limits: request.limits });
  if (!begun.ok) return begun.error.kind === 'interrupted' || isInUse(begun.error, request.dir) ? null : begun.error;
  await hooks.spawned?.();
  return null;
}

const noRoom = (dir: string, freeBytes: number): Failure => ({
  kind: 'environment',
  what: 'no tool is started on a disk that is full',
  path: dir,
  code: 'ENOSPC',
  message: `${String(freeBytes)} bytes are free, ${String(ROOM_BYTES_MIN)} are needed (make room; it goes on by itself)`,
});

async function understood(
  ports: AttemptPorts,
  request: RunRequest,
  signal: AbortSignal,
  { run, exit }: Ended,
  past: number,
): Promise<Attempted> {
  const raw = {
    exit,
    stdout: await output(ports.fs, request, NAMES.stdout),
    stderr: await output(ports.fs, request, NAMES.stderr),
    report: await report(ports.fs, request),
  };
  const unmade = setupFault(run.sandbox, raw);
  const outcome = unmade === null ? ports.runner.understand(raw, request) : failed(unmade);
  return {
    outcome: nameCanceller(outcome, signal),
    runId: run.runId,
    command: run.shown,
    ...(run.sandbox === undefined ? {} : { sandbox: run.sandbox }),
    startedAt: run.startedAt,
    endedAt: exit.endedAt,
    starts: past + 1,
  };
}

/** At most the output limit: what is longer has failed already, and its length stands in exit.json. */
const output = async (fs: Fs, request: RunRequest, name: string): Promise<Uint8Array> =>
  (await fs.readHead(path.join(request.dir, name), request.limits.outputBytes)).bytes;

/** Written by the tool itself, where it was told to; whatever is wrong with it costs no answer. */
async function report(fs: Fs, request: RunRequest): Promise<Uint8Array> {
  const file = path.join(request.dir, REPORT_NAME);
  if ((await fs.facts(file))?.kind !== 'file') return new Uint8Array();
  return (await fs.readHead(file, REPORT_BYTES_MAX)).bytes;
}

const whoStopped = (signal: AbortSignal): string => (typeof signal.reason === 'string' ? signal.reason : 'a stop request');

const nameCanceller = (outcome: RunOutcome, signal: AbortSignal): RunOutcome =>
  !outcome.ok && outcome.failure.kind === 'cancelled' && signal.aborted
    ? { ...outcome, failure: { kind: 'cancelled', by: whoStopped(signal) } }
    : outcome;

/** Starts of this attempt that came to nothing: each left a run.json aside. */
async function pastStarts(fs: Fs, dir: string): Promise<number> {
  if ((await fs.facts(dir)) === null) return 0;
  return (await fs.list(dir)).filter(({ name }) => isPastStart(name ?? '')).length;
}
const isPastStart = (name: string): boolean => /^run\.json\.\d+$/.test(name);

/**
 * Moves all files of a dead start to `<name>.<k>`. run.json goes last: until then the next look does the same again.
 * A run.json that is not whole was never synced, so nothing was told to go: that was no start, and nothing of it is kept.
 * @returns how many starts of this attempt came to nothing
 */
async function putAside(fs: Fs, dir: string): Promise<number> {
  const names = (await fs.facts(dir)) === null ? [] : (await fs.list(dir)).map((entry) => entry.name ?? '');
  const left = ASIDE.filter((name) => names.includes(name));
  let past = names.filter(isPastStart).length;
  if (left.length > 0) {
    const wasTold = (await readRun(dir, fs)) !== null;
    if (wasTold && left.includes(NAMES.run)) past++;
    let k = 1;
    while (names.some((name) => name === `${NAMES.run}.${String(k)}`)) k += 1;
    for (const name of left)
      await (wasTold ? fs.rename(path.join(dir, name), path.join(dir, `${name}.${String(k)}`)) : fs.unlink(path.join(dir, name)));
    await fs.syncFolder(dir, 'safety');
  }
  if (names.includes(NAMES.tmp)) await fs.removeTree(path.join(dir, NAMES.tmp));
  return past;
}
