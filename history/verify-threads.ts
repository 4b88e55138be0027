/**
 * Looks at parts of packs (verify-look.ts) in threads; without threads, here, by the same code, so the answers are the same.
 *
 *   none -> (the first part) started -> a part goes to the thread with the least to do -> closed
 * Invariant: every part that is asked for has an answer, or whoever asked gets a LookBroke: a thread that dies, whatever ended it, is an error for all
 * that it had to do and for all that comes after it. Whoever asks keeps to `ahead` parts at a time, which bounds what lies with the threads.
 */

import { Worker } from 'node:worker_threads';
import { lookAt, type Look, type Part } from './verify-look.ts';

/** Parts that lie with a thread, so that it never waits for this one. */
const AHEAD = 3;

/** Nothing is known of what a thread was to look at: no finding, and no end of `verify` that says that all is well. */
export class LookBroke extends Error {
  override readonly name = 'LookBroke';
  readonly code = 'ELOOK';
}

type Asked = { readonly resolve: (look: Look) => void; readonly reject: (error: LookBroke) => void };
type Thread = { readonly worker: Worker; readonly waiting: Map<number, Asked> };

export type Looks = {
  /** So many parts may be asked for before the first is answered. */
  readonly ahead: number;
  /** Takes the part's memory. Rejects with LookBroke. */
  look(part: Part): Promise<Look>;
  close(): Promise<void>;
};

function startWorker(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './verify-worker.ts' : './verify-worker.js';
  return new Worker(new URL(file, import.meta.url), { env: {}, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 6 } });
}

const memoryOf = ({ bytes, ids, starts, types, sizes, headBytes, bases }: Part): ArrayBuffer[] =>
  [bytes, ids, starts, types, sizes, headBytes, bases].map(({ buffer }) => buffer as ArrayBuffer);

/** @param threads 0: everything is looked at here @param start for tests */
export function makeLooks(threads: number, start: () => Worker = startWorker): Looks {
  const pool: Thread[] = [];
  let count = 0;
  let broken: LookBroke | null = null;

  const breakOff = (why: string): void => {
    broken ??= new LookBroke(`a thread of verify ${why}: nothing is known of what it had to look at`);
    for (const { waiting } of pool) {
      for (const { reject } of waiting.values()) reject(broken);
      waiting.clear();
    }
  };

  const startThread = (): void => {
    const worker = start();
    const waiting = new Map<number, Asked>();
    worker.on('message', ({ id, look }: { readonly id: number; readonly look: Look }) => {
      waiting.get(id)?.resolve(look);
      waiting.delete(id);
      // Whoever stopped listening is not kept alive for it.
      if (waiting.size === 0) worker.unref();
    });
    worker.on('error', (cause: unknown) => {
      breakOff(`broke (${cause instanceof Error ? cause.message : 'unknown error'})`);
    });
    worker.on('messageerror', () => {
      breakOff('gave an answer that cannot be read');
    });
    worker.on('exit', (code) => {
      breakOff(`ended with exit code ${String(code)}`);
    });
    worker.unref();
    pool.push({ worker, waiting });
  };

  const ask = async (part: Part): Promise<Look> => {
    if (pool.length === 0) for (let n = 0; n < threads; n++) startThread();
    const [thread] = pool.toSorted((a, b) => a.waiting.size - b.waiting.size);
    return new Promise((resolve, reject) => {
      if (broken !== null || thread === undefined) {
        reject(broken ?? new LookBroke('verify has no thread'));
        return;
      }
      const id = count++;
      thread.waiting.set(id, { resolve, reject });
      thread.worker.ref();
      thread.worker.postMessage({ id, part }, memoryOf(part));
    });
  };

  return {
    ahead: threads * AHEAD,
    look: async (part) => (threads === 0 ? lookAt(part) : ask(part)),
    async close() {
      await Promise.all(pool.map(async ({ worker }) => worker.terminate()));
    },
  };
}
