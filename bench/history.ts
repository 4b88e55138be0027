/**
 * Recording a pair (the prompt when it is accepted, then its answer: two commits, each durable when it is acknowledged) beside what a
 * script does: write the same files, `git add . && git commit`, once per pair, with git's own settings (no fsync at all).
 * Both histories grow through the same sizes in one run: ours through the writer itself, the script's by git-fast-import(1).
 */

import { Buffer } from 'node:buffer';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { History } from '#core/history.ts';
import type { Log } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import { makeHistory } from '#history/history.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { processorCount } from '#platform/system.ts';
import { measureReading } from './history-size.ts';
import { filesOf, pairOf, type Pair } from './history-pairs.ts';
import { makePlace } from './place.ts';
import { gitEnvironment } from './process.ts';
import { ms, NONE, perSecond, quantile, times, type Row } from './table.ts';

const SIZES = [0, 1_000, 10_000, 50_000];
/** Expected ratios at these sizes, one at a time and in a backlog. */
const EXPECTED: Readonly<Record<number, readonly [string, string]>> = {
  0: ['>= 4x', '>= 15x'],
  1_000: ['>= 10x', '>= 40x'],
  10_000: ['>= 30x', '>= 100x'],
  50_000: ['>= 90x', '>= 250x'],
};
const SINGLES = 100;
const BACKLOG = 1_000;
const FILL_AT_ONCE = 1_000;
const BASELINE_PAIRS = { small: 30, large: 4 };

const run = promisify(execFile);
const silent: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, with: () => silent };
const must = (result: Result<unknown, unknown>): void => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
};
const grouped = (count: number): string => count.toLocaleString('en');

async function record(history: History, { submission, answer }: Pair): Promise<void> {
  must(await history.submit(submission));
  must(await history.record(answer));
}

type Measured = {
  readonly singleMs: readonly number[];
  readonly perSecond: number;
  readonly cpuMs: number;
  readonly syncs: readonly number[];
};

async function measureOurs(history: History, from: number, syncs: () => number): Promise<Measured> {
  const singles = Array.from({ length: SINGLES }, (_, n) => pairOf(from + n));
  const many = Array.from({ length: BACKLOG }, (_, n) => pairOf(from + SINGLES + n));
  const singleMs: number[] = [];
  const beforeSingles = syncs();
  for (const pair of singles) {
    const startMs = performance.now();
    await record(history, pair);
    singleMs.push(performance.now() - startMs);
  }
  const beforeMany = syncs();
  const cpu = process.threadCpuUsage();
  const startMs = performance.now();
  await Promise.all(many.map((pair) => record(history, pair)));
  const tookMs = performance.now() - startMs;
  const used = process.threadCpuUsage(cpu);
  return {
    singleMs,
    perSecond: (BACKLOG / tookMs) * 1_000,
    cpuMs: (used.user + used.system) / 1_000 / BACKLOG,
    syncs: [(beforeMany - beforeSingles) / SINGLES, (syncs() - beforeMany) / BACKLOG],
  };
}

function writePair(root: string, pair: Pair): void {
  for (const { path: file, bytes } of filesOf(pair)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), bytes);
  }
}

async function measureScript(root: string, home: string, from: number, count: number): Promise<readonly number[]> {
  const git = (...args: string[]): Promise<unknown> => run('git', ['-C', root, ...args], { env: gitEnvironment(home), maxBuffer: 1 << 28 });
  const took: number[] = [];
  for (let n = from; n < from + count; n++) {
    const pair = pairOf(n);
    const startMs = performance.now();
    writePair(root, pair);
    await git('add', '.');
    await git('commit', '-q', '-m', `recorded ${pair.submission.job}`);
    took.push(performance.now() - startMs);
  }
  return took;
}

