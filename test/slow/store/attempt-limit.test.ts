/** A failed attempt is in the journal before the job's end is decided: a daemon killed between the two starts no tool beyond the limit. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

for (const attempts of [1, 2]) {
  test(`killed right after attempt ${String(attempts)} of ${String(attempts)} failed, the next start fails the job without another run`, async (t) => {
    const rig = makeRig(t);
    rig.settings(settingsWith([shellRunner('fail', 'echo started >> ../starts; exit 1')]));
    const first = await rig.start();
    rig.drop('foo.md', promptText({ extra: `runner: fail\nlimits: { attempts: ${String(attempts)} }\n` }));
    const { stdout } = first.child;
    assert.ok(stdout !== null);
    while (!first.output().includes(`attempt ${String(attempts)} failed`)) await once(first.child.stderr ?? stdout, 'data');
    await first.kill();

    const second = await rig.start();
    await rig.ended('foo', 'failed');
    assert.equal(await second.stop(), 0);
    assert.equal(rig.read(path.join(rig.base, 'starts')), 'started\n'.repeat(attempts));
    assert.deepEqual(
      rig.evidence('foo').predicate.attempts.map(({ n, starts, failure }) => [n, starts, failure?.kind]),
      Array.from({ length: attempts }, (_, index) => [index + 1, 1, 'exit-code']),
    );
    assertVerified(rig);
  });
}
