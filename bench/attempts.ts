/**
 * What docket adds to a run of a tool: the whole attempt (plan, keeper, files, exit, understanding) beside the same program called directly with its
 * output in a file. Both take turns in one loop, so that a busy machine slows both. And 32 of them at once, each of which takes a second.
 */

import { spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runAttempt } from '#agents/attempt.ts';
import { parseProfile } from '#agents/profile-file.ts';
import { makeProfileRunner } from '#agents/runners/profile.ts';
import type { JobId } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { RunRequest } from '#core/run.ts';
import { askProgram } from '#platform/ask.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { hashFile } from '#platform/hash-file.ts';
import { findProgram, makeProcesses } from '#platform/process.ts';
import { linkTo } from '#platform/soft-link.ts';
import { makeSockets } from '#platform/socket.ts';
import { connectKeeper, keeperProgram } from '#tools/keeper-client.ts';
import { asItIs } from '#tools/plan-tool.ts';
import { processorSeconds } from './process.ts';
import { ms, NONE, quantile, times, type Row } from './table.ts';

const ENTRY = fileURLToPath(new URL('../cli/keeper.ts', import.meta.url));
const BASELINE = 'called directly';
const AT_ONCE = 32;
const WARM = 10;
const LIMITS: RunRequest['limits'] = { timeoutMs: 600_000, idleMs: 600_000, outputBytes: 1e9, answerBytes: 1e6, turns: 1, budgetUsd: 1 };
const LINE = JSON.stringify({ type: 'result', result: '# Done', usage: { input_tokens: 1, output_tokens: 1 } });
/** Reads its prompt and answers; with a file `slow` beside it after a second. */
const TOOL = `#!/bin/sh\ncat > /dev/null\n[ -e "$(dirname "$0")/slow" ] && sleep 1\necho '${LINE}'\n`;
const PROFILE = `id: bench
kind: ai
title: Bench
tested: { how: transcript }
lane: bench
read: { format: lines, end: { type: result }, answer: [{ where: { type: result }, at: /result }] }
`;

const silent: Log = { error() {}, warn() {}, info() {}, debug() {}, with: () => silent };

type Bench = {
  readonly attempt: (name: string) => Promise<number>;
  readonly direct: (name: string) => Promise<number>;
  readonly keeperPid: () => number;
  readonly slow: () => void;
  close(): void;
};

