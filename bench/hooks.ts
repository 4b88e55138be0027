/**
 * What docket's hooks add to a commit: the same change committed with them and without (core.hooksPath to nothing), in turn, in one repository, in the same
 * run. Kinds: a normal commit of three files; one with a file that a recorded answer produced; the first one after the history has moved.
 * `npm run bench:hooks [commits]`, default 40 of each.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { makeHistory } from '#history/history.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import type { Log } from '#core/ports.ts';
import { pairOf } from './history-pairs.ts';
import { makePlace } from './place.ts';
import { gitEnvironment } from './process.ts';
import { ms, quantile, times, type Row, tableOf } from './table.ts';

const COUNT = Number(process.argv[2] ?? '40');
const ANSWERS = 2_000;
const FILE_BYTES = 4_000;
const LIMIT_MS = 100;
const DOCKET = path.resolve(import.meta.dirname, '..', 'bin', 'docket.js');

const silent: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, with: () => silent };
const place = makePlace();
const code = path.join(place.base, 'app');
const dir = path.join(place.base, 'app-ai-history');
const env = gitEnvironment(place.base);
const git = (...args: string[]): string => execFileSync('git', ['-C', code, ...args], { env, encoding: 'utf8' });

const history = makeHistory({
  dir,
  codeRoot: code,
  fs: makeFs(),
  git: makeHistoryGit(),
  digest: makeDigest(),
  clock: makeClock(),
  log: silent,
  locks: makeKernelLocks(),
  author: { name: 'bench', email: 'bench@localhost' },
  pushRemotes: [],
  tend: { packsMax: 0, idleMs: 1_000 },
});

async function record(n: number): Promise<void> {
  const { submission, answer } = pairOf(n);
  await history.submit(submission);
  await history.record(answer);
}

let changes = 0;
/** Three files with new words; `produced`: one of them is a recorded answer, in a place that it was not in before. */
function change(produced: number | null): void {
  changes++;
  for (let n = 0; n < 3; n++) {
    const text = `export const value${String(changes)} = ${String(n)};\n`.repeat(Math.ceil(FILE_BYTES / 32));
    writeFileSync(path.join(code, 'src', `file${String(n)}.ts`), text);
  }
  if (produced !== null) writeFileSync(path.join(code, 'docs', `answer${String(changes)}.md`), pairOf(produced).answer.result ?? '');
  git('add', '-A');
}

function commit(hasHooks: boolean): number {
  const startMs = performance.now();
  git(...(hasHooks ? [] : ['-c', 'core.hooksPath=/dev/null']), 'commit', '-q', '-m', `change ${String(changes)}`);
  return performance.now() - startMs;
}

type Pairs = { readonly withHooks: number[]; readonly without: number[] };

async function measure(prepare: () => Promise<number | null>): Promise<Pairs> {
  const pairs: Pairs = { withHooks: [], without: [] };
  for (let n = 0; n < COUNT; n++) {
    for (const hasHooks of n % 2 === 0 ? [true, false] : [false, true]) {
      change(await prepare());
      (hasHooks ? pairs.withHooks : pairs.without).push(commit(hasHooks));
    }
  }
  return pairs;
}

function row(what: string, { withHooks, without }: Pairs, expected: string): Row {
  const [ours, plain] = [quantile(withHooks, 0.5), quantile(without, 0.5)];
  return {
    what,
    docket: `${ms(ours)} (95%: ${ms(quantile(withHooks, 0.95))})`,
    baseline: ms(plain),
    ratio: `${times(ours / plain)}, ${ms(ours - plain)} more`,
    expected,
  };
}

try {
  mkdirSync(path.join(code, 'src'), { recursive: true });
  mkdirSync(path.join(code, 'docs'));
  git('init', '-q', '-b', 'main');
  writeFileSync(path.join(code, 'docket.yaml'), 'app: app\nrunner: offline\n');
  await history.open();
  await Promise.all(Array.from({ length: ANSWERS }, async (_, n) => record(n)));
  execFileSync(process.execPath, [DOCKET, 'hooks', 'install'], { cwd: code, env });
  let recorded = ANSWERS;
  change(null);
  commit(true);
  const rows = [
    row('normal commit', await measure(async () => Promise.resolve(null)), `< ${String(LIMIT_MS)} ms more`),
    row('with a produced file', await measure(async () => Promise.resolve(recorded - 1 - (changes % ANSWERS))), 'a trailer is added'),
    row(
      'after the history moved',
      await measure(async () => {
        await record(recorded++);
        return null;
      }),
      'an index that follows',
    ),
  ];
  const trailers = git('log', '--format=%(trailers:key=Docket-Record,valueonly)')
    .split('\n')
    .filter((line) => line !== '').length;
  process.stdout.write(
    `${String(COUNT)} commits of each kind with hooks and as many without, in turn; a history of ${String(ANSWERS)} answers; ${String(availableParallelism())} processors; ${process.version}\n\n` +
      `${tableOf(rows).replace('| docket ', '| hooks  ').replace('shell watcher', 'no hooks     ')}\n\n${String(trailers)} trailers were added\n`,
  );
} finally {
  await history.close();
  place.remove();
}
