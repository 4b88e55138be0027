/**
 * A role's folder on a file system of its own (tmpfs) that gets full, read-only, or has another one mounted inside: the role waits, is told why,
 * and goes on by itself; the others never wait. Needs the right to mount.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';

const SETTINGS = 'runner: offline\nretry: { base: 10ms, cap: 500ms }\nintake: { scan_interval: 200ms }\n';
const UI = '03-ui';

const mount = (...args: string[]): boolean => spawnSync('mount', args, { stdio: 'ignore' }).status === 0;
const unmount = (folder: string): void => void spawnSync('umount', [folder], { stdio: 'ignore' });

function mayMount(): boolean {
  const probe = makeRig({ after: () => undefined });
  const folder = path.join(probe.base, 'probe');
  mkdirSync(folder);
  const may = mount('-t', 'tmpfs', 'none', folder);
  if (may) unmount(folder);
  rmSync(probe.base, { recursive: true });
  return may;
}

/** The role ui has a file system of its own, with few inodes. */
function rigWithMount(t: TestContext): { readonly rig: Rig; readonly place: string } {
  const mounted: string[] = [];
  const rig = makeRig(
    {
      after: (act) => {
        t.after(async () => {
          for (const folder of mounted.toReversed()) unmount(folder);
          await act();
        });
      },
    },
    SETTINGS,
  );
  const place = path.join(rig.queues, UI);
  mkdirSync(place, { recursive: true });
  assert.ok(mount('-t', 'tmpfs', '-o', 'nr_inodes=200,mode=0700', 'none', place));
  mounted.push(place);
  return { rig, place };
}

/** Uses up all inodes; tells how to give them back. */
function fill(place: string): () => void {
  const folder = path.join(place, 'filler');
  mkdirSync(folder);
  assert.throws(() => {
    for (let n = 0; n < 1_000; n++) writeFileSync(path.join(folder, String(n)), '');
  }, /ENOSPC/);
  return () => {
    rmSync(folder, { recursive: true });
  };
}

const othersGoOn = async (rig: Rig, stem: string): Promise<void> => {
  rig.drop(`${stem}.md`, promptText({ feature: `FEAT-${String(stem.length)}0` }));
  await rig.ended(stem);
};

if (!mayMount()) console.log('NOT RUN: a role on a file system of its own: mounting is not allowed here');
else
  describe('a role on a file system of its own', () => {
    test('full: it waits, the others go on, and with room again it is answered once', async (t) => {
      const { rig, place } = rigWithMount(t);
      const daemon = await rig.start();
      writeFileSync(path.join(place, 'foo'), promptText({ agent: 'ui' }));
      const makeRoom = fill(place);
      renameSync(path.join(place, 'foo'), path.join(rig.in(UI), 'foo.md'));
      await rig.logged(/ENOSPC/);
      await othersGoOn(rig, 'other');
      assert.ok(existsSync(path.join(rig.in(UI), 'foo.md')));
      makeRoom();
      await rig.ended('foo', 'processed', UI);
      assert.equal(rig.evidence('foo', UI).predicate.attempts.length, 1);
      assert.equal(await daemon.stop(), 0);
      assertVerified(rig);
    });

    test('read-only: the same', async (t) => {
      const { rig, place } = rigWithMount(t);
      rig.settings(SETTINGS.replace('scan_interval: 200ms', 'scan_interval: 200ms, settle: 3s'));
      const daemon = await rig.start();
      writeFileSync(path.join(rig.in(UI), 'foo.md'), promptText({ agent: 'ui' }));
      assert.ok(mount('-o', 'remount,ro', place));
      await rig.logged(/EROFS/);
      await othersGoOn(rig, 'other');
      assert.ok(mount('-o', 'remount,rw', place));
      await rig.ended('foo', 'processed', UI);
      assert.equal(rig.evidence('foo', UI).predicate.attempts.length, 1);
      assert.equal(await daemon.stop(), 0);
      assertVerified(rig);
    });

    test('another file system mounted over in/: told with words, and what was dropped before comes back with it', async (t) => {
      const { rig } = rigWithMount(t);
      rig.settings(SETTINGS.replace('scan_interval: 200ms', 'scan_interval: 200ms, settle: 3s'));
      const daemon = await rig.start();
      writeFileSync(path.join(rig.in(UI), 'below.md'), promptText({ agent: 'ui' }));
      assert.ok(mount('-t', 'tmpfs', 'none', rig.in(UI)));
      await rig.logged(/role ui waits: .*put them on one/);
      await othersGoOn(rig, 'other');
      unmount(rig.in(UI));
      await rig.ended('below', 'processed', UI);
      assert.equal(await daemon.stop(), 0);
      assertVerified(rig);
    });
  });
