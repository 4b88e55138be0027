/**
 * Group commit for folder syncs: jobs that are at the same step at the same time share one fsync of in/, out/ and work/.
 * Invariant: the sync a caller waits for starts after the caller asked, so it covers what the caller did before.
 */

import type { Fs, SyncWhy } from '#core/ports.ts';

export type FolderSync = (folder: string, why: SyncWhy) => Promise<void>;

type Turn = { why: SyncWhy; done: Promise<void> };
type Lane = { running: Promise<void>; next: Turn | null };

/** Asked again after a wait, so what the compiler knew before it does not count. */
const hasNext = (lane: Lane): boolean => lane.next !== null;

/** Everything that is ready to run asks before the sync begins: jobs that came together stay together. */
export const othersToo = async (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export function makeFolderSync(fs: Pick<Fs, 'syncFolder'>): FolderSync {
  const lanes = new Map<string, Lane>();

  const start = async (folder: string, lane: Lane): Promise<void> => {
    // The sync before this one has callers of its own, who are told of its failure.
    await lane.running.catch(() => undefined);
    await othersToo();
    const turn = lane.next;
    if (turn === null) return;
    lane.next = null;
    lane.running = turn.done;
    try {
      await fs.syncFolder(folder, turn.why);
    } finally {
      if (lane.running === turn.done && !hasNext(lane)) lanes.delete(folder);
    }
  };

  return async (folder, why) => {
    const lane = lanes.get(folder) ?? { running: Promise.resolve(), next: null };
    lanes.set(folder, lane);
    const waiting = lane.next;
    if (waiting !== null) {
      if (why === 'safety') waiting.why = 'safety';
      await waiting.done;
      return;
    }
    const turn: Turn = { why, done: Promise.resolve() };
    lane.next = turn;
    turn.done = start(folder, lane);
    await turn.done;
  };
}
