/**
 * Bursts of drops under everything that events can suffer: suppressed at random, the kernel's queue overflowed while this process does not listen,
 * in/ and the role's folder moved away and made again while watched. Counted at the claim: none lost, none twice.
 * DOCKET_TEST_FULL=1: 50,000 files instead of 3,000.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { OnHint } from '#core/ports.ts';
import { makeIntake } from '#daemon/intake.ts';
import { makeRoleFaults } from '#daemon/intake-faults.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { startWatch } from '#platform/watch.ts';
import { makeSpool } from '#spool/spool.ts';
import { makeUnsyncedFs } from '#test/support/faulty-fs.ts';
import { makeIntakePorts } from '#test/support/intake-ports.ts';
import { promptWith } from '#test/support/prompts.ts';
import { randomFrom } from '#test/spool/power-rig.ts';
import { makeLog, makeRig, ROLE, SETTINGS, type LogLine, type Rig } from '#test/spool/rig.ts';

const COUNT = process.env['DOCKET_TEST_FULL'] === '1' ? 50_000 : 3_000;
/** More than the kernel queues (fs.inotify.max_queued_events is 16,384 by default). */
const NOISE = 40_000;
/** Without a single claim. */
const GIVEN_UP_MS = 60_000;

type Queue = {
  readonly rig: Rig;
  /** A rename of a whole file, which is what careful programs do; every tenth is written in place. */
  drop(from: number, to: number): void;
  /** Claims what is offered until so many names have been claimed; then makes sure that no more come. */
  drain(count: number): Promise<void>;
  /** How often each name was claimed. */
  readonly claimed: ReadonlyMap<string, number>;
};

const nameOf = (n: number): string => `p${String(n).padStart(6, '0')}.md`;

async function makeQueue(t: TestContext, hear: (onHint: OnHint) => OnHint): Promise<Queue> {
  const rig = makeRig(t);
  const clock = makeClock();
  const lines: LogLine[] = [];
  const log = makeLog(lines);
  const spool = makeSpool({
    queues: rig.queues,
    roles: [ROLE],
    fs: makeUnsyncedFs(makeFs()),
    clock,
    digest: makeDigest(),
    log,
    settings: { ...SETTINGS, settleMs: 50 },
    processId: '1',
  });
  await spool.prepare();
  const ports = makeIntakePorts({ spool, clock, log, scanIntervalMs: 500, room: () => 2_000, isShut: () => false });
  const intake = makeIntake(ports, makeRoleFaults(ports.log), () => true);
  const onHint = hear((noticed) => {
    intake.notice(noticed);
  });
  const watch = await startWatch(rig.queues, onHint, assert.ifError);
  t.after(() => watch.close());
  const staging = path.join(path.dirname(rig.queues), 'staging');
  mkdirSync(staging);
  const claimed = new Map<string, number>();
  const round = async (): Promise<number> => {
    const againMs = await intake.look();
    const chosen = await intake.next(2_000);
    if (chosen.length > 0) {
      for (const { waiting } of await spool.claim(chosen.map((one) => one.waiting)))
        claimed.set(waiting.shownName, (claimed.get(waiting.shownName) ?? 0) + 1);
      for (const name of readdirSync(rig.work)) rmSync(path.join(rig.work, name), { recursive: true });
    }
    return chosen.length > 0 ? 0 : (againMs ?? 1);
  };
  return {
    rig,
    claimed,
    drop(from, to) {
      for (let n = from; n < to; n++) {
        const text = promptWith(`priority: ${String(n % 100)}\n`);
        const target = path.join(rig.in, nameOf(n));
        if (n % 10 === 0) writeFileSync(target, text);
        else {
          const whole = path.join(staging, 'whole');
          writeFileSync(whole, text);
          renameSync(whole, target);
        }
      }
    },
    async drain(count) {
      let lastMs = clock.monotonicMs();
      for (let before = claimed.size; claimed.size < count && clock.monotonicMs() - lastMs < GIVEN_UP_MS; before = claimed.size) {
        await clock.sleep(Math.min(100, await round()));
        if (claimed.size > before) lastMs = clock.monotonicMs();
      }
      for (let n = 0; n < 5; n++) {
        intake.notice(null);
        await round();
      }
    },
  };
}

function assertOnce({ claimed, rig }: Queue, count: number): void {
  assert.equal(claimed.size, count, 'lost');
  assert.deepEqual(
    [...claimed].filter(([, times]) => times !== 1),
    [],
    'twice',
  );
  assert.deepEqual(readdirSync(rig.in), []);
}

test(`${String(COUNT)} files in one burst, nine of ten hints suppressed at random: each is claimed once`, async (t) => {
  const random = randomFrom(COUNT);
  const queue = await makeQueue(t, (onHint) => (noticed) => {
    if (random() > 0.9) onHint(noticed);
  });
  queue.drop(0, COUNT);
  await queue.drain(COUNT);
  assertOnce(queue, COUNT);
});

test('a queue of the kernel that overflows before the drops, so that no event tells of them, loses none', async (t) => {
  let nameless = 0;
  const queue = await makeQueue(t, (onHint) => (noticed) => {
    if (noticed === null) nameless++;
    onHint(noticed);
  });
  const { in: folder } = queue.rig;
  for (const name of ['a', 'b']) writeFileSync(path.join(folder, name), '');
  // Two files in turn: the kernel joins equal events that follow each other. Nobody listens meanwhile, because this is one turn.
  for (let n = 0; n < NOISE; n++) utimesSync(path.join(folder, n % 2 === 0 ? 'a' : 'b'), n, n);
  queue.drop(0, 500);
  for (const name of ['a', 'b']) rmSync(path.join(folder, name));
  await queue.drain(500);
  assertOnce(queue, 500);
  assert.ok(nameless > 0, 'so many events in a turn are told as "look everywhere"');
});

test('in/ and the role folder moved away and made again between bursts, while watched: each file is claimed once', async (t) => {
  const queue = await makeQueue(t, (onHint) => onHint);
  const { in: folder, queues } = queue.rig;
  const role = path.join(queues, ROLE.folder);
  const share = Math.floor(COUNT / 30);
  let dropped = 0;
  const burst = (): void => {
    queue.drop(dropped, dropped + share);
    dropped += share;
  };
  for (let round = 0; round < 5; round++) {
    burst();
    const draining = queue.drain(dropped);
    // Not waited for: what moves, moves under the scan.
    renameSync(folder, `${folder}-aside`);
    mkdirSync(folder);
    burst();
    for (const name of readdirSync(`${folder}-aside`)) renameSync(path.join(`${folder}-aside`, name), path.join(folder, name));
    rmdirSync(`${folder}-aside`);
    await draining;
    renameSync(role, `${role}-aside`);
    const away = queue.drain(dropped);
    renameSync(`${role}-aside`, role);
    burst();
    await away;
    await queue.drain(dropped);
    assert.equal(queue.claimed.size, dropped, `round ${String(round)}`);
  }
  assertOnce(queue, dropped);
});
