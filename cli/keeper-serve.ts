/** Builds the keeper's objects and serves one state folder. Only node's own modules below it, to stay small: every import counts (decision 0016). */

import { makeClock } from '#platform/clock.ts';
import { cutFile } from '#platform/cut-file.ts';
import { isEpoch } from '#platform/epoch.ts';
import { makeFs } from '#platform/files.ts';
import { hashFile } from '#platform/hash-file.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { serveKeeper } from '#tools/keeper.ts';

/** Resolves when the keeper has nothing more to do, or when another one serves here. SIGTERM and SIGINT end its runs first. */
export async function serveUntilDone(state: string): Promise<void> {
  const clock = makeClock();
  // Its log may find no room, or nobody that reads: the runs in its hands are worth more than what is said of them.
  process.stderr.on('error', () => undefined);
  const keeper = await serveKeeper(
    {
      fs: makeFs(),
      processes: makeProcesses(),
      sockets: makeSockets(),
      locks: makeKernelLocks(),
      clock,
      hashFile,
      cutFile,
      isEpoch,
      note: (message) => void process.stderr.write(`${clock.now().toISOString()} ${message}\n`),
    },
    state,
  );
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => keeper?.stop());
  await keeper?.done;
}
