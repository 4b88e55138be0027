/**
 * Opens the history, submits many prompts at once, and kills itself right before its n-th changing call that concerns the index.
 * Prints what was acknowledged. Arguments: folder, prefix of the features, count, n. Ends with code 0 when it made fewer calls.
 */

import { rmSync, writeSync } from 'node:fs';
import { faultyFs } from '#test/history/faulty-fs.ts';
import { makeRig, submission, value } from '#test/history/rig.ts';
import { makeHistory } from '#history/history.ts';

const [dir = '', prefix = '', count = '0', killAt = '0'] = process.argv.slice(2);
const faulty = faultyFs('KILL', () => {
  process.kill(process.pid, 'SIGKILL');
});
const rig = makeRig();
rmSync(rig.root, { recursive: true, force: true });
const history = makeHistory(rig.options({ dir, fs: faulty.fs }));
await history.open();
faulty.arm(Number(killAt), false, (file) => file.slice(file.lastIndexOf('/') + 1).includes('index'));
const prompts = Array.from({ length: Number(count) }, (_, n) => submission({ feature: `${prefix}-${String(n)}` }));
await Promise.all(
  prompts.map(async (prompt) => {
    writeSync(1, `${value(await history.submit(prompt)).commit}\n`);
  }),
);
await history.close();
