/**
 * A process that wants a kernel lock. `hold <file>`: takes it, says so, keeps it until it is killed.
 * `contend <file> <rounds>`: takes it and gives it back, again and again; says how often, and how often it was not alone.
 * `contend-kept`: the same, and its file stays open between.
 */

import { rmSync, writeFileSync } from 'node:fs';
import { makeKernelLocks } from '#platform/lock.ts';

const [mode, file = '', rounds = '0'] = process.argv.slice(2);
const locks = mode === 'contend-kept' ? makeKernelLocks().keepOpen() : makeKernelLocks();

if (mode === 'hold') {
  const lock = await locks.acquire(file, 10_000);
  process.send?.('held');
  process.on('message', (message) => {
    if (message === 'check') {
      try {
        lock.check();
        process.send?.('mine');
      } catch {
        process.send?.('lost');
      }
    }
  });
} else {
  process.send?.('ready');
  await new Promise((resolve) => {
    process.once('message', resolve);
  });
  let notAlone = 0;
  for (let round = 0; round < Number(rounds); round++) {
    const lock = await locks.acquire(file, 20_000);
    try {
      writeFileSync(`${file}.inside`, String(process.pid), { flag: 'wx' });
    } catch {
      notAlone += 1;
    }
    // One turn inside the lock, so that others really meet it.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    rmSync(`${file}.inside`, { force: true });
    lock.release();
  }
  process.send?.({ rounds: Number(rounds), notAlone });
  process.disconnect();
}
