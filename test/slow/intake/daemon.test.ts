/**
 * A burst through the real daemon with the offline runner, its inboxes moved away and made again meanwhile: each prompt is answered and recorded once.
 * DOCKET_TEST_FULL=1: 3,000 prompts instead of 200.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';

const COUNT = process.env['DOCKET_TEST_FULL'] === '1' ? 3_000 : 200;

test(`${String(COUNT)} prompts in bursts, their inboxes moved away and made again: each is answered and recorded once`, async (t) => {
  const rig = makeRig(t, 'runner: offline\nintake: { scan_interval: 1s }\n');
  const daemon = await rig.start();
  const roles = [
    ['architect', '01-architect'],
    ['ui', '03-ui'],
  ] as const;
  const half = COUNT / 2;
  const drop = (from: number, to: number): void => {
    for (let n = from; n < to; n++) {
      const [agent, folder] = roles[n % 2] ?? roles[0];
      const whole = path.join(rig.base, 'whole');
      writeFileSync(whole, promptText({ agent, feature: `FEAT-${String(n)}` }));
      renameSync(whole, path.join(rig.in(folder), `p${String(n)}.md`));
    }
  };
  drop(0, half);
  for (const [, folder] of roles) {
    const inbox = rig.in(folder);
    renameSync(inbox, `${inbox}-aside`);
    mkdirSync(inbox);
  }
  drop(half, COUNT);
  for (const [, folder] of roles) {
    const inbox = rig.in(folder);
    // A job that ended meanwhile, too: whatever is there comes back under its own name.
    for (const name of readdirSync(`${inbox}-aside`)) renameSync(path.join(`${inbox}-aside`, name), path.join(inbox, name));
    rmdirSync(`${inbox}-aside`);
  }
  const endedIn = (folder: string): string[] => readdirSync(rig.in(folder)).filter((name) => name.endsWith('.processed'));
  // In stages, each of which has the time of one wait.
  for (const [, folder] of roles)
    for (let goal = 20; goal <= half; goal += 20)
      await rig.until(rig.in(folder), () => endedIn(folder).length >= goal, `${String(goal)} ended prompts in ${folder}`);
  const ended = (): string[] => roles.flatMap(([, folder]) => endedIn(folder));
  assert.deepEqual(ended().toSorted(), Array.from({ length: COUNT }, (_, n) => `p${String(n)}.processed`).toSorted());
  assert.equal(await daemon.stop(), 0);
  const commits = rig.git('log', '--format=%s', '--grep=Docket-Status: briefed').trim().split('\n');
  assert.equal(commits.length, COUNT);
  assert.equal(new Set(commits).size, COUNT);
  assertVerified(rig);
});
