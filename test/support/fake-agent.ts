/** The test's end of fake-agent-program.ts: programs that connect back and obey, so that nothing has to be waited for by the clock. */

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const FAKE_AGENT = fileURLToPath(new URL('fake-agent-program.ts', import.meta.url));

export type Hello = {
  readonly hello: string;
  readonly pid: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: string;
};
export type FakeAgent = Hello & {
  /** Resolves when the agent says that it did it, or when it is gone. */
  tell(command: { readonly do: string; readonly [field: string]: unknown }): Promise<void>;
  /** Resolves when the process is gone: the kernel closed its socket. */
  readonly gone: Promise<void>;
};
export type FakeAgents = {
  readonly socketPath: string;
  /** In the order in which they connected; waits for the next one. */
  next(): Promise<FakeAgent>;
  /** How many connected so far. */
  count(): number;
  close(): Promise<void>;
};

async function meet(socket: Socket): Promise<FakeAgent> {
  const replies: ((value: unknown) => void)[] = [];
  const early: unknown[] = [];
  createInterface({ input: socket }).on('line', (line) => {
    const message: unknown = JSON.parse(line);
    const waiting = replies.shift();
    if (waiting === undefined) early.push(message);
    else waiting(message);
  });
  // Not `once`, which rejects at an error: who is killed with a command unread leaves ECONNRESET behind, and is gone all the same.
  const gone = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
  const message = (): Promise<unknown> =>
    early.length > 0 ? Promise.resolve(early.shift()) : Promise.race([new Promise((resolve) => void replies.push(resolve)), gone]);
  const hello = (await message()) as Hello;
  return {
    ...hello,
    gone,
    async tell(command) {
      socket.write(`${JSON.stringify(command)}\n`);
      await message();
    },
  };
}

/** @param folder where the socket is made; a short path */
export async function startFakeAgents(folder: string): Promise<FakeAgents> {
  const socketPath = path.join(folder, 'agents.sock');
  const met: Promise<FakeAgent>[] = [];
  const waiting: ((agent: Promise<FakeAgent>) => void)[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.add(socket);
    count += 1;
    const agent = meet(socket);
    const first = waiting.shift();
    if (first === undefined) met.push(agent);
    else first(agent);
  });
  server.listen({ path: socketPath });
  await once(server, 'listening');
  return {
    socketPath,
    count: () => count,
    async next() {
      return met.shift() ?? new Promise<FakeAgent>((resolve) => void waiting.push(resolve));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
