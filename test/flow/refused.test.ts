/** What is not let through: invalid prompts, secrets, half-written files, names that are nobody's. One daemon for the whole file. */

import assert from 'node:assert/strict';
import { appendFileSync, closeSync, existsSync, lstatSync, openSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertClean, makeRig, promptText, type Daemon } from '#test/support/rig.ts';

/** Made at run time: no file of this project holds what looks like a secret. */
const SECRET = ['gh', 'p_', 'Zk3Qw9Lm', 'T7xVb2Rc', 'Yd5Nf8Hj', 'Ps4Ga1Ue', 'Wo6K'].join('');

/** Names that editors, transfers and office programs leave. */
const OTHERS = [
  '.hidden.md',
  '.x.md.swp',
  'x.md~',
  '#x.md#',
  '.#x.md',
  '~$x.md',
  'x.md.part',
  'x.md.crdownload',
  'x.md.tmp',
  'x.md.bak',
  '4913',
  'README',
];

describe('what is refused', () => {
  const rig = makeRig({ after }, 'runner: offline\nintake: { settle: 100ms }\n');
  let daemon: Daemon;
  before(async () => {
    daemon = await rig.start();
  });
  const out = (name: string): string => path.join(rig.out(), name);
  const inbox = (name: string): string => path.join(rig.in(), name);

  test('an invalid prompt stays as it is, with every fault, its line and its column; mended and renamed it is answered', async () => {
    const commits = rig.commits();
    const wrong = promptText({ feature: 'BAD-1' }).replace('revision: 1', 'revision: "one"').replace('2.1.0', '2.1').replace('T22', ' 22');
    rig.drop('bad.md', wrong);
    await rig.ended('bad', 'rejected');
    assert.equal(rig.read(inbox('bad.rejected')), wrong);
    assert.equal(rig.commits(), commits);
    const page = rig.read(out('bad_error.md'));
    for (const [field, line] of [
      ['prompt_spec_version', 4],
      ['revision', 5],
      ['created_at', 6],
    ] as const) {
      assert.match(page, new RegExp(`\\*\\*${field}\\*\\* \\(line ${String(line)}, column \\d+\\)`));
    }
    for (const word of ['expected:', 'found:', 'mend:']) assert.equal(page.split(word).length - 1, 3, word);

    const mended = promptText({ feature: 'BAD-1' });
    writeFileSync(inbox('bad.rejected'), mended);
    renameSync(inbox('bad.rejected'), inbox('bad.md'));
    await rig.ended('bad');
    assert.equal(rig.read(inbox('bad.processed')), mended);
    assert.equal(existsSync(out('bad_error.md')), false);
    assert.ok(existsSync(out('bad_result.md')));
    assert.equal(readdirSync(path.join(rig.queues, '01-architect', 'archive', 'superseded')).length, 1);
  });

  test('a prompt with a secret is held, private, and the secret stands nowhere else', async () => {
    const commits = rig.commits();
    const text = promptText({ feature: 'SECRET-1', body: `Use the token ${SECRET} to fetch it.\n` });
    rig.drop('secret.md', text);
    await rig.ended('secret', 'held');
    assert.equal(rig.read(inbox('secret.held')), text);
    assert.equal(lstatSync(inbox('secret.held')).mode & 0o777, 0o600);
    assert.equal(rig.commits(), commits);
    const page = rig.read(out('secret_error.md'));
    assert.match(page, /looks like a secret: \S+ at line 8, column 15/);
    assert.equal(page.includes(SECRET), false);
    assert.equal(rig.log().includes(SECRET), false);
    assert.equal(daemon.output().includes(SECRET), false);
    const work = path.join(rig.queues, '01-architect', 'work');
    await rig.until(work, () => readdirSync(work).length === 0, 'an empty work folder');
  });

  test('temporary names of editors and transfers are left alone', async () => {
    const text = promptText({ feature: 'TEMP-1' });
    for (const name of OTHERS) writeFileSync(inbox(name), text);
    rig.drop('after-them.md', promptText({ feature: 'TEMP-2' }));
    await rig.ended('after-them');
    for (const name of OTHERS) assert.equal(rig.read(inbox(name)), text, name);
  });

  test('a file that is written in place, piece by piece, is taken once, whole', async () => {
    const text = promptText({ feature: 'PIECES-1', body: `# Task\n\n${'Word by word. '.repeat(300)}\nThe end.\n` });
    const third = Math.ceil(text.length / 3);
    const file = openSync(inbox('pieces.md'), 'w');
    for (const [n, piece] of [text.slice(0, third), text.slice(third, 2 * third)].entries()) {
      writeSync(file, piece);
      // Another prompt comes and is answered meanwhile: the folder was looked at with the half file in it.
      rig.drop(`between-${String(n)}.md`, promptText({ feature: `PIECES-${String(n + 2)}` }));
      await rig.ended(`between-${String(n)}`);
      assert.ok(existsSync(inbox('pieces.md')));
    }
    closeSync(file);
    appendFileSync(inbox('pieces.md'), text.slice(2 * third));
    await rig.ended('pieces');
    assert.equal(rig.git('show', 'HEAD:PIECES-1/01-architect/prompt_v1.md'), text);
    assert.equal(rig.git('log', '--format=%s', '--grep=Docket-Feature: PIECES-1').trim().split('\n').length, 2);
    assert.deepEqual(
      readdirSync(rig.in()).filter((name) => name.startsWith('pieces')),
      ['pieces.processed'],
    );
  });
  test('after all of it the history is clean', async () => {
    assert.equal(await daemon.stop(), 0);
    assertClean(rig);
  });
});
