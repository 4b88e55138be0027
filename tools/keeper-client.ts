/**
 * The daemon's end of the keeper's socket: the body of the port `Keeper`.
 *
 *   apart -> (first start or wait) connect, or start a keeper and connect -> together -> socket closed -> apart
 *
 * A keeper that is there is found at once; one is started only when there is something for it to do, so the offline runner needs none.
 * Whoever waits for a run does not notice a lost connection: the question is asked again of the keeper that answers then.
 */

import path from 'node:path';
import { describe, type Failure } from '#core/failure.ts';
import type { Clock, Digest, Fs, Keeper, LineSocket, Log, Sockets } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { RunFile } from '#core/run.ts';
import type { StartDetached } from '#platform/process.ts';
import { isExitFile, isRunFile, readExit } from './exit.ts';
import { parseReply, socketPath, VERSION, type Question, type Reply } from './keeper-protocol.ts';

const CONNECT_MS = 15_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;
/** A keeper that does not come up is started again this often within CONNECT_MS (another one may have been just going). */
const START_AGAIN_MS = 4_000;

/** Whose turn it is (platform/epoch.ts): `check` throws when it is another daemon's; `text` goes to the keeper, which compares it itself. */
export type Turn = { readonly check: () => void; readonly text: string };

export type KeeperClientPorts = {
  /** Null: nobody else can have one (tests, benches). */
  readonly turn: Turn | null;
  /** The workspace's state folder, absolute. */
  readonly state: string;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly log: Log;
  readonly fs: Fs;
  readonly digest: Digest;
  /** Starts cli/keeper detached; see `keeperProgram`. */
  readonly spawnKeeper: (flags: readonly string[]) => Promise<void>;
};

/**
 * What keeps the keeper small (measured: docs/decisions/0016): it waits and never computes for long, so V8's compilers and its room for
 * short-lived objects cost more memory than they save time. A Node that refuses one of them ends at once; the next try goes without.
 */
const LEAN = ['--max-semi-space-size=1', '--v8-pool-size=1', '--no-opt', '--no-maglev', '--no-sparkplug'] as const;

/**
 * How the keeper is started. The compile cache saves it the TypeScript compiler: 30 MB of memory and half of its start.
 * @param node absolute path of the node binary
 * @param entry absolute path of cli/keeper.ts or .js
 * @param flags of node
 */
export const keeperProgram = (node: string, entry: string, state: string, flags: readonly string[]): StartDetached => ({
  program: node,
  args: [...flags, entry, state],
  env: { PATH: '/usr/local/bin:/usr/bin:/bin', NODE_COMPILE_CACHE: path.join(state, 'compile-cache') },
  cwd: '/',
  outputPath: path.join(state, 'keeper.log'),
});

type Pending = (reply: Reply | null) => void;
type Link = { readonly ask: (question: Question) => Promise<Reply | null>; readonly closed: Promise<void>; readonly close: () => void };

/** Questions over one connection; each that is open when it closes is answered with null. */
function linkOver(socket: LineSocket, onTrouble: (failure: Failure) => void, onClosed: () => void): Link {
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let isOpen = true;
  const closed = Promise.withResolvers<undefined>();
  socket.onClose(() => {
    isOpen = false;
    onClosed();
    for (const settle of pending.values()) settle(null);
    pending.clear();
    closed.resolve(undefined);
  });
  socket.onMessage((message) => {
    const reply = parseReply(message);
    if (reply === null) {
      socket.close();
      return;
    }
    if (reply.id === 0 && !reply.ok) onTrouble(reply.failure);
    pending.get(reply.id)?.(reply);
    pending.delete(reply.id);
  });
  return {
    async ask(question) {
      if (!isOpen) return null;
      const id = nextId++;
      const reply = new Promise<Reply | null>((resolve) => void pending.set(id, resolve));
      socket.send({ v: VERSION, id, ...question });
      return reply;
    },
    closed: closed.promise,
    close() {
      if (isOpen) socket.send({ v: VERSION, id: 0, do: 'bye' });
      socket.close();
    },
  };
}

