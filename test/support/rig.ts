/**
 * A workspace of its own and the real program in it: the flow tests' rig. Folders are real, the daemon is a child process, nothing sleeps:
 * a test waits for a file to appear, through the file system's own events.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, unlinkSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const DOCKET = path.join(ROOT, 'bin', 'docket.js');

export type Front = { readonly feature?: string; readonly agent?: string; readonly revision?: number; readonly body?: string; readonly extra?: string };

/** A valid prompt. */
export const promptText = ({ feature = 'FEAT-1', agent = 'architect', revision = 1, body = '# Task\n\nDescribe the module layout.\n', extra = '' }: Front = {}): string =>
  `---\nfeature: ${feature}\nagent: ${agent}\nprompt_spec_version: 2.1.0\nrevision: ${String(revision)}\ncreated_at: 2025-12-09T22:37:00+01:00\n${extra}---\n${body}`;

export type Daemon = {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<number | null>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** Resolves with its exit code or signal. */
  readonly ended: Promise<number | string | null>;
};

export type Rig = {
  readonly root: string;
  readonly queues: string;
  readonly history: string;
  readonly env: Record<string, string>;
  start(env?: Record<string, string>): Promise<Daemon>;
  /** Like start, but does not wait until it is up. */
  launch(env?: Record<string, string>): Daemon;
  run(args: readonly string[], options?: { readonly input?: string; readonly env?: Record<string, string> }): { code: number | null; out: string; err: string };
  in(folder?: string): string;
  out(folder?: string): string;
  /** By a temporary name and a link, as a careful program does: needs no settling. */
  drop(name: string, text: string | Uint8Array, folder?: string): void;
  read(file: string): string;
  git(...args: string[]): string;
  /** Resolves when the condition holds; looks again at every change of the folder. */
  until<T>(folder: string, condition: () => T | null | undefined | false, what: string): Promise<T>;
  /** Waits for `in/<stem>.<suffix>`. */
  ended(stem: string, suffix?: string, folder?: string): Promise<void>;
};

const WAIT_MS = 30_000;

export function makeRig(t: TestContext, settings = 'runner: offline\n'): Rig {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-rig-')));
  const root = path.join(base, 'app');
  mkdirSync(root);
  writeFileSync(path.join(root, 'docket.yaml'), `app: app\n${settings}`);
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOME: base, LANG: 'C.UTF-8', GIT_CONFIG_NOSYSTEM: '1' };
  const queues = path.join(root, 'queues');
  const daemons = new Set<Daemon>();

  const launch = (extra: Record<string, string> = {}): Daemon => {
    const child = spawn(process.execPath, [DOCKET, 'up'], { cwd: root, env: { ...env, ...extra }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | string | null>((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(code ?? signal);
      });
    });
    const stopWith = async (signal: NodeJS.Signals): Promise<number | string | null> => {
      child.kill(signal);
      return ended;
    };
    const daemon: Daemon = {
      child,
      output: () => output,
      ended,
      stop: async () => (await stopWith('SIGTERM')) as number | null,
      kill: async () => {
        await stopWith('SIGKILL');
      },
    };
    daemons.add(daemon);
    return daemon;
  };

  const until = async <T>(folder: string, condition: () => T | null | undefined | false, what: string): Promise<T> => {
    mkdirSync(folder, { recursive: true });
    const signal = AbortSignal.timeout(WAIT_MS);
    const watcher = watch(folder, { signal });
    watcher.on('error', () => undefined);
    try {
      for (;;) {
        const found = condition();
        if (found !== null && found !== undefined && found !== false) return found;
        await once(watcher, 'change', { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      const daemonsSaid = [...daemons].map((daemon) => daemon.output()).join('\n---\n');
      throw new Error(`waited ${String(WAIT_MS)} ms for ${what}; ${folder} has: ${readdirSync(folder).join(' ')}\n${daemonsSaid}`, { cause: error });
    } finally {
      watcher.close();
    }
  };

  t.after(async () => {
    for (const daemon of daemons) if (daemon.child.exitCode === null && daemon.child.signalCode === null) await daemon.kill();
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  });

  const rig: Rig = {
    root,
    queues,
    history: path.join(base, 'app-ai-history'),
    env,
    launch,
    async start(extra) {
      const daemon = launch(extra);
      const isUp = new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (daemon.output().includes('is up for')) resolve();
        };
        daemon.child.stdout?.on('data', look);
        void daemon.ended.then((code) => {
          reject(new Error(`the daemon ended with ${String(code)}: ${daemon.output()}`));
        });
      });
      await isUp;
      return daemon;
    },
    run(args, options = {}) {
      const result = spawnSync(process.execPath, [DOCKET, ...args], { cwd: root, env: { ...env, ...options.env }, input: options.input ?? '', encoding: 'utf8', timeout: 60_000 });
      return { code: result.status, out: result.stdout, err: result.stderr };
    },
    in: (folder = '01-architect') => path.join(queues, folder, 'in'),
    out: (folder = '01-architect') => path.join(queues, folder, 'out'),
    drop(name, text, folder = '01-architect') {
      const inbox = rig.in(folder);
      mkdirSync(inbox, { recursive: true, mode: 0o700 });
      const temporary = path.join(inbox, `.${String(process.pid)}-${String(performance.now())}.tmp`);
      writeFileSync(temporary, text, { mode: 0o600 });
      linkSync(temporary, path.join(inbox, name));
      unlinkSync(temporary);
    },
    read: (file) => readFileSync(file, 'utf8'),
    git(...args) {
      const result = spawnSync('git', ['-C', rig.history, ...args], { env, encoding: 'utf8' });
      if (result.status !== 0) throw new Error(`git ${args.join(' ')}: ${result.stderr}`);
      return result.stdout;
    },
    until,
    async ended(stem, suffix = 'processed', folder = '01-architect') {
      const file = path.join(rig.in(folder), `${stem}.${suffix}`);
      await until(rig.in(folder), () => existsSync(file), file);
    },
  };
  return rig;
}
