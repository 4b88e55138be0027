import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { openPauses, type Pause } from '#daemon/pauses.ts';
import { makeFs } from '#platform/files.ts';

function fileIn(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'docket-pauses-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return path.join(folder, 'paused.json');
}
const pause = (kind: Pause['kind'], name: string): Pause => ({ kind, name, by: 'anna', at: '2026-11-20T12:00:00.000Z' });

test('what is paused is there after the file is opened again, and gone when it is resumed', async (t) => {
  const file = fileIn(t);
  const first = await openPauses(makeFs(), file);
  assert.deepEqual(await Promise.all([first.add(pause('lane', 'anthropic')), first.add(pause('role', 'ui'))]), [true, true]);
  assert.equal(await first.add(pause('role', 'ui')), false);
  assert.equal(statSync(file).mode & 0o077, 0);
  const again = await openPauses(makeFs(), file);
  assert.deepEqual(again.all(), [pause('lane', 'anthropic'), pause('role', 'ui')]);
  assert.equal(again.ofLane('anthropic/1a2b3c4d')?.name, 'anthropic', 'a provider means all its accounts');
  assert.equal(again.ofLane('anthropic-eu'), null);
  assert.equal(again.ofRole('ui')?.by, 'anna');
  assert.equal(await again.remove('role', 'ui'), true);
  assert.equal(await again.remove('role', 'ui'), false);
  assert.equal((await openPauses(makeFs(), file)).ofRole('ui'), null);
});

test('one account is paused without the others', async (t) => {
  const pauses = await openPauses(makeFs(), fileIn(t));
  await pauses.add(pause('lane', 'anthropic/1a2b3c4d'));
  assert.notEqual(pauses.ofLane('anthropic/1a2b3c4d'), null);
  assert.equal(pauses.ofLane('anthropic/00000000'), null);
  assert.equal(pauses.ofLane('anthropic'), null);
});

test('a file that is not understood is refused with words, and left as it is', async (t) => {
  const file = fileIn(t);
  for (const text of [
    '',
    '{',
    '[]',
    '{"v":2,"paused":[]}',
    '{"v":1,"paused":[{"kind":"lane","name":"../x","by":"a","at":"2026-11-20T12:00:00Z"}]}',
  ]) {
    writeFileSync(file, text);
    await assert.rejects(openPauses(makeFs(), file), /paused\.json does not say what is paused .* mend it, or remove it/);
    assert.equal(readFileSync(file, 'utf8'), text);
  }
});
