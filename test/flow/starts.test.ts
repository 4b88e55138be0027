/** Who was told to go did not die: only starts that ended by themselves make docket take files unseen (daemon/crash-loop.ts). */

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { makeRig, promptText } from '#test/support/rig.ts';
import { settingsWith } from '#test/support/rig-runners.ts';

const rig = makeRig({ after }, settingsWith([]));

test('a prompt whose time has not come is left where it is by any number of starts that were told to go', async () => {
  const early = 'not_before: 2099-01-01T00:00:00Z\n';
  const counted = path.join(rig.root, 'queues', '.docket', 'starts.json');
  for (let start = 1; start <= 4; start++) {
    const daemon = await rig.start();
    if (start === 1) rig.drop('early.md', promptText({ feature: 'S-early', body: 'Later.\n', extra: early }));
    rig.drop(`now-${String(start)}.md`, promptText({ feature: `S-now-${String(start)}`, body: 'Now.\n' }));
    await rig.ended(`now-${String(start)}`);
    assert.ok(existsSync(path.join(rig.in(), 'early.md')), `taken too early, at start ${String(start)}`);
    await daemon.stop();
    assert.equal(existsSync(counted), false, 'nothing is counted of a start that was told to go');
    // As if a start after the first one had died: what waits for its time must not keep the next ones from taking the count away.
    if (start === 1) writeFileSync(counted, '1');
  }
});
