/** A replay with a program: through a keeper of its own, with its cost noted and its budget asked for. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { addCost } from '#cli/cost.ts';
import { addReplay } from '#cli/replay.ts';
import { inFolder, recordRun } from '#test/support/replayed.ts';
import { makeTempWorkspace, type TempWorkspace } from '#test/support/workspace.ts';

const SCRIPT =
  "const { readFileSync, writeFileSync } = require('node:fs'); writeFileSync('made.txt', 'x'); process.stdout.write(readFileSync(0, 'utf8').toUpperCase())";

async function seeded(t: TestContext, more = ''): Promise<TempWorkspace> {
  const workspace = await makeTempWorkspace(
    t,
    `runner: offline\n${more}runners:\n  shout: { kind: command, program: ${process.execPath}, args: ['-e', ${JSON.stringify(SCRIPT)}], output: text }\n  bad: { kind: command, program: ${process.execPath}, args: ['-e', 'process.exit(7)'], output: text }\n`,
  );
  await recordRun(workspace, { status: 'answered', runner: 'shout', answer: (brief) => brief.toUpperCase() });
  return workspace;
}
const replay = async (workspace: TempWorkspace, to: string, ...args: readonly string[]): ReturnType<TempWorkspace['json']> =>
  workspace.json(addReplay, 'replay', 'FEAT-1', 'architect@1', '--to', inFolder(workspace, to), ...args);

describe('docket replay with a program', () => {
  test('the same runner gives the same answer; it asks before it may cost, and what it cost is counted', async (t) => {
    const workspace = await seeded(t);
    const unasked = await replay(workspace, 'unasked');
    assert.equal(unasked.code, 2);
    assert.match(unasked.err, /say --yes/);
    const { code, data, err } = await replay(workspace, 'same', '--yes');
    assert.equal(err, '');
    assert.equal(code, 0);
    const said = data as { answer: string; changed_files: unknown; outcome: string };
    assert.deepEqual([said.answer, said.outcome], ['same', 'answered']);
    assert.deepEqual(said.changed_files, [{ path: 'made.txt', what: 'added' }]);
    const lines = readFileSync(path.join(workspace.queues, '.docket/replays.jsonl'), 'utf8').split('\n').filter((line) => line !== ''); // prettier-ignore
    assert.equal(lines.length, 1);
    const cost = await workspace.json(addCost, 'cost');
    assert.equal((cost.data as { total: { runs: number } }).total.runs, 1);
  });

  test('another runner that fails: its end is told, and there is no answer', async (t) => {
    const workspace = await seeded(t);
    const { code, data } = await replay(workspace, 'bad', '--runner', 'bad', '--yes');
    assert.equal(code, 1);
    const said = data as { answer: string | null; outcome: string; failure: string };
    assert.equal(said.answer, null);
    assert.match(said.failure, /exit code 7/);
  });

  test('no replay is run past a budget', async (t) => {
    const workspace = await seeded(t, 'budgets: { day_usd: 1, reserve_usd: 0.1, unknown_usd: 1 }\n');
    assert.equal((await replay(workspace, 'first', '--yes')).code, 0);
    const { code, err } = await replay(workspace, 'second', '--yes');
    assert.equal(code, 1);
    assert.match(err, /not run: .*budget/s);
  });
});
