/** One daemon per queue root, however they are started; and how soon a killed one is back. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText, type Daemon, type Rig } from '#test/support/rig.ts';

/** `npm run test:full` asks for all of them; CI starts 50 under load, too (test/faults/holders.test.ts). */
const ROUNDS = process.env['DOCKET_TEST_FULL'] === '1' ? 500 : 15;
/** The aim is 2 s on a machine that does nothing else; a busy one may need longer. */
const BACK_MS_AIM = 2_000;
const BACK_MS_MAX = 10_000;

const isUp = (daemon: Daemon): boolean => daemon.output().includes('is up for');

/** Resolves when it is up, or has ended. */
const decided = async (daemon: Daemon): Promise<void> => {
  const up = new Promise<void>((resolve) => {
    daemon.child.stdout?.on('data', () => {
      if (isUp(daemon)) resolve();
    });
  });
  await Promise.race([up, daemon.ended]);
};

async function race(rig: Rig, round: number): Promise<Daemon> {
  const pair = [rig.launch(), rig.launch()];
  await Promise.all(pair.map(decided));
  const winners = pair.filter(isUp);
  const said = pair.map((daemon) => daemon.output()).join('\n---\n');
  assert.equal(winners.length, 1, `round ${String(round)}: ${String(winners.length)} are up\n${said}`);
  const [winner] = winners;
  const loser = pair.find((daemon) => daemon !== winner);
  assert.ok(winner !== undefined && loser !== undefined);
  assert.equal(await loser.exit(), 3, said);
  assert.match(loser.output(), /another daemon holds /);
  assert.equal((JSON.parse(rig.read(path.join(rig.queues, '.docket', 'daemon.json'))) as { pid: number }).pid, winner.child.pid);
  return winner;
}

test(`of two daemons started at once, ${String(ROUNDS)} times, one is up and the other ends with 3`, async (t) => {
  const rig = makeRig(t);
  for (let round = 1; round <= ROUNDS; round++) {
    const winner = await race(rig, round);
    // Every other one leaves its visible lock and its daemon.json behind.
    if (round % 2 === 0) await winner.kill();
    else assert.equal(await winner.stop(), 0);
  }
  assert.equal(existsSync(rig.history), true);
});

test('a killed daemon is back soon, and answers what came meanwhile', async (t) => {
  const rig = makeRig(t);
  const killed = await rig.start();
  await killed.kill();
  rig.drop('meanwhile.md', promptText());
  const begunMs = performance.now();
  const daemon = await rig.start();
  const upMs = performance.now() - begunMs;
  await rig.ended('meanwhile');
  const answeredMs = performance.now() - begunMs;
  console.log(
    `after kill -9: up again in ${String(Math.round(upMs))} ms, the waiting prompt answered in ${String(Math.round(answeredMs))} ms (aim: ${String(BACK_MS_AIM)} ms)`,
  );
  assert.ok(upMs < BACK_MS_MAX, `${String(upMs)} ms`);
  assert.equal(await daemon.stop(), 0);
  assertVerified(rig);
});
