/** `docket up` begins once more as the same process, with what is read only when a program begins (bin/start.js). What somebody asked for stays. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeRig } from '#test/support/rig.ts';
import { settingsWith } from '#test/support/rig-runners.ts';

for (const asked of [null, '6']) {
  test(
    asked === null
      ? 'the daemon has sixteen threads for the disk and two heaps of the C library'
      : 'unless somebody asked for other numbers',
    { skip: process.platform === 'linux' ? false : '/proc is Linux only' },
    async (t) => {
      const rig = makeRig(t, settingsWith([]));
      const daemon = await rig.start(asked === null ? {} : { UV_THREADPOOL_SIZE: asked });
      const pid = String(daemon.child.pid);
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      assert.ok(environment.includes('MALLOC_ARENA_MAX=2'));
      const workers = readdirSync(`/proc/${pid}/task`).filter(
        (id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'latin1') === 'libuv-worker\n',
      );
      assert.equal(workers.length, Number(asked ?? 16));
      assert.equal(await daemon.stop(), 0);
    },
  );
}
