/**
 * What it costs to know what waits, beside the plain way to know it in the same run: `readdir` with types and an `lstat` of each prompt (in this
 * process, on the same folder). And the time from a drop to its claim by a daemon at rest, beside a loop in the shell that looks every 2 s.
 */

import { spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, renameSync, watch, writeFileSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseRoleFolder } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import type { Spool } from '#core/spool.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeSpool } from '#spool/spool.ts';
import type { BenchOptions } from './options.ts';
import { makePlace, type Place } from './place.ts';
import { prepareDocket, type DocketPlace } from './prepare.ts';
import { gitEnvironment, memoryOf, processorSeconds, startDocket, type Running } from './process.ts';
import { promptOf } from './prompts.ts';
import { megabytes, ms, NONE, quantile, times, type Row } from './table.ts';

type Progress = (what: string) => void;
type Sizes = { readonly waiting: number; readonly recorded: number; readonly processed: number; readonly drops: number };
const FULL: Sizes = { waiting: 100_000, recorded: 10_000, processed: 1_000_000, drops: 100 };
const QUICK: Sizes = { waiting: 10_000, recorded: 1_000, processed: 100_000, drops: 20 };
const LATER = 'not_before: 2099-01-01T00:00:00+01:00\n';
/** Links that one file may have on ext4: 65,000. */
const LINKS = 60_000;
const FOLDER = '01-architect';

const silent: Log = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, with: () => silent };
const grouped = (count: number): string => count.toLocaleString('en');
const must = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

async function withPlace<T>(act: (place: Place) => Promise<T>): Promise<T> {
  const place = makePlace();
  try {
    return await act(place);
  } finally {
    place.remove();
  }
}

function spoolAt(queues: string): Spool {
  const role = must(parseRoleFolder(FOLDER));
  return makeSpool({
    queues,
    roles: [{ folder: role.folder, name: role.name }],
    fs: makeFs(),
    clock: makeClock(),
    digest: makeDigest(),
    log: silent,
    settings: { promptBytes: 600_000, keptBytes: 16_000_000, settleMs: 500, settleNetworkMs: 2_000 },
    processId: 'bench',
  });
}

const timed = async (act: () => Promise<unknown>): Promise<number> => {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
};
const median = async (count: number, act: () => Promise<unknown>): Promise<number> => {
  const took: number[] = [];
  for (let n = 0; n < count; n++) took.push(await timed(act));
  return quantile(took, 0.5);
};

async function plainLook(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.name.endsWith('.md')) await lstat(path.join(folder, entry.name));
}

const row = (what: string, docketMs: number, plainMs: number, expected = NONE): Row => ({
  what,
  docket: ms(docketMs),
  baseline: `${ms(plainMs)} (readdir + lstat)`,
  ratio: times(plainMs / docketMs),
  expected,
});

/** Ten prompts among so many `.processed`: what a drop costs to find, and what a whole look does. */
async function processedRows(place: Place, sizes: Sizes, progress: Progress): Promise<Row[]> {
  const queues = path.join(place.base, 'queues');
  const spool = spoolAt(queues);
  await spool.prepare();
  const folder = path.join(queues, FOLDER, 'in');
  progress(`scan: ${grouped(sizes.processed)} processed files`);
  let seed = '';
  for (let n = 0; n < sizes.processed; n++) {
    if (n % LINKS === 0) {
      seed = path.join(place.staging, `seed-${String(n)}`);
      writeFileSync(seed, 'x');
    }
    linkSync(seed, path.join(folder, `prompt-${String(n)}.processed`));
  }
  for (let n = 0; n < 10; n++) writeFileSync(path.join(folder, `waits-${String(n)}.md`), promptOf(n).text);
  await spool.scan();
  let number = 0;
  const drop = (): string => {
    const name = `new-${String(number++)}.md`;
    writeFileSync(path.join(place.staging, name), 'x');
    renameSync(path.join(place.staging, name), path.join(folder, name));
    return name;
  };
  progress('scan: looks among them');
  const noticedMs = await median(21, async () => {
    await spool.scan({ isWhole: false, noticed: [{ folder: FOLDER, name: drop(), isWritten: false }] });
  });
  const wholeMs = await median(3, async () => {
    drop();
    await spoolAt(queues).scan();
  });
  const plainMs = await median(3, async () => plainLook(folder));
  const among = `10 waiting among ${grouped(sizes.processed)} processed`;
  return [
    row(`${among}: a drop that an event told of is found`, noticedMs, plainMs),
    row(`${among}: the first look at all`, wholeMs, plainMs),
  ];
}