async function open(base: string): Promise<Bench> {
  const [state, cwd] = [path.join(base, 'state'), path.join(base, 'code')];
  for (const folder of [state, cwd]) mkdirSync(folder, { mode: 0o700 });
  const tool = path.join(base, 'tool.sh');
  writeFileSync(tool, TOOL);
  chmodSync(tool, 0o755);
  const brief = '# Brief\n\nSay hi.\n';
  const briefFile = path.join(base, 'brief.md');
  writeFileSync(briefFile, brief);
  const [fs, digest, clock] = [makeFs(), makeDigest(), makeClock()];
  let pid = 0;
  const keeper = await connectKeeper({
    turn: null,
    state,
    sockets: makeSockets(),
    clock,
    log: silent,
    fs,
    digest,
    spawnKeeper: async (flags) => {
      ({ pid } = await makeProcesses().startDetached(keeperProgram(process.execPath, ENTRY, state, flags)));
    },
  });
  const parsed = parseProfile(`${PROFILE}program: ${tool}\n`, 'bench.yaml', 'bench', digest);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const env = { PATH: '/usr/bin:/bin' };
  const outside = {
    fs,
    ask: askProgram,
    find: findProgram,
    hashFile,
    linkTo,
    env,
    httpCall: { program: tool, args: [] },
    ownBinFolders: [],
  };
  const runner = makeProfileRunner(parsed.value, asItIs(parsed.value), state, outside);
  return {
    async attempt(name) {
      const startMs = performance.now();
      const request: RunRequest = {
        job: 'abcdefghijklmnop' as JobId,
        attempt: 1,
        runId: digest.uuid(),
        dir: path.join(base, name),
        briefFile,
        brief,
        cwd,
        model: null,
        access: 'read-only',
        limits: LIMITS,
        roleFile: 'role.yaml',
      };
      const { outcome } = await runAttempt({ runner, keeper, fs, digest, clock, log: silent }, request, new AbortController().signal);
      if (!outcome.ok) throw new Error(JSON.stringify(outcome.failure));
      return performance.now() - startMs;
    },
    async direct(name) {
      const startMs = performance.now();
      const file = path.join(base, `${name}.out`);
      const stdio = [openSync(briefFile, 'r'), openSync(file, 'wx', 0o600), 'ignore' as const];
      const child = spawn(tool, [], { cwd, env, stdio });
      for (const one of stdio) if (typeof one === 'number') closeSync(one);
      await new Promise((resolve) => child.once('exit', resolve));
      if ((JSON.parse(readFileSync(file, 'utf8')) as { readonly result: string }).result === '') throw new Error('no answer');
      return performance.now() - startMs;
    },
    keeperPid: () => pid,
    slow: () => {
      writeFileSync(path.join(base, 'slow'), '');
    },
    close: () => {
      keeper.close();
    },
  };
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MB`;
const all = async (run: (name: string) => Promise<number>, prefix: string): Promise<number> => {
  const startMs = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, async (_, n) => run(`${prefix}${String(n)}`)));
  return performance.now() - startMs;
};

/** @param base an empty folder on a real disk */
export async function measureAttempts(base: string, isQuick: boolean): Promise<Row[]> {
  const bench = await open(base);
  try {
    const count = isQuick ? 60 : 300;
    const [mine, theirs]: [number[], number[]] = [[], []];
    let ownSeconds = 0;
    for (let n = 0; n < count + WARM; n++) {
      const before = process.cpuUsage();
      const took = await bench.attempt(`a${String(n)}`);
      const spent = process.cpuUsage(before);
      const direct = await bench.direct(`d${String(n)}`);
      if (n < WARM) continue;
      ownSeconds += (spent.user + spent.system) / 1e6;
      mine.push(took);
      theirs.push(direct);
    }
    const row = (share: number): Row => ({
      what: `a run of no length, whole attempt, p${String(share * 100)} (baseline: ${BASELINE})`,
      docket: ms(quantile(mine, share)),
      baseline: ms(quantile(theirs, share)),
      ratio: `+${ms(quantile(mine, share) - quantile(theirs, share))}`,
      expected: share === 0.5 ? '< +15 ms' : NONE,
    });
    const keeperSeconds = processorSeconds(bench.keeperPid());
    const spent: Row = {
      what: 'processor time for each run: the daemon; the keeper',
      docket: `${ms((ownSeconds / count) * 1_000)}; ${keeperSeconds === null ? 'NOT RUN: no /proc' : ms((keeperSeconds * 1_000) / (count + WARM))}`,
      baseline: NONE,
      ratio: NONE,
      expected: NONE,
    };
    bench.slow();
    const rssBefore = process.memoryUsage.rss();
    let rssDuring = rssBefore;
    const watch = setInterval(() => (rssDuring = Math.max(rssDuring, process.memoryUsage.rss())), 50);
    const mineMs = await all(bench.attempt, 'm');
    clearInterval(watch);
    const theirsMs = await all(bench.direct, 't');
    return [
      row(0.1),
      row(0.5),
      row(0.99),
      spent,
      {
        what: `${String(AT_ONCE)} runs of 1 s at once, all answered (baseline: ${BASELINE})`,
        docket: ms(mineMs),
        baseline: ms(theirsMs),
        ratio: times(theirsMs / mineMs),
        expected: NONE,
      },
      {
        what: `memory of the daemon for each of ${String(AT_ONCE)} runs at once, beside the keeper`,
        docket: megabytes((rssDuring - rssBefore) / AT_ONCE),
        baseline: NONE,
        ratio: NONE,
        expected: '< 2 MB',
      },
    ];
  } finally {
    bench.close();
  }
}
