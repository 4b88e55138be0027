import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { addRetry } from '#cli/retry.ts';
import { claimPrompt, makeTempWorkspace, promptText, seedJob } from '../support/workspace.ts';

const failure = { kind: 'no-answer', runner: 'fake', message: 'nothing came' } as const;

describe('docket retry', () => {
  test('puts each bad end back, sets its error file aside, and wakes the daemon', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'bad', {}, { status: 'failed', failure });
    await seedJob(rooms, 'wrong', { revision: 2 }, { status: 'rejected', failure });
    const held = await seedJob(rooms, 'secret', { revision: 3 }, { status: 'held', failure });
    await seedJob(rooms, 'stopped', { revision: 4 }, { status: 'cancelled', failure: { kind: 'cancelled', by: 'me' } });
    const { asked } = await workspace.serve(() => ({ ok: true }));
    const { code, data } = await workspace.json(addRetry, 'retry', 'bad', 'architect/wrong', held.id, 'stopped.cancelled');
    assert.equal(code, 0);
    const { reopened, daemon } = data as { reopened: { was: string; file: string }[]; daemon: boolean };
    assert.deepEqual(
      reopened.map(({ was, file }) => [was, file]),
      [
        ['failed', 'bad.md'],
        ['rejected', 'wrong.md'],
        ['held', 'secret.md'],
        ['cancelled', 'stopped.md'],
      ],
    );
    assert.equal(daemon, true);
    assert.ok(asked.some(({ op }) => op === 'poke'));
    assert.equal(existsSync(workspace.out('wrong_error.md')), false);
    assert.deepEqual(readdirSync(workspace.in('')).toSorted(), ['bad.md', 'secret.md', 'stopped.md', 'wrong.md']);
  });

  test('--all-failed takes what failed, nothing else, and says when no daemon runs', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'one', {}, { status: 'failed', failure });
    await seedJob(rooms, 'two', { agent: 'ui' }, { status: 'failed', failure });
    await seedJob(rooms, 'wrong', { revision: 2 }, { status: 'rejected', failure });
    const { code, out } = await workspace.run(addRetry, 'retry', '--all-failed');
    assert.equal(code, 0);
    assert.match(out, /architect\/one \(failed\) waits again as one\.md\nui\/two \(failed\) waits again as two\.md\nno daemon runs/);
    assert.ok(existsSync(workspace.in('wrong.rejected')));
    assert.equal((await workspace.run(addRetry, 'retry', '--all-failed')).out, 'nothing failed');
  });

  test('one wrong name, and nothing is moved', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'bad', {}, { status: 'failed', failure });
    await seedJob(rooms, 'good', { revision: 2 }, { status: 'answered', answer: 'x' });
    await claimPrompt(rooms, 'flying', promptText({ revision: 3 }));
    await workspace.write('queues/01-architect/in/todo.md', promptText({ revision: 4 }));
    for (const [name, words] of [
      ['good', /good is answered, so there is nothing to retry: for another answer raise `revision`/],
      ['flying', /is in work/],
      ['todo', /waits already/],
      ['nobody', /nothing here is called "nobody"/],
    ] as const) {
      const { code, err } = await workspace.run(addRetry, 'retry', 'bad', name);
      assert.equal(code, 2, name);
      assert.match(err, words);
    }
    assert.ok(existsSync(workspace.in('bad.failed')));
    assert.equal((await workspace.run(addRetry, 'retry')).code, 2);
    assert.equal((await workspace.run(addRetry, 'retry', 'bad', '--all-failed')).code, 2);
  });
});
