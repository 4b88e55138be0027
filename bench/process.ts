/** The two programs under measurement as child processes, and what the kernel says about them (proc(5)); Linux only for memory and time. */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');

export type Running = {
  readonly pid: number;
  /** From the start of the process until it said that it is up, ms; 0 for the baseline. */
  readonly upMs: number;
  stop(): Promise<void>;
};

/** Counts the syncs of a program and its children, when strace is there. */
export type Trace = { readonly file: string };
export const canTrace = (): boolean => process.platform === 'linux' && spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0;
const traced = (trace: Trace | undefined, program: string, args: readonly string[]): [string, string[]] =>
  trace === undefined
    ? [program, [...args]]
    : ['strace', ['-f', '--seccomp-bpf', '-ttt', '-T', '-o', trace.file, '-e', 'trace=fsync,fdatasync', program, ...args]];

/** Syncs that began between two wall-clock times (ms): how many, and the time they took, summed over threads that wait side by side. */
export function countSyncs(trace: Trace, fromMs: number, toMs: number): { readonly calls: number; readonly ms: number } {
  let calls = 0;
  let tookMs = 0;
  for (const line of readFileSync(trace.file, 'utf8').split('\n')) {
    const found = /^\d+ +(\d+\.\d+) (?:fsync|fdatasync)\(/.exec(line) ?? /^\d+ +(\d+\.\d+) <\.\.\. (?:fsync|fdatasync) resumed/.exec(line);
    const atMs = Number(found?.[1] ?? Number.NaN) * 1_000;
    if (!(atMs >= fromMs && atMs <= toMs)) continue;
    if (!line.includes('resumed')) calls++;
    tookMs += Number(/<(\d+\.\d+)>$/.exec(line)?.[1] ?? 0) * 1_000;
  }
  return { calls, ms: tookMs };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
}

/** `docket up` in a workspace; resolves when it says so. Its lines go nowhere, as those of a daemon that runs detached. */
export async function startDocket(root: string, home: string, trace?: Trace): Promise<Running> {
  const startMs = performance.now();
  const [program, args] = traced(trace, process.execPath, [path.join(ROOT, 'bin', 'docket.js'), 'up']);
  const child = spawn(program, args, {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  const upMs = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('is up for')) resolve(performance.now() - startMs);
    });
    child.once('exit', (code) => {
      reject(new Error(`docket up ended with ${String(code)}: ${said}`));
    });
  });
  return {
    pid: child.pid ?? 0,
    upMs,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      // strace keeps signals for itself: the daemon below it is the one to be told.
      process.kill(trace === undefined ? (child.pid ?? 0) : childOf(child.pid ?? 0), 'SIGTERM');
      await ended(child);
    },
  };
}

const childOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8')
      .trim()
      .split(' ')[0],
  );

/** bench/baseline.sh in its own process group, which is ended as a whole. */
export function startBaseline(root: string, home: string, trace?: Trace): Running {
  const [program, args] = traced(trace, path.join(import.meta.dirname, 'baseline.sh'), [root]);
  const child = spawn(program, args, { env: gitEnvironment(home), stdio: 'ignore', detached: true });
  return {
    pid: child.pid ?? 0,
    upMs: 0,
    async stop() {
      process.kill(-(child.pid ?? 0), 'SIGTERM');
      await ended(child);
    },
  };
}

export const gitEnvironment = (home: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  LANG: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'bench',
  GIT_AUTHOR_EMAIL: 'bench@localhost',
  GIT_COMMITTER_NAME: 'bench',
  GIT_COMMITTER_EMAIL: 'bench@localhost',
});

/** Bytes of resident memory, now and at most; null where /proc does not tell. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } | null {
  const file = `/proc/${String(pid)}/status`;
  if (!existsSync(file)) return null;
  const status = readFileSync(file, 'utf8');
  const bytesOf = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * 1_024;
  return { now: bytesOf('VmRSS'), peak: bytesOf('VmHWM') };
}

/** Seconds of processor time so far (100 ticks a second, sysconf _SC_CLK_TCK on Linux). */
export function processorSeconds(pid: number): number | null {
  const file = `/proc/${String(pid)}/stat`;
  if (!existsSync(file)) return null;
  const fields = readFileSync(file, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
