/**
 * Programs that outlive us: started in a session of their own, output straight into files, and held at a gate until told to go.
 *
 *     start(gate) -> waiting -> go() -> running -> exit
 *                    waiting -> we die -> the gate reads end-of-file -> exit 125, the program never ran
 *
 * Invariant: nothing is ever interpolated into the gate's script; program and arguments are its positional parameters.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, close as closeInPool, closeSync, constants, open as openInPool, openSync, realpathSync, statSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { systemError } from './files.ts';
import { foreignMountOf } from './foreign-mounts.ts';
import { patiently } from './patience.ts';
import { bootId, isAlive, processesWithMarker, processTree, startTimeOf, type ProcessSet } from './process-facts.ts';
import { processFamily } from './process-family.ts';
import { holdMoreThan } from './process-memory.ts';
import { breathe } from './small-files.ts';

export { askProgram } from './ask.ts';

export type StartProgram = {
  /** Absolute. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdinPath: string;
  /** Made new, 0600: EEXIST when it is there. */
  readonly stdoutPath: string;
  readonly stderrPath: string;
  /** True: the program waits for go(), and never runs when we die before. */
  readonly gate: boolean;
};

export type StartedProgram = {
  /** Also the id of its process group and session. Of the gate first, and the same after "go". */
  readonly pid: number;
  readonly startTime: string;
  /** Lets the program through the gate. Once; without a gate it does nothing. */
  go(): void;
  /** Also called when it has already ended. The gate's own exit code without "go" is 125. */
  onExit(listener: (code: number | null, signal: string | null) => void): void;
};

/** A program of our own that goes on when we end: the daemon of `up --detach`, the keeper. */
export type StartDetached = {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Standard output and error are appended here (0600); null: nowhere. */
  readonly outputPath: string | null;
};

export type Processes = {
  readonly pid: number;
  /** Rejects with the system's code when it cannot be started (ENOENT, EACCES, EAGAIN, E2BIG, EEXIST …). */
  start(program: StartProgram): Promise<StartedProgram>;
  /** Does not keep us alive. */
  startDetached(program: StartDetached): Promise<Omit<StartedProgram, 'go'>>;
  /** The process and all that came of it, parents first; those that left by setsid are found by `marked`. */
  tree(pid: number): Promise<number[]>;
  marked(name: string, value: string): Promise<number[]>;
  /** See `processFamily`. */
  family(roots: ProcessSet, name: string, value: string, startedBefore: string): Promise<Map<number, string>>;
  /** False when there is nobody to signal. `group`: the whole process group that this pid leads. */
  signal(pid: number, signal: NodeJS.Signals, group: boolean): boolean;
  /** Null when there is no such process. */
  startTime(pid: number): string | null;
  isAlive(pid: number, startTime: string): boolean;
  bootId(): string;
  /** See `holdMoreThan` (platform/process-memory.ts). */
  holdMoreThan(pids: readonly number[], limitBytes: number): boolean;
  /** See `findProgram`. */
  find(name: string, pathText: string): Promise<string | null>;
};

const openLater = promisify(openInPool);
const closeLater = promisify(closeInPool);

/** dash, bash and busybox alike: `read` fails at end-of-file; the gate's descriptor is closed before the program starts. */
const GATE_SCRIPT = 'read -r go <&3 || exit 125; exec 3<&-; exec "$@"';
const GATE_NAME = 'docket-gate';
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Programs that look at the name they were called by: a link to one must not be resolved. */
const MULTIPLEXERS = new Set(['busybox', 'toybox', 'snap', 'mise', 'volta-shim', 'proto-shim']);

/** The gate always starts, so what would keep the program from starting is asked before. */
function startable(program: string, cwd: string): void {
  if (!path.isAbsolute(program)) throw systemError('EINVAL', `the program must be an absolute path, '${program}'`);
  accessSync(program, constants.X_OK);
  if (!statSync(program).isFile()) throw systemError('EACCES', `not a file, '${program}'`);
  if (!statSync(cwd).isDirectory()) throw systemError('ENOTDIR', `the working folder is no folder, '${cwd}'`);
}

