/**
 * The keeper: the small process that owns the running tools of one queue root and outlives the daemon. It starts programs, bounds and watches them,
 * ends their trees, writes exit.json, and tells whoever waits. It knows nothing of jobs, roles or answers.
 *
 *   lock -> serve -> (questions, runs) -> no client and no run for LINGER_MS, or stop() -> gone
 *
 * Invariant: its memory holds nothing that is not in the runs' folders. Killed at any point it loses no result: runs without exit.json are found by
 * run.json (pid, start time, boot id) or by their mark, and ended by the next keeper before anything is started again.
 */

import type { Failure } from '#core/failure.ts';
import type { KernelLocks, LineSocket, Sockets, StartRun } from '#core/ports.ts';
import { err, ok, unreachable, type Result } from '#core/result.ts';
import type { RunFile } from '#core/run.ts';
import { endTree } from './end-tree.ts';
import { readRun } from './exit.ts';
import { epochPath, lockPath, parseQuestion, socketPath, VERSION, type Asked } from './keeper-protocol.ts';
import { startRun, takeBack, type LiveRun, type RunPorts } from './keeper-run.ts';

/** A daemon, the one after it, and verbs that look: never more than a few. */
const CLIENTS_MAX = 64;

/** How long it stays without client and run: a daemon that restarts finds it, a machine without work is left alone. */
export const LINGER_MS = 2_000;
/** How long a new one waits for an old one that is just going. */
const LOCK_WAIT_MS = 5_000;

export type KeeperPorts = RunPorts & {
  readonly sockets: Sockets;
  readonly locks: KernelLocks;
  /** Does this file say this? */
  readonly isEpoch: (file: string, text: string) => boolean;
};

export type RunningKeeper = {
  /** Resolves when it has let go of socket and lock. */
  readonly done: Promise<void>;
  /** Ends all runs (stopped: keeper-lost), then itself. */
  stop(): void;
};

type Started = Result<LiveRun, Failure>;

/**
 * @param state the folder of socket and lock, absolute; must be there
 * @returns null when another keeper serves this folder
 */
