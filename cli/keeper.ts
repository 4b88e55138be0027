/** The keeper's entry: `node cli/keeper.ts <state folder>`, started detached by the daemon. Only node's own modules below it, to stay small. */

import { flushCompileCache } from 'node:module';
import path from 'node:path';
import { makeClock } from '#platform/clock.ts';
import { makeFs } from '#platform/files.ts';
import { hashFile } from '#platform/hash-file.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { serveKeeper } from '#tools/keeper.ts';

const [state] = process.argv.slice(2);
if (state === undefined || !path.isAbsolute(state)) {
  process.stderr.write('usage: keeper <state folder, absolute>\n');
  process.exit(2);
}
process.title = 'docket-keeper';

const clock = makeClock();
const keeper = await serveKeeper(
  {
    fs: makeFs(),
    processes: makeProcesses(),
    sockets: makeSockets(),
    locks: makeKernelLocks(),
    clock,
    hashFile,
    note: (message) => void process.stderr.write(`${clock.now().toISOString()} ${message}\n`),
  },
  state,
);
// Now, not at the end: it may be killed, and the next one should start small (see keeperProgram).
flushCompileCache();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => keeper?.stop());
await keeper?.done;
process.exit(0);
