/**
 * A workspace of its own and the real program in it: the flow tests' rig. Folders are real, the daemon is a child process, nothing sleeps:
 * a test waits for a file to appear, through the file system's own events.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Statement } from '#core/evidence.ts';
import { writePlainContract } from './plain-contract.ts';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const DOCKET = path.join(ROOT, 'bin', 'docket.js');

export type Front = {
  readonly feature?: string;
  readonly agent?: string;
  readonly revision?: number;
  readonly body?: string;
  readonly extra?: string;
};

/** A valid prompt. */
export const promptText = ({
  feature = 'FEAT-1',
  agent = 'architect',
  revision = 1,
  body = '# Task\n\nDescribe the module layout.\n',
  extra = '',
}: Front = {}): string =>
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
  /** The same; rejects with what it said when it goes on for too long. */
  exit(): Promise<number | string | null>;
};

/**
 * What a stopped daemon leaves: a history that plain git finds nothing wrong with.
 * @param hasLeftovers a commit may be there that was written and could not be made the tip: harmless, and nothing points to it
 */
export function assertClean(rig: Rig, hasLeftovers = false): void {
  assert.equal(rig.git('status', '--porcelain'), '');
  assert.equal(rig.git('fsck', '--full', '--strict', ...(hasLeftovers ? ['--no-dangling'] : [])).trim(), '');
}

/** The same, and `docket verify` finds every hash as it was recorded. */
export function assertVerified(rig: Rig, hasLeftovers = false): void {
  assertClean(rig, hasLeftovers);
  const verified = rig.run(['verify', '--json']);
  assert.equal(verified.code, 0, verified.out + verified.err);
}

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

export type RigOptions = {
  /** True: answers are held to the contracts of the shipped roles and prompt specs. Else tools may answer whatever they like. */
  readonly contract?: boolean;
  /** Programs are started as this user, who owns the folders. */
  readonly as?: number;
  /** What the daemon is started by, such as `unshare -n`. */
  readonly under?: { readonly program: string; readonly args: readonly string[] };
};

export type Rig = {
  /** Holds all of it; short. */
  readonly base: string;
  readonly root: string;
  readonly queues: string;
  readonly history: string;
  readonly env: Record<string, string>;
  start(env?: Record<string, string>): Promise<Daemon>;
  /** Like start, but does not wait until it is up. */
  launch(env?: Record<string, string>): Daemon;
  run(args: readonly string[], options?: { readonly input?: string; readonly env?: Record<string, string> }): Ran;
  /** Like run, and this process goes on meanwhile: for tests that serve the tool. */
  docket(...args: string[]): Promise<Ran>;
  /** A program of the test's own; its absolute path. */
  tool(name: string, text: string): string;
  settings(text: string): void;
  in(folder?: string): string;
  out(folder?: string): string;
  /** By a temporary name and a link, as a careful program does: needs no settling, since its ctime is later than its mtime. */
  drop(name: string, text: string | Uint8Array, folder?: string): void;
  read(file: string): string;
  evidence(stem: string, folder?: string): Statement;
  git(...args: string[]): string;
  /** Number of commits in the history. */
  commits(): number;
  /** All lines of the log so far. */
  log(): string;
  /** Resolves when the log says it. */
  logged(words: string | RegExp): Promise<void>;
  /** Resolves when the condition holds; looks again at every change of the folder. */
  until<T>(folder: string, condition: () => T | null | undefined | false, what: string, longestMs?: number): Promise<T>;
  /** Waits for `in/<stem>.<suffix>`. */
  ended(stem: string, suffix?: string, folder?: string): Promise<void>;
};

const WAIT_MS = 30_000;

/** What outlives a rig: a test, or node:test itself for a rig that all tests of a file share. */
export type Cleanup = { after(act: () => Promise<void>): void };

/**
 * The tools of most tests keep a book of their starts beside the workspace, where a sandbox would not let them: there is none unless the test's settings
 * say something of `tools:`.
 */
const withApp = (settings: string): string =>
  `app: app\n${settings}${/^tools:/m.test(settings) ? '' : `${settings.endsWith('\n') || settings === '' ? '' : '\n'}tools: { sandbox: off }\n`}`;

/** The offline runner's brief is no answer, and is held to nothing: its workspaces have the shipped roles and specs. */
const isAnswered = (settings: string): boolean => /^runners:/m.test(settings) || !/^runner: offline$/m.test(settings);

