/**
 * A disk that is really full, again and again under load, and each time room is made after docket said so: nothing is lost. The daemon stays the same all
 * the time, but for some starts into a full disk.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import type { Daemon } from '#test/support/rig.ts';
import { makeChance, type Chance } from './chance.ts';
import { isUp, limitFileSize } from './daemon.ts';
import { assertRight, judge } from './model.ts';
import { publish, summary } from './results.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';
import { IS_FULL, makeStory, type Story } from './story.ts';

const ROUNDS = IS_FULL ? 100 : 12;
/** Nothing is ever removed, so each further round needs its share: with 24 MB for a hundred the disk stayed full however much room was made. */
const DISK_BYTES = (24 + 2 * Math.max(0, ROUNDS - 12)) * 1_048_576;
const BACKLOG = 12;
const FULL_MS_MAX = 1_500;
/** Each round may fail the run of a tool whose output found no room: that is the tool's own failure, and costs an attempt. */
const STARTS_MAX = 3;

/** Nobody can drop a prompt into a full disk: it was not dropped then. */
function dropWhatFits(story: Story, chance: Chance): void {
  try {
    while (story.open() < BACKLOG) story.drop(chance, { padBytesMax: 60_000 });
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

async function fillUnderLoad(story: Story, disk: SmallDisk, daemon: Daemon, chance: Chance): Promise<Daemon> {
  dropWhatFits(story, chance);
  await after(chance.between(0, 400));
  disk.fill(chance.percent(50) ? chance.between(1, 64) * 4_096 : 0);
  dropWhatFits(story, chance);
  if (!chance.percent(25)) {
    await Promise.race([after(chance.between(100, FULL_MS_MAX)), daemon.ended]);
    return daemon;
  }
  // Killed, and started into the full disk.
  await daemon.kill();
  const next = story.rig.launch();
  await Promise.race([after(FULL_MS_MAX), next.ended]);
  return next;
}

test(`a disk filled ${String(ROUNDS)} times under load costs time and nothing else`, async (t) => {
  const disk = mountSmallDisk(t, DISK_BYTES);
  if ('why' in disk) {
    console.log(`NOT RUN: a disk that is really full: ${disk.why}`);
    return;
  }
  const logFolder = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-log-')));
  t.after(() => {
    rmSync(logFolder, { recursive: true, force: true });
  });
  const chance = makeChance();
  const story = makeStory(t, { logFolder, parent: disk.folder });
  const { rig } = story;
  let ended = 0;
  const resumedMs: number[] = [];
  let daemon = await rig.start();
  for (let round = 1; round <= ROUNDS; round++) {
    daemon = await fillUnderLoad(story, disk, daemon, chance);
    disk.free();
    const freedMs = performance.now();
    // It may be on its way out: then it ends now.
    await Promise.race([
      isUp(daemon)
        .then(story.settled)
        .catch(() => undefined),
      daemon.ended,
    ]);
    if (daemon.child.exitCode !== null) {
      ended += 1;
      assert.equal(daemon.child.exitCode, 3, daemon.output());
      assert.match(daemon.output(), /ENOSPC|SQLITE_FULL|SQLITE_IOERR/);
      daemon = await rig.start();
    }
    await story.settled();
    resumedMs.push(performance.now() - freedMs);
  }
  assert.equal(await daemon.stop(), 0, daemon.output());
  const verdict = judge(story, { startsMax: STARTS_MAX, hasFailedAttempts: true });
  const outcomes = story.dropped.flatMap(({ stem, folder }) => rig.evidence(stem, folder).predicate.attempts.map(({ outcome }) => outcome));
  const told = [...Map.groupBy(outcomes, (outcome) => outcome)].map(([outcome, { length }]) => `${String(length)} ${outcome}`).join(', ');
  const resumed = summary(resumedMs);
  publish(
    'full disk (tmpfs)',
    `${String(ROUNDS)} fills`,
    verdict,
    `attempts: ${told}; the daemon ended by itself and was started again ${String(ended)} times; from room to all answered: median ${String(resumed.median)} ms, max ${String(resumed.max)} ms; seed ${String(chance.seed)}`,
  );
  assertRight(verdict, chance.seed);
});

const LIMITED_ROUNDS = IS_FULL ? 50 : 8;

test(`a daemon that may write no longer files, ${String(LIMITED_ROUNDS)} times for a while, loses nothing`, async (t) => {
  const chance = makeChance();
  const story = makeStory(t);
  let daemon = await story.rig.start();
  // The keeper is started now, and has no such limit: the tools must be able to answer.
  story.drop(chance);
  await story.settled();
  if (!limitFileSize(daemon, 'unlimited')) {
    console.log('NOT RUN: RLIMIT_FSIZE: there is no prlimit that works');
    return;
  }
  let killed = 0;
  for (let round = 1; round <= LIMITED_ROUNDS; round++) {
    while (story.open() < BACKLOG) story.drop(chance);
    await after(chance.between(0, 300));
    assert.ok(limitFileSize(daemon, String(chance.pick([0, 4_096, 65_536]))));
    await Promise.race([after(chance.between(100, FULL_MS_MAX)), daemon.ended]);
    limitFileSize(daemon, 'unlimited');
    // It may have reached the limit a moment before: then it ends now.
    await Promise.race([story.settled().catch(() => undefined), daemon.ended]);
    if (daemon.child.signalCode === 'SIGXFSZ') {
      // F5 of docs/faults.md: it should have said so and gone on.
      killed += 1;
      daemon = await story.rig.start();
    }
    assert.equal(daemon.child.exitCode, null, daemon.output());
    await story.settled();
  }
  assert.equal(await daemon.stop(), 0, daemon.output());
  const verdict = judge(story);
  publish(
    'RLIMIT_FSIZE of the daemon',
    `${String(LIMITED_ROUNDS)} rounds`,
    verdict,
    `killed by SIGXFSZ ${String(killed)} times; seed ${String(chance.seed)}`,
  );
  assertRight(verdict, chance.seed);
});
