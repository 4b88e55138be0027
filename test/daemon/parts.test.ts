import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Answer } from '#core/history.ts';
import type { Workspace } from '#core/settings.ts';
import { countStart } from '#daemon/crash-loop.ts';
import { makeHint } from '#daemon/hint.ts';
import { readRecord, writeRecord } from '#daemon/record-file.ts';
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

test('what history will be told comes back from record.json byte for byte', () => {
  const answer: Answer = {
    job: 'abcdefghijklmnop' as Answer['job'],
    identity: { feature: 'FEAT-1' as Answer['identity']['feature'], role: 'ui' as Answer['identity']['role'], name: null, revision: 2 },
    roleFolder: '03-ui',
    status: 'failed',
    result: Uint8Array.from([0, 255, 10, 13]),
    evidence: '{"é": 1}\n',
    promptSha256: 'a'.repeat(64) as Answer['promptSha256'],
    specVersion: '2.1.0',
    codeCommit: null,
    runner: 'claude',
    model: null,
    materials: [],
    attempts: [{ name: 'a1-stdout', bytes: Uint8Array.from([1, 2, 3]) }],
    at: '2026-11-20T12:00:00.000Z',
  };
  const { answer: back, attempt: number } = readRecord(Buffer.from(writeRecord({ answer, attempt: 3 })));
  assert.equal(number, 3);
  assert.deepEqual(
    { ...back, result: [...(back.result ?? [])], attempts: back.attempts.map((attempt) => [...attempt.bytes]) },
    { ...answer, result: [0, 255, 10, 13], attempts: [[1, 2, 3]] },
  );
  assert.throws(() => readRecord(Buffer.from('{"v":2}')), /newer docket/);
});
