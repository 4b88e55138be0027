import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { addLog } from '#cli/log.ts';
import { makeTempWorkspace, seedJob, type TempWorkspace } from '../support/workspace.ts';

type Entry = { readonly commit: string; readonly subject: string; readonly trailers: Readonly<Record<string, string>> };
const subjects = async (workspace: TempWorkspace, ...args: string[]): Promise<string[]> =>
  ((await workspace.json(addLog, 'log', ...args)).data as Entry[]).map((entry) => entry.subject);

describe('docket log', () => {
  test('without a history says so, and makes none', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { code, out } = await workspace.run(addLog, 'log');
    assert.equal(code, 0);
    assert.match(out, /nothing is recorded yet: there is no history at /);
    assert.deepEqual(await subjects(workspace), []);
    assert.equal(existsSync(workspace.history), false);
  });

  test('newest first, by feature, by role, by job, with a limit', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id } = await seedJob(rooms, 'a', { feature: 'FEAT-1-filters' }, { status: 'answered', answer: 'x' });
    await seedJob(rooms, 'b', { feature: 'FEAT-1', agent: 'ui' }, { status: 'answered', answer: 'x' });
    await seedJob(rooms, 'c', { feature: 'FEAT-2' }, { status: 'failed', failure: { kind: 'no-answer', runner: 'fake', message: 'x' } });
    const all = await subjects(workspace, '--limit', '0');
    assert.equal(all.length, 7);
    assert.deepEqual(all.slice(0, 2), ['ai(FEAT-2): architect r1 failed', 'ai(FEAT-2): architect r1 submitted']);
    assert.equal((await subjects(workspace, '--limit', '3')).length, 3);
    assert.deepEqual(await subjects(workspace, 'feat-1-other-slug/01-architect'), [
      'ai(FEAT-1): architect r1 answered',
      'ai(FEAT-1): architect r1 submitted',
    ]);
    assert.equal((await subjects(workspace, 'FEAT-1')).length, 4);
    for (const job of [id, id.slice(0, 6)]) assert.equal((await subjects(workspace, '--job', job)).length, 2, job);
    const { out } = await workspace.run(addLog, 'log', 'FEAT-2');
    assert.match(out, /^[0-9a-f]{10} {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}ai\(FEAT-2\): architect r1 failed {2}[a-z2-7]{16}$/m);
    assert.match((await workspace.run(addLog, 'log', 'FEAT-77')).out, /nothing is recorded about FEAT-77/);
  });

  test('wrong use is told with what would be right', async (t) => {
    const workspace = await makeTempWorkspace(t);
    for (const [args, words] of [
      [['../x'], /is no feature/],
      [['FEAT-1/nobody'], /there are: meta/],
      [['FEAT-1/ui/panel'], /give FEATURE or FEATURE\/role/],
      [['--job', 'xyz'], /at least 4/],
      [['--limit', '-1'], /whole number|unknown option/],
    ] as const) {
      const { code, err } = await workspace.run(addLog, 'log', ...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(err, words);
    }
  });
});
