/**
 * Mixed load on one daemon for minutes: prompts of every kind, second daemons, SIGSTOP and SIGCONT at random, a clock that jumps. Nothing is lost, nothing is
 * done twice, and memory and handles of daemon and keeper stay where they were.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeChance, type Chance } from './chance.ts';
import { memoryOf, tableOf, tellingEnv, type Moment } from './memory.ts';
import { assertRight, judge } from './model.ts';
import { pidWith, sampleOf, type Sample } from './processes.ts';
import { publish, summary } from './results.ts';
import { buildShim, makeShim } from './shim.ts';
import { finish, makeWorld, take, type StepName, type World } from './steps.ts';
import { IS_FULL, makeStory, shareOf } from './story.ts';

const SOAK_MS = Number(process.env['DOCKET_FAULTS_SOAK_MS'] ?? (IS_FULL ? 30 * 60_000 : shareOf(5 * 60_000, 3 * 60_000)));
const SAMPLE_MS = 500;
/** Prompts that lie open at most. */
const BACKLOG = 24;
const GROWTH_MAX = 1.1;
/**
 * So many prompts before anything is counted, as fast as they go: by then the daemon's caches have reached their ceilings (2,000 folders of the history,
 * three for a prompt; 512 of its records; git's index is in two files), and what is called often is compiled.
 */
const WARM_PROMPTS = 1_000;
/** Of either side: a tool's files, a connection. */
const HANDLES_MORE_MAX = 6;

/** In a thousand. */
const RARE: readonly { readonly step: StepName; readonly share: number }[] = [
  { step: 'start', share: 5 },
  { step: 'pause', share: 10 },
  { step: 'set the clock', share: 15 },
  { step: 'drop slowly', share: 40 },
  { step: 'drop what is not valid', share: 40 },
  { step: 'edit', share: 60 },
  { step: 'withdraw', share: 20 },
  { step: 'burst', share: 60 },
];

function nextStep(chance: Chance, open: number): StepName {
  let left = chance.between(0, 999);
  for (const { step, share } of RARE) {
    if (left < share) return step === 'burst' && open > BACKLOG ? 'wait' : step;
    left -= share;
  }
  return open < BACKLOG ? 'drop' : 'wait';
}

async function warmUp({ story }: World, chance: Chance): Promise<void> {
  while (story.dropped.length < WARM_PROMPTS) {
    if (story.open() < BACKLOG) story.drop(chance, { delayMsMax: 0 });
    else await sleep(20);
  }
}

type Growth = { readonly before: Sample; readonly after: Sample };

const middle = (part: readonly Sample[]): Sample => ({
  rssBytes: summary(part.map(({ rssBytes }) => rssBytes)).median,
  // The fewest: packs and files that are read at a moment come and go with the load, up to a dozen; what leaks is there at each moment.
  handles: Math.min(...part.map(({ handles }) => handles)),
});

/** The second quarter against the last, of what was seen when it was warm. */
function growthOf(samples: readonly Sample[]): Growth {
  const quarter = Math.floor(samples.length / 4);
  return { before: middle(samples.slice(quarter, 2 * quarter)), after: middle(samples.slice(-quarter)) };
}

const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
const told = (name: string, { before, after }: Growth): string =>
  `${name}: ${megabytes(before.rssBytes)} -> ${megabytes(after.rssBytes)} MB, ${String(before.handles)} -> ${String(after.handles)} handles`;

/** @param table what the memory was made of, over time */
function assertFlat(name: string, growth: Growth, table: string): void {
  const { before, after } = growth;
  assert.ok(after.rssBytes <= before.rssBytes * GROWTH_MAX, `${told(name, growth)}\n${table}`);
  assert.ok(after.handles <= before.handles + HANDLES_MORE_MAX, told(name, growth));
}

test(`under mixed load for ${String(Math.round(SOAK_MS / 60_000))} minutes nothing is lost, and memory and handles stay flat`, async (t) => {
  if (!existsSync('/proc/self/fd')) {
    console.log('NOT RUN: soak: there is no /proc to look at memory and handles');
    return;
  }
  const built = buildShim(t);
  if ('why' in built) console.log(`NOT RUN: clock steps in the soak: ${built.why}`);
  const chance = makeChance();
  const story = makeStory(t);
  const world = makeWorld(story, 'why' in built ? null : makeShim(story.rig, built.library, { isCounting: false }));
  const telling = path.join(story.rig.base, 'memory');
  Object.assign(story.rig.env, tellingEnv(telling));
  await take(world, { do: 'start', n: 1 });
  const pid = world.daemon?.child.pid ?? 0;
  const daemon: Sample[] = [];
  const moments: Moment[] = [];
  const keeper: Sample[] = [];
  let keeperPid: number | null = null;
  let steps = 0;
  let pauses = 0;
  await warmUp(world, chance);
  const begunMs = performance.now();
  for (let sampledMs = begunMs; performance.now() < begunMs + SOAK_MS;) {
    const step = nextStep(chance, story.open());
    pauses += step === 'pause' ? 1 : 0;
    await take(world, { do: step, n: chance.between(0, 2 ** 31) });
    steps += 1;
    if (performance.now() < sampledMs + SAMPLE_MS) continue;
    sampledMs = performance.now();
    keeperPid ??= pidWith('keeper', story.rig.queues);
    const now = { daemon: sampleOf(pid), keeper: keeperPid === null ? null : sampleOf(keeperPid) };
    assert.ok(now.daemon !== null, `the daemon is gone: ${world.daemon?.output() ?? ''}`);
    daemon.push(now.daemon);
    const s = Math.round((sampledMs - begunMs) / 1000);
    moments.push({ s, prompts: story.dropped.length, rssBytes: now.daemon.rssBytes, memory: memoryOf(telling, pid) });
    if (now.keeper === null) keeperPid = null;
    else keeper.push(now.keeper);
  }
  world.shim?.setClock(0);
  await finish(world);
  const verdict = judge(story);
  const growth = { daemon: growthOf(daemon), keeper: growthOf(keeper) };
  publish(
    'soak',
    `${String(Math.round((performance.now() - begunMs) / 1000))} s, ${String(steps)} steps, ${String(pauses)} pauses`,
    verdict,
    `${told('daemon', growth.daemon)}; ${told('keeper', growth.keeper)}; seed ${String(chance.seed)}`,
  );
  assertRight(verdict, chance.seed);
  const table = tableOf(moments);
  if (IS_FULL) console.log(table);
  assertFlat('daemon', growth.daemon, table);
  assertFlat('keeper', growth.keeper, keeper.map(({ rssBytes }) => megabytes(rssBytes)).join(' '));
});
