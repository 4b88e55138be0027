/**
 * Loaded into the daemon of the soak by `node --import`: tells once a second what its memory is made of, in a file of its process. What the system tells
 * from outside (resident memory) says that something grows; this says what. Nothing of the product knows of it.
 */

import { writeFileSync } from 'node:fs';
import { getHeapSpaceStatistics } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { fileOf, FOLDER_VARIABLE, type Memory } from './memory.ts';

const TELL_MS = 1_000;
const folder = process.env[FOLDER_VARIABLE];

const used = (name: string): number => getHeapSpaceStatistics().find(({ space_name: space }) => space === name)?.space_used_size ?? 0;

function tell(file: string): void {
  const { heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const memory: Memory = { heapTotal, heapUsed, old: used('old_space'), code: used('code_space'), external, arrayBuffers };
  writeFileSync(file, JSON.stringify(memory));
}

if (folder !== undefined && isMainThread && process.argv.includes('up')) setInterval(tell, TELL_MS, fileOf(folder, process.pid)).unref();
