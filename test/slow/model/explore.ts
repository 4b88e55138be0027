/**
 * The model checker: a life of the daemon is run to its end, and at every primitive change of the disk (and every commit of history, journal and
 * keeper) the world is looked at as a crash there would leave it: the daemon killed, the keeper with it, or the power gone with any part of what was
 * not synced. Each such world gets a life of its own, and is judged at its end; crashes in those lives lead on.
 *
 * A state (state.ts) is a world at the start of a life, or one that a life passes through: looked at in each of its instants for what a power cut could
 * lose, and judged whole at its end. Worlds between which no program can tell are one state, and are lived once. All crashes of the first life are tried;
 * of later lives those that `fan` says, chosen by seed. A case is a world that a crash left together with the place of the crash (which life, at which of its
 * changes): several crashes may leave the same world.
 */

import type { Spool } from '#core/spool.ts';
import { cut, isDirty, withCauses, type Disk, type Tear } from '#test/support/sim-disk.ts';
import { makeSimFs, type SimFs, type Sync } from '#test/support/sim-fs.ts';
import { ELSEWHERE, makeHands, TAKEN } from './hands.ts';
import { judge } from './judge.ts';
import { withoutRuns, type FakeKeeper } from './keeper.ts';
import { makeHold, NOTHING_YET, type Hold, type Outside } from './outside.ts';
import { makeLife, ROLES } from './life.ts';
import { folderOf, rolesOf, type Scenario, type Wanted } from './scenarios.ts';
import { keyOf, loss, type World } from './state.ts';

export type Options = {
  readonly seed: number;
  /**
   * Which crashes are tried in a life after the first, second … crash; the length is the number of further crashes. A life is chosen by this chance,
   * and then all its crashes are tried; in a quarter of the others a single one is.
   */
  readonly fan: readonly number[];
  /** Only first crashes whose words match: to look closely at one, and to live a failure again. */
  readonly first?: RegExp;
  /** Only every so many-th crash of the first life, from this one on: to share the work. */
  readonly share?: { readonly of: number; readonly index: number };
  readonly leavesOut?: ((sync: Sync) => boolean) | undefined;
  /** Stops at the first state that is wrong. */
  readonly isEnough?: boolean;
};
export type Found = {
  /** Keys of the distinct worlds that began a life and were judged at its end, by the number of crashes before. */
  readonly lived: readonly Float64Array[];
  /** Keys of the distinct states that were looked at: those, and all that their lives passed through. */
  readonly states: Float64Array;
  /** Keys of the distinct worlds left by a crash, each with the place of the crash. */
  readonly cases: Float64Array;
  readonly bad: readonly string[];
};

type Moment = World & { readonly what: string; readonly isBetween: boolean };
type Crash = { readonly words: string; readonly world: World };

/** Small, fast and the same everywhere (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const FEW = 3;
/** Of the lives that are not chosen, how many are crashed once more all the same. */
const SINGLES = 0.25;
const BAD_MAX = 20;

/** Which of the pending changes of names made it: all subsets of a few, of many the ends, each alone, each missing. */
function subsetsOf(count: number, random: () => number): ((index: number) => boolean)[] {
  if (count <= FEW) return Array.from({ length: 2 ** count }, (_, bits) => (index: number) => ((bits >> index) & 1) === 1);
  const chance = random();
  const chosen = Array.from({ length: count }, () => random() < chance);
  return [
    () => false,
    () => true,
    ...Array.from({ length: count }, (_, one) => [
      (index: number) => index === one,
      (index: number) => index !== one,
      (index: number) => index < one,
    ]).flat(),
    (index) => chosen[index] === true,
  ];
}

const TEARS: readonly Tear[] = ['whole', 'none', 'torn', 'zeros'];

function* powerCuts(disk: Disk, random: () => number): Generator<{ readonly words: string; readonly disk: Disk }> {
  const dirty = [...disk.nodes.values()].filter(isDirty);
  const seen = new Set<string>();
  for (const keeps of subsetsOf(disk.steps.length, random)) {
    const { chosen } = withCauses(disk.steps, (_, index) => keeps(index));
    const shown = disk.steps.map((step) => (chosen.includes(step) ? '1' : '0')).join('');
    if (seen.has(shown)) continue;
    seen.add(shown);
    for (const tear of dirty.length === 0 ? TEARS.slice(0, 1) : TEARS)
      yield { words: `${shown} ${tear}`, disk: cut(disk, keeps, () => tear) };
    if (dirty.length > 1)
      yield { words: `${shown} mixed`, disk: cut(disk, keeps, () => TEARS[Math.floor(random() * TEARS.length)] ?? 'none') };
  }
}

