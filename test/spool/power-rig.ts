/** A job on the simulated file system, power cuts at every call, and what must be true afterwards. */

import { Buffer } from 'node:buffer';
import type { Fs, SyncWhy } from '#core/ports.ts';
import type { Spool } from '#core/spool.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeSpool } from '#spool/spool.ts';
import { makeFaultyFs, Stop } from '#test/support/faulty-fs.ts';
import { makeSimFs, type SimFs } from '#test/support/sim-fs.ts';
import { answer, makeHandClock, makeLog, recover, ROLE, SETTINGS, stem, complete, type HandClock } from './rig.ts';

const PROMPT = 'a prompt that must survive';
const QUEUES = '/queues';

const spoolOn = (fs: Fs, clock: HandClock): Spool =>
  makeSpool({ queues: QUEUES, roles: [ROLE], fs, clock, digest: makeDigest(), log: makeLog(), settings: SETTINGS, processId: '1' });

/** Small, fast and the same everywhere (mulberry32): a failing seed can be run again. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function processWaiting(spool: Spool, clock: HandClock): Promise<void> {
  await spool.scan();
  clock.advance(10_000);
  for (const one of await spool.claim((await spool.scan()).waiting)) {
    const { claimed } = await spool.read(one.dir, one.id, one.waiting.folder);
    await complete(spool, claimed, answer());
  }
}

async function contents(fs: Fs, folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await fs.list(folder)) {
    if (entry.kind !== 'file' || entry.name === null) continue;
    found.set(entry.name, Buffer.from((await fs.readBounded(`${folder}/${entry.name}`, 100_000)).bytes).toString());
  }
  return found;
}

/** What is wrong after recovery; null: nothing. */
async function fault(fs: Fs, wasDropped: boolean): Promise<string | null> {
  const role = `${QUEUES}/${ROLE.folder}`;
  const input = await contents(fs, `${role}/in`);
  const output = await contents(fs, `${role}/out`);
  if (!wasDropped && input.size === 0 && output.size === 0) return null;
  if ([...input.keys()].join() !== 'foo.processed') return `in/: ${[...input.keys()].join() || 'nothing'}`;
  if (input.get('foo.processed') !== PROMPT) return 'the input is damaged';
  if ([...output.keys()].toSorted().join() !== 'foo_evidence.json,foo_result.md') return `out/: ${[...output.keys()].join()}`;
  const evidence = output.get('foo_evidence.json') ?? '';
  const run = /^\{"run":"([0-9]+)"\}$/.exec(evidence)?.[1];
  if (run === undefined || output.get('foo_result.md') !== `answer ${run}`) return `the result is damaged or of another run: ${evidence}`;
  const left = await fs.list(`${role}/work`);
  return left.length === 0 ? null : 'something stays in work/';
}

export type Verdict = { readonly cuts: number; readonly bad: readonly string[] };

/**
 * A job with the power cut at every call that changes the disk, `perPoint` times each with another choice of what survived; then, with
 * `isTwice`, once more in the middle of the recovery.
 * @param ignores syncs that are left out
 */
export async function powerCuts(options: {
  readonly ignores?: readonly SyncWhy[];
  readonly perPoint: number;
  readonly seed: number;
  readonly isTwice?: boolean;
}): Promise<Verdict> {
  const random = randomFrom(options.seed);
  const bad: string[] = [];
  let cuts = 0;
  for (let at = 1, isOver = false; !isOver; at++) {
    const sim = makeSimFs({ leavesOut: ({ why }) => options.ignores?.includes(why) === true });
    const clock = makeHandClock();
    await spoolOn(sim.fs, clock).prepare();
    // The folders are from yesterday.
    sim.cut(() => true);
    const fs = makeFaultyFs(sim.fs, { at, act: 'stop' });
    const spool = spoolOn(fs, clock);
    let wasDropped = false;
    isOver = await survives(async () => {
      await spool.drop(ROLE.name, stem('foo'), PROMPT);
      wasDropped = true;
      await processWaiting(spool, clock);
    });
    for (let round = 0; round < options.perPoint; round++) {
      const after = sim.copy();
      cutAt(after, random, round);
      cuts += 1;
      if (options.isTwice === true) {
        const second = makeFaultyFs(after.fs, { at: 1 + Math.floor(random() * 40), act: 'stop' });
        await survives(async () => {
          const again = spoolOn(second, clock);
          await recover(again);
          await processWaiting(again, clock);
        });
        cutAt(after, random, round);
      }
      const last = spoolOn(after.fs, clock);
      const problem = await recoverAndLook(last, after, clock, wasDropped);
      if (problem !== null) bad.push(`cut at ${String(at)} (${fs.calls.at(-1) ?? ''}), round ${String(round)}: ${problem}`);
    }
  }
  return { cuts, bad };
}

/** The first rounds are the two extremes; the others choose. */
function cutAt(sim: SimFs, random: () => number, round: number): void {
  const share = round === 0 ? 0 : round === 1 ? 1 : random();
  sim.cut(() => random() < share);
}

async function recoverAndLook(spool: Spool, sim: SimFs, clock: HandClock, wasDropped: boolean): Promise<string | null> {
  try {
    await recover(spool);
    await processWaiting(spool, clock);
  } catch (error) {
    return `recovery failed: ${String(error)}`;
  }
  return fault(sim.fs, wasDropped);
}

async function survives(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (error instanceof Stop) return false;
    throw error;
  }
}
