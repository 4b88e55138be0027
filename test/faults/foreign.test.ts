/**
 * Queue folders on a network (sshfs to an sshd of this test's own) and on file systems that take `Foo` and `foo` for one name (lowntfs-3g, exfat-fuse), for
 * real, while files wait and jobs are in flight. A server that hangs, goes or comes back is named, the role waits and the others do not; it heals by
 * itself. The model judges what came of it.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promptText } from '#test/support/rig.ts';
import { makeChance, type Chance } from './chance.ts';
import { dropOnOtherSide, makeForeign, type Foreign } from './foreign.ts';
import { assertRight, judge } from './model.ts';
import { publish } from './results.ts';
import { IS_FULL, makeStory, ROLES, type Dropped, type Story } from './story.ts';

const FOLDER = '01-architect';
const ROLE = 'architect';
const FOREIGN = new Set([FOLDER]);
const NAME = 'home';
const PROMPTS = 3;
const ROUNDS = IS_FULL ? 6 : 1;

const notRun = (what: string, { why }: { readonly why: string }): void => {
  console.log(`NOT RUN: foreign: ${what}: ${why}`);
};

type Fault = {
  readonly name: string;
  /** In the log and in `docket status`. */
  readonly words: RegExp;
  /** What a tool writes goes to the same server: it fails by itself when that is gone. */
  readonly mayFailTools?: boolean;
  readonly begin: (foreign: Foreign, folder: string) => void | Promise<void>;
  readonly end: (foreign: Foreign, folder: string) => Promise<void>;
};

async function mountAgain(foreign: Foreign, folder: string): Promise<void> {
  await foreign.unmount(folder);
  assert.equal(await foreign.connect(NAME, folder), null);
}

const GONE = /(?:ENOENT|ENOTCONN).*(?:mount again|mount it again)/;
const FAULTS: readonly Fault[] = [
  {
    name: 'the server hangs',
    words: /ETIMEDOUT.*does not answer/,
    begin: (foreign) => {
      foreign.hang(NAME);
    },
    end: async (foreign) => {
      foreign.answerAgain(NAME);
      return Promise.resolve();
    },
  },
  {
    name: 'it is unmounted, and mounted again',
    words: GONE,
    begin: async (foreign, folder) => foreign.unmount(folder),
    end: mountAgain,
  },
  {
    name: 'the server is killed, and mounted again',
    words: GONE,
    mayFailTools: true,
    begin: (foreign) => {
      foreign.cut(NAME);
    },
    end: mountAgain,
  },
];

/** Never looks into the folder of the role: whoever does hangs with its server. */
async function othersEnd(story: Story, others: readonly Dropped[]): Promise<void> {
  const { rig } = story;
  const isEnded = ({ folder, stem }: Dropped): boolean => existsSync(path.join(rig.in(folder), `${stem}.processed`));
  for (const one of others) await rig.until(rig.in(one.folder), () => isEnded(one), `${one.stem} of another role`);
}

const startOf = async (story: Story, mine: readonly Dropped[]): Promise<unknown> =>
  story.rig.until(
    story.rig.base,
    () => story.starts().some(({ stem }) => mine.some((one) => one.stem === stem)),
    'the first start of a tool',
  );

async function tellAndHeal(story: Story, foreign: Foreign, fault: Fault, chance: Chance): Promise<void> {
  const { rig } = story;
  const folder = path.join(rig.queues, FOLDER);
  const mine = Array.from({ length: PROMPTS }, () => story.drop(chance, { role: ROLE, lane: 'north', delayMsMax: 400 }));
  await startOf(story, mine);
  const before = rig.log().length;
  const said = async (words: RegExp): Promise<unknown> =>
    rig.until(path.join(rig.queues, '.docket', 'log'), () => words.test(rig.log().slice(before)), `${words.source} in the log`);
  await fault.begin(foreign, folder);
  try {
    const others = ROLES.filter(({ name }) => name !== ROLE).map(({ name }) => story.drop(chance, { role: name, lane: 'south' }));
    const line = new RegExp(`role ${ROLE} waits: .*${fault.words.source}`);
    await said(line);
    await othersEnd(story, others);
    const status = await rig.docket('status');
    assert.match(status.out, line, status.out + status.err);
    const why: string[] = [];
    for (const { stem } of mine) why.push((await rig.docket('why', stem)).out);
    assert.ok(
      why.some((words) => fault.words.test(words) && words.includes('no attempt is spent')),
      why.join('\n'),
    );
  } finally {
    await fault.end(foreign, folder);
  }
  await story.settled();
  await said(new RegExp(`role ${ROLE} goes on`));
  assert.doesNotMatch(rig.run(['status']).out, /waits:/);
}

