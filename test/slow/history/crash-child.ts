/**
 * Opens the history, submits and records one prompt, and kills itself right before its n-th changing call to the file system.
 * Prints what was acknowledged. Arguments: folder, job, feature, n. Ends with code 0 when it made fewer calls.
 */

import type { JobId } from '#core/names.ts';
import { faultyFs } from '#test/history/faulty-fs.ts';
import { makeRig, answer, submission, value } from '#test/history/rig.ts';
import { makeHistory } from '#history/history.ts';
import { rmSync, writeSync } from 'node:fs';

const [dir = '', job = '', feature = '', killAt = '0'] = process.argv.slice(2);
const faulty = faultyFs('KILL', () => {
  process.kill(process.pid, 'SIGKILL');
});
const rig = makeRig();
rmSync(rig.root, { recursive: true, force: true });
faulty.arm(Number(killAt), false);
const history = makeHistory(rig.options({ dir, fs: faulty.fs }));
await history.open();
const prompt = submission({ job: job as JobId, feature });
writeSync(1, `${value(await history.submit(prompt)).commit}\n`);
writeSync(1, `${value(await history.record(answer(prompt, { materials: ['shared', job] }))).commit}\n`);
await history.close();
