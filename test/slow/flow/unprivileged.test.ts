/** As a normal user, for whom permissions count: the main job, and folders that may not be read or written until somebody mends them. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { assertVerified, DOCKET, makeRig, promptText, type Rig } from '#test/support/rig.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const options = isRoot ? { as: NOBODY } : {};
const SETTINGS = 'runner: offline\nretry: { base: 10ms, cap: 500ms }\nintake: { scan_interval: 200ms }\n';

/** A clone in root's own folder cannot be run by anybody else. */
const mayRun = (): boolean =>
  !isRoot ||
  spawnSync(process.execPath, [DOCKET, '--version'], { uid: NOBODY, gid: NOBODY, cwd: '/', env: { PATH: '/usr/bin:/bin' } }).status === 0;

const answered = async (rig: Rig, stem: string): Promise<void> => {
  await rig.ended(stem);
  assert.deepEqual(
    readdirSync(rig.out())
      .filter((name) => name.startsWith(`${stem}_`))
      .toSorted(),
    [`${stem}_evidence.json`, `${stem}_result.md`],
  );
};

if (!mayRun()) console.log(`NOT RUN: flow as a normal user: user ${String(NOBODY)} may not read ${DOCKET}, or the node that runs this`);
else
  describe('as a normal user', () => {
    test('a dropped prompt comes back, and everything belongs to that user alone', async (t) => {
      const rig = makeRig(t, SETTINGS, options);
      const daemon = await rig.start();
      rig.drop('foo.md', promptText());
      await answered(rig, 'foo');
      assert.equal(await daemon.stop(), 0);
      const modes = spawnSync(
        'find',
        [path.join(rig.queues, '.docket'), path.join(rig.queues, '01-architect', 'work'), '-perm', '/077', '-not', '-type', 'l'],
        { encoding: 'utf8' },
      );
      assert.equal(modes.stdout, '', 'what is private has no bits for others');
      assertVerified(rig);
    });

    test('an inbox that may not be read is told in words and stops only its role; mended, it goes on by itself', async (t) => {
      const rig = makeRig(t, SETTINGS, options);
      const daemon = await rig.start();
      chmodSync(rig.in(), 0);
      rig.drop('shut.md', promptText());
      rig.drop('open.md', promptText({ agent: 'ui' }), '03-ui');
      await rig.ended('open', 'processed', '03-ui');
      await rig.logged(/role architect waits: a queue folder cannot be used: .*\[EACCES\]/);
      assert.equal(rig.log().split('role architect waits').length, 2, 'told once, not at every look');
      chmodSync(rig.in(), 0o700);
      await answered(rig, 'shut');
      assert.equal(await daemon.stop(), 0);
      assertVerified(rig);
    });

    for (const [what, folder] of [
      ['out/', (rig: Rig): string => rig.out()],
      ['work/', (rig: Rig): string => path.join(rig.queues, '01-architect', 'work')],
      ['the folder of packs in the history', (rig: Rig): string => path.join(rig.history, '.git', 'objects', 'pack')],
      ['the refs of the history', (rig: Rig): string => path.join(rig.history, '.git', 'refs', 'heads')],
    ] as const) {
      test(`with ${what} shut for writing a prompt waits, and is answered once when it opens`, async (t) => {
        const rig = makeRig(t, SETTINGS, options);
        const daemon = await rig.start();
        chmodSync(folder(rig), 0o500);
        rig.drop('foo.md', promptText());
        await rig.logged(/EACCES/);
        assert.equal(existsSync(path.join(rig.in(), 'foo.processed')), false);
        chmodSync(folder(rig), 0o700);
        await answered(rig, 'foo');
        assert.equal(rig.git('log', '--format=%s', '--grep=Docket-Status: briefed').trim(), 'ai(FEAT-1): architect r1 briefed');
        assert.equal(await daemon.stop(), 0);
        assertVerified(rig, true);
      });
    }

    test('a prompt of another user that may not be read is rejected with words and stays', async (t) => {
      const rig = makeRig(t, SETTINGS, options);
      const daemon = await rig.start();
      writeFileSync(path.join(rig.in(), 'foreign.md'), promptText(), { mode: 0o600 });
      chmodSync(path.join(rig.in(), 'foreign.md'), 0);
      const ended = await rig.until(
        rig.in(),
        () => readdirSync(rig.in()).find((name) => name.endsWith('.rejected')),
        'the end of foreign.md',
      );
      const page = readdirSync(rig.out()).find((name) => name.endsWith('_error.md')) ?? '';
      assert.match(rig.read(path.join(rig.out(), page)), /may not drop prompts here/);
      assert.equal(rig.run(['verify']).code, 0, 'a file that was never recorded need not be read');
      chmodSync(path.join(rig.in(), ended), 0o600);
      assert.equal(rig.read(path.join(rig.in(), ended)), promptText());
      rig.drop('own.md', promptText());
      await answered(rig, 'own');
      assert.equal(await daemon.stop(), 0);
      assertVerified(rig);
    });
  });
