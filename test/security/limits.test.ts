/** Counts and rates: files in an inbox, prompts of a role within a minute, clients and lines of the control socket. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import type { RoleName } from '#core/names.ts';
import { CONTROL_LINE_BYTES } from '#daemon/control.ts';
import { makeIntake } from '#daemon/intake.ts';
import { makeRoleFaults } from '#daemon/intake-faults.ts';
import { makeRate } from '#daemon/rate.ts';
import { makeFs } from '#platform/files.ts';
import { makeSockets } from '#platform/socket.ts';
import { makeHandClock, makeLog, makeRig, processAll, ROLE, settled, stem } from '#test/spool/rig.ts';
import { makeIntakePorts } from '#test/support/intake-ports.ts';
import { bytesOf, promptWith } from '#test/support/prompts.ts';
import { makeRig as makeFlowRig } from '#test/support/rig.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

test('of more files than limits.waiting the others are not kept in mind, docket says so once, and all of them have their turn', async (t) => {
  const rig = makeRig(t);
  const spool = rig.spool(undefined, { waitingMax: 3 });
  await spool.prepare();
  for (let n = 0; n < 8; n++) writeFileSync(path.join(rig.in, `p${String(n)}.md`), 'hello');
  for (let round = 0; round < 5; round++) {
    assert.ok((await settled(rig, spool)).length <= 3);
    await processAll(rig, spool);
  }
  assert.equal((await spool.list({})).filter(({ state }) => state === 'answered').length, 8);
  const said = rig.lines.filter(({ message }) => message.includes('limits.waiting'));
  assert.deepEqual(
    said.map(({ level }) => level),
    ['warn'],
  );
});

test('a role takes its limit at once and then its share of it, and other roles are not kept back', () => {
  const clock = makeHandClock();
  const rate = makeRate(clock, 6);
  const [ui, architect] = ['ui' as RoleName, 'architect' as RoleName];
  const take = (): number => {
    let taken = 0;
    for (; rate.mayTake(ui); taken++) rate.taken(ui);
    return taken;
  };
  assert.equal(take(), 6);
  assert.equal(rate.mayTake(architect), true);
  clock.advance(10_000);
  assert.equal(take(), 1);
  clock.advance(60_000);
  assert.equal(take(), 6);
  const none = makeRate(clock, 0);
  for (let n = 0; n < 1_000; n++) none.taken(ui);
  assert.equal(none.mayTake(ui), true);
});

test('prompts above limits.role_rate wait where they are, and why says so', async (t) => {
  const rig = makeRig(t);
  const spool = rig.spool();
  await spool.prepare();
  const ports = makeIntakePorts({
    spool,
    clock: rig.clock,
    log: makeLog(),
    scanIntervalMs: 5_000,
    room: () => 10,
    isShut: () => false,
    roleRate: 2,
  });
  const intake = makeIntake(ports, makeRoleFaults(ports.log), () => true);
  for (const name of ['a', 'b', 'c']) await spool.drop(ROLE.name, stem(name), bytesOf(promptWith('')));
  await intake.look();
  assert.equal((await intake.next(10)).length, 2);
  assert.match([...intake.reasons().values()].join(), /limits\.role_rate/);
  rig.clock.advance(30_000);
  assert.equal((await intake.next(10)).length, 1);
});

const isBobs = (file: string | Uint8Array): boolean => path.basename(file.toString()).startsWith('bob');

test('prompts of one user above limits.owner_rate wait, those of another go past them, and why names the user', async (t) => {
  const rig = makeRig(t);
  const fs = makeFs();
  const spool = rig.spool({
    ...fs,
    facts: async (file) => {
      const facts = await fs.facts(file);
      return facts === null ? null : { ...facts, uid: isBobs(file) ? 1002 : 1001 };
    },
  });
  await spool.prepare();
  const ports = makeIntakePorts({
    spool,
    clock: rig.clock,
    log: makeLog(),
    scanIntervalMs: 5_000,
    room: () => 10,
    isShut: () => false,
    ownerRate: 2,
  });
  const intake = makeIntake(ports, makeRoleFaults(ports.log), () => true);
  for (const name of ['ada1', 'ada2', 'ada3', 'ada4', 'bob1']) await spool.drop(ROLE.name, stem(name), bytesOf(promptWith('')));
  await intake.look();
  const taken = async (): Promise<string[]> => (await intake.next(10)).map(({ waiting }) => waiting.shownName);
  assert.deepEqual(await taken(), ['ada1.md', 'ada2.md', 'bob1.md']);
  assert.deepEqual(
    [...intake.reasons()].map(([name, why]) => [name, /^user 1001, .*limits\.owner_rate/.test(why)]),
    ['ada3.md', 'ada4.md'].map((name) => [`${ROLE.name}/${name}`, true]),
  );
  rig.clock.advance(30_000);
  assert.deepEqual(await taken(), ['ada3.md']);
  rig.clock.advance(30_000);
  assert.deepEqual(await taken(), ['ada4.md'], 'nothing is lost');
});

test('more clients than limits.clients are closed at once, and a question that is too long ends its connection', async (t) => {
  const file = path.join(await temporaryFolder(t), 's');
  const server = await makeSockets().serve(
    file,
    (socket) => {
      socket.onMessage((message) => {
        socket.send({ heard: message });
      });
    },
    { clients: 2, lineBytes: CONTROL_LINE_BYTES },
  );
  t.after(async () => server.close());
  const clients = [connect(file), connect(file)];
  await Promise.all(clients.map(async (client) => once(client, 'connect')));
  for (const client of clients) {
    client.write('{"v":1}\n');
    await once(client, 'data');
  }
  const third = connect(file);
  third.on('error', () => undefined);
  third.resume();
  await once(third, 'close');
  const [first, second] = clients;
  second?.destroy();
  first?.on('error', () => undefined);
  first?.write(`"${'x'.repeat(CONTROL_LINE_BYTES)}"\n`);
  if (first !== undefined) await once(first, 'close');
});

test('standard input that no prompt can be as long as is refused with words, and nothing is dropped', (t) => {
  const rig = makeFlowRig(t);
  const said = rig.run(['add', 'architect', '--feature', 'LONG-1', '-'], { input: 'x'.repeat(8_000_001) });
  assert.equal(said.code, 2, said.err);
  assert.match(said.err, /standard input has more than 8000000 bytes/);
  assert.equal(existsSync(rig.in()), false);
});
