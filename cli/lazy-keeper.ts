/** The keeper is started when the first program is: a workspace that calls no tool has no second process. */

import type { Keeper } from '#core/ports.ts';

export function makeLazyKeeper(connect: () => Promise<Keeper>): Keeper {
  let connected: Promise<Keeper> | null = null;
  const keeper = async (): Promise<Keeper> => {
    connected ??= connect().catch((error: unknown) => {
      connected = null;
      throw error;
    });
    return connected;
  };
  return {
    start: async (run) => (await keeper()).start(run),
    wait: async (dir, runId) => (await keeper()).wait(dir, runId),
    stop: async (runId, reason) => (await keeper()).stop(runId, reason),
    list: async () => (await keeper()).list(),
    close() {
      void connected?.then((open) => {
        open.close();
      });
    },
  };
}