/** Finds the keeper that a daemon before this one left, if there is one. After `close` open waits never settle: their runs go on in the keeper. */
export async function connectKeeper(ports: KeeperClientPorts): Promise<Keeper> {
  const { state, sockets, clock, log, fs, digest } = ports;
  let link: Promise<Link | null> | null = null;
  let isClosed = false;

  async function tryConnect(): Promise<Link | null> {
    try {
      const socket = await sockets.connect(socketPath(state));
      const onTrouble = (failure: Failure): void => {
        log.warn(`the keeper: ${describe(failure)}`);
      };
      return linkOver(socket, onTrouble, () => {
        link = null;
      });
    } catch {
      // Nobody listens: ENOENT, ECONNREFUSED, or a socket that was closed in this moment.
      return null;
    }
  }

  async function connectOrStart(): Promise<Link | null> {
    const startMs = clock.monotonicMs();
    let startAgainMs = 0;
    let tries = 0;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      const connected = await tryConnect();
      const elapsedMs = clock.monotonicMs() - startMs;
      if (connected !== null || elapsedMs > CONNECT_MS) return connected;
      if (elapsedMs >= startAgainMs) {
        startAgainMs = elapsedMs + START_AGAIN_MS;
        await ports.spawnKeeper(tries++ === 0 ? LEAN : []);
      }
      await clock.sleep(pauseMs);
    }
  }

  /** The one connection; concurrent callers share the attempt to make it. */
  async function linked(mayStart: boolean): Promise<Link | null> {
    if (link === null) {
      const mine: Promise<Link | null> = (mayStart ? connectOrStart() : tryConnect()).then(
        (made) => {
          if (made === null && link === mine) link = null;
          return made;
        },
        (error: unknown) => {
          if (link === mine) link = null;
          throw error;
        },
      );
      link = mine;
    }
    const made = await link;
    return made === null && mayStart ? fail() : made;
  }

  const fail = (): never => {
    throw new Error(
      `the keeper does not come up: nobody answered on ${socketPath(state)} in ${String(CONNECT_MS)} ms (see ${state}/keeper.log)`,
    );
  };

  /** Asks until somebody answers, through the death of any number of keepers. */
  async function askSurely(question: Question): Promise<Reply> {
    for (;;) {
      const reply = await (await linked(true))?.ask(question);
      if (isClosed) return new Promise<never>(() => undefined);
      if (reply !== null && reply !== undefined) return reply;
      log.debug('the connection to the keeper was lost; asking again');
    }
  }

  await linked(false);
  return {
    async start(run) {
      ports.turn?.check();
      try {
        for (;;) {
          const to = await linked(true);
          const reply = await to?.ask(ports.turn === null ? { do: 'start', run } : { do: 'start', run, epoch: ports.turn.text });
          if (reply === null || reply === undefined) return err(lost());
          if (reply.ok || reply.failure.kind !== 'interrupted') return started(reply, state);
          // It is just ending and has started nothing: the next one does.
          await to?.closed;
        }
      } catch (error) {
        return err(noKeeper(state, error));
      }
    },
    async wait(dir, runId) {
      const before = await readExit(dir, fs, digest);
      if (before !== null) return before;
      const reply = await askSurely({ do: 'wait', dir, runId });
      if (!reply.ok) log.warn('the keeper could not look after a run', { run_id: runId, failure: reply.failure });
      if (reply.ok && isExitFile(reply.value)) return reply.value;
      // Not known there: it may have ended between the two looks.
      return readExit(dir, fs, digest);
    },
    async stop(runId, reason) {
      await (await linked(false))?.ask({ do: 'stop', runId, reason });
    },
    async list() {
      const reply = await (await linked(false))?.ask({ do: 'list' });
      const value: unknown = reply?.ok === true ? reply.value : [];
      return Array.isArray(value) ? value.filter((id) => typeof id === 'string') : [];
    },
    close() {
      isClosed = true;
      void link?.then((made) => made?.close()).catch(() => undefined);
    },
  };
}

function started(reply: Reply, state: string): Result<RunFile, Failure> {
  if (!reply.ok) return err(reply.failure);
  return isRunFile(reply.value) ? ok(reply.value) : err(noKeeper(state, new Error('its answer is not in the protocol')));
}

/** Whether the program ran is not known: the folder of the attempt must be looked at. */
const lost = (): Failure => ({ kind: 'interrupted', message: 'the keeper ended while it started a program' });

const noKeeper = (state: string, error: unknown): Failure => ({
  kind: 'environment',
  what: 'no program can be started',
  path: state,
  code: 'KEEPER',
  message: error instanceof Error ? error.message : String(error),
});
