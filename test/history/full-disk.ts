/** The full-disk scenario, run at some steps in the fast suite and at every step in the slow one. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { faultyFs } from './faulty-fs.ts';
import { answer, findings, makeRig, submission, value } from './rig.ts';

/** @param every 1: fails at each step of a submit and a record in turn */
export async function fillDiskAtEach(every: number, isSticky: boolean): Promise<void> {
  const rig = makeRig();
  try {
    const faulty = faultyFs('ENOSPC');
    const history = await rig.open({ fs: faulty.fs });
    faulty.arm(Number.POSITIVE_INFINITY, false);
    const first = submission();
    value(await history.submit(first));
    value(await history.record(answer(first)));
    const count = faulty.steps.length;
    assert.ok(count > 15, String(count));
    for (let step = 1; step <= count; step += every) {
      const prompt = submission({ revision: step + 1, feature: `FEAT-${String(step)}` });
      const acknowledged: string[] = [];
      faulty.arm(step, isSticky);
      try {
        acknowledged.push(value(await history.submit(prompt)).commit);
        acknowledged.push(value(await history.record(answer(prompt))).commit);
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, 'ENOSPC');
      }
      for (const commit of acknowledged) rig.git('merge-base', '--is-ancestor', commit, 'main');
      faulty.arm(Number.POSITIVE_INFINITY, false);
      value(await history.submit(prompt));
      assert.equal(value(await history.record(answer(prompt))).status, 'answered');
      assert.equal(rig.git('status', '--porcelain'), '', `step ${String(step)}`);
    }
    rig.assertClean();
    assert.deepEqual(await findings(history), []);
    const packs = readdirSync(path.join(rig.dir, '.git/objects/pack'));
    assert.deepEqual(
      packs.filter((name) => name.startsWith('tmp_')),
      [],
    );
  } finally {
    await rig.end();
  }
}
