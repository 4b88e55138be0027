/**
 * Queue folders that cannot be used, on real file systems and under the real program: while files wait and jobs are in flight the folders of one role become
 * unusable. `docket status` and `docket why` name it with words, the other roles go on, and once it is mended everything is answered by the same daemon:
 * one start of the tool for each prompt (but where a tool itself found no room for its output), nothing lost, nothing twice.
 */

import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeChance, type Chance } from './chance.ts';
import { allow, forbid, makeMounts, moveAway, moveBack, type Mounts, type Why } from './folders.ts';
import { assertRight, judge } from './model.ts';
import { publish } from './results.ts';
import { IS_FULL, makeStory, ROLES, type Story } from './story.ts';

const PROMPTS = 4;
const NOBODY = 65_534;
const SMALL_BYTES = 4 * 1_048_576;

type Part = 'in' | 'out' | 'work' | 'archive';
type Place = { readonly folder: string; readonly mounts: Mounts | Why; part(name: Part): string };
type Fault = {
  readonly name: string;
  /** What the log, `docket status` and `docket why` say. */
  readonly words: RegExp;
  /** Whose folders; the architect's when it is not given. */
  readonly role?: string;
  /** Before the daemon starts. Why it cannot be here; null: it can. */
  /** A tool that finds no room for its own output fails by itself, which costs an attempt (F13 of docs/faults.md). */
  readonly mayFailTools?: boolean;
  /** Jobs in flight do not stumble over it: only what waits is told of. */
  readonly dropsMore?: boolean;
  readonly before?: (mounts: Mounts, folder: string) => Why | null;
  readonly begin: (place: Place) => Why | null;
  readonly end: (place: Place) => void;
};

/** Until not one byte more goes in. */
function fill(folder: string): void {
  const fd = openSync(path.join(folder, 'ballast'), 'w');
  const chunk = Buffer.alloc(65_536, 'full');
  for (let size = chunk.length; size >= 1;)
    try {
      writeSync(fd, chunk, 0, size);
    } catch {
      size = Math.floor(size / 2);
    }
  closeSync(fd);
}
const fillRole = ({ folder }: Place): null => {
  fill(folder);
  return null;
};
const emptyRole = ({ folder }: Place): void => {
  rmSync(path.join(folder, 'ballast'));
};

const covered = (name: string, words: RegExp, at: (place: Place) => string, act: 'cover' | 'makeReadOnly'): Fault => ({
  name,
  words,
  begin: (place) => ('why' in place.mounts ? place.mounts : place.mounts[act](at(place))),
  end: (place) => {
    if (!('why' in place.mounts)) place.mounts.uncover(at(place));
  },
});

const missing = (part: Part): Fault => ({
  name: `${part}/ is missing`,
  dropsMore: part === 'archive',
  words: /ENOENT.*make the folder again/,
  begin: (place) => {
    moveAway(place.part(part));
    return null;
  },
  end: (place) => {
    moveBack(place.part(part));
  },
});

/** A share of them in CI. */
const COVERED = IS_FULL ? (['in', 'out', 'work', 'archive'] as const) : (['out', 'work'] as const);
const MISSING = IS_FULL ? (['in', 'out', 'work', 'archive'] as const) : (['in', 'work', 'archive'] as const);
const FAULTS: readonly Fault[] = [
  ...COVERED.map((part) => ({
    ...covered(
      `${part}/ is covered by another file system`,
      /EXDEV: on another file system .*put them on one/,
      (place) => place.part(part),
      'cover',
    ),
    dropsMore: part === 'archive',
  })),
  ...MISSING.map(missing),
  covered('all of them are covered by another file system', /ENOENT.*make the folder again/, ({ folder }) => folder, 'cover'),
  covered('the file system is read-only', /EROFS.*mount it read-write again/, ({ folder }) => folder, 'makeReadOnly'),
  {
    name: 'the file system is full (ENOSPC)',
    words: /ENOSPC.*make room/,
    role: 'openapi',
    mayFailTools: true,
    before: (mounts, folder) => mounts.cover(folder, SMALL_BYTES),
    begin: fillRole,
    end: emptyRole,
  },
  {
    name: 'the quota is used up (EDQUOT, btrfs)',
    words: /EDQUOT.*make room, or raise it/,
    role: 'ui',
    mayFailTools: true,
    before: (mounts, folder) => mounts.quota(folder, 4 * SMALL_BYTES),
    begin: fillRole,
    end: emptyRole,
  },
];
/** Of a normal user: root may do anything. */
const USERS_FAULTS: readonly Fault[] = (['in', 'out', 'work'] as const).map((part) => ({
  name: `${part}/ may not be used`,
  words: /EACCES.*chmod/,
  begin: (place) => {
    forbid(place.part(part));
    return null;
  },
  end: (place) => {
    allow(place.part(part));
  },
}));

