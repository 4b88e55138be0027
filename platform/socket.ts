/**
 * Local sockets as the port `Sockets`: JSON lines over a unix socket that only its owner may use.
 * A path that is too long for the system (sun_path: 108 bytes on Linux, 104 on macOS) becomes a pointer file, and the socket itself lies in a
 * private folder below the temporary one. What stands in such a shared folder is believed only when it belongs to us.
 * Invariant: a line that is no JSON, or too long, closes the connection; nothing is ever removed that somebody answers on.
 */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, realpath, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Sockets } from '#core/ports.ts';
import { codeOf, systemError } from './files.ts';
import { lineSocket } from './socket-lines.ts';

const LONGEST_PATH_BYTES = 100;
const LONGEST_POINTER_BYTES = 4096;
const POINTER = /^docket-socket-v1 (\/[^\0\n]+)\n?$/;

const ourUid = (): number => process.getuid?.() ?? 0;
/** Root may look after anybody's daemon; everybody else only uses what is theirs or root's. */
const isTrusted = (uid: number): boolean => ourUid() === 0 || uid === ourUid() || uid === 0;

const isShort = (file: string): boolean => Buffer.byteLength(file) <= LONGEST_PATH_BYTES;

/** <tmp>/docket-<uid>-<hash>: the same for the same path, so that a crashed server's folder is used again. */
async function privatePlace(file: string): Promise<string> {
  const real = path.join(await realpath(path.dirname(file)), path.basename(file));
  const hash = createHash('sha256').update(real).digest('hex').slice(0, 16);
  return path.join(await realpath(tmpdir()), `docket-${String(ourUid())}-${hash}`, 's');
}

/** Refuses a folder that somebody else made, or that others may look into. */
async function checkPrivate(folder: string, ownerUid: number): Promise<void> {
  const stats = await lstat(folder);
  if (!stats.isDirectory() || stats.uid !== ownerUid || (stats.mode & 0o077) !== 0)
    throw systemError('EPERM', `not a private folder of user ${String(ownerUid)}, '${folder}'`);
}

async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  await checkPrivate(folder, ourUid());
}

/** Where the socket of this path really is. Rejects with ENOENT when nobody ever served there. */
async function resolvePointer(file: string): Promise<string> {
  const stats = await lstat(file);
  if (!isTrusted(stats.uid)) throw systemError('EPERM', `belongs to user ${String(stats.uid)}, '${file}'`);
  if (stats.isSocket()) return file;
  if (!stats.isFile() || stats.size > LONGEST_POINTER_BYTES)
    throw systemError('EINVAL', `neither a socket nor a pointer to one, '${file}'`);
  const target = POINTER.exec(await readFile(file, 'utf8'))?.[1];
  if (target === undefined) throw systemError('EINVAL', `neither a socket nor a pointer to one, '${file}'`);
  await checkPrivate(path.dirname(target), stats.uid);
  return target;
}

async function open(file: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: file });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Removes what a dead server left. EADDRINUSE: somebody answers. EEXIST: it is something else, which stays. */
async function clear(file: string): Promise<void> {
  const stats = await lstat(file).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (stats === null) return;
  if (!stats.isSocket()) throw systemError('EEXIST', `in the way of a socket, '${file}'`);
  try {
    (await open(file)).destroy();
  } catch (error) {
    if (codeOf(error) === 'ECONNREFUSED' || codeOf(error) === 'ENOENT') return rm(file, { force: true });
    throw error;
  }
  throw systemError('EADDRINUSE', `somebody serves here already, '${file}'`);
}

/** bind(2) gives the socket the mode that the umask leaves; the mask is back before anything else runs. */
async function listen(server: Server, file: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177);
    try {
      server.listen({ path: file }, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
  await chmod(file, 0o600);
}

/** A pointer of a dead server may be replaced, anything else stays. */
async function checkPointer(file: string): Promise<void> {
  const old = await lstat(file).catch(() => null);
  if (old === null || (old.isFile() && old.size <= LONGEST_POINTER_BYTES && POINTER.test(await readFile(file, 'utf8')))) return;
  throw systemError('EEXIST', `in the way of a socket, '${file}'`);
}

async function writePointer(file: string, target: string): Promise<void> {
  const temporary = `${file}.${String(process.pid)}`;
  await rm(temporary, { force: true });
  await writeFile(temporary, `docket-socket-v1 ${target}\n`, { flag: 'wx', mode: 0o600 });
  await rename(temporary, file);
}

async function closeServer(server: Server, connections: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  for (const connection of connections) connection.destroySoon();
  await closed;
}

export const makeSockets = (): Sockets => ({
  async serve(file, onConnection, bounds = {}) {
    const place = isShort(file) ? file : await privatePlace(file);
    const isPointed = place !== file;
    if (isPointed) {
      await checkPointer(file);
      await makePrivate(path.dirname(place));
    }
    await clear(place);
    const connections = new Set<Socket>();
    const server = createServer((socket) => {
      connections.add(socket);
      socket.once('close', () => connections.delete(socket));
      onConnection(lineSocket(socket, bounds.lineBytes));
    });
    // net.Server closes those above it at once.
    if (bounds.clients !== undefined) server.maxConnections = bounds.clients;
    const close = async (): Promise<void> => {
      await closeServer(server, connections);
      if (!isPointed) return;
      await unlink(file).catch(() => undefined);
      await rmdir(path.dirname(place)).catch(() => undefined);
    };
    await listen(server, place);
    server.on('error', () => undefined);
    if (isPointed)
      await writePointer(file, place).catch(async (error: unknown) => {
        await close();
        throw error;
      });
    return { close };
  },
  async connect(file) {
    return lineSocket(await open(await resolvePointer(file)));
  },
});
