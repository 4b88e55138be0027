/** The whole flow with ten thousand prompts, and real processes beside two plain job queues of Debian (task-spooler, nq), which record nothing. */

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { baselineBacklog, drain, grouped, inPlace, series, type Progress } from './backlog.ts';
import type { BenchOptions } from './options.ts';
import type { Place } from './place.ts';
import { prepareBaseline, prepareDocket } from './prepare.ts';
import { memoryOf, startDocket } from './process.ts';
import { megabytes, NONE, perSecond, times, type Row } from './table.ts';

type Drained = { readonly ms: number; readonly peakBytes: number };

/** @param warm so many go through before the clock runs */
async function docketBacklog(place: Place, count: number, settings?: string, warm = 0): Promise<Drained> {
  const docket = await prepareDocket(place.base, 0, settings);
  const daemon = await startDocket(docket.root, place.base);
  try {
    if (warm > 0) await drain(place, docket.inboxes, series(warm), (prompt) => docket.inbox(prompt.folder));
    const ms = await drain(place, docket.inboxes, series(count, warm), (prompt) => docket.inbox(prompt.folder));
    return { ms, peakBytes: memoryOf(daemon.pid)?.peak ?? Number.NaN };
  } finally {
    await daemon.stop();
  }
}

/**
 * The watcher would take a quarter of an hour and more: its time for one prompt is measured at the beginning, the middle and the end of the ten thousand,
 * and summed by Simpson's rule.
 */
export async function flow(options: BenchOptions, progress: Progress): Promise<Row[]> {
  const count = options.isQuick ? 1_000 : 10_000;
  const sample = options.isQuick ? 20 : 100;
  progress(`flow: docket, ${grouped(count)} prompts`);
  const docket = await inPlace((place) => docketBacklog(place, count));
  const msPerPrompt: number[] = [];
  for (const recorded of [0, count / 2, count]) {
    progress(`flow: docket took ${String(Math.round(docket.ms))} ms; baseline, ${String(sample)} prompts at ${grouped(recorded)} recorded`);
    msPerPrompt.push(
      await inPlace(async (place) => (await baselineBacklog(place, prepareBaseline(place.base, recorded), sample)) / sample),
    );
  }
  const [first = 0, middle = 0, last = 0] = msPerPrompt;
  const baselineMs = (first + 4 * middle + last) / 6;
  const docketMs = docket.ms / count;
  return [
    {
      what: `backlog of ${grouped(count)} through the whole flow`,
      docket: perSecond(1_000 / docketMs),
      baseline: perSecond(1_000 / baselineMs),
      ratio: times(baselineMs / docketMs),
      expected: '> 20x, > 300/s',
    },
    { what: 'resident memory meanwhile, highest', docket: megabytes(docket.peakBytes), baseline: NONE, ratio: NONE, expected: NONE },
  ];
}

const SLOTS = 2;
/** Of docket only: its place is taken from the attempt's folder to exit.json, most of that by the disk; a job of the queues takes its own for a millisecond. */
const MANY_SLOTS = 16;
const command = (slots: number): string =>
  `runner: nothing\nrunners:\n  nothing: { kind: command, program: /bin/echo, args: [done], output: text }\nlanes:\n  nothing: { slots: ${String(slots)}, interval_cap: 100000, stagger: 0 }\nlimits: { ahead: 64 }\n`;

const isInstalled = (program: string): boolean => spawnSync(program, ['-h'], { stdio: 'ignore' }).error === undefined;

/** Each job handed in by its own call of the program, as a script does; until the last one has ended. What they are is compiled: they need no warming up. */
function queueMs(place: Place, program: 'tsp' | 'nq', count: number): number {
  const dir = path.join(place.base, program);
  mkdirSync(dir);
  const env = { PATH: process.env['PATH'] ?? '', HOME: place.base, TS_SOCKET: path.join(dir, 'socket'), TMPDIR: dir, NQDIR: dir };
  const call = (args: readonly string[]): void => {
    const { status, error } = spawnSync(program, [...args], { env, cwd: dir, stdio: 'ignore' });
    if (status !== 0 || error !== undefined)
      throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `exit code ${String(status)}`}`);
  };
  if (program === 'tsp') call(['-S', String(SLOTS)]);
  const startMs = performance.now();
  for (let n = 0; n < count; n++) call(['/bin/echo', 'done']);
  // tsp: the last one to start is the last one to end, within a moment.
  call(['-w']);
  const ms = performance.now() - startMs;
  if (program === 'tsp') call(['-K']);
  return ms;
}

/**
 * docket: dropped, checked, scanned, committed, run by the keeper, committed again with its evidence, published. The queues: run.
 * A daemon that has just started compiles while it answers the first hundreds, so some go before those that are counted; the same number is counted on all sides.
 */
export async function queues(options: BenchOptions, progress: Progress): Promise<Row[]> {
  const [warm, count] = options.isQuick ? [50, 100] : [300, 1_000];
  const docketRates: { slots: number; rate: number }[] = [];
  for (const slots of [SLOTS, MANY_SLOTS]) {
    progress(`queues: docket, ${grouped(count)} processes that do nothing after ${grouped(warm)}, ${String(slots)} at a time`);
    const docket = await inPlace((place) => docketBacklog(place, count, command(slots), warm));
    docketRates.push({ slots, rate: (count / docket.ms) * 1_000 });
  }
  const rows: Row[] = [];
  for (const program of ['tsp', 'nq'] as const) {
    const isHere = isInstalled(program);
    if (isHere) progress(`queues: ${program}, the same, ${String(SLOTS)} at a time`);
    const queueRate = isHere ? await inPlace((place) => Promise.resolve((count / queueMs(place, program, count)) * 1_000)) : null;
    for (const { slots, rate } of docketRates)
      rows.push({
        what: `processes that do nothing, ${String(slots)} slots, beside ${program} instead of the watcher`,
        docket: perSecond(rate),
        baseline: queueRate === null ? `NOT RUN: ${program} is not installed` : perSecond(queueRate),
        ratio: queueRate === null ? NONE : times(rate / queueRate),
        expected: '>= 1x',
      });
  }
  return rows;
}
