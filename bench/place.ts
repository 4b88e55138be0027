/** The folders of one measurement, and a watch over the inboxes that tells when each prompt has become `.processed`. */

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, watch, type FSWatcher } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export type Place = {
  readonly base: string;
  /** A folder on the same file system, from which a rename into an inbox is one step. */
  readonly staging: string;
  remove(): void;
};

export function makePlace(): Place {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-bench-')));
  const staging = path.join(base, 'staging');
  mkdirSync(staging);
  return {
    base,
    staging,
    remove() {
      rmSync(base, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const ENDING = '.processed';
const LONGEST_WAIT_MS = 15 * 60_000;

export type Ends = {
  /** Resolves with the monotonic time of the event that told it. Ask before the drop. */
  of(stem: string): Promise<number>;
  /** Resolves with the monotonic time when this many more have ended than when it was asked. */
  count(count: number): Promise<number>;
  close(): void;
};

/** Watches inboxes for `<stem>.processed`; what is there already is not counted. */
export function watchEnds(inboxes: readonly string[]): Ends {
  const ended = new Set(
    inboxes.flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith(ENDING))
        .map((name) => path.join(folder, name)),
    ),
  );
  const byStem = new Map<string, (atMs: number) => void>();
  let goal: { readonly size: number; readonly reach: (atMs: number) => void } | null = null;
  const watchers = inboxes.map((folder): FSWatcher =>
    watch(folder, (_kind, name) => {
      if (name?.endsWith(ENDING) !== true) return;
      const atMs = performance.now();
      ended.add(path.join(folder, name));
      byStem.get(name.slice(0, -ENDING.length))?.(atMs);
      if (goal !== null && ended.size >= goal.size) goal.reach(atMs);
    }),
  );
  const within = async (what: string, promise: Promise<number>): Promise<number> => {
    const timer = new AbortController();
    const late = new Promise<never>((_resolve, reject) => {
      const handle = setTimeout(() => {
        reject(new Error(`${what} took longer than ${String(LONGEST_WAIT_MS)} ms (${String(ended.size)} have ended)`));
      }, LONGEST_WAIT_MS);
      timer.signal.addEventListener('abort', () => {
        clearTimeout(handle);
      });
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      timer.abort();
    }
  };
  return {
    of: async (stem) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      byStem.set(stem, resolve);
      return within(stem, promise);
    },
    count: async (count) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      goal = { size: ended.size + count, reach: resolve };
      return within(`${String(count)} prompts`, promise);
    },
    close() {
      for (const watcher of watchers) watcher.close();
    },
  };
}
