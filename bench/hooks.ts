/**
 * What docket's hooks add to a commit: the same change committed with them and without (core.hooksPath to nothing), in turn, in one repository, in the same
 * run. Kinds: a normal commit of three files; one with a file that a recorded answer produced; the first one after the history has moved.
 * `npm run bench:hooks [commits] [bin/docket.js of an installed package]`, default 40 of each, with this clone's.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
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
import { ms, NONE, quantile, times, type Row, tableOf } from './table.ts';

const COUNT = Number(process.argv[2] ?? '40');
const ANSWERS = 2_000;
const FILE_BYTES = 4_000;
const LIMIT_MS = 100;
/** Whose hooks: this clone's, or those of an installed package. */
const DOCKET = process.argv[3] ?? path.resolve(import.meta.dirname, '..', 'bin', 'docket.js');

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

/** Processor time of all children that have ended (proc(5), cutime and cstime: 10 ms each); on a busy machine it says more than the clock. */
function childrenMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

type Taken = { readonly wallMs: number; readonly cpuMs: number };

function commit(hasHooks: boolean): Taken {
  const startMs = performance.now();
  const startCpuMs = childrenMs();
  git(...(hasHooks ? [] : ['-c', 'core.hooksPath=/dev/null']), 'commit', '-q', '-m', `change ${String(changes)}`);
  return { wallMs: performance.now() - startMs, cpuMs: childrenMs() - startCpuMs };
}

type Pairs = { readonly withHooks: Taken[]; readonly without: Taken[] };

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

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const walls = (taken: readonly Taken[]): number[] => taken.map(({ wallMs }) => wallMs);
const cpus = (taken: readonly Taken[]): number => mean(taken.map(({ cpuMs }) => cpuMs));
const compared = (ours: number, plain: number): string => `${times(ours / plain)}, ${ms(ours - plain)} more`;

function rows(what: string, { withHooks, without }: Pairs, expected: string): readonly Row[] {
  const [ours, plain] = [quantile(walls(withHooks), 0.5), quantile(walls(without), 0.5)];
  const [oursCpu, plainCpu] = [cpus(withHooks), cpus(without)];
  return [
    {
      what,
      docket: `${ms(ours)} (95%: ${ms(quantile(walls(withHooks), 0.95))})`,
      baseline: ms(plain),
      ratio: compared(ours, plain),
      expected,
    },
    { what: '  processor time', docket: ms(oursCpu), baseline: ms(plainCpu), ratio: compared(oursCpu, plainCpu), expected: NONE },
  ];
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
  const table = [
    ...rows('normal commit', await measure(async () => Promise.resolve(null)), `< ${String(LIMIT_MS)} ms more`),
    ...rows('with a produced file', await measure(async () => Promise.resolve(recorded - 1 - (changes % ANSWERS))), 'a trailer is added'),
    ...rows(
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
    `${String(COUNT)} commits of each kind with hooks and as many without, in turn; a history of ${String(ANSWERS)} answers; ${String(availableParallelism())} processors, load ${(loadavg()[0] ?? 0).toFixed(1)}; ${process.version}\n\n` +
      `${tableOf(table).replace('| docket ', '| hooks  ').replace('shell watcher', 'no hooks     ')}\n\n${String(trailers)} trailers were added\n`,
  );
} finally {
  await history.close();
  place.remove();
}
