/**
 * The power goes at random instants - while docket starts, mends, works - on real file systems: what their own logs bring back must be enough. The tool's
 * log lies on another disk, so that a start which the disk forgot is still known: none may be missing in the evidence.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { makeChance } from './chance.ts';
import { isUp } from './daemon.ts';
import { FILE_SYSTEMS, mountLoopDisk, type FileSystemName } from './loop-disk.ts';
import { assertRight, judge } from './model.ts';
import { publish, summary } from './results.ts';
import { IS_FULL, makeStory, ROLES, shareOf, type Story } from './story.ts';

const CUTS = Number(process.env['DOCKET_FAULTS_CUTS'] ?? (IS_FULL ? 200 : shareOf(8, 3)));
const BACKLOG = 12;
const WORK_MS_MAX = 1_500;
/** After the others it comes to rest first: each prompt that is left over is seen to the end. */
const RESTLESS_PERCENT = 40;

/** The machine was not really off: its boot id is another one all the same, as far as docket can see. */
const UNDER_BOOT_ID = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"';
function makeBoots(folder: string): { readonly under: { program: string; args: string[] }; next(): void } {
  const file = path.join(folder, 'boot_id');
  const next = (): void => {
    writeFileSync(file, `${randomUUID()}\n`);
  };
  next();
  return { under: { program: 'unshare', args: ['-m', 'sh', '-c', UNDER_BOOT_ID, 'sh', file] }, next };
}

/** Prompts whose run a cut may have ended, or that a cut may have kept from its first line: claimed, and not yet at their end as the outside sees it. */
const inFlight = (story: Story): readonly string[] => {
  const { rig } = story;
  const open = new Set(story.unfinished());
  return story.dropped
    .filter(({ stem, folder }) => open.has(stem) && !existsSync(path.join(rig.in(folder), `${stem}.md`)))
    .map(({ stem }) => stem);
};

for (const name of Object.keys(FILE_SYSTEMS) as FileSystemName[])
  test(`with the power cut ${String(CUTS)} times under load on ${name}, docket loses nothing and publishes nothing twice`, async (t) => {
    const disk = mountLoopDisk(t, name);
    if ('why' in disk) {
      console.log(`NOT RUN: power cuts on ${name}: ${disk.why}`);
      return;
    }
    const logFolder = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-log-')));
    t.after(() => {
      rmSync(logFolder, { recursive: true, force: true });
    });
    const chance = makeChance();
    const boots = makeBoots(logFolder);
    const story = makeStory(t, { logFolder, parent: disk.folder, isDurable: true, under: boots.under });
    const { rig } = story;
    for (const { folder } of ROLES) mkdirSync(rig.in(folder), { recursive: true, mode: 0o700 });
    spawnSync('sync');
    const recoveriesMs: number[] = [];
    const startsMax = new Map<string, number>();
    for (let cut = 1; cut <= CUTS; cut++) {
      while (story.open() < BACKLOG) story.drop(chance);
      const begunMs = performance.now();
      const daemon = rig.launch();
      if (chance.percent(RESTLESS_PERCENT)) await Promise.race([after(chance.between(0, WORK_MS_MAX)), daemon.ended]);
      else {
        await isUp(daemon);
        recoveriesMs.push(performance.now() - begunMs);
        await story.settled();
        while (story.open() < BACKLOG) story.drop(chance);
        await after(chance.between(0, WORK_MS_MAX));
      }
      assert.equal(daemon.child.exitCode, null, `after ${String(cut)} cuts it ended by itself: ${daemon.output()}`);
      await disk.cut(() => {
        for (const stem of inFlight(story)) startsMax.set(stem, (startsMax.get(stem) ?? 1) + 1);
      });
      await daemon.ended;
      boots.next();
    }
    const last = await rig.start();
    await story.settled();
    assert.equal(await last.stop(), 0, last.output());

    const verdict = judge(story, { startsMax: (stem) => startsMax.get(stem) ?? 1 });
    const recovery = summary(recoveriesMs);
    publish(
      `power cut on ${name}`,
      `${String(CUTS)} cuts`,
      verdict,
      `time to recover: median ${String(recovery.median)} ms, max ${String(recovery.max)} ms; seed ${String(chance.seed)}`,
    );
    assertRight(verdict, chance.seed);
  });
