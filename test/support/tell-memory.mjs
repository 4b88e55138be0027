/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access, typescript/no-unsafe-return, typescript/no-unsafe-argument -- plain JavaScript: nothing here has a type */
/**
 * Loaded into the daemon of the soak by `node --import`: tells once a second what its memory is made of, in a file of its process. What the system tells
 * from outside (resident memory) says that something grows; this says what. Nothing of the product knows of it. Plain JavaScript: the TypeScript
 * compiler would be in that memory. What it writes: the type Memory in test/faults/memory.ts.
 */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { getHeapSpaceStatistics } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

const TELL_MS = 1_000;
const folder = process.env['DOCKET_TEST_MEMORY'];

const usedOf = (name) => getHeapSpaceStatistics().find((space) => space.space_name === name)?.space_used_size ?? 0;

function tell(file) {
  const { heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  writeFileSync(
    file,
    JSON.stringify({ heapTotal, heapUsed, old: usedOf('old_space'), code: usedOf('code_space'), external, arrayBuffers }),
  );
}

if (folder !== undefined && isMainThread && process.argv.includes('up'))
  setInterval(tell, TELL_MS, path.join(folder, `${String(process.pid)}.json`)).unref();
