/** Dockets that share a history have it in the order in which they came, and who has just had it comes last. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import type { KernelLock, KernelLocks } from '#core/ports.ts';
import { withKernelLock } from '#history/repository.ts';
import { makeClock } from '#platform/clock.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { listening } from './rig.ts';

/** The kernel's own locks, and which of them are held now. */
function watchedLocks(): { readonly locks: KernelLocks; readonly held: ReadonlySet<string> } {
  const real = makeKernelLocks();
  const held = new Set<string>();
  const watched = (file: string, lock: KernelLock): KernelLock => {
    const name = path.basename(file, '.db');
    held.add(name);
    return {
      ...lock,
      release() {
        held.delete(name);
        lock.release();
      },
    };
  };
  return {
    held,
    locks: {
      ...real,
      tryAcquire(file) {
        const lock = real.tryAcquire(file);
        return lock === null ? null : watched(file, lock);
      },
      acquire: async (file, timeoutMs) => watched(file, await real.acquire(file, timeoutMs)),
    },
  };
}

/** Whoever has its turn holds the lock until it is told to go on. */
function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    open: () => {
      resolve(undefined);
    },
    passed: promise,
  };
}

test('each has its turn in the order in which it came, and one that asks again stands behind those that wait', async (t) => {
  const stateDir = await temporaryFolder(t);
  const { locks, held } = watchedLocks();
  const repository = { locks, stateDir, dir: stateDir, log: listening().log, clock: makeClock() };
  const order: string[] = [];
  const settled = async (place: string): Promise<void> => {
    while (!held.has(place) || [...held].some((name) => name.startsWith('line-') && Number(name.slice(5)) > Number(place.slice(5))))
      await new Promise((resolve) => setImmediate(resolve));
  };
  const turn = async (name: string): Promise<void> => withKernelLock(repository, async () => Promise.resolve(void order.push(name)));

  const first = gate();
  const busy = withKernelLock(repository, async () => {
    order.push('busy');
    await first.passed;
  });
  const ends: Promise<void>[] = [busy];
  for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) {
    ends.push(turn(name));
    await settled(`line-${String(index + 1)}`);
  }
  // In one breath: it gives the lock back, and wants it again.
  ends.push(busy.then(async () => turn('busy again')));
  first.open();
  await Promise.all(ends);
  assert.deepEqual(order, ['busy', 'a', 'b', 'c', 'd', 'busy again']);
  assert.deepEqual([...held], [], 'all places are free again');
});

test('one that gives up leaves its place', async (t) => {
  const stateDir = await temporaryFolder(t);
  const { locks, held } = watchedLocks();
  const given = {
    ...locks,
    acquire: async (file: string, ms: number) =>
      file.endsWith('/lock.db') ? Promise.reject(Object.assign(new Error('no'), { code: 'EIO' })) : locks.acquire(file, ms),
  };
  const repository = { locks: given, stateDir, dir: stateDir, log: listening().log, clock: makeClock() };
  await assert.rejects(
    withKernelLock(repository, () => Promise.resolve()),
    { code: 'EIO' },
  );
  assert.deepEqual([...held], []);
});
