/** Whoever dies while giving a verdict has given it, or not; said again it is there once. Many at the same moment are all there. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { faultyFs } from './faulty-fs.ts';
import { answered, findings, makeRig, verdictOn, type Rig } from './rig.ts';

suite('a verdict in a crash, and among many', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = makeRig();
  });
  afterEach(() => rig.end());

  test('a process that dies at a step of writing it leaves nothing half', async () => {
    let given = 0;
    let lost = 0;
    for (let step = 1; ; step += 3) {
      // Dead from this step on: not even a removal is done any more.
      const frozen = faultyFs('KILL', () => {
        throw Object.assign(new Error('dead'), { code: 'EDEAD' });
      });
      const history = await rig.open({ fs: frozen.fs });
      const { prompt, end } = await answered(history, { feature: `STEP-${String(step)}` });
      const verdict = verdictOn(prompt, end, { comment: 'once' });
      frozen.arm(step, true);
      const isGiven = await history.judge(verdict).then(
        () => true,
        () => false,
      );
      const reached = frozen.steps.length;
      const next = await rig.open();
      const feature = prompt.identity.feature;
      const after = await next.verdicts({ feature });
      assert.ok(after.length <= 1 && (!isGiven || after.length === 1), `step ${String(step)}`);
      given += after.length;
      lost += 1 - after.length;
      const again = await next.judge(verdict);
      const all = await next.verdicts({ feature });
      assert.deepEqual(
        all.map((one) => [one.verdict, one.path, one.commit]),
        [[verdict, again.path, again.commit]],
        `step ${String(step)}`,
      );
      assert.equal(rig.git('status', '--porcelain'), '', `step ${String(step)}`);
      await next.close();
      if (reached < step && isGiven) break;
      assert.ok(step < 80);
    }
    assert.ok(given > 0 && lost > 0, `${String(given)} were given, ${String(lost)} not`);
    const history = await rig.open();
    assert.deepEqual(await findings(history), []);
    rig.assertClean();
  });

  test('five histories write thirty verdicts and records at once: each is there once', async () => {
    const first = await rig.open();
    const { prompt, end } = await answered(first);
    const others = await Promise.all(Array.from({ length: 4 }, () => rig.open()));
    const people = Array.from({ length: 30 }, (_, n) => `p${String(n)}@example.com`);
    await Promise.all(
      people.map(async (email, n) => {
        const history = [first, ...others][n % 5] ?? first;
        await history.judge(verdictOn(prompt, end, { by: { name: 'P', email } }));
        if (n % 6 === 0) await answered(history, { feature: `FEAT-${String(n + 10)}` });
      }),
    );
    for (const history of [first, ...others]) {
      const judged = await history.verdicts({ feature: 'FEAT-1' });
      assert.deepEqual(judged.map(({ verdict }) => verdict.by.email).toSorted(), people.toSorted());
      assert.equal(new Set(judged.map((one) => one.path)).size, 30);
    }
    assert.deepEqual(await findings(first), []);
    rig.assertClean();
  });
});
