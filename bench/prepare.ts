/** Workspaces for both sides, empty or with a past: as many recorded prompts as if they had gone through, made the quick way. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Answer, MaterialBytes, Submission } from '#core/history.ts';
import { jobIdFrom, parseFeature, parseRoleName } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import { PREDICATE_TYPE, STATEMENT_TYPE } from '#core/evidence.ts';
import { makeHistory } from '#history/history.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { gitEnvironment } from './process.ts';
import { FOLDERS, promptOf, type Prompt } from './prompts.ts';
import { writePlainContract } from '#test/support/plain-contract.ts';

/** The prompts of a past have numbers of their own. */
const PAST = 1_000_000;
const AT_ONCE = 200;
const AT = '2026-11-20T10:00:00.000Z';
/** The length of a real brief, which stands in for the result and the brief of a past prompt. */
const BRIEF_BYTES = 16_000;

const silent: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, with: () => silent };
const must = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

export type DocketPlace = { readonly root: string; readonly inboxes: readonly string[]; inbox(folder: string): string };

/** @param settings docket.yaml beside the name of the app */
export async function prepareDocket(base: string, recorded: number, settings = 'runner: offline\n'): Promise<DocketPlace> {
  const root = path.join(base, 'app');
  const folderOf = (folder: string, part: string): string => path.join(root, 'queues', folder, part);
  mkdirSync(root);
  writeFileSync(path.join(root, 'docket.yaml'), `app: app\n${settings}`);
  // A program that answers in a word keeps no contract: what is measured is the flow.
  if (/^runners:/m.test(settings)) writePlainContract(root);
  for (const folder of FOLDERS) for (const part of ['in', 'out']) mkdirSync(folderOf(folder, part), { recursive: true, mode: 0o700 });
  if (recorded > 0) {
    const history = openHistory(path.join(base, 'app-ai-history'));
    await history.open();
    for (let start = 0; start < recorded; start += AT_ONCE) {
      const past = Array.from({ length: Math.min(AT_ONCE, recorded - start) }, (_, index) => pastOf(promptOf(PAST + start + index)));
      await Promise.all(past.map(async ({ submission }) => history.submit(submission).then(must)));
      await Promise.all(past.map(async ({ answer }) => history.record(answer).then(must)));
      for (const { prompt, answer } of past) {
        writeFileSync(path.join(folderOf(prompt.folder, 'in'), `${prompt.stem}.processed`), prompt.text, { mode: 0o400 });
        writeFileSync(path.join(folderOf(prompt.folder, 'out'), `${prompt.stem}_result.md`), answer.result ?? '');
        writeFileSync(path.join(folderOf(prompt.folder, 'out'), `${prompt.stem}_evidence.json`), answer.evidence);
      }
    }
    await history.close();
  }
  return { root, inboxes: FOLDERS.map((folder) => folderOf(folder, 'in')), inbox: (folder) => folderOf(folder, 'in') };
}

const digest = makeDigest();

const openHistory = (dir: string): ReturnType<typeof makeHistory> =>
  makeHistory({
    dir,
    codeRoot: null,
    fs: makeFs(),
    git: makeHistoryGit(),
    digest,
    clock: makeClock(),
    log: silent,
    locks: makeKernelLocks(),
    author: { name: 'docket', email: 'bench@localhost' },
    pushRemotes: [],
    tend: { packsMax: 0, idleMs: 0 },
  });

function pastOf(prompt: Prompt): { readonly prompt: Prompt; readonly submission: Submission; readonly answer: Answer } {
  const feature = must(parseFeature(prompt.feature));
  const bytes = Buffer.from(prompt.text);
  const promptSha256 = digest.sha256(bytes);
  const brief = `${prompt.text}\n`.repeat(Math.ceil(BRIEF_BYTES / bytes.length));
  const material: MaterialBytes = {
    role: 'brief',
    name: 'brief',
    sha256: digest.sha256(brief),
    sizeBytes: Buffer.byteLength(brief),
    bytes: brief,
  };
  const job = jobIdFrom(digest.randomBytes(10));
  const shared = {
    job,
    identity: { feature: feature.id, role: must(parseRoleName(prompt.role)), name: null, revision: 1 },
    roleFolder: prompt.folder,
    promptSha256,
    specVersion: '2.1.0',
    codeCommit: null,
    runner: 'offline',
    model: null,
    at: AT,
  };
  const evidence = {
    _type: STATEMENT_TYPE,
    subject: [
      { name: 'prompt', digest: { sha256: promptSha256 } },
      { name: 'result', digest: { sha256: material.sha256 } },
    ],
    predicateType: PREDICATE_TYPE,
    predicate: {
      job,
      status: 'briefed',
      materials: [{ role: 'brief', name: 'brief', sha256: material.sha256, sizeBytes: material.sizeBytes }],
      attempts: [],
    },
  };
  return {
    prompt,
    submission: { ...shared, featureName: feature.name, title: null, stream: 'feature', prompt: bytes },
    answer: {
      ...shared,
      status: 'briefed',
      result: Buffer.from(brief),
      evidence: `${JSON.stringify(evidence, null, 2)}\n`,
      materials: [material],
      attempts: [],
    },
  };
}

export type BaselinePlace = { readonly root: string; readonly inbox: string };

/** One folder with in/ and out/, which is the repository, too. */
export function prepareBaseline(base: string, recorded: number): BaselinePlace {
  const root = path.join(base, 'baseline');
  const inbox = path.join(root, 'in');
  mkdirSync(inbox, { recursive: true });
  mkdirSync(path.join(root, 'out'));
  const git = (args: readonly string[], input?: string): void => {
    execFileSync('git', ['-C', root, ...args], {
      env: gitEnvironment(base),
      stdio: ['pipe', 'ignore', 'ignore'],
      maxBuffer: 1 << 28,
      ...(input === undefined ? {} : { input }),
    });
  };
  git(['init', '-q', '-b', 'main']);
  if (recorded > 0) {
    git(['fast-import', '--quiet'], Array.from({ length: recorded }, (_, n) => commitOf(promptOf(PAST + n))).join(''));
    git(['checkout', '-q', '-f', 'main']);
  }
  return { root, inbox };
}

/** One commit of git-fast-import(1). */
function commitOf(prompt: Prompt): string {
  const message = `processed ${prompt.stem}`;
  const file = (name: string): string => `M 100644 inline ${name}\ndata ${String(Buffer.byteLength(prompt.text))}\n${prompt.text}\n`;
  return `commit refs/heads/main\ncommitter bench <bench@localhost> 1795170000 +0000\ndata ${String(Buffer.byteLength(message))}\n${message}\n${file(`in/${prompt.stem}.processed`)}${file(`out/${prompt.stem}_result.md`)}\n`;
}
