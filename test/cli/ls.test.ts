import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addLs } from '#cli/ls.ts';
import { claimPrompt, makeTempWorkspace, move, promptText, seedJob } from '../support/workspace.ts';

const failure = { kind: 'no-answer', runner: 'fake', message: 'nothing came' } as const;
type Row = {
  readonly role: string;
  readonly stem: string;
  readonly state: string;
  readonly feature: string | null;
  readonly revision: number | null;
  readonly why: string | null;
  readonly job: string | null;
};

describe('docket ls', () => {
  test('before the first start there is nothing, and nothing is made', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { code, out } = await workspace.run(addLs, 'ls');
    assert.equal(code, 0);
    assert.match(out, /nothing waits/);
    assert.deepEqual((await workspace.json(addLs, 'ls')).data, []);
  });

  test('lists waiting, in flight and bad ends with feature, revision and reason; answers only with --all', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'good', { feature: 'FEAT-1' }, { status: 'answered', answer: 'yes\n' });
    await seedJob(rooms, 'bad', { feature: 'FEAT-2', revision: 3 }, { status: 'failed', failure });
    const inWork = await claimPrompt(rooms, 'flying', promptText({ feature: 'FEAT-3', agent: 'ui' }), 'ui');
    await workspace.write('queues/03-ui/in/todo.md', promptText({ feature: 'FEAT-4', agent: 'ui', name: 'panel', revision: 2 }));

    const rows = (await workspace.json(addLs, 'ls')).data as Row[];
    assert.deepEqual(
      rows.map(({ role, stem, state, feature, revision }) => [role, stem, state, feature, revision]),
      [
        ['ui', 'todo', 'waiting-in', 'FEAT-4', 2],
        ['ui', 'flying', 'read', 'FEAT-3', 1],
        ['architect', 'bad', 'failed', 'FEAT-2', 3],
      ],
    );
    assert.equal(rows[0]?.why, 'no daemon runs');
    assert.equal(rows[1]?.job, inWork.id);
    assert.match(rows[2]?.why ?? '', /gave no answer: nothing came/);

    const { out } = await workspace.run(addLs, 'ls');
    assert.match(out, /^role +name +state +feature +attempts +age +why$/m);
    assert.match(out, /^ui +todo +waiting +FEAT-4\/panel r2 +0 +\d+s +no daemon runs$/m);
    assert.match(out, /1 answered \(--all lists them\)/);
    const all = (await workspace.json(addLs, 'ls', 'architect', '--all')).data as Row[];
    assert.deepEqual(
      all.map(({ stem, state }) => [stem, state]),
      [
        ['bad', 'failed'],
        ['good', 'answered'],
      ],
    );
  });

  test('the journal tells what the folders cannot: a job between two attempts waits', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id, claimed } = await claimPrompt(rooms, 'slow', promptText());
    await rooms.spool.attemptFolder(claimed, 1);
    await rooms.journal.commit([move(id, 'submitted'), move(id, 'running'), move(id, 'waiting', undefined, 'the provider failed')]);
    assert.match((await workspace.run(addLs, 'ls')).out, /architect +slow +waiting \(lane\) .* the provider failed$/m);
  });

  test('a running daemon is asked why a file waits', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.write('queues/01-architect/in/foo.md', promptText());
    await workspace.serve(() => ({
      ok: true,
      lanes: [],
      in_flight: [],
      backlog: 1,
      waiting: { 'architect/foo.md': 'lane claude has no free slot' },
    }));
    assert.match((await workspace.run(addLs, 'ls')).out, /lane claude has no free slot/);
  });

  test('--limit cuts each kind and says how many are left; 0 lists all', async (t) => {
    const workspace = await makeTempWorkspace(t);
    for (const name of ['a', 'b', 'c']) await workspace.write(`queues/01-architect/in/${name}.md`, promptText());
    const { out } = await workspace.run(addLs, 'ls', '--limit', '2');
    assert.match(out, /… and 1 more \(--limit 0 lists all\)/);
    assert.equal(((await workspace.json(addLs, 'ls', '--limit', '2')).data as Row[]).length, 2);
    assert.equal(((await workspace.json(addLs, 'ls', '--limit', '0')).data as Row[]).length, 3);
  });

  test('a name with terminal escapes is shown harmless', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.write('queues/01-architect/in/\u001B[31mred.md', promptText());
    const { out } = await workspace.run(addLs, 'ls');
    assert.ok(!out.includes('\u001B'));
    assert.match(out, /\\u\{1b\}\[31mred/);
  });

  test('an unknown role names those there are', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { code, err } = await workspace.run(addLs, 'ls', 'architekt');
    assert.equal(code, 2);
    assert.match(err, /there are: meta, architect/);
    assert.equal((await workspace.run(addLs, 'ls', '--limit', 'many')).code, 2);
  });
});
