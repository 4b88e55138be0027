import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Workspace } from '#core/settings.ts';
import { countStart } from '#daemon/crash-loop.ts';
import { makeHint } from '#daemon/hint.ts';
import { makeFs } from '#platform/files.ts';
import { makeFakeClock } from '#test/support/fake-clock.ts';

test('ten hints are one round, and a hint that came before the wait is not lost', async () => {
  const clock = makeFakeClock();
  const hint = makeHint(clock);
  const never = new AbortController().signal;
  for (let i = 0; i < 10; i++) hint.poke();
  await hint.nextOr(5_000, never);
  assert.equal(hint.take(), true);
  assert.equal(hint.take(), false);
  const waited = hint.nextOr(5_000, never);
  await clock.advance(5_000);
  await waited;
  assert.deepEqual(clock.sleeps, [5_000]);
});

test('a slot that is free wakes the loop without a new look at the folders', async () => {
  const hint = makeHint(makeFakeClock());
  hint.wake();
  await hint.nextOr(5_000, new AbortController().signal);
  assert.equal(hint.take(), false);
});

test('starts that die before their first look are counted, and one that lives resets the count', async (t) => {
  const state = mkdtempSync(path.join(tmpdir(), 'docket-starts-'));
  t.after(() => {
    rmSync(state, { recursive: true });
  });
  const ports = { fs: makeFs(), workspace: { state } as Workspace };
  assert.equal((await countStart(ports)).inARow, 1);
  assert.equal((await countStart(ports)).inARow, 2);
  const third = await countStart(ports);
  assert.equal(third.inARow, 3);
  await third.survived();
  assert.equal((await countStart(ports)).inARow, 1);
});
