import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { LineSocket } from '#core/ports.ts';
import { makeSockets } from '#platform/socket.ts';
import { temporaryFolder, withCode } from '#test/support/temp-folder.ts';

const sockets = makeSockets();

const echo = (socket: LineSocket): void => {
  socket.onMessage((message) => {
    socket.send({ echo: message });
  });
};
const next = (socket: LineSocket): Promise<unknown> =>
  new Promise((resolve, reject) => {
    socket.onMessage(resolve);
    socket.onClose(() => {
      reject(new Error('closed'));
    });
  });
const closed = (socket: LineSocket): Promise<void> =>
  new Promise((resolve) => {
    socket.onClose(resolve);
  });

async function serve(t: TestContext, file: string, onConnection: (socket: LineSocket) => void): Promise<{ close(): Promise<void> }> {
  const server = await sockets.serve(file, onConnection);
  t.after(() => server.close());
  return server;
}
/** `once` would reject at the reset that often comes before. */
const gone = (raw: Socket): Promise<void> =>
  new Promise((resolve) => {
    raw.on('error', () => undefined);
    raw.once('close', () => {
      resolve();
    });
  });

async function shortPath(t: TestContext): Promise<string> {
  return path.join(await temporaryFolder(t), 'socket');
}
async function longPath(t: TestContext): Promise<string> {
  const folder = path.join(await temporaryFolder(t), 'a'.repeat(60), 'b'.repeat(60));
  mkdirSync(folder, { recursive: true });
  return path.join(folder, 'socket');
}

for (const [words, place] of [
  ['a short path', shortPath],
  ['a path too long for the system', longPath],
] as const) {
  test(`messages go both ways over ${words}, which only its owner may use, and which is gone after closing`, async (t) => {
    const file = await place(t);
    const server = await serve(t, file, echo);
    assert.equal(lstatSync(file).mode & 0o777, 0o600);
    const client = await sockets.connect(file);
    client.send({ text: 'line\nbreak ü', number: 1 });
    assert.deepEqual(await next(client), { echo: { text: 'line\nbreak ü', number: 1 } });
    const end = closed(client);
    await server.close();
    await end;
    assert.equal(existsSync(file), false);
    await assert.rejects(sockets.connect(file), withCode('ENOENT'));
  });

  test(`a server that answers at ${words} is not pushed aside`, async (t) => {
    const file = await place(t);
    const server = await serve(t, file, echo);
    await assert.rejects(sockets.serve(file, echo), withCode('EADDRINUSE'));
    const client = await sockets.connect(file);
    client.send(1);
    assert.deepEqual(await next(client), { echo: 1 });
    await server.close();
  });

  test(`what a killed server left at ${words} is taken over`, async (t) => {
    const file = await place(t);
    const script = `const { makeSockets } = await import(${JSON.stringify(import.meta.resolve('#platform/socket.ts'))});
      await makeSockets().serve(${JSON.stringify(file)}, () => {}); process.stdout.write('up');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(existsSync(file));
    await assert.rejects(sockets.connect(file), withCode('ECONNREFUSED'));
    const server = await serve(t, file, echo);
    const client = await sockets.connect(file);
    client.send(2);
    assert.deepEqual(await next(client), { echo: 2 });
    await server.close();
  });
}

test('the pointer names a socket in a private folder of ours', async (t) => {
  const file = await longPath(t);
  const server = await serve(t, file, echo);
  const target = /^docket-socket-v1 (\/.+)\n$/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  assert.ok(Buffer.byteLength(target) <= 100);
  assert.equal(lstatSync(path.dirname(target)).mode & 0o777, 0o700);
  assert.ok(lstatSync(target).isSocket());
  await server.close();
  assert.equal(existsSync(path.dirname(target)), false);
});

test('a pointer into a folder that others may enter is not followed, and such a folder is not served from', async (t) => {
  const file = await longPath(t);
  const server = await serve(t, file, echo);
  const folder = path.dirname(/^docket-socket-v1 (\/.+)\n$/.exec(readFileSync(file, 'utf8'))?.[1] ?? '');
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  chmodSync(folder, 0o755);
  await assert.rejects(sockets.connect(file), withCode('EPERM'));
  await server.close();
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777);
  await assert.rejects(sockets.serve(file, echo), withCode('EPERM'));
});

test('a file that is no socket and no pointer is neither followed nor removed', async (t) => {
  for (const file of [await shortPath(t), await longPath(t)]) {
    writeFileSync(file, 'precious');
    await assert.rejects(sockets.connect(file), withCode('EINVAL'));
    await assert.rejects(sockets.serve(file, echo), withCode('EEXIST'));
    assert.equal(readFileSync(file, 'utf8'), 'precious');
  }
});

test('nobody there is an error, not a wait', async (t) => {
  await assert.rejects(sockets.connect(await shortPath(t)), withCode('ENOENT'));
});

test('messages that came before anybody listened are kept, in order', async (t) => {
  const file = await shortPath(t);
  const server = await serve(t, file, (socket) => {
    for (const message of [1, 2, 3]) socket.send(message);
    socket.onMessage((message) => {
      socket.send(message);
    });
  });
  const client = await sockets.connect(file);
  // Another connection makes the round trip, so the first one's messages have arrived.
  const other = await sockets.connect(file);
  await next(other);
  const got: unknown[] = [];
  const four = new Promise<void>((resolve) => {
    client.onMessage((message) => {
      got.push(message);
      if (message === 4) resolve();
    });
  });
  client.send(4);
  await four;
  assert.deepEqual(got, [1, 2, 3, 4]);
  await server.close();
});

test('a large message arrives whole', async (t) => {
  const file = await shortPath(t);
  const server = await serve(t, file, echo);
  const client = await sockets.connect(file);
  const text = 'ü'.repeat(1_000_000);
  client.send(text);
  assert.deepEqual(await next(client), { echo: text });
  assert.throws(() => {
    client.send('x'.repeat(33 * 1024 * 1024));
  }, RangeError);
  await server.close();
});

for (const [words, bytes] of [
  ['no JSON', Buffer.from('{"a":\n')],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0x22, 0x0a])],
  ['empty', Buffer.from('\n')],
] as const) {
  test(`a line that is ${words} closes the connection and nothing else`, async (t) => {
    const file = await shortPath(t);
    const got: unknown[] = [];
    const server = await serve(t, file, (socket) => {
      socket.onMessage((message) => got.push(message));
    });
    const raw = connect(file);
    const end = gone(raw);
    raw.write('1\n');
    raw.write(bytes);
    raw.write('2\n');
    await end;
    assert.deepEqual(got, [1]);
    const client = await sockets.connect(file);
    client.close();
    await closed(client);
    await server.close();
  });
}

test('a line without an end is cut off at the limit', async (t) => {
  const file = await shortPath(t);
  const server = await serve(t, file, echo);
  const raw = connect(file);
  const ended = gone(raw);
  const chunk = Buffer.alloc(4 * 1024 * 1024, 0x20);
  for (let part = 0; part < 9; part++) raw.write(chunk);
  await ended;
  await server.close();
});

test('whoever asks about a closed connection is told so', async (t) => {
  const file = await shortPath(t);
  const server = await serve(t, file, echo);
  const client = await sockets.connect(file);
  client.close();
  await closed(client);
  await closed(client);
  client.send('into the void');
  await server.close();
});
