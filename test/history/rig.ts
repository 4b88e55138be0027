/** A history in a real folder, and the real git program beside it, shielded from the tester's own configuration. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeHistory, type HistoryOptions } from '#history/history.ts';
import { PREDICATE_TYPE, STATEMENT_TYPE } from '#core/evidence.ts';
import type { Answer, Finding, History, MaterialBytes, Submission } from '#core/history.ts';
import { jobIdFrom, type FeatureId, type FeatureName, type JobId, type PromptName, type RoleName } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { Verdict } from '#core/verdict.ts';

export const digest = makeDigest();
export const silent: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  with: () => silent,
};

/** Keeps what was logged, for tests that look at it. */
export function listening(onLine: (line: string) => void = () => undefined): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const say = (message: string): void => {
    lines.push(message);
    onLine(message);
  };
  const log: Log = { error: say, warn: say, info: say, debug: say, with: () => log };
  return { log, lines };
}

const GIT_ENV = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
};
const PERSON = {
  GIT_AUTHOR_NAME: 'Person',
  GIT_AUTHOR_EMAIL: 'p@example.com',
  GIT_COMMITTER_NAME: 'Person',
  GIT_COMMITTER_EMAIL: 'p@example.com',
};

export type Rig = {
  readonly root: string;
  readonly dir: string;
  options(more?: Partial<HistoryOptions>): HistoryOptions;
  /** Opened, and closed at the end. */
  open(more?: Partial<HistoryOptions>): Promise<History>;
  git(...args: string[]): string;
  gitBytes(...args: string[]): Buffer;
  gitWith(env: Record<string, string>, ...args: string[]): string;
  /** `git status` is empty and `git fsck --full` finds nothing. */
  assertClean(): void;
  end(): Promise<void>;
};