/** The first start of an installation compiles what all later ones find compiled: the case `start` has both. */
const startOnce = (): Promise<void> =>
  withPlace(async (place) => {
    const { root } = await prepareDocket(place.base, 0);
    await (await startDocket(root, place.base)).stop();
  });

/** Milliseconds from the start of the process until the first prompt has left its inbox, then memory and processor when all were looked at. */
async function backlogRows(place: Place, sizes: Sizes, progress: Progress): Promise<Row[]> {
  progress(`scan: ${grouped(sizes.recorded)} prompts are recorded`);
  const docket = await prepareDocket(place.base, sizes.recorded);
  progress(`scan: ${grouped(sizes.waiting)} files wait`);
  // One in a thousand may run, so that the others still wait while they are looked at; they are dropped as careful programs do.
  const whole = path.join(place.staging, 'whole');
  for (let n = 0; n < sizes.waiting; n++) {
    const prompt = promptOf(n, n % 1_000 === 500 ? '' : LATER);
    writeFileSync(whole, prompt.text);
    renameSync(whole, path.join(docket.inbox(prompt.folder), `${prompt.stem}.md`));
  }
  const plainMs = await timed(async () => {
    for (const folder of docket.inboxes) await plainLook(folder);
  });
  await startOnce();
  const startMs = performance.now();
  const first = firstToLeave(docket);
  const daemon = await startDocket(docket.root, place.base);
  try {
    const firstMs = (await first.left) - startMs;
    const firstSeconds = processorSeconds(daemon.pid);
    progress(`scan: the first is claimed after ${ms(firstMs)}; until all were looked at`);
    const restMs = await untilAtRest(daemon);
    const memory = memoryOf(daemon.pid);
    const at = `at ${grouped(sizes.waiting)} waiting, ${grouped(sizes.recorded)} recorded`;
    return [
      row(`start of the process to the first claim, ${at}`, firstMs, plainMs, '< 2 s'),
      {
        what: 'the same, processor time of the daemon: what a busy machine leaves alone',
        docket: firstSeconds === null ? 'NOT RUN: no /proc' : ms(firstSeconds * 1_000),
        baseline: NONE,
        ratio: NONE,
        expected: '< 2 s',
      },
      {
        what: `the same until all were looked at and put in order`,
        docket: ms(firstMs + restMs),
        baseline: NONE,
        ratio: NONE,
        expected: NONE,
      },
      {
        what: `resident memory then (highest), ${at}`,
        docket: memory === null ? 'NOT RUN: no /proc' : `${megabytes(memory.now)} (${megabytes(memory.peak)})`,
        baseline: NONE,
        ratio: NONE,
        expected: '< 200 MB',
      },
    ];
  } finally {
    first.close();
    await daemon.stop();
  }
}

function firstToLeave(docket: DocketPlace): { readonly left: Promise<number>; close(): void } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const watchers = docket.inboxes.map((folder) =>
    watch(folder, (_kind, name) => {
      if (name?.endsWith('.md') === true && !existsSync(path.join(folder, name))) resolve(performance.now());
    }),
  );
  return {
    left: promise,
    close() {
      for (const watcher of watchers) watcher.close();
    },
  };
}

const REST_SHARE = 0.05;
const REST_MS_MAX = 180_000;

/** Milliseconds until a second passes in which the process does next to nothing. */
async function untilAtRest(daemon: Running): Promise<number> {
  const startMs = performance.now();
  while (performance.now() - startMs < REST_MS_MAX) {
    const before = processorSeconds(daemon.pid);
    await pause(1_000);
    const after = processorSeconds(daemon.pid);
    if (before === null || after === null || after - before < REST_SHARE) break;
  }
  return performance.now() - startMs - 1_000;
}

