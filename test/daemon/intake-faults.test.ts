import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '#core/failure.ts';
import type { JobId, RoleName } from '#core/names.ts';
import { makeRoleFaults } from '#daemon/intake-faults.ts';
import { makeLog, type LogLine } from '#test/spool/rig.ts';

const role = 'architect' as RoleName;
const [one, other] = ['one', 'other'] as unknown as [JobId, JobId];
const error = (code: string): Error => Object.assign(new Error(`${code}: made up`), { code });
const missing: Failure = { kind: 'environment', what: 'a folder', path: '/in', code: 'ENOENT', message: 'it is gone' };

test('a fault is told once, again when its words change, and once that it is over', () => {
  const lines: LogLine[] = [];
  const faults = makeRoleFaults(makeLog(lines));
  for (let look = 0; look < 3; look++) faults.scanned([{ role, failure: missing }]);
  faults.scanned([{ role, failure: { ...missing, message: 'it is a link' } }]);
  assert.deepEqual(faults.all(), [{ role, words: 'a folder: it is a link [ENOENT] /in' }]);
  for (let look = 0; look < 3; look++) faults.scanned([]);
  assert.deepEqual(faults.all(), []);
  assert.deepEqual(
    lines.map(({ message }) => message.replace(/:.*(?:gone|link).*/, ' …')),
    ['role architect waits …', 'role architect waits …', 'role architect goes on: nothing keeps it any more'],
  );
});

test('a full disk that one job meets holds its role, an error that may be of its own file does not; two that meet the same do', () => {
  const faults = makeRoleFaults(makeLog([]));
  faults.stumbled(one, role, error('ENOSPC'));
  assert.equal(faults.isHeld(role), true);
  assert.match(faults.words(role) ?? '', /make room.*looks again by itself/);
  faults.stumbled(one, role, error('EACCES'));
  assert.equal(faults.isHeld(role), false);
  assert.match(faults.ofJob(one) ?? '', /EACCES.*chmod/);
  faults.stumbled(other, role, error('ENOENT'));
  assert.equal(faults.isHeld(role), false);
  faults.stumbled(other, role, error('EACCES'));
  assert.equal(faults.isHeld(role), true);
  faults.goesOn(other);
  assert.equal(faults.isHeld(role), false);
  assert.deepEqual(faults.jobs(), [one]);
});

test('a claim that was refused is told until one is taken, and holds nothing: only a try shows that it is over', () => {
  const faults = makeRoleFaults(makeLog([]));
  faults.refused(role, error('EROFS'));
  assert.match(faults.words(role) ?? '', /EROFS.*read-only/);
  assert.equal(faults.isHeld(role), false);
  faults.taken(role);
  assert.equal(faults.words(role), null);
});