export function makeRig(): Rig {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-history-')));
  const dir = path.join(root, 'app-ai-history');
  const histories: History[] = [];
  const run = (env: Record<string, string>, args: string[]): Buffer =>
    execFileSync('git', args, { cwd: dir, env: { ...GIT_ENV, ...PERSON, ...env }, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
  const rig: Rig = {
    root,
    dir,
    options: (more = {}) => ({
      dir,
      codeRoot: null,
      fs: makeFs(),
      git: makeHistoryGit(),
      digest,
      clock: makeClock(),
      log: silent,
      locks: makeKernelLocks(),
      author: { name: 'docket', email: 'docket@example.com' },
      pushRemotes: [],
      pushScan: {
        node: process.execPath,
        file: path.resolve(import.meta.dirname, '../../cli/push-scan.ts'),
        deadlineMs: 60_000,
        workspace: null,
      },
      tend: { packsMax: 0, idleMs: 0 },
      ...more,
    }),
    async open(more = {}) {
      const history = makeHistory(rig.options(more));
      histories.push(history);
      await history.open();
      return history;
    },
    git: (...args) => run({}, args).toString('utf8'),
    gitBytes: (...args) => run({}, args),
    gitWith: (env, ...args) => run(env, args).toString('utf8'),
    assertClean() {
      assert.equal(rig.git('status', '--porcelain'), '');
      assert.equal(rig.git('fsck', '--full', '--strict', '--no-progress', '--no-dangling'), '');
    },
    async end() {
      for (const history of histories) await history.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return rig;
}

export const newJob = (): JobId => jobIdFrom(digest.randomBytes(10));

export type Wanted = {
  readonly job?: JobId;
  readonly feature?: string;
  readonly featureName?: string;
  readonly role?: string;
  readonly folder?: string;
  readonly name?: string | null;
  readonly revision?: number;
  readonly prompt?: string | Uint8Array;
};

export function submission(wanted: Wanted = {}): Submission {
  const { job = newJob(), feature = 'FEAT-1', role = 'architect', name = null, revision = 1, prompt = 'What is to be done?\n' } = wanted;
  const bytes = typeof prompt === 'string' ? Buffer.from(prompt) : prompt;
  return {
    job,
    identity: { feature: feature as FeatureId, role: role as RoleName, name: name as PromptName | null, revision },
    featureName: (wanted.featureName ?? `${feature}-user-filters`) as FeatureName,
    title: 'User filters',
    stream: 'feature',
    roleFolder: wanted.folder ?? `01-${role}`,
    prompt: bytes,
    promptSha256: digest.sha256(bytes),
    specVersion: '2.1.0',
    codeCommit: 'a'.repeat(40),
    runner: 'claude',
    model: 'sonnet',
    at: '2026-11-20T10:00:00.000Z',
  };
}

export type Ended = {
  readonly status?: Answer['status'];
  readonly result?: string | null;
  readonly runId?: string;
  readonly materials?: readonly string[];
  readonly attempts?: Answer['attempts'];
};

const material = (text: string): MaterialBytes => ({
  role: 'brief',
  name: 'brief',
  sha256: digest.sha256(text),
  sizeBytes: Buffer.byteLength(text),
  bytes: text,
});

export function answer(to: Submission, ended: Ended = {}): Answer {
  const { status = 'answered', runId = 'run-1', attempts = [] } = ended;
  const hasResult = status === 'answered' || status === 'briefed';
  const result = hasResult ? Buffer.from(ended.result ?? `The answer to ${to.job}.\n`) : null;
  const materials = (ended.materials ?? [`brief of ${to.identity.feature}`]).map(material);
  const subject = [{ name: 'prompt', digest: { sha256: to.promptSha256 } }];
  if (result !== null) subject.push({ name: 'result', digest: { sha256: digest.sha256(result) } });
  const predicate = {
    job: to.job,
    status,
    materials: materials.map(({ role, name, sha256, sizeBytes }) => ({ role, name, sha256, sizeBytes })),
    attempts: [{ n: 1, runId }],
  };
  return {
    job: to.job,
    identity: to.identity,
    roleFolder: to.roleFolder,
    status,
    result,
    evidence: `${JSON.stringify({ _type: STATEMENT_TYPE, subject, predicateType: PREDICATE_TYPE, predicate }, null, 2)}\n`,
    promptSha256: to.promptSha256,
    specVersion: to.specVersion,
    codeCommit: to.codeCommit,
    runner: to.runner,
    model: to.model,
    materials,
    attempts,
    at: '2026-11-20T10:01:00.000Z',
  };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What `verify` finds; a notice is no finding. */
export const findings = async (history: Pick<History, 'verify'>): Promise<Finding[]> =>
  (await collect(history.verify())).filter(({ isNotice }) => isNotice !== true);

/** The value of a Result that must be fine. */
export function value<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown }): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

export const ADA = { name: 'Ada Example', email: 'ada@example.com' };

/** A verdict about an answer, as a person's process hands it in. */
export function verdictOn(to: Submission, ended: Answer, more: Partial<Verdict> = {}): Verdict {
  assert.ok(ended.result !== null);
  return {
    v: 1,
    kind: 'verdict',
    job: to.job,
    feature: to.featureName,
    role: to.identity.role,
    name: to.identity.name,
    revision: to.identity.revision,
    verdict: 'approved',
    result_sha256: digest.sha256(ended.result),
    evidence_sha256: digest.sha256(ended.evidence),
    code: { head: null, files: [] },
    by: ADA,
    at: '2026-11-20T11:00:00.000Z',
    comment: null,
    how: 'terminal',
    signature: null,
    ...more,
  };
}

/** A prompt and its answer, recorded. */
export async function answered(
  history: History,
  wanted: Wanted = {},
  ended: Ended = {},
): Promise<{ readonly prompt: Submission; readonly end: Answer }> {
  const prompt = submission(wanted);
  value(await history.submit(prompt));
  const end = answer(prompt, ended);
  value(await history.record(end));
  return { prompt, end };
}