/** Resolves when the system has started it; the start time is read before node could collect a process that ended at once. */
async function started(child: ChildProcess): Promise<Omit<StartedProgram, 'go'>> {
  const startTime = child.pid === undefined ? null : startTimeOf(child.pid);
  let ended: { code: number | null; signal: string | null } | null = null;
  child.once('exit', (code, signal) => {
    ended = { code, signal };
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.on('error', () => undefined);
  return {
    pid: child.pid ?? 0,
    startTime: startTime ?? '',
    onExit(listener) {
      if (ended === null) child.once('exit', listener);
      else listener(ended.code, ended.signal);
    },
  };
}

/** In this thread, unless the file system may not answer. One that comes after its refusal is closed again, and what it made is gone before anybody looks. */
async function descriptor(file: string, flags: number, mode?: number): Promise<number> {
  const foreign = foreignMountOf(file);
  if (foreign === null) return openSync(file, flags, mode);
  let isRefused = false;
  const opening = async (): Promise<number> => {
    const fd = await openLater(file, flags, mode);
    if (!isRefused) return fd;
    await closeLater(fd);
    if (flags === NEW_FILE) await unlink(file);
    throw systemError('ETIMEDOUT', `opened too late, '${file}'`);
  };
  return patiently(foreign, 'open', file, opening).catch((error: unknown) => {
    isRefused = true;
    throw error;
  });
}

/** Some file systems answer to a close, too. */
function leave(fd: number, file: string): void {
  const foreign = foreignMountOf(file);
  if (foreign === null) closeSync(fd);
  else void patiently(foreign, 'close', file, async () => closeLater(fd)).catch(() => undefined);
}

async function start(options: StartProgram): Promise<StartedProgram> {
  const { program, args, env, cwd, gate } = options;
  // In this thread: local files, and each trip through the pool costs more than the looking and the opening.
  startable(program, cwd);
  const fds: number[] = [];
  const made: string[] = [];
  try {
    fds.push(await descriptor(options.stdinPath, READ));
    for (const file of [options.stdoutPath, options.stderrPath]) {
      fds.push(await descriptor(file, NEW_FILE, 0o600));
      made.push(file);
    }
    const stdio: (number | 'pipe')[] = [...fds];
    const child = gate
      ? spawn('/bin/sh', ['-c', GATE_SCRIPT, GATE_NAME, program, ...args], { cwd, env, detached: true, stdio: [...stdio, 'pipe'] })
      : spawn(program, [...args], { cwd, env, detached: true, stdio });
    const latch = (child.stdio as readonly unknown[])[3] as Writable | undefined;
    // A gate that was killed closes its end: its exit says so.
    latch?.on('error', () => undefined);
    const facts = await started(child);
    return { ...facts, go: () => void latch?.end('go\n') };
  } catch (error) {
    await Promise.all(made.map((file) => unlink(file)));
    throw error;
  } finally {
    for (const fd of fds) leave(fd, options.stdoutPath);
  }
}

async function startDetached(options: StartDetached): Promise<Omit<StartedProgram, 'go'>> {
  const output = options.outputPath === null ? null : await open(options.outputPath, APPEND, 0o600);
  try {
    const to = output?.fd ?? 'ignore';
    const { cwd, env } = options;
    const child = spawn(options.program, [...options.args], { cwd, env, detached: true, stdio: ['ignore', to, to] });
    child.unref();
    return await started(child);
  } finally {
    await output?.close();
  }
}

/** @throws RangeError for a pid that would mean a whole system */
function signalProcess(pid: number, signal: NodeJS.Signals, group: boolean): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1) throw new RangeError(`not the pid of a program of ours: ${String(pid)}`);
  try {
    return process.kill(group ? -pid : pid, signal);
  } catch {
    return false;
  }
}

/** In this thread: asked of each folder of PATH, several times around each run, and answered from the kernel's memory. */
function executable(file: string): string | null {
  try {
    const real = realpathSync.native(file);
    if (!statSync(real).isFile()) return null;
    accessSync(real, constants.X_OK);
    if (MULTIPLEXERS.has(path.basename(real))) return path.join(realpathSync.native(path.dirname(file)), path.basename(file));
    return real;
  } catch {
    return null;
  }
}

/**
 * The executable file a name means, absolute and with its links resolved; null when there is none.
 * @param name a bare name, looked for in `pathText`, or an absolute path; a relative path is never looked at
 * @param pathText folders as in PATH; empty and relative ones (the working folder) are passed over
 */
export async function findProgram(name: string, pathText: string): Promise<string | null> {
  await breathe();
  if (path.isAbsolute(name)) return executable(name);
  if (name === '' || name.includes('/') || name.includes('\0')) return null;
  for (const folder of pathText.split(path.delimiter)) {
    const found = path.isAbsolute(folder) ? executable(path.join(folder, name)) : null;
    if (found !== null) return found;
  }
  return null;
}

export const makeProcesses = (): Processes => ({
  pid: process.pid,
  start,
  startDetached,
  tree: (pid) => Promise.resolve(processTree(pid)),
  marked: (name, value) => Promise.resolve(processesWithMarker(name, value)),
  family: processFamily,
  signal: signalProcess,
  startTime: startTimeOf,
  isAlive,
  bootId,
  holdMoreThan,
  find: findProgram,
});