export async function serveKeeper(given: KeeperPorts, state: string): Promise<RunningKeeper | null> {
  const ports: KeeperPorts = { ...given, tell };
  const lock = await ports.locks.acquire(lockPath(state), LOCK_WAIT_MS).catch((error: unknown) => {
    if (error instanceof Error && (error as { readonly code?: unknown }).code === 'ELOCKED') return null;
    throw error;
  });
  if (lock === null) return null;

  /** Folder of the attempt -> its run, from the moment it is asked for until its exit.json is there. */
  const runs = new Map<string, Promise<Started>>();
  /** Folder of an attempt -> what a dead keeper, or a start that failed, left of it is being ended. Asked twice, it is done once; and nothing starts there before it is done. */
  const endings = new Map<string, Promise<null>>();
  const clients = new Set<LineSocket>();
  function tell(failure: Failure): void {
    for (const client of clients) client.send({ v: VERSION, id: 0, ok: false, failure });
  }
  const stopping = new AbortController();
  let idle = new AbortController();

  /** Called at each change: starts or ends the wait for nobody. */
  function settle(): void {
    // With a reason: without one Node makes an exception with a stack.
    idle.abort('company');
    if (clients.size > 0 || runs.size > 0 || endings.size > 0 || stopping.signal.aborted) return;
    const mine = new AbortController();
    idle = mine;
    void leaveAfter(mine.signal);
  }

  async function leaveAfter(company: AbortSignal): Promise<void> {
    await ports.clock.sleep(LINGER_MS, company);
    if (!company.aborted) stopping.abort();
  }

  const live = async (): Promise<LiveRun[]> => (await Promise.all(runs.values())).flatMap((started) => (started.ok ? [started.value] : []));

  async function start(request: StartRun, epoch: string | undefined): Promise<Result<RunFile, Failure>> {
    await endings.get(request.dir)?.catch(() => undefined);
    if (epoch !== undefined && !ports.isEpoch(epochPath(state), epoch)) return err(outOfTurn(state));
    if (stopping.signal.aborted) return err({ kind: 'interrupted', message: 'the keeper is just ending' });
    const known = runs.get(request.dir);
    const beginning = known ?? startRun(ports, request).catch((error: unknown) => err(trouble('start', state, error)));
    if (known === undefined) {
      runs.set(request.dir, beginning);
      void forgetWhenEnded(request, beginning);
    }
    const started = await beginning;
    if (!started.ok) return started;
    if (started.value.run.runId === request.runId && started.value.run.token === request.token) return ok(started.value.run);
    return err(inUse(request));
  }

  async function forgetWhenEnded(request: StartRun, beginning: Promise<Started>): Promise<void> {
    const started = await beginning;
    if (started.ok) await started.value.ended;
    else void end(request.dir, async () => takeBack(ports, request));
    runs.delete(request.dir);
    settle();
  }

  /** Once for each folder at a time. */
  async function end(dir: string, act: () => Promise<void>): Promise<null> {
    const known = endings.get(dir);
    if (known !== undefined) return known;
    const ending = act()
      .then(() => null)
      .finally(() => {
        endings.delete(dir);
        settle();
      });
    endings.set(dir, ending);
    return ending;
  }

  async function endLeft(dir: string, runId: string): Promise<void> {
    const run = await readRun(dir, ports.fs);
    // Of another boot nothing runs; of this one, a number whose owner is gone may be somebody else's by now: only the mark is looked for.
    const isThisBoot = run !== null && run.bootId === ports.processes.bootId();
    const isAlive = isThisBoot && ports.processes.isAlive(run.pid, run.pidStart);
    const left = {
      pid: isAlive ? run.pid : null,
      pidStart: isThisBoot ? run.pidStart : '',
      runId: run?.runId ?? runId,
      ...(run?.sandbox === undefined ? {} : { sandbox: run.sandbox }),
    };
    await endTree(ports.processes, ports.clock, left, ports.graceMs);
  }

  /** The end of a run that is known here; else null, after all that is left of it was ended. */
  async function wait(dir: string, runId: string): Promise<unknown> {
    const started = await runs.get(dir);
    if (started?.ok === true) return started.value.ended;
    return end(dir, async () => endLeft(dir, runId));
  }

  async function answer(asked: Exclude<Asked, { readonly do: 'bye' }>): Promise<Result<unknown, Failure>> {
    switch (asked.do) {
      case 'start':
        return start(asked.run, asked.epoch);
      case 'wait':
        return ok(await wait(asked.dir, asked.runId));
      case 'stop':
        for (const run of await live()) if (run.run.runId === asked.runId) run.stop(asked.reason ?? 'cancelled');
        return ok(null);
      case 'list':
        return ok((await live()).map((run) => run.run.runId));
      default:
        return unreachable(asked);
    }
  }

  async function reply(client: LineSocket, asked: Exclude<Asked, { readonly do: 'bye' }>): Promise<void> {
    const result = await answer(asked).catch((error: unknown) => {
      ports.note(`${asked.do}: ${String(error)}`);
      return err(trouble(asked.do, state, error));
    });
    client.send({ v: VERSION, id: asked.id, ...(result.ok ? result : { ok: false, failure: result.error }) });
  }

  function meet(client: LineSocket): void {
    clients.add(client);
    settle();
    client.onClose(() => {
      clients.delete(client);
      settle();
    });
    client.onMessage((message) => {
      const asked = parseQuestion(message);
      if (asked === null || asked.do === 'bye') {
        if (asked === null) ports.note('a client said what is not in the protocol; it was let go');
        client.close();
        return;
      }
      void reply(client, asked);
    });
  }

  const server = await ports.sockets.serve(socketPath(state), meet, { clients: CLIENTS_MAX }).catch((error: unknown) => {
    lock.release();
    throw error;
  });
  settle();

  async function untilStopped(): Promise<void> {
    if (!stopping.signal.aborted) await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }));
    const left = await live();
    for (const run of left) run.stop('keeper-lost');
    await Promise.all(left.map((run) => run.ended));
    await server.close();
    idle.abort();
    lock?.release();
  }
  return {
    done: untilStopped(),
    stop() {
      stopping.abort();
    },
  };
}

const inUse = (request: StartRun): Failure => ({
  kind: 'environment',
  what: 'another run is alive in the folder of this attempt',
  path: request.dir,
  code: 'EEXIST',
  message: 'it is waited for, not replaced',
});

const outOfTurn = (state: string): Failure => ({
  kind: 'environment',
  what: 'another daemon has taken over',
  path: epochPath(state),
  code: 'ESTALE',
  message: 'the keeper starts nothing for the one before',
});

const trouble = (what: string, state: string, error: unknown): Failure => ({
  kind: 'environment',
  what: `the keeper could not ${what}`,
  path: state,
  code: 'KEEPER',
  message: error instanceof Error ? error.message : String(error),
});