export function worldAfter({ outside }: World, disk: Disk, keepsRuns: boolean, losesJournal: boolean): World {
  const runs = keepsRuns ? outside.runs : withoutRuns(outside.runs);
  const journal = losesJournal ? { jobs: new Map(), attempts: new Map() } : {};
  return { disk, outside: { ...outside, ...journal, runs } };
}

function* crashesAt(moment: Moment, scenario: Scenario, random: () => number): Generator<Crash> {
  const { losesJournal } = scenario;
  yield { words: `kill at ${moment.what}`, world: worldAfter(moment, moment.disk, false, losesJournal) };
  if (moment.isBetween && moment.outside.runs.some(({ fate }) => fate === 'live'))
    yield { words: `daemon killed at ${moment.what}`, world: worldAfter(moment, moment.disk, true, losesJournal) };
  for (const { words, disk } of powerCuts(moment.disk, random))
    yield { words: `power cut at ${moment.what} (${words})`, world: worldAfter(moment, disk, false, losesJournal) };
}

type Lived = { readonly wrong: readonly string[]; readonly sim: SimFs; readonly outside: Outside };

type LiveOptions = {
  readonly leavesOut?: Options['leavesOut'];
  /** Told of each moment at which the life could crash. */
  readonly see?: (moment: Moment) => void;
  /** Throws what the disk says to a change. */
  readonly fails?: (change: string, file: string) => void;
  /** The daemon says that it must stop. */
  readonly onFatal?: () => void;
};

/** One life from this world to its rest. */
export async function live(scenario: Scenario, world: World, crashes: number, options: LiveOptions): Promise<Lived> {
  const { leavesOut, see, fails, onFatal } = options;
  let keeper: FakeKeeper | null = null;
  const look = (what: string): void => {
    see?.({ disk: sim.disk(), outside: hold.get(), what, isBetween: keeper?.isBetween() ?? true });
  };
  const hold: Hold = makeHold(world.outside, look);
  const hands = makeHands(scenario, hold, () => sim);
  const sim: SimFs = makeSimFs(
    {
      before: (change, file) => {
        fails?.(change, file);
        if (see !== undefined) look(`${change} ${file}`);
      },
      after: hands,
      ...(leavesOut === undefined ? {} : { leavesOut }),
    },
    world.disk,
  );
  const life = makeLife(sim, hold, crashes, rolesOf(scenario), fails !== undefined, onFatal);
  ({ keeper } = life);
  const dropping: string[] = [];
  if (crashes === 0) {
    try {
      if (scenario.isFirstStart) await life.spool.prepare();
      await Promise.all(
        scenario.prompts.slice(0, scenario.isOneByOne ? 1 : undefined).map(async (one) => dropOne(scenario, one, sim, life.spool, hold)),
      );
    } catch (error) {
      dropping.push(`it cannot be dropped: ${String(error)}`);
    }
  }
  const wrong = [...dropping, ...(await life.run(async () => more(scenario, sim, life.spool, hold)))];
  look('rest');
  return { wrong: [...wrong, ...judge(scenario, sim, hold.get())], sim, outside: hold.get() };
}

async function dropOne(scenario: Scenario, { role, stem, text }: Wanted, sim: SimFs, spool: Spool, hold: Hold): Promise<void> {
  const name = ROLES[role]?.name;
  if (name === undefined) return;
  if (scenario.hands.includes('careless-author')) {
    await sim.fs.writeDerived(`${ELSEWHERE}/${stem}`, text);
    await sim.fs.rename(`${ELSEWHERE}/${stem}`, `${folderOf(role, 'in')}/${stem}.md`);
    return;
  }
  await spool.drop(name, stem as Parameters<Spool['drop']>[1], text);
  hold.set({ dropped: [...hold.get().dropped, stem] });
}

/** What a person does when all is at rest. @returns true when there is something to do again */
async function more(scenario: Scenario, sim: SimFs, spool: Spool, hold: Hold): Promise<boolean> {
  if (scenario.isReopened) return reopen(scenario, spool, hold);
  const [, next] = scenario.prompts;
  if (!scenario.isOneByOne || next === undefined || hold.get().done.includes('next')) return false;
  hold.set({ done: [...hold.get().done, 'next'] });
  await dropOne(scenario, next, sim, spool, hold);
  return true;
}

