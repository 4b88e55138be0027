/** The judge is judged: a story that went well has no finding, and each way in which it could have gone wrong is told as what it is. */

import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, cpSync, globSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeChance } from './chance.ts';
import { judge, type FindingKind } from './model.ts';
import { makeStory, type Dropped, type Story } from './story.ts';

type Damage = {
  readonly name: string;
  readonly kind: FindingKind;
  readonly words: RegExp;
  act(story: Story, one: Dropped): void;
};

const inFile = ({ rig }: Story, { folder, stem }: Dropped): string => path.join(rig.in(folder), `${stem}.processed`);
const outFile = ({ rig }: Story, { folder, stem }: Dropped): string => path.join(rig.out(folder), `${stem}_result.md`);

/** A record of the history, told again or told of something that never was. */
const commitAgain = ({ rig }: Story, from: string, into: string): void => {
  const message = rig.git('log', '-1', '--format=%B', 'HEAD').replaceAll(from, into);
  rig.git(
    '-c',
    'user.name=x',
    '-c',
    'user.email=x@example.invalid',
    '-c',
    'core.hooksPath=/dev/null',
    'commit',
    '--allow-empty',
    '-m',
    message,
  );
};

const DAMAGES: readonly Damage[] = [
  { name: 'a prompt is gone', kind: 'lost', words: /in none of its names/, act: (story, one) => rmSync(inFile(story, one)) },
  {
    name: 'a prompt still waits',
    kind: 'lost',
    words: /ended as p1\.md/,
    act: (story, one) => renameSync(inFile(story, one), inFile(story, one).replace('.processed', '.md')),
  },
  {
    name: 'a prompt failed',
    kind: 'wrong',
    words: /ended as p1\.failed/,
    act: (story, one) => renameSync(inFile(story, one), inFile(story, one).replace('.processed', '.failed')),
  },
  {
    name: 'a prompt has two names',
    kind: 'doubled',
    words: /p1\.failed, p1\.processed/,
    act: (story, one) => linkSync(inFile(story, one), inFile(story, one).replace('.processed', '.failed')),
  },
  {
    name: 'a prompt was changed',
    kind: 'wrong',
    words: /p1\.processed has other bytes/,
    act: (story, one) => {
      chmodSync(inFile(story, one), 0o600);
      appendFileSync(inFile(story, one), ' ');
    },
  },
  { name: 'an answer is gone', kind: 'lost', words: /no p1_result\.md/, act: (story, one) => rmSync(outFile(story, one)) },
  {
    name: 'an answer lost its last byte',
    kind: 'wrong',
    words: /not what a start of the tool printed/,
    act: (story, one) => {
      chmodSync(outFile(story, one), 0o600);
      writeFileSync(outFile(story, one), story.rig.read(outFile(story, one)).slice(0, -1));
    },
  },
  {
    name: 'a tool was started twice',
    kind: 'doubled',
    words: /started 2 times/,
    act: ({ rig }) => appendFileSync(path.join(rig.base, 'tool.log'), 'start p1 other\n'),
  },
  {
    name: 'a temporary file stays in in/',
    kind: 'left',
    words: /in\/\.x\.tmp/,
    act: ({ rig }, { folder }) => writeFileSync(path.join(rig.in(folder), '.x.tmp'), ''),
  },
  {
    name: 'a second answer lies in out/',
    kind: 'left',
    words: /out\/p1~2_result\.md/,
    act: ({ rig }, { folder }) => writeFileSync(path.join(rig.out(folder), 'p1~2_result.md'), ''),
  },
  {
    name: 'a job stays in work/',
    kind: 'left',
    words: /work\/job/,
    act: ({ rig }, { folder }) => mkdirSync(path.join(rig.queues, folder, 'work', 'job')),
  },
  {
    name: 'raw output lies in archive/',
    kind: 'left',
    words: /archive\/a1\/stdout/,
    act: ({ rig }, { folder }) => {
      const at = path.join(rig.queues, folder, 'archive', 'a1');
      mkdirSync(at, { recursive: true });
      writeFileSync(path.join(at, 'stdout'), '');
    },
  },
  {
    name: 'a lock of git stays',
    kind: 'left',
    words: /\.git\/index\.lock/,
    act: ({ rig }) => writeFileSync(path.join(rig.history, '.git', 'index.lock'), ''),
  },
  {
    name: "the history's work tree differs",
    kind: 'left',
    words: /git status/,
    act: ({ rig }) => writeFileSync(path.join(rig.history, 'stray.md'), ''),
  },
  {
    name: 'an object of the history is damaged',
    kind: 'wrong',
    words: /git fsck.*does not match/s,
    act({ rig }) {
      const [pack] = globSync(path.join(rig.history, '.git/objects/pack/*.pack'));
      assert.ok(pack !== undefined);
      const bytes = readFileSync(pack);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      chmodSync(pack, 0o600);
      writeFileSync(pack, bytes);
    },
  },
  { name: 'an answer is recorded twice', kind: 'doubled', words: /2 records "answered"/, act: (story) => commitAgain(story, 'x', 'x') },
  {
    name: 'an answer was never recorded',
    kind: 'lost',
    words: /0 records "answered"/,
    act: ({ rig }) => void rig.git('reset', '--quiet', '--hard', 'HEAD~1'),
  },
  {
    name: 'a record tells another end',
    kind: 'wrong',
    words: /a record "failed"/,
    act: (story) => commitAgain(story, 'answered', 'failed'),
  },
  {
    name: 'a prompt that nobody dropped is recorded',
    kind: 'wrong',
    words: /nobody dropped/,
    act: (story) => commitAgain(story, 'Prompt-SHA256: ', `Prompt-SHA256: ${'0'.repeat(64)}`),
  },
];

test('a story that went well has no finding, and nothing that went wrong is overlooked', async (t) => {
  const story = makeStory(t);
  const { rig } = story;
  const one = story.drop(makeChance(1), { delayMsMax: 0 });
  const daemon = await rig.start();
  await story.settled();
  assert.equal(await daemon.stop(), 0);
  const right = judge(story);
  assert.deepEqual(right.findings, []);
  assert.equal(right.starts, 1);

  const good = `${rig.base}-good`;
  t.after(() => {
    rmSync(good, { recursive: true, force: true });
  });
  cpSync(rig.base, good, { recursive: true, preserveTimestamps: true });
  for (const damage of DAMAGES) {
    const { name, kind, words } = damage;
    damage.act(story, one);
    const verdict = judge(story);
    assert.ok(
      verdict.findings.some((finding) => finding.kind === kind && words.test(finding.what)),
      `${name}: ${JSON.stringify(verdict.findings)}`,
    );
    for (const folder of ['app', 'app-ai-history', 'tool.log']) {
      rmSync(path.join(rig.base, folder), { recursive: true, force: true });
      cpSync(path.join(good, folder), path.join(rig.base, folder), { recursive: true, preserveTimestamps: true });
    }
  }
  console.log(`the model finds each of ${String(DAMAGES.length)} kinds of damage`);
});