/** With so many processed files in one inbox, and nothing to do. */
async function idleRows(place: Place, sizes: Sizes, progress: Progress): Promise<Row[]> {
  const count = Math.min(sizes.processed, 100_000);
  const docket = await prepareDocket(place.base, 0);
  const seed = path.join(place.staging, 'idle-seed');
  for (let n = 0; n < count; n++) {
    if (n % LINKS === 0) writeFileSync(`${seed}${String(n)}`, 'x');
    linkSync(`${seed}${String(n - (n % LINKS))}`, path.join(docket.inbox(FOLDER), `prompt-${String(n)}.processed`));
  }
  const daemon = await startDocket(docket.root, place.base);
  try {
    await pause(5_000);
    progress(`scan: at rest with ${grouped(count)} processed files`);
    // With a listing of the folders each minute, and the look at each processed file that retention takes once a day.
    const idleMs = sizes === FULL ? 180_000 : 15_000;
    const before = processorSeconds(daemon.pid) ?? Number.NaN;
    await pause(idleMs);
    const share = (((processorSeconds(daemon.pid) ?? Number.NaN) - before) / idleMs) * 100_000;
    return [
      {
        what: `processor at rest with ${grouped(count)} processed files`,
        docket: `${share.toFixed(2)} %`,
        baseline: NONE,
        ratio: NONE,
        expected: '< 1 %',
      },
    ];
  } finally {
    await daemon.stop();
  }
}

export async function scan(options: BenchOptions, progress: Progress): Promise<Row[]> {
  const sizes = options.isQuick ? QUICK : FULL;
  return [
    ...(await withPlace((place) => processedRows(place, sizes, progress))),
    ...(await withPlace((place) => backlogRows(place, sizes, progress))),
    ...(await withPlace((place) => idleRows(place, sizes, progress))),
  ];
}

/** The loop that anybody writes, without any work. */
const POLL = 'while :; do for f in "$1"/*.md; do [ -e "$f" ] && mv "$f" "$2"/; done; sleep 2; done';

type Dropping = { readonly inbox: string; readonly staging: string; readonly pauseMs: () => number; readonly tickMs: number };

/** Milliseconds from the rename into the inbox until the file has left it. */
async function dropAndWait(count: number, from: number, { inbox, staging, pauseMs, tickMs }: Dropping): Promise<number[]> {
  const took: number[] = [];
  const waits = new Map<string, (atMs: number) => void>();
  const watcher = watch(inbox, (_kind, name) => {
    if (name !== null && waits.has(name) && !existsSync(path.join(inbox, name))) waits.get(name)?.(performance.now());
  });
  try {
    for (let n = 0; n < count; n++) {
      const prompt = promptOf((from + n) * 6 + 1);
      const name = `${prompt.stem}.md`;
      const { promise, resolve } = Promise.withResolvers<number>();
      writeFileSync(path.join(staging, name), prompt.text);
      await pause(tickMs);
      const startMs = performance.now();
      renameSync(path.join(staging, name), path.join(inbox, name));
      waits.set(name, resolve);
      took.push((await promise) - startMs);
      waits.delete(name);
      await pause(pauseMs());
    }
    return took;
  } finally {
    watcher.close();
  }
}

export async function claim(options: BenchOptions, progress: Progress): Promise<Row[]> {
  const { drops } = options.isQuick ? QUICK : FULL;
  return withPlace(async (place) => {
    progress(`claim: docket, ${grouped(drops)} drops of each kind`);
    const docket = await prepareDocket(place.base, 0);
    const daemon = await startDocket(docket.root, place.base);
    const dropping = { inbox: docket.inbox(FOLDER), staging: place.staging, pauseMs: () => 150, tickMs: 20 };
    let atRest: number[];
    let fresh: number[];
    try {
      await dropAndWait(3, 90_000, dropping);
      atRest = await dropAndWait(drops, 0, dropping);
      fresh = await dropAndWait(drops, 10_000, { ...dropping, tickMs: 0 });
    } finally {
      await daemon.stop();
    }
    progress('claim: the poll loop');
    const inbox = path.join(place.base, 'polled');
    const taken = path.join(place.base, 'taken');
    for (const folder of [inbox, taken]) mkdirSync(folder);
    const loop = spawn('sh', ['-c', POLL, 'sh', inbox, taken], { env: gitEnvironment(place.base), stdio: 'ignore' });
    try {
      const polled = await dropAndWait(Math.ceil(drops / 5), 20_000, { ...dropping, inbox, pauseMs: () => Math.random() * 2_000 });
      const rows = (what: string, took: readonly number[]): Row[] =>
        [0.5, 0.99].map((share) => ({
          what: `${what} -> claimed, p${String(share * 100)}`,
          docket: ms(quantile(took, share)),
          baseline: `${ms(quantile(polled, share))} (poll of 2 s)`,
          ratio: times(quantile(polled, share) / quantile(took, share)),
          expected: share === 0.5 ? '< 5 ms' : '< 30 ms',
        }));
      return [...rows('rename of a file written 20 ms before', atRest), ...rows('rename right after the write', fresh)];
    } finally {
      loop.kill('SIGTERM');
    }
  });
}
