import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { holdMoreThan } from '#platform/process-memory.ts';
import { makeRig, processes } from './rig.ts';

describe('the ceilings of a run', () => {
  test('processes: with one more than it may have the whole tree ends at once, also what is deaf', async (t) => {
    const rig = await makeRig(t);
    await rig.serve({ graceMs: 3_600_000 });
    const client = await rig.client();
    const run = await rig.run('a1', { processes: 1 });
    await client.start(run);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'escape' });
    const exit = await client.wait(run.dir, run.runId);
    assert.equal(exit?.stopped, 'process-limit');
    assert.deepEqual(await processes.marked('DOCKET_RUN_ID', run.runId), []);
  });

  test('memory: what all hold together counts', async (t) => {
    const rig = await makeRig(t);
    let isOver = false;
    const asked: number[] = [];
    await rig.serve({
      processes: {
        ...processes,
        holdMoreThan: (pids, limitBytes) => {
          asked.push(limitBytes);
          return isOver && pids.length === 2;
        },
      },
    });
    const client = await rig.client();
    const run = await rig.run('a1', { memoryMb: 300 });
    await client.start(run);
    const agent = await rig.agents.next();
    isOver = true;
    await agent.tell({ do: 'escape' });
    const exit = await client.wait(run.dir, run.runId);
    assert.equal(exit?.stopped, 'memory-limit');
    assert.equal(new Set(asked).size, 1);
    assert.equal(asked[0], 300_000_000);
    assert.deepEqual(await processes.marked('DOCKET_RUN_ID', run.runId), []);
  });

  test('without one nobody counts', async (t) => {
    const rig = await makeRig(t);
    let asked = 0;
    await rig.serve({ processes: { ...processes, holdMoreThan: () => asked++ > 0 } });
    const client = await rig.client();
    const run = await rig.run('a1', { memoryMb: 0, processes: 0 });
    await client.start(run);
    const agent = await rig.agents.next();
    await agent.tell({ do: 'escape' });
    await agent.tell({ do: 'exit', code: 0 });
    assert.equal((await client.wait(run.dir, run.runId))?.stopped, null);
    assert.equal(asked, 0);
  });
});

test('memory of processes is what the system says: this one holds more than a megabyte and less than a terabyte, and one that is gone nothing', () => {
  assert.equal(holdMoreThan([process.pid], 1_000_000), true);
  assert.equal(holdMoreThan([process.pid], 1_000_000_000_000), false);
  assert.equal(holdMoreThan([2 ** 22 + 1], 0), false);
  assert.equal(holdMoreThan([], 0), false);
});
