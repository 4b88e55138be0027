/** One question to a running daemon, and its answer. */

import type { Sockets } from '#core/ports.ts';

export type Reply = Readonly<Record<string, unknown>> & { readonly ok: boolean };

/** Null: nobody listens, or it went away without a word. */
export async function askOnce(sockets: Pick<Sockets, 'connect'>, path: string, op: string): Promise<Reply | null> {
  const socket = await sockets.connect(path).catch(() => null);
  if (socket === null) return null;
  try {
    return await new Promise((resolve) => {
      socket.onMessage((message) => {
        resolve(typeof message === 'object' && message !== null && 'ok' in message ? (message as Reply) : null);
      });
      socket.onClose(() => {
        resolve(null);
      });
      socket.send({ v: 1, id: 1, op });
    });
  } finally {
    socket.close();
  }
}
