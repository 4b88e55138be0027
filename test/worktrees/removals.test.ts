import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { FeatureId } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { readRecords } from '#worktrees/records.ts';
import {
  madeUpRecord,
  newestRemoval,
  parseRemoval,
  readRemovals,
  removalFile,
  removalRef,
  timeWord,
  writeRemoval,
  type Removal,
} from '#worktrees/removals.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const ID = 'FEAT-1' as FeatureId;
const record = madeUpRecord('FEAT-1-any', {
  stream: 'fix',
  branch: 'fix/FEAT-1',
  folder: '/home/ada/app-FEAT-1',
  base: 'main',
  baseCommit: 'a'.repeat(40),
  createdAt: '2026-11-21T11:00:00.000Z',
  createdBy: null,
});
assert.ok(record);
const REMOVAL: Removal = {
  v: 1,
  time: timeWord(new Date('2026-11-21T11:02:03.456Z')),
  state: 'removed',
  at: '2026-11-21T11:02:03.456Z',
  by: 'Ada Example <ada@example.com>',
  record,
  hadRecord: false,
  branch: 'fix/FEAT-1',
  head: 'b'.repeat(40),
  mergedAs: 'squashed',
  mergedInto: 'refs/heads/main',
  accepted: ['stashed'],
  queues: '/home/ada/app-FEAT-1/queues',
};

suite('what is written down of a removal', () => {
  test('comes back as it was written, private, and is no record of a worktree', async (t) => {
    const common = await temporaryFolder(t);
    const fs = makeFs();
    assert.deepEqual(await readRemovals(fs, common), []);
    await writeRemoval(fs, common, REMOVAL);
    const later = await writeRemoval(fs, common, { ...REMOVAL, time: '20261122T110203456Z', state: 'restored' });
    assert.deepEqual(await readRecords(fs, common), []);
    const all = await readRemovals(fs, common);
    assert.deepEqual(newestRemoval(all, 'feat-1' as FeatureId, ['removed', 'restored']), later);
    assert.deepEqual(newestRemoval(all, ID, ['removed', 'restored'], REMOVAL.time), REMOVAL);
    assert.equal(newestRemoval(all, ID, ['begun']), null);
    assert.equal(removalRef(REMOVAL), 'refs/docket/removed/feat-1/20261121T110203456Z');
    const file = removalFile(common, ID, REMOVAL.time);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    writeFileSync(file, '{');
    assert.deepEqual((await readRemovals(fs, common))[0]?.removal, { ok: false, error: 'this is no JSON' });
  });

  test('takes no value that a restore could trip over', () => {
    const wrong: readonly (readonly [keyof Removal, unknown])[] = [
      ['v', 2],
      ['time', '../x'],
      ['state', 'gone'],
      ['at', 'then'],
      ['by', 1],
      ['record', { ...record, folder: 'relative' }],
      ['hadRecord', 'yes'],
      ['branch', '--force'],
      ['head', 'HEAD'],
      ['mergedAs', 'somehow'],
      ['mergedInto', '-d'],
      ['accepted', [1]],
      ['queues', 'queues'],
    ];
    assert.equal(parseRemoval(JSON.stringify(REMOVAL)).ok, true);
    for (const [key, value] of wrong) assert.equal(parseRemoval(JSON.stringify({ ...REMOVAL, [key]: value })).ok, false, key);
    assert.equal(madeUpRecord('../x', record), null);
  });
});