/** One commit of git-fast-import(1) per pair. */
function commitText(pair: Pair, isFirst: boolean): Buffer {
  const parts: (string | Uint8Array)[] = [
    'commit refs/heads/main\ncommitter bench <bench@localhost> 1795170000 +0000\ndata 9\nrecorded\n\n',
  ];
  if (isFirst) parts.push('from refs/heads/main^0\n');
  for (const { path: file, bytes } of filesOf(pair))
    parts.push(`M 100644 inline ${file}\ndata ${String(Buffer.byteLength(bytes))}\n`, bytes, '\n');
  parts.push('\n');
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

async function fillScript(root: string, home: string, from: number, to: number): Promise<void> {
  const child = spawn('git', ['-C', root, 'fast-import', '--quiet'], { env: gitEnvironment(home), stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(child, 'close');
  for (let n = from; n < to; n++) if (!child.stdin.write(commitText(pairOf(n), n === from && from > 0))) await once(child.stdin, 'drain');
  child.stdin.end();
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`git fast-import ended with ${String(code)}`);
  await run('git', ['-C', root, 'reset', '-q', '--hard', 'main'], { env: gitEnvironment(home) });
}

async function fillOurs(history: History, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += FILL_AT_ONCE) {
    const pairs = Array.from({ length: Math.min(FILL_AT_ONCE, to - n) }, (_, more) => pairOf(n + more));
    await Promise.all(pairs.map((pair) => record(history, pair)));
  }
}

const openOurs = (base: string, onSync: () => void): History =>
  makeHistory({
    dir: path.join(base, 'app-ai-history'),
    codeRoot: null,
    fs: makeFs({ onSync }),
    git: makeHistoryGit(),
    digest: makeDigest(),
    clock: makeClock(),
    log: silent,
    locks: makeKernelLocks(),
    author: { name: 'docket', email: 'bench@localhost' },
    pushRemotes: [],
    tend: { packsMax: 50, idleMs: 1_000 },
    verifyThreads: processorCount() - 1,
  });

/** A history of very many prompts: what a pair costs at its beginning and at its end, how much room it takes, and how quick it is to read. */
export async function benchSize(isQuick: boolean, progress: (what: string) => void): Promise<Row[]> {
  const size = isQuick ? 5_000 : 100_000;
  const label = `history of ${grouped(size)}`;
  const place = makePlace();
  const history = openOurs(place.base, () => undefined);
  const cpuMs: number[] = [];
  try {
    await history.open();
    const part = size / 10;
    for (let from = 0; from < size; from += part) {
      const before = process.cpuUsage();
      await fillOurs(history, from, from + part);
      const { user, system } = process.cpuUsage(before);
      cpuMs.push((user + system) / 1_000 / part);
      progress(`${label}: ${grouped(from + part)} recorded, ${(cpuMs.at(-1) ?? 0).toFixed(2)} ms of processor for each of the last`);
    }
    // The first tenth has the warming up in it.
    const [, second = Number.NaN] = cpuMs;
    const last = cpuMs.at(-1) ?? Number.NaN;
    return [
      {
        what: `processor time for a pair, the last tenth beside the second, ${label}`,
        docket: ms(last),
        baseline: ms(second),
        ratio: times(last / second),
        expected: '< 1.3x',
      },
      ...(await measureReading(history, path.join(place.base, 'app-ai-history'), place.base, label, progress)),
    ];
  } finally {
    await history.close();
    place.remove();
  }
}

/** @param sizes of the history, in prompts, rising */
export async function benchHistory(isQuick: boolean, progress: (what: string) => void): Promise<Row[]> {
  const place = makePlace();
  let synced = 0;
  const history = openOurs(place.base, () => synced++);
  const script = path.join(place.base, 'script');
  mkdirSync(script);
  const rows: Row[] = [];
  const ownMs = new Map<number, readonly [number, number]>();
  try {
    await history.open();
    await run('git', ['-C', script, 'init', '-q', '-b', 'main'], { env: gitEnvironment(place.base) });
    let ours = 0;
    let theirs = 0;
    for (const size of isQuick ? SIZES.slice(0, 2) : SIZES) {
      progress(`history: ${grouped(size)} prompts are recorded on both sides`);
      await fillOurs(history, ours, size);
      if (size > theirs) await fillScript(script, place.base, theirs, size);
      progress(`history at ${grouped(size)}: measuring`);
      ours = Math.max(ours, size);
      const measured = await measureOurs(history, ours, () => synced);
      const count = size > 5_000 ? BASELINE_PAIRS.large : BASELINE_PAIRS.small;
      const scriptMs = quantile(await measureScript(script, place.base, size, count), 0.5);
      ours += SINGLES + BACKLOG;
      theirs = size + count;
      const measuredRows = rowsOf(size, measured, scriptMs);
      for (const { what, docket, ratio } of measuredRows) progress(`  ${what}: ${docket} (${ratio})`);
      rows.push(...measuredRows);
      ownMs.set(size, [quantile(measured.singleMs, 0.5), 1_000 / measured.perSecond]);
    }
    rows.push(...growthOf(ownMs));
    const label = `history of ${grouped(ours)}`;
    rows.push(...(await measureReading(history, path.join(place.base, 'app-ai-history'), place.base, label, progress)));
  } finally {
    await history.close();
    place.remove();
  }
  return rows;
}

function rowsOf(size: number, measured: Measured, scriptMs: number): Row[] {
  const at = `history of ${grouped(size)}`;
  const singleMs = quantile(measured.singleMs, 0.5);
  const [single = NONE, backlog = NONE] = EXPECTED[size] ?? [];
  const [singleSyncs = Number.NaN, backlogSyncs = Number.NaN] = measured.syncs;
  const row = (what: string, docket: string, expected: string = NONE, baseline: string = NONE, ratio: string = NONE): Row => ({
    what: `${what}, ${at}`,
    docket,
    baseline,
    ratio,
    expected,
  });
  return [
    row('record a pair, p50', ms(singleMs), single, ms(scriptMs), times(scriptMs / singleMs)),
    row('record a pair, p99', ms(quantile(measured.singleMs, 0.99))),
    row(
      `record ${grouped(BACKLOG)} pairs at once`,
      perSecond(measured.perSecond),
      `${backlog}, > 600/s`,
      perSecond(1_000 / scriptMs),
      times((measured.perSecond * scriptMs) / 1_000),
    ),
    row('main thread per pair, at once', ms(measured.cpuMs), '< 1 ms'),
    row('fsyncs per pair, alone / at once', `${singleSyncs.toFixed(1)} / ${backlogSyncs.toFixed(2)}`, '- / < 4'),
  ];
}

function growthOf(ownMs: ReadonlyMap<number, readonly [number, number]>): Row[] {
  const [small, large] = [ownMs.get(1_000), ownMs.get(50_000)];
  if (small === undefined || large === undefined) return [];
  return [0, 1].map((index) => ({
    what: `growth of our cost from 1,000 to 50,000, ${index === 0 ? 'one at a time' : 'at once'}`,
    docket: times((large[index] ?? Number.NaN) / (small[index] ?? Number.NaN)),
    baseline: NONE,
    ratio: NONE,
    expected: '< 1.3x',
  }));
}
