/** Who may stand under (feature, role, name, revision), and under which names files end. One daemon for the whole file. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertClean, makeRig, promptText, type Daemon } from '#test/support/rig.ts';

describe('identity', () => {
  const rig = makeRig({ after });
  let daemon: Daemon;
  before(async () => {
    daemon = await rig.start();
  });
  const out = (name: string): string => path.join(rig.out(), name);
  const inbox = (name: string): string => path.join(rig.in(), name);
  const endOf = async (stem: string): Promise<string> =>
    rig.until(rig.in(), () => readdirSync(rig.in()).find((name) => name.startsWith(`${stem}.`) && name !== `${stem}.md`), stem);

  test('the same bytes again, under another name, name the first job and make no commit', async () => {
    const text = promptText({ feature: 'DUP-1' });
    rig.drop('first.md', text);
    await rig.ended('first');
    const commits = rig.commits();
    rig.drop('again.md', text);
    await rig.ended('again');

    assert.equal(rig.commits(), commits);
    assert.equal(rig.read(inbox('again.processed')), text);
    const page = JSON.parse(rig.read(out('again_duplicate.json'))) as Record<string, unknown>;
    const first = rig.evidence('first');
    assert.equal(page['duplicate_of'], first.predicate.job);
    assert.equal(page['prompt_sha256'], first.subject[0]?.digest.sha256);
    assert.equal(page['result_sha256'], first.subject[1]?.digest.sha256);
    assert.equal(page['commit'], rig.git('rev-parse', 'HEAD').trim());
    assert.equal(existsSync(out('again_result.md')), false);
  });

  test('other bytes under a recorded identity are rejected, untouched, with words that say what to do', async () => {
    rig.drop('taken.md', promptText({ feature: 'DUP-2', revision: 2 }));
    await rig.ended('taken');
    const commits = rig.commits();
    const other = promptText({ feature: 'DUP-2-another-slug', revision: 2, body: 'Something else.\r\n' });
    rig.drop('other.md', other);
    await rig.ended('other', 'rejected');

    assert.equal(rig.read(inbox('other.rejected')), other);
    assert.match(
      rig.read(out('other_error.md')),
      /revision 2 of DUP-2\/architect is already recorded with another content \(job [a-z2-7]{16}\): raise `revision`, or give this prompt a `name:` of its own/,
    );
    assert.equal(rig.commits(), commits);
  });

  test('of two files that claim one identity at the same moment, one is recorded and the other is rejected', async () => {
    rig.drop('left.md', promptText({ feature: 'RACE-1', body: 'left\n' }));
    rig.drop('right.md', promptText({ feature: 'RACE-1', body: 'right\n' }));
    const ends = [await endOf('left'), await endOf('right')].map((name) => path.extname(name)).toSorted();
    assert.deepEqual(ends, ['.processed', '.rejected']);
    assert.equal(rig.git('log', '--format=%s', '--grep=Docket-Feature: RACE-1').trim().split('\n').length, 2);
  });

  test('of two files with the same bytes at the same moment, one is recorded and the other names it', async () => {
    const text = promptText({ feature: 'RACE-2' });
    rig.drop('one.md', text);
    rig.drop('two.md', text);
    await rig.ended('one');
    await rig.ended('two');
    const [duplicate, ...more] = ['one', 'two'].filter((stem) => existsSync(out(`${stem}_duplicate.json`)));
    assert.deepEqual(more, []);
    assert.ok(duplicate !== undefined && !existsSync(out(`${duplicate}_result.md`)));
    assert.equal(rig.git('log', '--format=%s', '--grep=Docket-Feature: RACE-2').trim().split('\n').length, 2);
  });

  test('a new revision, a name of its own and another slug of the feature stand beside the first', async () => {
    rig.drop('r1.md', promptText({ feature: 'SERIES-1-first-slug' }));
    await rig.ended('r1');
    rig.drop('r2.md', promptText({ feature: 'SERIES-1-other-slug', revision: 2 }));
    rig.drop('panel.md', promptText({ feature: 'SERIES-1', extra: 'name: filter-panel\n' }));
    await rig.ended('r2');
    await rig.ended('panel');
    const files = rig.git('ls-tree', '-r', '--name-only', 'HEAD', 'SERIES-1-first-slug').trim().split('\n');
    assert.deepEqual(
      files.filter((file) => file.includes('prompt_')),
      ['filter-panel/prompt_v1.md', 'prompt_v1.md', 'prompt_v2.md'].map((file) => `SERIES-1-first-slug/01-architect/${file}`),
    );
    assert.equal(rig.git('ls-tree', '--name-only', 'HEAD').includes('other-slug'), false);
  });

  test('the same file name again gets the next names; what is there is never replaced', async () => {
    rig.drop('todo.md', promptText({ feature: 'NAME-1', body: 'first\n' }));
    await rig.ended('todo');
    const result = rig.read(out('todo_result.md'));
    rig.drop('todo.md', promptText({ feature: 'NAME-1', revision: 2, body: 'second\n' }));
    await rig.ended('todo~2');
    assert.equal(rig.read(out('todo_result.md')), result);
    assert.ok(rig.read(out('todo~2_result.md')).includes('second'));
    assert.equal(rig.evidence('todo~2').predicate.stem, 'todo~2');
    assert.ok(rig.read(inbox('todo.processed')).endsWith('first\n'));
  });

  test('after all of it the history is clean', async () => {
    assert.equal(await daemon.stop(), 0);
    assertClean(rig);
  });
});
