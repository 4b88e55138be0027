/** Every hostile input through one running daemon: each gets what it deserves, harms nothing, and a good prompt right behind it is answered. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { allRecipes, bytesWithRevision, CONTROLS, namesBelow, place, rightFates, type Fate } from '#test/support/hostile-flow.ts';
import type { Recipe } from '#test/support/hostile.ts';
import { assertVerified, makeRig, promptText, type Daemon, type Rig } from '#test/support/rig.ts';

const DEFAULT_LIMIT = 600_000;
const MEMORY_KB_MAX = 300_000;
/** Copies what it is given: what the tool gets is in the answer. */
const SETTINGS =
  'runner: copy\nintake: { settle: 100ms }\nlanes: { copy: { slots: 2, interval_cap: 100000 } }\nrunners: { copy: { kind: command, program: cat } }\n';

const all = allRecipes();
const isLarge = (recipe: Recipe): boolean =>
  rightFates(recipe).every((fate) => fate === 'accept') && bytesWithRevision(recipe, 1).length > DEFAULT_LIMIT;

describe('hostile inputs', () => {
  run('with the default limits', SETTINGS, (recipe) => !isLarge(recipe));
});
describe('large inputs', () => {
  run('with a higher limit', `${SETTINGS}limits: { prompt_bytes: 8M }\n`, isLarge);
});

function run(what: string, settings: string, isOurs: (recipe: Recipe) => boolean): void {
  const rig = makeRig({ after }, settings);
  let daemon: Daemon;
  before(async () => {
    daemon = await rig.start();
  });

  for (const [index, recipe] of all.entries()) {
    if (!isOurs(recipe)) continue;
    test(`${recipe.id}: ${recipe.why}`, async () => {
      const bytes = bytesWithRevision(recipe, 1000 + index);
      const begunMs = performance.now();
      const already = new Set(names(rig));
      const lock = recipe.script === 'history-locked' ? lockHistory(rig) : null;
      const { name } = place(recipe, bytes, rig.in(), rig.base);
      if (lock !== null) {
        // Removed once the job is in work and has met the lock.
        const work = path.join(rig.queues, '01-architect', 'work');
        await rig.until(work, () => readdirSync(work).length > 0, 'the job in work');
        unlinkSync(lock);
      }
      const good = `good-${String(index)}`;
      rig.drop(`${good}.md`, promptText({ feature: `GOOD-${String(index)}` }));
      await rig.ended(good);

      const ended = await endOf(
        rig,
        name,
        rightFates(recipe).includes('ignore'),
        (other) => !already.has(other) && !other.startsWith(good),
      );
      const fate = fateOf(ended);
      assert.ok(rightFates(recipe).includes(fate), `${fate}, and right is ${rightFates(recipe).join(' or ')}: ${ended ?? name}`);
      const elapsedMs = performance.now() - begunMs;
      assert.ok(elapsedMs < (recipe.maxMs ?? 30_000), `it took ${String(elapsedMs)} ms`);
      if (ended === null) return;
      const stem = ended.slice(0, ended.lastIndexOf('.'));
      if (fate === 'reject') {
        const page = rig.read(path.join(rig.out(), `${stem}_error.md`));
        if (recipe.mentions !== undefined) assert.ok(page.includes(`**${recipe.mentions}**`), page);
        assert.equal(CONTROLS.test(page), false, page);
      }
      if (bytes.length > 0 && recipe.kind !== 'symlink' && recipe.kind !== 'fifo')
        assert.ok(readFileSync(path.join(rig.in(), ended)).equals(bytes));
      if (fate === 'accept') {
        const answer = readFileSync(path.join(rig.out(), `${stem}_result.md`));
        const body = bytes
          .subarray(bytes.indexOf('\n---', 4) + 1)
          .subarray(bytes.subarray(bytes.indexOf('\n---', 4) + 1).indexOf('\n') + 1);
        assert.ok(answer.includes(body), 'the tool was given another body');
      }
      if (recipe.script === 'same-name-twice') {
        const text = bytesWithRevision(recipe, 5000);
        place(recipe, text, rig.in(), rig.base);
        await rig.ended(`${stem}~2`);
        assert.ok(readFileSync(path.join(rig.in(), `${stem}~2.processed`)).equals(text));
        assert.ok(readFileSync(path.join(rig.in(), ended)).equals(bytes));
      }
    });
  }

  test(`${what}: the daemon is small, nothing was let out, nothing writes to the terminal, history is clean`, async () => {
    const peakKb = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(daemon.child.pid)}/status`, 'utf8'))?.[1]);
    console.log(`the daemon's memory was at most ${String(Math.round(peakKb / 1000))} MB`);
    assert.ok(peakKb < MEMORY_KB_MAX, `${String(peakKb)} kB`);
    const lists = await Promise.all([rig.docket('ls', '--all'), rig.docket('status'), rig.docket('log')]);
    assert.equal(await daemon.stop(), 0);
    assert.equal(namesBelow(rig.base).includes('canary'), false);
    assert.equal(existsSync('canary'), false);
    for (const text of [daemon.output(), rig.log(), ...lists.map(({ out, err }) => out + err)]) {
      const found = CONTROLS.exec(text);
      assert.equal(found, null, found === null ? '' : JSON.stringify(text.slice(Math.max(0, found.index - 200), found.index + 50)));
    }
    assertVerified(rig);
  });
}

const names = (rig: Rig): string[] => readdirSync(rig.in());

const fateOf = (ended: string | null): Fate => (ended === null ? 'ignore' : ended.endsWith('.processed') ? 'accept' : 'reject');

/**
 * The name it ended under; null when it was left alone.
 * @param mayStay it may be left alone: asked after a later prompt was answered, so the folder was looked at with it
 */
async function endOf(rig: Rig, name: string, mayStay: boolean, isNew: (name: string) => boolean): Promise<string | null> {
  if (mayStay && names(rig).includes(name)) return null;
  const isEnd = (other: string): boolean => isNew(other) && /\.(?:processed|rejected|held|failed|cancelled)$/.test(other);
  return rig.until(rig.in(), () => names(rig).find(isEnd), `the end of ${name}`);
}

/** As a git that works would make it. */
function lockHistory(rig: Rig): string {
  const lock = path.join(rig.history, '.git', 'index.lock');
  writeFileSync(lock, '');
  return lock;
}
