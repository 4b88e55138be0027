/** A keeper and its client on a real folder, with programs under test that obey (test/support/fake-agent.ts). */

import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Keeper, Log, StartRun } from '#core/ports.ts';
import type { RunLimits } from '#core/run.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { cutFile } from '#platform/cut-file.ts';
import { isEpoch } from '#platform/epoch.ts';
import { makeFs } from '#platform/files.ts';
import { hashFile } from '#platform/hash-file.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { connectKeeper, keeperProgram, type Turn } from '#tools/keeper-client.ts';
import { serveKeeper, type KeeperPorts, type RunningKeeper } from '#tools/keeper.ts';
import { FAKE_AGENT, startFakeAgents, type FakeAgents } from '#test/support/fake-agent.ts';

export const KEEPER_ENTRY = fileURLToPath(new URL('../../cli/keeper.ts', import.meta.url));

export const fs = makeFs();
export const digest = makeDigest();
export const clock = makeClock();
export const processes = makeProcesses();
export const sockets = makeSockets();

export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {}, with: () => silentLog };

export const LIMITS: RunLimits = {
  timeoutMs: 60_000,
  idleMs: 60_000,
  outputBytes: 1_000_000,
  answerBytes: 500_000,
  turns: 10,
  budgetUsd: 1,
};

export type Rig = {
  readonly folder: string;
  readonly state: string;
  readonly agents: FakeAgents;
  readonly notes: string[];
  /** A keeper inside this process: quick, and with a short grace. */
  serve(more?: Partial<KeeperPorts>): Promise<RunningKeeper>;
  /** A client; `pids` gets the keepers it starts (a process each). */
  client(turn?: Turn | null): Promise<Keeper>;
  readonly pids: number[];
  /** A fake agent's run in folder `name`. */
  run(name: string, limits?: Partial<RunLimits>): Promise<StartRun>;
};

export async function makeRig(t: TestContext): Promise<Rig> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'docket-keeper-')));
  const state = path.join(folder, 'state');
  await mkdir(state, { mode: 0o700 });
  const agents = await startFakeAgents(folder);
  const notes: string[] = [];
  const pids: number[] = [];
  const keepers: RunningKeeper[] = [];
  const clients: Keeper[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    for (const keeper of keepers) keeper.stop();
    await Promise.all(keepers.map((keeper) => keeper.done));
    for (const pid of pids) processes.signal(pid, 'SIGKILL', false);
    await agents.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    folder,
    state,
    agents,
    notes,
    pids,
    async serve(more = {}) {
      const ports = {
        fs,
        processes,
        sockets,
        clock,
        hashFile,
        cutFile,
        isEpoch,
        locks: makeKernelLocks(),
        graceMs: 60,
        note: (text: string) => void notes.push(text),
      };
      const keeper = await serveKeeper({ ...ports, ...more }, state);
      if (keeper === null) throw new Error('another keeper serves here');
      keepers.push(keeper);
      return keeper;
    },
    async client(turn = null) {
      const client = await connectKeeper({
        turn,
        state,
        sockets,
        clock,
        log: silentLog,
        fs,
        digest,
        spawnKeeper: async (flags) => {
          pids.push((await processes.startDetached(keeperProgram(process.execPath, KEEPER_ENTRY, state, flags))).pid);
        },
      });
      clients.push(client);
      return client;
    },
    async run(name, limits = {}) {
      const dir = path.join(folder, name);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const stdin = path.join(folder, `${name}.brief`);
      await writeFile(stdin, 'the brief\n');
      return {
        plan: {
          kind: 'program',
          program: process.execPath,
          args: [FAKE_AGENT, 'main'],
          env: { FAKE_AGENT_SOCKET: agents.socketPath },
          cwd: folder,
          stdin,
          shown: 'fake-agent main',
        },
        dir,
        runId: digest.uuid(),
        token: digest.uuid(),
        limits: { ...LIMITS, ...limits },
      };
    },
  };
}