/** Some wait and some are in flight; those of other roles have a lane of their own, as slots of a run that cannot end are not free. @returns those of the role */
async function dropSome(story: Story, role: string, chance: Chance): Promise<string[]> {
  const mine = Array.from({ length: PROMPTS }, () => story.drop(chance, { role, lane: 'north', delayMsMax: 400 }).stem);
  for (const { name } of ROLES.filter((one) => one.name !== role)) story.drop(chance, { role: name, lane: 'south' });
  const { rig } = story;
  await rig.until(rig.base, () => story.starts().some(({ stem }) => mine.includes(stem)), 'the first start of a tool');
  return mine;
}

type At = { readonly story: Story; readonly place: Place; readonly role: string; readonly chance: Chance };

async function tellAndHeal(fault: Fault, { story, place, role, chance }: At): Promise<Why | null> {
  const { rig } = story;
  const from = story.dropped.length;
  const mine = await dropSome(story, role, chance);
  const before = rig.log().length;
  const failed = fault.begin(place);
  if (failed !== null) return failed;
  const line = new RegExp(`role ${role} waits: .*${fault.words.source}`);
  const said = async (words: RegExp): Promise<void> => {
    await rig.until(path.join(rig.queues, '.docket', 'log'), () => words.test(rig.log().slice(before)), `${words.source} in the log`);
  };
  try {
    await said(line);
    for (const one of story.dropped.slice(from).filter((other) => other.role !== role))
      await rig.until(rig.in(one.folder), () => !story.unfinished().includes(one.stem), `${one.stem} of another role`);
    // Something waits for it, however fast the others were.
    if (fault.dropsMore === true) mine.push(story.drop(chance, { role, lane: 'north' }).stem);
    const status = rig.run(['status']);
    assert.match(status.out, line, status.out + status.err);
    const why: string[] = [];
    for (const stem of mine) {
      const { out, err } = rig.run(['why', stem]);
      why.push(out + err);
      if (fault.words.test(out) && out.includes('no attempt is spent')) break;
    }
    assert.match(why.at(-1) ?? '', fault.words, why.join('\n'));
  } finally {
    fault.end(place);
  }
  await story.settled();
  await said(new RegExp(`role ${role} goes on`));
  assert.doesNotMatch(rig.run(['status']).out, /waits:/);
  return null;
}

