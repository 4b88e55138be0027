/** What a daemon's memory is made of while a soak runs, and the table of it that is printed when it grew. */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Bytes. `old` and `code` are parts of `heapUsed`; `arrayBuffers` is a part of `external`. */
export type Memory = {
  readonly heapTotal: number;
  readonly heapUsed: number;
  readonly old: number;
  readonly code: number;
  readonly external: number;
  readonly arrayBuffers: number;
};

const CHILD = path.join(import.meta.dirname, '../support/tell-memory.mjs');

/** The environment in which a daemon tells. @param folder made when it is not there */
export function tellingEnv(folder: string): Readonly<Record<string, string>> {
  mkdirSync(folder, { recursive: true });
  return { DOCKET_TEST_MEMORY: folder, NODE_OPTIONS: `--import ${pathToFileURL(CHILD).href}` };
}

/** What it told last; null: nothing yet, or it is just being written. */
export function memoryOf(folder: string, pid: number): Memory | null {
  const file = path.join(folder, `${String(pid)}.json`);
  try {
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Memory) : null;
  } catch {
    return null;
  }
}

export type Moment = { readonly s: number; readonly prompts: number; readonly rssBytes: number; readonly memory: Memory | null };

const ROWS = 24;
const HEAD = ['s', 'prompts', 'rss', 'heap', 'used', 'old', 'code', 'external', 'buffers', 'rest'];
const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);

/**
 * Memory over time, MB, about 24 lines. `used`, `old`, `code` grow with what JavaScript holds, `external` and `buffers` with its Buffers; `rest` (resident
 * memory without heap and external) with what the allocator and the libraries keep.
 */
export function tableOf(moments: readonly Moment[]): string {
  const every = Math.max(1, Math.ceil(moments.length / ROWS));
  const rows = moments
    .filter((_, at) => at % every === 0 || at === moments.length - 1)
    .map(({ s, prompts, rssBytes, memory }) => {
      const parts =
        memory === null
          ? []
          : [
              memory.heapTotal,
              memory.heapUsed,
              memory.old,
              memory.code,
              memory.external,
              memory.arrayBuffers,
              rssBytes - memory.heapTotal - memory.external,
            ].map(megabytes);
      return [String(s), String(prompts), megabytes(rssBytes), ...parts];
    });
  return [HEAD, ...rows].map((cells) => cells.map((cell) => cell.padStart(9)).join('')).join('\n');
}
