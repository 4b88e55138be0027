/** What is measured. Each case makes its folders, measures both sides one after the other, and removes them. */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { baselineBacklog, drain, grouped, inPlace, series, type Progress } from './backlog.ts';
import { benchHistory, benchSize } from './history.ts';
import { benchSigning } from './history-signed.ts';
import { dropByRename, dropInPlace, makeAdder } from './drops.ts';
import { measureKeeper } from './keeper.ts';
import { flow, queues } from './large.ts';
import type { BenchOptions, CaseName } from './options.ts';
import { watchEnds, type Place } from './place.ts';
import { prepareBaseline, prepareDocket, type DocketPlace } from './prepare.ts';
import { canTrace, countSyncs, memoryOf, processorSeconds, startBaseline, startDocket, type Trace } from './process.ts';
import type { Prompt } from './prompts.ts';
import { claim, scan } from './scan.ts';
import { statusRows } from './status.ts';
import { worktreeRows } from './worktree.ts';
import { megabytes, ms, NONE, perSecond, quantile, times, type Row } from './table.ts';

type Case = (options: BenchOptions, progress: Progress) => Promise<Row[]>;

/** Both histories that latency and backlog are measured at. */
const pasts = (options: BenchOptions): readonly number[] => (options.recorded === 0 ? [0] : [0, options.recorded]);

const latency: Case = async (options, progress) => {
  const rows: Row[] = [];
  for (const recorded of pasts(options)) {
    const at = `at ${grouped(recorded)} recorded`;
    progress(`latency ${at}: ${grouped(recorded)} prompts are recorded on both sides`);
    rows.push(...(await inPlace((place) => latencyAt(place, options, recorded, at, progress))));
  }
  return rows;
};

async function latencyAt(place: Place, options: BenchOptions, recorded: number, at: string, progress: Progress): Promise<Row[]> {
  const count = options.isQuick ? 20 : 100;
  const slowCount = options.isQuick ? 5 : 20;
  const docket = await prepareDocket(place.base, recorded);
  const daemon = await startDocket(docket.root, place.base);
  const ends = watchEnds(docket.inboxes);
  const adder = await makeAdder(docket.root);
  const one = async (prompts: readonly Prompt[], drop: (prompt: Prompt) => number | Promise<number>): Promise<number[]> => {
    const took: number[] = [];
    for (const prompt of prompts) {
      const end = ends.of(prompt.stem);
      const startMs = await drop(prompt);
      took.push((await end) - startMs);
      // The daemon is at rest again when the next one comes.
      await pause(20);
    }
    return took;
  };
  try {
    progress(`latency ${at}: docket, ${String(count)} + ${String(count)} + ${String(slowCount)} prompts`);
    const add = await one(series(count, 0), async (prompt) => adder.drop(prompt));
    const rename = await one(series(count, 10_000), (prompt) => dropByRename(place.staging, docket.inbox(prompt.folder), prompt));
    const inPlaceTook = await one(series(slowCount, 20_000), (prompt) => dropInPlace(docket.inbox(prompt.folder), prompt));
    adder.close();
    ends.close();
    await daemon.stop();
    const baseline = await baselineLatency(place, recorded, slowCount, at, progress);
    const row = (what: string, took: readonly number[], expected: string): Row[] =>
      [0.5, 0.99].map((share) => ({
        what: `${what} -> .processed, p${String(share * 100)}, ${at}`,
        docket: ms(quantile(took, share)),
        baseline: ms(quantile(baseline, share)),
        ratio: times(quantile(baseline, share) / quantile(took, share)),
        expected: share === 0.5 ? expected : NONE,
      }));
    return [
      ...row('docket add', add, '< 100 ms'),
      ...row('rename', rename, '< 100 ms'),
      ...row('written in place', inPlaceTook, '< 800 ms'),
    ];
  } finally {
    ends.close();
    await daemon.stop();
  }
}

async function baselineLatency(place: Place, recorded: number, count: number, at: string, progress: Progress): Promise<number[]> {
  progress(`latency ${at}: baseline, ${String(count)} prompts`);
  const baseline = prepareBaseline(place.base, recorded);
  const ends = watchEnds([baseline.inbox]);
  const script = startBaseline(baseline.root, place.base);
  try {
    const took: number[] = [];
    for (const prompt of series(count, 30_000)) {
      // Anywhere in its 2 s round.
      await pause(Math.random() * 2_000);
      const end = ends.of(prompt.stem);
      const startMs = await dropByRename(place.staging, baseline.inbox, prompt);
      took.push((await end) - startMs);
    }
    return took;
  } finally {
    ends.close();
    await script.stop();
  }
}