/** `docket retry`, once. @returns true when there is something to do again */
async function reopen({ prompts }: Scenario, spool: Spool, hold: Hold): Promise<boolean> {
  const [one] = prompts;
  const role = ROLES[one?.role ?? 0]?.name;
  if (one === undefined || role === undefined || hold.get().done.includes('reopened') || !hold.get().dropped.includes(one.stem))
    return false;
  // Once only: who is cut off in it looks first, and finds the prompt under its new name.
  hold.set({ done: [...hold.get().done, 'reopened'] });
  await spool.reopen(role, one.stem as Parameters<Spool['reopen']>[1]);
  return true;
}

/** The folders are from yesterday, and durable; or there is nothing yet but the application's own folder. */
export async function firstWorld(scenario: Scenario): Promise<World> {
  const sim = makeSimFs();
  await sim.fs.makeFolders('/app');
  await sim.fs.makeFolders(TAKEN);
  await sim.fs.makeFolders(ELSEWHERE);
  const hold = makeHold(NOTHING_YET, () => undefined);
  if (!scenario.isFirstStart) await makeLife(sim, hold, 0, rolesOf(scenario)).spool.prepare();
  sim.cut(() => true);
  return { disk: sim.disk(), outside: NOTHING_YET };
}

export async function explore(scenario: Scenario, options: Options): Promise<Found> {
  const { fan, share = { of: 1, index: 0 }, leavesOut, isEnough = false } = options;
  const random = randomFrom(options.seed + share.index);
  const seen = new Set<number>();
  const bad: string[] = [];
  const lived = [new Set<number>(), ...fan.map(() => new Set<number>()), new Set<number>()];
  const cases = new Set<number>();
  const states = new Set<number>();

  const visit = async (world: World, past: readonly string[], place: number): Promise<void> => {
    const crashes = past.length;
    if (bad.length >= (isEnough ? 1 : BAD_MAX)) return;
    const key = keyOf(world, crashes);
    cases.add((key * 31 + place) % Number.MAX_SAFE_INTEGER);
    if (seen.has(key)) return;
    seen.add(key);
    const isLast = crashes > fan.length;
    const moments: Moment[] = [];
    const lost: string[] = [];
    const see = (moment: Moment): void => {
      if (!isLast) moments.push(moment);
      const here = keyOf(moment, crashes);
      if (states.has(here)) return;
      states.add(here);
      const words = loss(scenario, moment);
      if (words !== null) lost.push(`${words} (${moment.what})`);
    };
    const { wrong } = await live(scenario, world, crashes, { leavesOut, see });
    lived[crashes]?.add(key);
    const [first] = [...wrong, ...lost];
    if (first !== undefined) {
      bad.push(`${first} [${past.join('; ')}]`);
      return;
    }
    if (isLast) return;
    // The key of the life and the number of the moment in it say where the crash was.
    const placeIn = (index: number): number => (key % 0xfff_ffff_ffff) + index * 7;
    if (crashes === 0 || random() < (fan[crashes - 1] ?? 0)) {
      let count = 0;
      for (const [index, moment] of moments.entries())
        for (const { words, world: next } of crashesAt(moment, scenario, random)) {
          if (crashes === 0 && (options.first?.test(words) === false || count++ % share.of !== share.index)) continue;
          await visit(next, [...past, words], placeIn(index));
        }
      return;
    }
    if (random() >= SINGLES) return;
    const index = Math.floor(random() * moments.length);
    const moment = moments[index];
    const crash = moment === undefined ? null : anyOf(crashesAt(moment, scenario, random), random);
    if (crash !== null) await visit(crash.world, [...past, crash.words], placeIn(index));
  };

  await visit(await firstWorld(scenario), [], 0);
  for (const keys of lived) for (const key of keys) states.add(key);
  return { lived: lived.map((keys) => Float64Array.from(keys)), states: Float64Array.from(states), cases: Float64Array.from(cases), bad };
}

/** One of a list of unknown length, each as likely as any other. */
function anyOf<T>(items: Iterable<T>, random: () => number): T | null {
  let chosen: T | null = null;
  let count = 0;
  for (const item of items) if (random() * ++count < 1) chosen = item;
  return chosen;
}
