/** A stream socket as JSON lines in both directions (core/ports.ts, LineSocket). UTF-8, one JSON value per line. */

import { Buffer, isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { LineSocket } from '#core/ports.ts';

export const LINE_BYTES_MAX = 32 * 1024 * 1024;
/** What the other side did not read yet; more, and it is let go. */
const UNREAD_BYTES_MAX = 2 * LINE_BYTES_MAX;
const NEWLINE = 10;

/** Cuts chunks into lines; answers null when one is longer than the limit. */
function lineCutter(bytesMax: number): (chunk: Buffer) => Buffer[] | null {
  let parts: Buffer[] = [];
  let length = 0;
  return (chunk) => {
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      lines.push(Buffer.concat([...parts, chunk.subarray(from, at)]));
      parts = [];
      length = 0;
      from = at + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
    length += chunk.length - from;
    return length > bytesMax || lines.some((line) => line.length > bytesMax) ? null : lines;
  };
}

function parse(line: Buffer): { readonly message: unknown } | null {
  if (!isUtf8(line)) return null;
  try {
    return { message: JSON.parse(line.toString('utf8')) as unknown };
  } catch {
    return null;
  }
}

/** Messages that come before anybody listens are kept, and the socket is not read further until somebody does. */
export function lineSocket(socket: Socket, lineBytesMax = LINE_BYTES_MAX): LineSocket {
  const listeners: ((message: unknown) => void)[] = [];
  const waiting: unknown[] = [];
  const cut = lineCutter(lineBytesMax);
  // An error is always followed by 'close'.
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    const lines = cut(chunk);
    if (lines === null) {
      socket.destroy();
      return;
    }
    for (const line of lines) {
      const parsed = parse(line);
      if (parsed === null) {
        socket.destroy();
        return;
      }
      if (listeners.length === 0) waiting.push(parsed.message);
      for (const listener of listeners) listener(parsed.message);
    }
    if (waiting.length > 0) socket.pause();
  });
  return {
    send(message) {
      const line = Buffer.from(`${JSON.stringify(message)}\n`);
      if (line.length > LINE_BYTES_MAX)
        throw new RangeError(`a message of ${String(line.length)} bytes is over the limit of ${String(LINE_BYTES_MAX)}`);
      if (socket.destroyed || !socket.writable) return;
      socket.write(line);
      if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy();
    },
    onMessage(listener) {
      listeners.push(listener);
      for (const message of waiting.splice(0)) listener(message);
      socket.resume();
    },
    onClose(listener) {
      if (socket.closed) queueMicrotask(listener);
      else socket.once('close', listener);
    },
    close() {
      socket.destroySoon();
    },
  };
}
