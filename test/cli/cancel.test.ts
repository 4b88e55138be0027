import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { addCancel } from '#cli/cancel.ts';
import { withdraw } from '#cli/cancel-waiting.ts';
import { addRetry } from '#cli/retry.ts';
import type { Fs } from '#core/ports.ts';
import { parseRoleFolder } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { makeLayout } from '#spool/layout.ts';
import { claimPrompt, makeTempWorkspace, promptText, seedJob } from '../support/workspace.ts';

const folder = parseRoleFolder('01-architect');

describe('docket cancel, of a file that waits', () => {
  test('renames it, replaces nothing, and retry brings it back', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.rooms();
    await workspace.write('queues/01-architect/in/foo.md', promptText());
    await workspace.write('queues/01-architect/in/foo.cancelled', 'an older one');
    const { code, out } = await workspace.run(addCancel, 'cancel', 'architect/foo.md');
    assert.equal(code, 0);
    assert.match(out, /it is now queues\/01-architect\/in\/foo~2\.cancelled; nothing was sent/);
    assert.deepEqual(readdirSync(workspace.in('')).toSorted(), ['foo.cancelled', 'foo~2.cancelled']);
    assert.equal(readFileSync(workspace.in('foo.cancelled'), 'utf8'), 'an older one');
    assert.equal((await workspace.run(addRetry, 'retry', 'foo~2')).code, 0);
    assert.equal(readFileSync(workspace.in('foo~2.md'), 'utf8'), promptText());
  });

  test('a link is left alone, with words', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.rooms();
    await symlink('/etc/hostname', workspace.in('link.md'));
    const { code, err } = await workspace.run(addCancel, 'cancel', 'link');
    assert.equal(code, 2);
    assert.match(err, /no regular file/);
    assert.ok(readdirSync(workspace.in('')).includes('link.md'));
  });

  test('when the daemon claims it in that very moment, no second name stays', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.rooms();
    await workspace.write('queues/01-architect/in/foo.md', promptText());
    const fs = makeFs();
    const racing: Fs = {
      ...fs,
      async link(from, to) {
        await fs.link(from, to);
        await fs.rename(from, path.join(workspace.queues, '01-architect', 'work', 'claimed'));
      },
    };
    assert.ok(folder.ok);
    assert.equal(await withdraw(racing, makeLayout(workspace.queues), folder.value.folder, 'foo'), 'claimed');
    assert.deepEqual(readdirSync(workspace.in('')), []);
  });
});

describe('docket cancel, of a job in work', () => {
  test('the daemon is asked, and its end is waited for', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { id } = await claimPrompt(await workspace.rooms(), 'foo', promptText());
    const { asked } = await workspace.serve(({ op }) => ({ ok: true, ...(op === 'wait' ? { outcome: 'cancelled' } : {}) }));
    const { code, data } = await workspace.json(addCancel, 'cancel', id.slice(0, 6));
    assert.equal(code, 0);
    assert.deepEqual(data, { name: 'architect/foo', job: id, outcome: 'cancelled', path: null });
    const question = asked.find(({ op }) => op === 'cancel');
    assert.equal(question?.['job'], id);
    assert.ok(typeof question['by'] === 'string' && question['by'] !== '');
  });

  test('one that was answered first exits 1; a daemon that does not have it is quoted', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await claimPrompt(await workspace.rooms(), 'foo', promptText());
    let refuses = false;
    await workspace.serve(({ op }) =>
      op === 'wait'
        ? { ok: true, outcome: refuses ? null : 'answered' }
        : refuses
          ? { ok: false, error: 'job x is not in work' }
          : { ok: true },
    );
    const late = await workspace.run(addCancel, 'cancel', 'foo');
    assert.deepEqual([late.code, late.out], [1, 'architect/foo was answered before it could be stopped']);
    refuses = true;
    const refused = await workspace.run(addCancel, 'cancel', 'foo');
    assert.equal(refused.code, 1);
    assert.match(refused.err, /job x is not in work/);
  });

  test('without a daemon: words, exit 3, nothing changed', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { claimed } = await claimPrompt(await workspace.rooms(), 'foo', promptText());
    const { code, err } = await workspace.run(addCancel, 'cancel', 'foo');
    assert.equal(code, 3);
    assert.match(err, /no daemon runs .*`docket up`/);
    assert.ok(existsSync(`${claimed.dir}.claimed`));
  });

  test('what is over cannot be cancelled', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await seedJob(await workspace.rooms(), 'foo', {}, { status: 'answered', answer: 'x' });
    const { code, err } = await workspace.run(addCancel, 'cancel', 'foo');
    assert.equal(code, 2);
    assert.match(err, /architect\/foo is answered: there is nothing to cancel/);
    assert.equal((await workspace.run(addCancel, 'cancel')).code, 2);
  });
});
