/** Bugs that the methods of this folder found, each as the smallest story that shows it (docs/faults.md, "Found"). A story stays when its bug is mended. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { makeChance } from './chance.ts';
import { runFault, type Fault } from './calls.ts';
import { isUp, limitFileSize, said } from './daemon.ts';
import { assertRight, judge } from './model.ts';
import { buildShim, makeShim } from './shim.ts';
import { makeStory } from './story.ts';

/** One more than `limits.parser_reads`. */
const STARTS = 4;

test(`F1: a prompt that found no room in the history through ${String(STARTS)} starts is answered when there is room again`, async (t) => {
  const built = buildShim(t);
  if ('why' in built) {
    console.log(`NOT RUN: F1: ${built.why}`);
    return;
  }
  const story = makeStory(t, { more: 'limits: { parser_reads: 3 }\n' });
  const { rig } = story;
  const shim = makeShim(rig, built.library, { only: 'open -ai-history/.git/objects' });
  for (let start = 1; start <= STARTS; start++) {
    shim.disarm();
    const daemon = rig.launch(shim.env);
    await isUp(daemon);
    shim.arm(1, 'ENOSPC', true);
    if (start === 1) story.drop(makeChance(1), { delayMsMax: 0 });
    // From the fourth on it is rejected without a try.
    await Promise.race([said(daemon, /ENOSPC/), story.settled()]);
    assert.equal(await daemon.stop(), 0, 'nothing has crashed');
  }
  shim.disarm();
  const last = await rig.start();
  await story.settled();
  assert.equal(await last.stop(), 0);
  assertRight(judge(story), 1);
});

/** `livesOn`: no new daemon is needed. */
const FAULTS: readonly (Fault & { readonly name: string; readonly livesOn?: true })[] = [
  {
    name: 'F2: a work tree that could not be brought up to date for a moment is mended by the daemon that lives, not left locked until the next record',
    act: 'EIO',
    mode: 'once',
    at: 3,
    only: 'unlink index.lock',
  },
  {
    name: 'F6: a temporary file in work/ that could not be removed for a moment is removed later by the daemon that made it',
    act: 'EIO',
    mode: 'once',
    at: 2,
    only: 'unlink /work/',
  },
  {
    name: 'F8: evidence tells no start of a tool that was never started, because its run could not be written down before',
    act: 'EIO',
    mode: 'for ever',
    at: 1,
    from: 'write run.json',
  },
  {
    name: 'F4: a keeper that cannot write down how a run ended is told in words; nobody is left to think that the run goes on',
    act: 'EMFILE',
    mode: 'for ever',
    at: 1,
    from: 'fsync run.json',
  },
  {
    name: 'F9: a journal that could not be written for a moment is written by the same daemon a moment later',
    act: 'EIO',
    mode: 'once',
    at: 1,
    from: 'rename .claimed',
    only: 'pwrite64 journal.db-wal',
    livesOn: true,
  },
  {
    name: 'F10: evidence tells no start of a tool that was never started, because the name of its run.json was not safe yet',
    act: 'ENOSPC',
    mode: 'once',
    at: 2,
    only: 'fsync /a1',
    livesOn: true,
  },
  {
    name: 'F10: nor when its run.json cannot be taken away at once',
    act: 'ENOSPC',
    mode: 'for ever',
    at: 1,
    from: 'fsync run.json',
  },
  {
    name: 'F11: a keeper that can write neither how a run ended nor its own log stays, and writes both when there is room',
    act: 'ENOSPC',
    mode: 'for ever',
    at: 1,
    from: 'rmdir tmp',
  },
  {
    name: 'F12: and it tells the daemon meanwhile, which may have nothing of its own to write',
    act: 'ENOSPC',
    mode: 'for ever',
    at: 1,
    from: 'rmdir tmp',
    only: 'open exit.json',
  },
  {
    name: 'F15: an exit.json that could not be synced, and not be taken away at once, keeps no later one from being written',
    act: 'ENOSPC',
    mode: 'for ever',
    at: 1,
    from: 'fsync stdout',
  },
  {
    name: 'F14: a pack that could neither be written nor taken away is taken away by the next record, not by the next start',
    act: 'ENOSPC',
    mode: 'for ever',
    at: 4,
    from: 'rename .claimed',
    only: ' tmp_docket_',
  },
];

for (const fault of FAULTS)
  test(fault.name, async (t) => {
    const shim = buildShim(t);
    if ('why' in shim) {
      console.log(`NOT RUN: ${fault.name}: ${shim.why}`);
      return;
    }
    const ended = await runFault(shim.library, fault);
    assert.equal(ended.isReached, true);
    if (fault.livesOn === true) assert.equal(ended.isRestarted, false, 'the daemon ended');
    assertRight(ended.verdict, 1);
  });

test('F5: a daemon that reaches the limit of its file size says so and goes on when the limit is lifted', async (t) => {
  const story = makeStory(t);
  const daemon = await story.rig.start();
  if (!limitFileSize(daemon, '0')) {
    console.log('NOT RUN: F5: there is no prlimit that works');
    return;
  }
  story.drop(makeChance(1));
  // It looks at its folders every 200 ms.
  await Promise.race([after(1_000), daemon.ended]);
  assert.equal(daemon.child.signalCode, null, 'it was killed by the signal, without a word');
  limitFileSize(daemon, 'unlimited');
  await story.settled();
  assert.equal(await daemon.stop(), 0);
  assert.match(daemon.output(), /EFBIG|SQLITE_FULL|SQLITE_IOERR/);
  assertRight(judge(story), 1);
});
