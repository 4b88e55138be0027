import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namingErrors, withName } from '#platform/error-names.ts';

const unknown = (number: number): Error => {
  const words = `Unknown system error -${String(number)}`;
  return Object.assign(new Error(`${words}: ${words}, mkdir '/queues/work'`), { code: words, path: '/queues/work' });
};

test(
  'an error of the system that Node has no name for is told by its name, with its path',
  { skip: process.platform !== 'linux' && 'the numbers are of Linux' },
  async () => {
    const fs = namingErrors({ makeFolder: () => Promise.reject(unknown(122)), list: () => Promise.resolve(['a']) });
    await assert.rejects(fs.makeFolder(), {
      code: 'EDQUOT',
      message: "EDQUOT: disk quota exceeded, mkdir '/queues/work'",
      path: '/queues/work',
    });
    assert.deepEqual(await fs.list(), ['a']);
    assert.equal((withName(unknown(116)) as NodeJS.ErrnoException).code, 'ESTALE');
  },
);

test('any other error is passed on as it is', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  assert.equal(withName(full), full);
  assert.equal(full.message, 'ENOSPC: no space left on device');
  assert.equal(withName('text'), 'text');
});
