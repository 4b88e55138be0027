/** A daemon's end of the keeper as a process of its own, for tests that kill it: `<state> <file with a StartRun> <keeper entry>`. Prints "started", then waits. */

import { readFileSync } from 'node:fs';
import type { Log, StartRun } from '#core/ports.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { connectKeeper, keeperProgram } from '#tools/keeper-client.ts';

const [state = '', file = '', entry = ''] = process.argv.slice(2);
const log: Log = { error() {}, warn() {}, info() {}, debug() {}, with: () => log };
const run = JSON.parse(readFileSync(file, 'utf8')) as StartRun;

const keeper = await connectKeeper({
  turn: null,
  state,
  sockets: makeSockets(),
  clock: makeClock(),
  log,
  fs: makeFs(),
  digest: makeDigest(),
  spawnKeeper: async (flags) => {
    const { pid } = await makeProcesses().startDetached(keeperProgram(process.execPath, entry, state, flags));
    process.stdout.write(`keeper ${String(pid)}\n`);
  },
});
const started = await keeper.start(run);
process.stdout.write(started.ok ? 'started\n' : `failed ${JSON.stringify(started.error)}\n`);
await keeper.wait(run.dir, run.runId);
process.stdout.write('ended\n');
keeper.close();