export function makeRig(t: Cleanup, settings = 'runner: offline\n', options: RigOptions = {}): Rig {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-rig-')));
  const root = path.join(base, 'app');
  mkdirSync(root);
  writeFileSync(path.join(root, 'docket.yaml'), withApp(settings));
  if (options.contract !== true && isAnswered(settings)) writePlainContract(root);
  const { as, under } = options;
  const user = as === undefined ? {} : { uid: as, gid: as };
  if (as !== undefined) for (const folder of [base, root]) chownSync(folder, as, as);
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: base,
    LANG: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const queues = path.join(root, 'queues');
  const logs = path.join(queues, '.docket', 'log');
  const daemons = new Set<Daemon>();

  const launch = (extra: Record<string, string> = {}): Daemon => {
    const [program, args] =
      under === undefined ? [process.execPath, [DOCKET, 'up']] : [under.program, [...under.args, process.execPath, DOCKET, 'up']];
    const child = spawn(program, args, { cwd: root, env: { ...env, ...extra }, stdio: ['ignore', 'pipe', 'pipe'], ...user });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | string | null>((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(code ?? signal);
      });
    });
    const exit = async (): Promise<number | string | null> => {
      let late: NodeJS.Timeout | undefined;
      const tooLong = new Promise<never>((_resolve, reject) => {
        late = setTimeout(() => {
          reject(new Error(`the daemon did not end within ${String(WAIT_MS)} ms: ${output}`));
        }, WAIT_MS);
      });
      return Promise.race([ended, tooLong]).finally(() => {
        clearTimeout(late);
      });
    };
    const stopWith = async (signal: NodeJS.Signals): Promise<number | string | null> => {
      child.kill(signal);
      return exit();
    };
    const daemon: Daemon = {
      child,
      output: () => output,
      ended,
      exit,
      stop: async () => (await stopWith('SIGTERM')) as number | null,
      kill: async () => {
        await stopWith('SIGKILL');
      },
    };
    daemons.add(daemon);
    return daemon;
  };

  const until = async <T>(folder: string, condition: () => T | null | undefined | false, what: string, longestMs = WAIT_MS): Promise<T> => {
    mkdirSync(folder, { recursive: true });
    const signal = AbortSignal.timeout(longestMs);
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
      throw new Error(`waited ${String(longestMs)} ms for ${what}; ${folder} has: ${readdirSync(folder).join(' ')}\n${daemonsSaid}`, {
        cause: error,
      });
    } finally {
      watcher.close();
    }
  };

  t.after(async () => {
    for (const daemon of daemons) if (daemon.child.exitCode === null && daemon.child.signalCode === null) await daemon.kill();
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  });

  const rig: Rig = {
    base,
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
        daemon.child.once('exit', (code, signal) => {
          reject(new Error(`the daemon ended with ${String(code ?? signal)}: ${daemon.output()}`));
        });
      });
      await isUp;
      return daemon;
    },
    run(args, { input = '', env: extra } = {}) {
      const result = spawnSync(process.execPath, [DOCKET, ...args], {
        cwd: root,
        env: { ...env, ...extra },
        input,
        encoding: 'utf8',
        timeout: 60_000,
        maxBuffer: 64_000_000,
        ...user,
      });
      return { code: result.status, out: result.stdout, err: result.stderr };
    },
    async docket(...args) {
      const child = spawn(process.execPath, [DOCKET, ...args], {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: WAIT_MS,
        ...user,
      });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, out, err };
    },
    tool(name, text) {
      const file = path.join(base, name);
      writeFileSync(file, text);
      chmodSync(file, 0o755);
      return file;
    },
    settings(text) {
      writeFileSync(path.join(root, 'docket.yaml'), withApp(text));
      if (options.contract !== true && isAnswered(text)) writePlainContract(root);
    },
    in: (folder = '01-architect') => path.join(queues, folder, 'in'),
    out: (folder = '01-architect') => path.join(queues, folder, 'out'),
    drop(name, text, folder = '01-architect') {
      const inbox = rig.in(folder);
      mkdirSync(inbox, { recursive: true, mode: 0o700 });
      const temporary = path.join(inbox, `.${String(process.pid)}-${String(performance.now())}.tmp`);
      writeFileSync(temporary, text, { mode: 0o600 });
      if (as !== undefined) chownSync(temporary, as, as);
      // Both times tick every 4 ms or so, which is longer than this takes.
      utimesSync(temporary, new Date(Date.now() - 1000), new Date(Date.now() - 1000));
      try {
        linkSync(temporary, path.join(inbox, name));
        unlinkSync(temporary);
      } catch (error) {
        // A file system without hard links.
        if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
        renameSync(temporary, path.join(inbox, name));
      }
    },
    read: (file) => readFileSync(file, 'utf8'),
    evidence: (stem, folder) => JSON.parse(rig.read(path.join(rig.out(folder), `${stem}_evidence.json`))) as Statement,
    commits: () => Number(rig.git('rev-list', '--count', 'HEAD')),
    log: () => (existsSync(logs) ? readdirSync(logs).map((name) => readFileSync(path.join(logs, name), 'utf8')) : []).join(''),
    async logged(words) {
      await until(
        logs,
        () => (typeof words === 'string' ? rig.log().includes(words) : words.test(rig.log())),
        `${String(words)} in the log`,
      );
    },
    git(...args) {
      const result = spawnSync('git', ['-C', rig.history, ...args], { env, encoding: 'utf8', maxBuffer: 64_000_000, ...user });
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
