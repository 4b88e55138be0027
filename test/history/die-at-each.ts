/** A writer that dies before its n-th step: at some steps in the fast suite, at each one in the slow one. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { faultyFs } from './faulty-fs.ts';
import { answer, collect, submission, value, type Rig } from './rig.ts';

/**
 * @param every 1: dies at each step of a record in turn
 * @param isPowerLost the locks are lost, too, and the files that were written are empty
 */
export async function dieAtEach(rig: Rig, every: number, isPowerLost: boolean): Promise<void> {
  const inGit = (name: string): string => path.join(rig.dir, '.git', name);
  let stepsWithFiles = 0;
  for (let step = 1; ; step += every) {
    // Dead from this step on: not even a removal is done any more.
    const frozen = faultyFs('KILL', () => {
      throw Object.assign(new Error('dead'), { code: 'EDEAD' });
    });
    const history = await rig.open({ fs: frozen.fs });
    const feature = `STEP-${String(step)}`;
    const prompt = submission({ feature });
    value(await history.submit(prompt));
    frozen.arm(step, true);
    const isRecorded = await history.record(answer(prompt)).then(
      () => true,
      () => false,
    );
    const reached = frozen.steps.length;
    const tree = new Set(rig.git('ls-tree', '-r', '--name-only', 'main').split('\n'));
    const folder = `${feature}-user-filters/01-architect`;
    const ahead = readdirSync(path.join(rig.dir, folder)).filter((name) => !tree.has(`${folder}/${name}`));
    if (ahead.length > 0) stepsWithFiles++;
    if (isPowerLost) {
      for (const lock of ['index.lock', 'refs/heads/main.lock']) rmSync(inGit(lock), { force: true });
      for (const name of ahead) truncateSync(path.join(rig.dir, folder, name), 0);
      writeFileSync(inGit('docket/checked'), 'another start\n');
    }
    const next = await rig.open();
    assert.equal(rig.git('status', '--porcelain'), '', `step ${String(step)}`);
    assert.equal(existsSync(inGit('index.lock')), false);
    for (const name of ahead) assert.equal(existsSync(path.join(rig.dir, folder, name)), false, `${name} at step ${String(step)}`);
    assert.equal(value(await next.record(answer(prompt))).status, 'answered');
    assert.equal(rig.git('status', '--porcelain'), '', `step ${String(step)}, recorded again`);
    await next.close();
    if (reached < step && isRecorded) break;
    assert.ok(step < 60);
  }
  assert.ok(stepsWithFiles >= (every === 1 ? 4 : 1), `${String(stepsWithFiles)} steps left files that were not recorded`);
  const history = await rig.open();
  rig.assertClean();
  assert.deepEqual(await collect(history.verify()), []);
}
