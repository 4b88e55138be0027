/**
 * A random history: what people and machines do to a workspace, one step after the other, on the real binary. Used by the property test and the soak.
 *
 * The daemon: none -> up -> paused -> up -> none. Invariant: at most one is up, and whoever comes second ends with 3.
 */

import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Daemon } from '#test/support/rig.ts';
import { makeChance, type Chance } from './chance.ts';
import { isUp } from './daemon.ts';
import type { Shim } from './shim.ts';
import type { Dropped, Story } from './story.ts';

/** `n` is all the chance of a step: the same steps are the same story, but for the machine's own timing. */
export type Step = { readonly do: StepName; readonly n: number };
export type StepName = keyof typeof STEPS;

export type World = {
  readonly story: Story;
  /** Null where no clock can be set. */
  readonly shim: Shim | null;
  daemon: Daemon | null;
};
type Act = (world: World, chance: Chance) => Promise<void> | void;

const HOLD_EXIT = 3;
const HOUR_MS = 3_600_000;
/** How far a clock may be set: a leap, an hour of summer time, a day, a year; back and forth. */
const CLOCK_STEPS_MS = [
  0,
  1_000,
  -1_000,
  30_000,
  -30_000,
  HOUR_MS,
  -HOUR_MS,
  24 * HOUR_MS,
  -24 * HOUR_MS,
  8_760 * HOUR_MS,
  -8_760 * HOUR_MS,
];

async function start(world: World): Promise<void> {
  const daemon = world.story.rig.launch(world.shim?.env ?? {});
  await isUp(daemon);
  world.daemon = daemon;
}

/** While one is up, or paused, nobody else gets in. */
async function intrude({ story, shim, daemon }: World): Promise<void> {
  const second = story.rig.launch(shim?.env ?? {});
  const end = await second.exit();
  assert.equal(end, HOLD_EXIT, `the second daemon ended with ${String(end)}: ${second.output()}`);
  assert.match(second.output(), /another daemon holds/);
  assert.ok(daemon !== null && daemon.child.exitCode === null);
}

/** In place and slowly, by somebody who keeps the file open: half of it must never be taken. */
async function dropSlowly({ story }: World, chance: Chance): Promise<void> {
  const one = story.drop(chance);
  if (!story.withdraw(one)) return;
  const fd = openSync(path.join(story.rig.in(one.folder), `${one.stem}.md`), 'wx', 0o600);
  try {
    const half = Math.floor(one.text.length / 2);
    writeSync(fd, one.text.slice(0, half));
    await after(chance.between(0, 400));
    writeSync(fd, one.text.slice(half));
  } finally {
    closeSync(fd);
  }
  story.take(one);
}

const anyOf = ({ story }: World, chance: Chance): Dropped | null => (story.dropped.length === 0 ? null : chance.pick(story.dropped));

const STEPS = {
  drop: ({ story }, chance) => void story.drop(chance),
  burst: ({ story }, chance) => {
    for (let left = chance.between(2, 12); left > 0; left--) story.drop(chance, { delayMsMax: 50 });
  },
  'drop slowly': dropSlowly,
  'drop what is not valid': ({ story }, chance) => void story.drop(chance, { isValid: false }),
  edit: (world, chance) => {
    const one = anyOf(world, chance);
    if (one !== null) world.story.edit(one, chance);
  },
  withdraw: (world, chance) => {
    const one = anyOf(world, chance);
    if (one !== null) world.story.withdraw(one);
  },
  wait: (_world, chance) => after(chance.between(0, 300)),
  start: async (world) => {
    await (world.daemon === null ? start(world) : intrude(world));
  },
  'two at once': async (world) => {
    if (world.daemon !== null) return;
    const { rig } = world.story;
    const pair = [rig.launch(world.shim?.env ?? {}), rig.launch(world.shim?.env ?? {})];
    const ups = await Promise.all(
      pair.map(async (daemon) =>
        isUp(daemon).then(
          () => daemon,
          () => null,
        ),
      ),
    );
    const [winner, ...others] = ups.filter((daemon) => daemon !== null);
    const said = pair.map((daemon) => daemon.output()).join('\n---\n');
    assert.ok(winner !== undefined && others.length === 0, `${String(others.length + 1)} of two are up:\n${said}`);
    const loser = pair.find((daemon) => daemon !== winner);
    assert.equal(await loser?.exit(), HOLD_EXIT, said);
    world.daemon = winner;
  },
  stop: async (world) => {
    if (world.daemon === null) return;
    assert.equal(await world.daemon.stop(), 0, world.daemon.output());
    world.daemon = null;
  },
  kill: async (world) => {
    await world.daemon?.kill();
    world.daemon = null;
  },
  pause: async (world, chance) => {
    const { daemon } = world;
    if (daemon === null) return;
    daemon.child.kill('SIGSTOP');
    await after(chance.between(0, 500));
    if (chance.percent(50)) await intrude(world);
    daemon.child.kill('SIGCONT');
  },
  'set the clock': ({ shim }, chance) => {
    shim?.setClock(chance.pick(CLOCK_STEPS_MS));
  },
  'lose the journal': ({ story, daemon }) => {
    const state = path.join(story.rig.queues, '.docket');
    if (daemon !== null || !existsSync(state)) return;
    for (const name of readdirSync(state)) if (name.startsWith('journal.db')) rmSync(path.join(state, name));
  },
} satisfies Record<string, Act>;

export const makeWorld = (story: Story, shim: Shim | null): World => ({ story, shim, daemon: null });

export async function take(world: World, step: Step): Promise<void> {
  const act: Act = STEPS[step.do];
  await act(world, makeChance(step.n));
}

/** The end of every history: a daemon is up, all prompts come to their end, and it is stopped. */
export async function finish(world: World): Promise<void> {
  if (world.daemon === null) await start(world);
  await world.story.settled();
  await take(world, { do: 'stop', n: 0 });
}
