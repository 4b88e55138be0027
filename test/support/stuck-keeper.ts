/** A keeper that never gets run.json onto the disk: `<state>`. Prints the pid at the gate, then hangs until it is killed. */

import { makeClock } from '#platform/clock.ts';
import { cutFile } from '#platform/cut-file.ts';
import { isEpoch } from '#platform/epoch.ts';
import { makeFs } from '#platform/files.ts';
import { hashFile } from '#platform/hash-file.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { serveKeeper } from '#tools/keeper.ts';

const [state = ''] = process.argv.slice(2);
const processes = makeProcesses();
const keeper = await serveKeeper(
  {
    fs: { ...makeFs(), writeDerived: async () => new Promise<never>(() => undefined) },
    processes: {
      ...processes,
      async start(program) {
        const started = await processes.start(program);
        process.stdout.write(`gate ${String(started.pid)}\n`);
        return started;
      },
    },
    sockets: makeSockets(),
    locks: makeKernelLocks(),
    clock: makeClock(),
    hashFile,
    cutFile,
    isEpoch,
    note: (message) => void process.stderr.write(`${message}\n`),
  },
  state,
);
process.stdout.write('serving\n');
await keeper?.done;