/** `Foo.md`, and when it has its answer `foo.md`: neither takes the other's place. */
async function sameName(rig: Story['rig']): Promise<void> {
  const daemon = await rig.start();
  const feature = 'FEAT-900';
  for (const [n, name] of ['Foo.md', 'foo.md'].entries()) {
    const tool = `fault-tool: foo 0 ${String(n)}\n`;
    rig.drop(name, promptText({ feature, body: `# Task ${String(n)}\n\n${tool}`, extra: `name: foo-${String(n)}\n` }), FOLDER);
    const ends = (): string[] => readdirSync(rig.in(FOLDER)).filter((one) => /^foo.*\.processed$/i.test(one));
    await rig.until(rig.in(FOLDER), () => ends().length === n + 1, `${String(n + 1)} ends of ${name}`);
  }
  const results = readdirSync(rig.out(FOLDER)).filter((one) => /^foo.*_result\.md$/i.test(one));
  assert.equal(results.length, 2, results.join());
  const [one = '', other = ''] = results.map((name) => readFileSync(path.join(rig.out(FOLDER), name), 'utf8'));
  assert.notEqual(one, other);
  assert.equal(await daemon.stop(), 0, daemon.output());
}

/** Side by side: most of the time each waits for a clock. */
describe('foreign file systems', { concurrency: true }, () => {
  test('a role on sshfs: its server hangs, goes, comes back; it is named, the others go on, and it heals by itself', async (t) => {
    const foreign = await makeForeign(t, 'sshfs');
    if ('why' in foreign) {
      notRun('sshfs', foreign);
      return;
    }
    const story = makeStory(t);
    const { rig } = story;
    const failed = await foreign.connect(NAME, path.join(rig.queues, FOLDER));
    if (failed !== null) {
      notRun('sshfs', failed);
      return;
    }
    const chance = makeChance(1);
    const daemon = await rig.start();
    await t.test('what is dropped on the other side, of which no event comes, is found', async () => {
      const one = story.drop(chance, { role: ROLE, lane: 'north' });
      // No look has seen it yet: it settles for two seconds on a network.
      rmSync(path.join(rig.in(FOLDER), `${one.stem}.md`));
      dropOnOtherSide(path.join(foreign.exported(NAME), 'in'), `${one.stem}.md`, one.text);
      await story.settled();
    });
    for (const fault of FAULTS)
      await t.test(fault.name, async () => {
        await tellAndHeal(story, foreign, fault, chance);
      });
    assert.equal(daemon.child.exitCode, null, daemon.output());
    assert.equal(await daemon.stop(), 0, daemon.output());
    const mine = new Set(story.dropped.filter(({ folder }) => folder === FOLDER).map(({ stem }) => stem));
    const verdict = judge(story, { startsMax: (stem) => (mine.has(stem) ? 2 : 1), hasFailedAttempts: true, foreign: FOREIGN });
    publish(
      'a role on sshfs',
      `${String(FAULTS.length)} faults and a drop on the other side`,
      verdict,
      'told by status, healed by the same daemon',
    );
    assertRight(verdict, 1);
  });

  test('a start while the server of a role hangs: the role waits, the others are answered, and it heals by itself', async (t) => {
    const foreign = await makeForeign(t, 'sshfs');
    if ('why' in foreign) {
      notRun('a start with sshfs', foreign);
      return;
    }
    const story = makeStory(t);
    const { rig } = story;
    const failed = await foreign.connect(NAME, path.join(rig.queues, FOLDER));
    if (failed !== null) {
      notRun('a start with sshfs', failed);
      return;
    }
    const chance = makeChance(2);
    const first = await rig.start();
    await startOf(story, [story.drop(chance, { role: ROLE, lane: 'north', delayMsMax: 400 })]);
    await first.kill();
    foreign.hang(NAME);
    let daemon: Awaited<ReturnType<typeof rig.start>>;
    try {
      daemon = await rig.start();
      await othersEnd(story, [story.drop(chance, { role: 'ui', lane: 'south' })]);
      assert.match((await rig.docket('status')).out, /role architect waits: .*ETIMEDOUT.*does not answer/);
    } finally {
      foreign.answerAgain(NAME);
    }
    await story.settled();
    assert.equal(await daemon.stop(), 0, daemon.output());
    const verdict = judge(story, { foreign: FOREIGN });
    publish('a start while sshfs hangs', '1 start', verdict, 'the daemon before it was killed with a run under way');
    assertRight(verdict, 2);
  });

  for (const kind of ['sshfs', 'lowntfs-3g', 'exfat-fuse'] as const)
    test(`a role on ${kind}: prompts, rejections and a kill in the middle`, async (t) => {
      const foreign = await makeForeign(t, kind);
      if ('why' in foreign) {
        notRun(kind, foreign);
        return;
      }
      const story = makeStory(t);
      const { rig } = story;
      const role = path.join(rig.queues, FOLDER);
      const failed = kind === 'sshfs' ? await foreign.connect(NAME, role) : foreign.mountCaseBlind(kind, role);
      if (failed !== null) {
        notRun(kind, failed);
        return;
      }
      const chance = makeChance(3);
      let daemon = await rig.start();
      assert.equal(/takes names that differ only in case for one/.test(rig.log()), kind !== 'sshfs');
      for (let round = 0; round < ROUNDS; round++) {
        story.drop(chance, { role: ROLE, isValid: false });
        await startOf(
          story,
          Array.from({ length: PROMPTS }, () => story.drop(chance, { role: ROLE, lane: 'north' })),
        );
        await daemon.kill();
        daemon = await rig.start();
      }
      await story.settled();
      assert.equal(await daemon.stop(), 0, daemon.output());
      const verdict = judge(story, { foreign: FOREIGN });
      publish(
        `a role on ${kind}, killed`,
        `${String(ROUNDS)} kills`,
        verdict,
        kind === 'sshfs' ? 'no hard links that can be told' : 'one name for Foo and foo',
      );
      assertRight(verdict, 3);
      if (kind !== 'sshfs') await sameName(rig);
    });

  test('what cannot be on such a file system is refused at the start, in words', async (t) => {
    const kind = 'lowntfs-3g';
    const foreign = await makeForeign(t, kind);
    if ('why' in foreign) {
      notRun('refusals', foreign);
      return;
    }
    const story = makeStory(t);
    const { rig } = story;
    const refused = async (words: RegExp): Promise<void> => {
      const daemon = rig.launch();
      assert.equal(await daemon.exit(), 3, daemon.output());
      assert.match(daemon.output(), words);
    };
    const role = path.join(rig.queues, FOLDER);
    const failed = foreign.mountCaseBlind(kind, role, true);
    if (failed !== null) {
      notRun('refusals', failed);
      return;
    }
    await refused(/every user of this machine may write to .*01-architect .*umask/);
    await foreign.unmount(role);
    rmSync(rig.queues, { recursive: true });
    assert.equal(foreign.mountCaseBlind(kind, rig.queues), null);
    await refused(
      /\.docket is on a network file system \(fuse\), where locks cannot be trusted: set queues: in docket\.yaml to a local folder/,
    );
  });
});