/** One daemon through all of them. */
async function throughAll(t: TestContext, story: Story, mounts: Mounts | Why, faults: readonly Fault[]): Promise<void> {
  const { rig } = story;
  const chance = makeChance(1);
  const notHere = new Map<Fault, Why>();
  const placeOf = ({ role = 'architect' }: Fault): Place => {
    const folder = path.join(rig.queues, ROLES.find(({ name }) => name === role)?.folder ?? '');
    return { folder, mounts, part: (name) => path.join(folder, name) };
  };
  for (const fault of faults) {
    if (fault.before === undefined) continue;
    const why = 'why' in mounts ? mounts : fault.before(mounts, placeOf(fault).folder);
    if (why !== null) notHere.set(fault, why);
  }
  const daemon = await rig.start();
  let seen = 0;
  for (const fault of faults)
    await t.test(fault.name, async () => {
      const at = { story, place: placeOf(fault), role: fault.role ?? 'architect', chance };
      const why = notHere.get(fault) ?? (await tellAndHeal(fault, at));
      if (why !== null) console.log(`NOT RUN: folders: ${fault.name}: ${why.why}`);
      else seen += 1;
    });
  await story.settled();
  assert.equal(daemon.child.exitCode, null, daemon.output());
  assert.equal(await daemon.stop(), 0, daemon.output());
  const mayFail = new Set(faults.filter((one) => one.mayFailTools === true).map(({ role }) => role));
  const startsOf = (stem: string): number => (mayFail.has(story.dropped.find((one) => one.stem === stem)?.role) ? 2 : 1);
  const verdict = judge(story, { startsMax: startsOf, hasFailedAttempts: mayFail.size > 0 });
  publish(
    'folders that cannot be used',
    `${String(seen)} faults`,
    verdict,
    'told by status and why, healed without a restart; one start for each prompt, two where a tool found no room for its own output',
  );
  assertRight(verdict, 1);
}

test('folders of one role that cannot be used are named, the role waits, the others do not, and it heals by itself', async (t) => {
  const mounts = makeMounts(t);
  await throughAll(t, makeStory(t), mounts, FAULTS);
});

test('folders that a normal user may not use are named, the role waits, the others do not, and it heals by itself', async (t) => {
  const story = makeStory(t, process.getuid?.() === 0 ? { as: NOBODY } : {});
  await throughAll(t, story, { why: 'nothing is mounted' }, USERS_FAULTS);
});

/** At the start: a job of the role is in work/, and its run goes on at the keeper. */
const STARTS: readonly Fault[] = [
  {
    name: 'a link stands in place of in/',
    words: /ELOOP|links are not followed/,
    begin: (place) => {
      moveAway(place.part('in'));
      symlinkSync(`${place.part('in')}-aside`, place.part('in'));
      return null;
    },
    end: (place) => {
      rmSync(place.part('in'));
      moveBack(place.part('in'));
    },
  },
  covered('out/ is covered by another file system', /different file systems.*put them on one/, (place) => place.part('out'), 'cover'),
  covered('work/ is covered by another file system', /different file systems.*put them on one/, (place) => place.part('work'), 'cover'),
  covered('the file system is read-only', /EROFS.*mount it read-write again/, ({ folder }) => folder, 'makeReadOnly'),
];

for (const fault of STARTS)
  test(`at the start: ${fault.name}: the role waits, the others are answered, and what was in flight goes on once it is mended`, async (t) => {
    const mounts = makeMounts(t);
    const story = makeStory(t);
    const { rig } = story;
    const folder = path.join(rig.queues, '01-architect');
    const place: Place = { folder, mounts, part: (name) => path.join(folder, name) };
    const first = await rig.start();
    story.drop(makeChance(1), { role: 'architect', lane: 'north', delayMsMax: 400 });
    await rig.until(rig.base, () => story.starts().length === 1, 'the start of a tool');
    await first.kill();
    const failed = fault.begin(place);
    if (failed !== null) {
      console.log(`NOT RUN: folders: at the start: ${fault.name}: ${failed.why}`);
      return;
    }
    let daemon: Awaited<ReturnType<typeof rig.start>>;
    try {
      daemon = await rig.start();
      const other = story.drop(makeChance(2), { role: 'ui', lane: 'south' });
      await rig.until(rig.in(other.folder), () => !story.unfinished().includes(other.stem), 'the prompt of another role');
      assert.match(rig.run(['status']).out, new RegExp(`role architect waits: .*(?:${fault.words.source})`));
    } finally {
      fault.end(place);
    }
    await story.settled();
    assert.doesNotMatch(rig.run(['status']).out, /waits:/);
    assert.equal(await daemon.stop(), 0, daemon.output());
    const verdict = judge(story, { startsMax: () => 1, hasFailedAttempts: false });
    assertRight(verdict, 1);
  });