const backlog: Case = async (options, progress) => {
  const count = options.isQuick ? 200 : 1_000;
  const rows: Row[] = [];
  for (const recorded of pasts(options)) {
    const at = `at ${grouped(recorded)} recorded`;
    await inPlace(async (place) => {
      progress(`backlog ${at}: ${grouped(recorded)} prompts are recorded on both sides`);
      const docket = await prepareDocket(place.base, recorded);
      const baseline = prepareBaseline(place.base, recorded);
      progress(`backlog ${at}: docket, ${grouped(count)} prompts`);
      const daemon = await startDocket(docket.root, place.base);
      let docketMs: number;
      try {
        docketMs = await drain(place, docket.inboxes, series(count), (prompt) => docket.inbox(prompt.folder));
      } finally {
        await daemon.stop();
      }
      progress(`backlog ${at}: docket took ${ms(docketMs)}; baseline`);
      const baselineMs = await baselineBacklog(place, baseline, count);
      const [docketRate, baselineRate] = [(count / docketMs) * 1_000, (count / baselineMs) * 1_000];
      rows.push({
        what: `backlog of ${grouped(count)}, ${at}`,
        docket: perSecond(docketRate),
        baseline: perSecond(baselineRate),
        ratio: times(docketRate / baselineRate),
        expected: recorded === 0 ? '>= 2x' : '>= 8x',
      });
    });
  }
  return rows;
};

type Syncs = ReturnType<typeof countSyncs>;
/** `4.0, 3.1 ms` */
const perPrompt = ({ calls, ms: tookMs }: Syncs, prompts: number): string => `${(calls / prompts).toFixed(1)}, ${ms(tookMs / prompts)}`;

const fsyncs: Case = async (options, progress) => {
  if (!canTrace())
    return [{ what: 'fsyncs per prompt', docket: 'NOT RUN: strace is not installed', baseline: NONE, ratio: NONE, expected: NONE }];
  const count = options.isQuick ? 100 : 1_000;
  return inPlace(async (place) => {
    const traceOf = (name: string): Trace => ({ file: path.join(place.base, `${name}.strace`) });
    const trace = traceOf('docket');
    const docket = await prepareDocket(place.base, 0);
    progress(`fsyncs: docket, 20 single prompts, then ${grouped(count)} at once`);
    const daemon = await startDocket(docket.root, place.base, trace);
    const singles = series(20, 10_000);
    const ends = watchEnds(docket.inboxes);
    const singleFromMs = Date.now();
    for (const prompt of singles) {
      const end = ends.of(prompt.stem);
      await dropByRename(place.staging, docket.inbox(prompt.folder), prompt);
      await end;
      await pause(50);
    }
    const singleToMs = Date.now();
    ends.close();
    await drain(place, docket.inboxes, series(count), (prompt) => docket.inbox(prompt.folder));
    await pause(500);
    const manyToMs = Date.now();
    await daemon.stop();
    const baseline = prepareBaseline(place.base, 0);
    const baselineTrace = traceOf('baseline');
    progress('fsyncs: baseline, 20 prompts');
    for (const prompt of singles) writeFileSync(path.join(baseline.inbox, `${prompt.stem}.md`), prompt.text);
    const baselineEnds = watchEnds([baseline.inbox]);
    const all = baselineEnds.count(singles.length);
    const fromMs = Date.now();
    const script = startBaseline(baseline.root, place.base, baselineTrace);
    await all;
    await pause(500);
    baselineEnds.close();
    await script.stop();
    const baselineShown = perPrompt(countSyncs(baselineTrace, fromMs, Date.now()), singles.length);
    const row = (what: string, syncs: Syncs, prompts: number, expected: string): Row => ({
      what,
      docket: perPrompt(syncs, prompts),
      baseline: baselineShown,
      ratio: NONE,
      expected,
    });
    return [
      row('fsyncs per prompt and the time in them, one at a time', countSyncs(trace, singleFromMs, singleToMs), singles.length, NONE),
      row(`fsyncs per prompt and the time in them, backlog of ${grouped(count)}`, countSyncs(trace, singleToMs, manyToMs), count, '<= 4'),
    ];
  });
};

