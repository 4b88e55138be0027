import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { FeatureId } from '#core/names.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import { makeFs } from '#platform/files.ts';
import { parseRecord, readRecord, readRecords, recordFile, writeRecord } from '#worktrees/records.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const RECORD: WorktreeRecord = {
  v: 1,
  id: 'FEAT-123' as FeatureId,
  slug: 'user-filters',
  stream: 'feature',
  branch: 'feature/FEAT-123-user-filters',
  folder: '/home/ada/app-FEAT-123',
  base: 'main',
  baseCommit: 'a'.repeat(40),
  createdAt: '2026-11-21T11:00:00.000Z',
  createdBy: 'Ada Example <ada@example.com>',
  adopted: false,
  source: { kind: 'issue', log: 'docs/issues.md', number: '14', title: 'Totals are wrong' },
};

suite('the record of a worktree', () => {
  test('comes back as it was written, private, whatever the case of the id', async (t) => {
    const common = await temporaryFolder(t);
    const fs = makeFs();
    assert.equal(await readRecord(fs, common, RECORD.id), null);
    assert.deepEqual(await readRecords(fs, common), []);
    await writeRecord(fs, common, RECORD);
    assert.deepEqual(await readRecord(fs, common, 'feat-123' as FeatureId), { ok: true, value: RECORD });
    assert.equal(statSync(recordFile(common, RECORD.id)).mode & 0o777, 0o600);
    assert.equal(statSync(path.dirname(recordFile(common, RECORD.id))).mode & 0o777, 0o700);
  });

  test('that is damaged is told by its file, and left alone', async (t) => {
    const common = await temporaryFolder(t);
    const fs = makeFs();
    await writeRecord(fs, common, RECORD);
    writeFileSync(recordFile(common, RECORD.id), '{"v":1,');
    const [read] = await readRecords(fs, common);
    assert.equal(read?.file, recordFile(common, RECORD.id));
    assert.deepEqual(read.record, { ok: false, error: 'this is no JSON' });
    assert.equal(readFileSync(recordFile(common, RECORD.id), 'utf8'), '{"v":1,');
  });

  test('takes no value that a later step could trip over', () => {
    const wrong: readonly (readonly [keyof WorktreeRecord, unknown])[] = [
      ['v', 2],
      ['id', '../x'],
      ['id', 'FEAT-123-user-filters'],
      ['stream', 'main'],
      ['branch', '--force'],
      ['folder', 'relative'],
      ['base', '-d'],
      ['baseCommit', 'HEAD'],
      ['createdAt', 'yesterday'],
      ['adopted', 'no'],
      ['source', { kind: 'issue' }],
    ];
    for (const [key, value] of wrong)
      assert.equal(parseRecord(JSON.stringify({ ...RECORD, [key]: value })).ok, false, `${key}: ${JSON.stringify(value)}`);
  });
});
