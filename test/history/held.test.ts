/** What is said while another process holds the history. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelLock, KernelLocks, LockHolder } from '#core/ports.ts';
import { withKernelLock } from '#history/repository.ts';
import { makeClock } from '#platform/clock.ts';
import { listening } from './rig.ts';

const LOCK: KernelLock = { check: () => undefined, release: () => undefined };
const held = (): Error => Object.assign(new Error('held'), { code: 'ELOCKED' });

/** Given up after so many waits; each wait is over at once. */
function locksHeldFor(waits: number, holder: LockHolder | null): { readonly locks: KernelLocks; readonly waitedMs: number[] } {
  const waitedMs: number[] = [];
  const locks: KernelLocks = {
    tryAcquire: () => null,
    holderOf: () => holder,
    acquire: (_file, timeoutMs) => {
      waitedMs.push(timeoutMs);
      return waitedMs.length > waits ? Promise.resolve(LOCK) : Promise.reject(held());
    },
  };
  return { locks, waitedMs };
}

const place = { stateDir: '/h/.git/docket', dir: '/h', clock: makeClock() };

test('a history that is held for long is waited for, and it is said by whom', async () => {
  const { log, lines } = listening();
  const { locks } = locksHeldFor(1, { pid: 77, isStopped: true });
  assert.equal(await withKernelLock({ ...place, locks, log }, () => Promise.resolve('done')), 'done');
  assert.equal(lines.filter((line) => /is held by/.test(line)).length, 1);
  assert.match(lines[0] ?? '', /\/h is held by process 77, which is stopped, .*kill -CONT 77/);
});

test('one that is held for a minute is told with its lock, its holder and what helps', async () => {
  for (const [holder, words] of [
    [
      { pid: 77, isStopped: true },
      /process 77, which is stopped, .*60000 ms \(its lock is \/h\/\.git\/docket\/lock\.db\): .*kill -CONT 77/,
    ],
    [{ pid: 77, isStopped: false }, /process 77 for .*kill 77/],
    [null, /another docket for .*still works in \/h$/],
  ] as const) {
    const { log } = listening();
    const { locks, waitedMs } = locksHeldFor(2, holder);
    await assert.rejects(
      withKernelLock({ ...place, locks, log }, () => Promise.resolve()),
      (error: NodeJS.ErrnoException) => error.code === 'ELOCKED' && words.test(error.message),
    );
    assert.equal(
      waitedMs.reduce((sum, ms) => sum + ms, 0),
      60_000,
    );
  }
});

test('other trouble with the lock is not taken for a holder', async () => {
  const { log, lines } = listening();
  const locks = { ...locksHeldFor(0, null).locks, acquire: () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) };
  await assert.rejects(
    withKernelLock({ ...place, locks, log }, () => Promise.resolve()),
    { code: 'EACCES' },
  );
  assert.deepEqual(lines, []);
});
