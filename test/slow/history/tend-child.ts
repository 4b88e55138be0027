/**
 * Opens the history, records one prompt, and kills itself right before its n-th changing call of the tending that follows.
 * Arguments: folder, feature, n. Ends with code 0 when it made fewer calls.
 */

import { rmSync } from 'node:fs';
import { faultyFs } from '#test/history/faulty-fs.ts';
import { listening, makeRig, submission, value } from '#test/history/rig.ts';
import { makeHistory } from '#history/history.ts';

const [dir = '', feature = '', killAt = '0'] = process.argv.slice(2);
const faulty = faultyFs('KILL', () => {
  process.kill(process.pid, 'SIGKILL');
});
const rig = makeRig();
rmSync(rig.root, { recursive: true, force: true });
const { promise, resolve } = Promise.withResolvers<string>();
const { log } = listening((line) => {
  if (line.includes('are one now')) resolve(line);
});
faulty.arm(Number(killAt), false, (file) => file.includes('/fold') || /\/(?:pack-[0-9a-f]{40}\.[a-z]+|multi-pack-index|pack)$/.test(file));
const history = makeHistory(rig.options({ dir, fs: faulty.fs, log, tend: { packsMax: 5, idleMs: 0 } }));
await history.open();
value(await history.submit(submission({ feature })));
await promise;
await history.close();
