/** A purge that dies before its n-th step, and is brought to its end by the next one: at some steps in the fast suite, at each in the slow one. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { spellingsOf } from '#history/purge-spellings.ts';
import { faultyFs } from './faulty-fs.ts';
import { fill, messagesOf, opened, secretText, traces, why } from './purge-rig.ts';
import { answer, collect, makeRig, submission, value } from './rig.ts';

const STEPS_MAX = 400;

/** @param every 1: dies at each step in turn. @returns how many steps a purge has */
export async function dieWhilePurging(every: number): Promise<number> {
  const secret = secretText();
  const bytes = { spellings: spellingsOf(Buffer.from(secret)) };
  let resumed = 0;
  for (let step = 1; ; step += every) {
    const rig = makeRig();
    const frozen = faultyFs('KILL', () => {
      throw Object.assign(new Error('dead'), { code: 'EDEAD' });
    });
    const dying = await opened(rig, { fs: frozen.fs });
    const { leaked } = await fill(dying, secret);
    const messages = messagesOf(rig);
    const oldTip = rig.git('rev-parse', 'main').trim();
    frozen.arm(step, true);
    const isDone = await dying
      .purging()
      .purge(bytes, why)
      .then(
        () => true,
        () => false,
      );
    const reached = frozen.steps.length;
    const next = await opened(rig);
    // What was recorded is there at every moment, and can be added to.
    const more = submission({ feature: 'FEAT-50' });
    value(await next.submit(more));
    value(await next.record(answer(more)));
    const done = await next.purging().resume();
    if (done === null) {
      // Before the plan was on disk, or after the end.
      if (traces(rig, secret).length > 0) await next.purging().purge(bytes, why);
    } else resumed++;
    const at = `died at step ${String(step)}`;
    assert.deepEqual(traces(rig, secret), [], at);
    rig.assertClean();
    assert.deepEqual(await collect(next.verify()), [], at);
    const kept = messages.split('\0').filter((message) => message.trim() !== '');
    const now = messagesOf(rig);
    for (const message of kept) assert.ok(now.includes(message.trim()), `${at}: a message is gone`);
    assert.match(
      rig.git('log', '--format=%H', 'main'),
      new RegExp(await next.commitNow(oldTip)),
      `${at}: a checkpoint of before leads nowhere`,
    );
    assert.equal((await next.find(leaked.identity))?.promptSha256, leaked.promptSha256, at);
    assert.equal((await next.find(more.identity))?.status, 'answered', at);
    assert.equal(existsSync(path.join(rig.dir, '.git/docket/purge')), false, at);
    await next.close();
    await dying.close().catch(() => undefined);
    await rig.end();
    if (reached < step && isDone) {
      assert.ok(resumed > 0, 'no step left a purge to be resumed');
      return reached;
    }
    assert.ok(step < STEPS_MAX);
  }
}
