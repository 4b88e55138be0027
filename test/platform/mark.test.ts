import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openMark } from '#platform/mark.ts';

test('what a process was doing when it died is told to the next one, once', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'docket-mark-'));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const file = path.join(folder, 'mark');
  const first = openMark(file);
  assert.equal(first.left, null);
  assert.equal(
    first.during('one', () => 7),
    7,
  );
  assert.throws(
    () =>
      first.during('two', () => {
        throw new Error('survived');
      }),
    /survived/,
  );
  first.close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const source = `
    const { openMark } = await import(${JSON.stringify(import.meta.resolve('#platform/mark.ts'))});
    const mark = openMark(${JSON.stringify(file)});
    if (mark.left !== null) process.exit(3);
    mark.during('a long job', () => undefined);
    mark.during('job', () => process.kill(process.pid, 'SIGKILL'));`;
  assert.equal(spawnSync(process.execPath, ['--input-type=module', '-e', source]).signal, 'SIGKILL');
  const next = openMark(file);
  assert.equal(next.left, 'job');
  next.close();
  const last = openMark(file);
  assert.equal(last.left, null);
  last.close();
  symlinkSync(file, path.join(folder, 'link'));
  assert.throws(() => openMark(path.join(folder, 'link')), { code: 'ELOOP' });
});
