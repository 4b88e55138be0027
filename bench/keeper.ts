/**
 * What a run costs in the keeper's hands, beside the same program started plainly (detached, output into files, nothing synced, nothing watched).
 * Both take turns in one loop, so that a busy machine slows both. `true` is the program: all that is measured is around it.
 */

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Keeper, Log, StartRun } from '#core/ports.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { connectKeeper, keeperProgram } from '#tools/keeper-client.ts';
import { processorSeconds } from './process.ts';
import { NONE, quantile, type Row } from './table.ts';

const ENTRY = fileURLToPath(new URL('../cli/keeper.ts', import.meta.url));
const LIMITS = { timeoutMs: 600_000, idleMs: 600_000, outputBytes: 1e9, answerBytes: 1e6, turns: 1, budgetUsd: 1 };
const BASELINE = 'plain spawn';

const silent: Log = { error() {}, warn() {}, info() {}, debug() {}, with: () => silent };

type Bench = {
  readonly keeper: Keeper;
  readonly keeperPid: () => number;
  readonly run: (name: string, args: readonly string[]) => StartRun;
};

async function connect(base: string): Promise<Bench> {
  const state = path.join(base, 'state');
  mkdirSync(state, { mode: 0o700 });
  const digest = makeDigest();
  const stdin = path.join(base, 'stdin');
  writeFileSync(stdin, '');
  let pid = 0;
  const keeper = await connectKeeper({
    turn: null,
    state,
    sockets: makeSockets(),
    clock: makeClock(),
    log: silent,
    fs: makeFs(),
    digest,
    spawnKeeper: async (flags) => {
      ({ pid } = await makeProcesses().startDetached(keeperProgram(process.execPath, ENTRY, state, flags)));
    },
  });
  const run = (name: string, args: readonly string[]): StartRun => {
    const dir = path.join(base, name);
    mkdirSync(dir, { mode: 0o700 });
    const plan = { kind: 'program', program: '/bin/sh', args, env: { PATH: '/usr/bin:/bin' }, cwd: '/', stdin, shown: 'sh' } as const;
    return { plan, dir, runId: digest.uuid(), token: digest.uuid(), limits: LIMITS };
  };
  return { keeper, keeperPid: () => pid, run };
}

async function kept({ keeper }: Bench, run: StartRun): Promise<number> {
  const startMs = performance.now();
  const started = await keeper.start(run);
  if (!started.ok) throw new Error(JSON.stringify(started.error));
  if ((await keeper.wait(run.dir, run.runId)) === null) throw new Error('a run was lost');
  return performance.now() - startMs;
}

async function plain({ plan, dir }: StartRun): Promise<number> {
  const startMs = performance.now();
  const stdio = [
    openSync(plan.stdin, 'r'),
    openSync(path.join(dir, 'stdout'), 'wx', 0o600),
    openSync(path.join(dir, 'stderr'), 'wx', 0o600),
  ];
  const child = spawn(plan.program, [...plan.args], { cwd: plan.cwd, env: plan.env, detached: true, stdio });
  for (const fd of stdio) closeSync(fd);
  await new Promise((resolve) => child.once('exit', resolve));
  return performance.now() - startMs;
}

type Memory = { readonly rss: number; readonly pss: number; readonly own: number };

/** Bytes: resident; its fair share of what others use too; what nobody else uses. Null where /proc does not tell. */
function memoryOf(pid: number): Memory | null {
  try {
    const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
    const bytesOf = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) * 1_024;
    return { rss: bytesOf('Rss'), pss: bytesOf('Pss'), own: bytesOf('Private_Clean') + bytesOf('Private_Dirty') };
  } catch {
    return null;
  }
}

const ms = (value: number): string => `${value.toFixed(1)} ms`;
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;

/** @param base an empty folder on a real disk */
export async function measureKeeper(base: string, isQuick: boolean): Promise<Row[]> {
  const bench = await connect(base);
  try {
    const count = isQuick ? 60 : 300;
    const [keptMs, plainMs]: [number[], number[]] = [[], []];
    for (let n = 0; n < count + 10; n++) {
      const [mine, theirs] = [
        await kept(bench, bench.run(`k${String(n)}`, ['-c', ':'])),
        await plain(bench.run(`p${String(n)}`, ['-c', ':'])),
      ];
      // The first ones start the keeper and warm both up.
      if (n < 10) continue;
      keptMs.push(mine);
      plainMs.push(theirs);
    }
    const row = (share: number): Row => {
      const [mine, theirs] = [quantile(keptMs, share), quantile(plainMs, share)];
      return {
        what: `a run of no length in the keeper, p${String(share * 100)} (baseline: ${BASELINE})`,
        docket: ms(mine),
        baseline: ms(theirs),
        ratio: `+${ms(mine - theirs)}`,
        expected: share === 0.99 ? NONE : '< +5 ms',
      };
    };
    const seconds = processorSeconds(bench.keeperPid());
    const spent: Row = {
      what: 'processor time of the keeper for each run, whatever else the machine does',
      docket: seconds === null ? 'NOT RUN: no /proc' : ms((seconds * 1_000) / (count + 10)),
      baseline: NONE,
      ratio: NONE,
      expected: NONE,
    };
    // The tenth that was least disturbed by whatever else runs here.
    return [spent, row(0.1), row(0.5), row(0.99), ...(await memoryRows(bench, count + 10, isQuick ? 20 : 50))];
  } finally {
    bench.keeper.close();
  }
}

async function memoryRows(bench: Bench, runsBefore: number, count: number): Promise<Row[]> {
  const before = memoryOf(bench.keeperPid());
  const runs = Array.from({ length: count }, (_, n) => bench.run(`m${String(n)}`, ['-c', 'read -r line; exec sleep 600']));
  const started = await Promise.all(runs.map(async (run) => bench.keeper.start(run)));
  await pause(1_000);
  const during = memoryOf(bench.keeperPid());
  await Promise.all(runs.map(async (run) => bench.keeper.stop(run.runId, 'cancelled')));
  await Promise.all(runs.map(async (run) => bench.keeper.wait(run.dir, run.runId)));
  if (before === null || during === null || started.some((one) => !one.ok))
    return [{ what: 'memory of the keeper', docket: 'NOT RUN: no /proc', baseline: NONE, ratio: NONE, expected: NONE }];
  return [
    {
      what: `resident memory of the keeper after ${String(runsBefore)} runs (its share; its own)`,
      docket: `${mebibytes(before.rss)} (${mebibytes(before.pss)}; ${mebibytes(before.own)})`,
      baseline: NONE,
      ratio: NONE,
      expected: '< 50 MB',
    },
    {
      what: `memory the keeper adds for each of ${String(count)} runs at once`,
      docket: mebibytes((during.rss - before.rss) / count),
      baseline: NONE,
      ratio: NONE,
      expected: '< 1 MB',
    },
  ];
}