const LATER = 'not_before: 2099-01-01T00:00:00+01:00\n';

const memory: Case = async (options, progress) =>
  inPlace(async (place) => {
    const count = options.isQuick ? 2_000 : 10_000;
    const idleMs = options.isQuick ? 5_000 : 20_000;
    const docket = await prepareDocket(place.base, 0);
    const rows: Row[] = [];
    const measure = async (what: string, expected: string): Promise<void> => {
      progress(`memory: docket with ${what}`);
      const daemon = await startDocket(docket.root, place.base);
      // Beyond the start: what a look at the folders costs is over.
      await pause(5_000);
      const fromSeconds = processorSeconds(daemon.pid);
      await pause(idleMs);
      const [toSeconds, memoryNow] = [processorSeconds(daemon.pid), memoryOf(daemon.pid)];
      await daemon.stop();
      if (fromSeconds === null || toSeconds === null || memoryNow === null) {
        rows.push({ what: `memory with ${what}`, docket: 'NOT RUN: no /proc', baseline: NONE, ratio: NONE, expected });
        return;
      }
      rows.push({ what: `resident memory with ${what}`, docket: megabytes(memoryNow.now), baseline: NONE, ratio: NONE, expected });
      rows.push({ what: `the same, highest since the start`, docket: megabytes(memoryNow.peak), baseline: NONE, ratio: NONE, expected });
      const share = ((toSeconds - fromSeconds) / idleMs) * 100_000;
      rows.push({
        what: `processor while idle with ${what}`,
        docket: `${share.toFixed(1)} %`,
        baseline: NONE,
        ratio: NONE,
        expected: NONE,
      });
    };
    await measure('no waiting file', NONE);
    for (const prompt of series(count, 0, LATER)) writeFileSync(path.join(docket.inbox(prompt.folder), `${prompt.stem}.md`), prompt.text);
    await measure(`${grouped(count)} waiting files`, '< 150 MB');
    rows.push(await afterBacklog(place, options, progress));
    return rows;
  });

async function afterBacklog(place: Place, options: BenchOptions, progress: Progress): Promise<Row> {
  const count = options.isQuick ? 200 : 1_000;
  const docket: DocketPlace = await prepareDocket(path.join(place.staging), 0);
  progress(`memory: docket after a backlog of ${grouped(count)}`);
  const daemon = await startDocket(docket.root, place.base);
  await drain(place, docket.inboxes, series(count), (prompt) => docket.inbox(prompt.folder));
  await pause(5_000);
  const memoryNow = memoryOf(daemon.pid);
  await daemon.stop();
  const shown = memoryNow === null ? 'NOT RUN: no /proc' : `${megabytes(memoryNow.now)} (highest ${megabytes(memoryNow.peak)})`;
  return { what: `resident memory after a backlog of ${grouped(count)}`, docket: shown, baseline: NONE, ratio: NONE, expected: NONE };
}

const startRow = (what: string, value: number): Row => ({ what, docket: ms(value), baseline: NONE, ratio: NONE, expected: '< 2 s' });

const start: Case = async (options, progress) =>
  inPlace(async (place) => {
    progress('start: docket, several times');
    const docket = await prepareDocket(place.base, 0);
    const upMs: number[] = [];
    for (let n = 0; n < (options.isQuick ? 3 : 7); n++) {
      const daemon = await startDocket(docket.root, place.base);
      upMs.push(daemon.upMs);
      await daemon.stop();
    }
    // The first may have to fill the compile cache, and made the history.
    const [first = Number.NaN, ...later] = upMs;
    return [
      startRow('start until "is up", the first (makes the history)', first),
      startRow('start until "is up", median of later ones', quantile(later, 0.5)),
    ];
  });

const history: Case = (options, progress) => benchHistory(options.isQuick, progress);

const signing: Case = (options, progress) => benchSigning(options.isQuick, progress);
const size: Case = (options, progress) => benchSize(options.isQuick, progress);

const keeper: Case = async (options, progress) =>
  inPlace(async (place) => {
    progress('keeper: runs of no length beside a plain spawn');
    return measureKeeper(place.base, options.isQuick);
  });

export const RUN: Readonly<Record<CaseName, Case>> = {
  latency,
  claim,
  backlog,
  fsyncs,
  memory,
  scan,
  start,
  status: statusRows,
  worktree: worktreeRows,
  history,
  size,
  signing,
  keeper,
  flow,
  queues,
};
