/** Tools that try to write, look and stay where they may not, in the sandbox and through the real program; as this user, and for root as a normal one too. */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { keepersOf, processesWith, until } from '#test/slow/children/processes.ts';
import { plainRole } from '#test/support/plain-contract.ts';
import { makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';
import { onlySandboxed } from '#test/support/sandbox.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const DEAF_LOOP = `trap "" TERM HUP INT; while :; do sleep 1; done`;

const SANDBOX = 'tools: { sandbox: required }\n';

/** Tries each place, and says of each what came of it. */
const scribbler = (places: readonly string[]): string =>
  [
    'cat >/dev/null',
    ...places.map((place) => `if (echo x >> "${place}") 2>/dev/null; then echo "wrote ${place}"; else echo "kept from ${place}"; fi`),
    'echo "sees $(ls queues/.docket /run | tr "\\n" " ")"',
    'echo "processes $(ls /proc | grep -c "^[0-9]")"',
    'grep NoNewPrivs /proc/self/status',
  ].join('\n');

/** The packaged role, with the right to write its worktree. */
function writingRole(rig: Rig): void {
  const folder = path.join(rig.root, 'agents', '03-ui');
  mkdirSync(folder, { recursive: true });
  const role = plainRole('03-ui');
  writeFileSync(path.join(folder, 'role.yaml'), role.replace('access: read-only', 'access: worktree'));
}

/** Who ends what does not depend on the user: the second suite leaves it out, it takes a grace per tool. */
function sandboxed(name: string, as: number | null): void {
  suite(`in the sandbox, ${name}`, onlySandboxed(as), () => {
    const rigOf = (t: TestContext): Rig => makeRig(t, undefined, as === null ? {} : { as });

    test('a tool writes its worktree, its temporary folder and what its runner names, and nothing else of this machine', async (t) => {
      const rig = rigOf(t);
      const [named, outside] = [path.join(rig.base, 'named'), path.join(rig.base, 'outside')];
      for (const folder of [named, outside, path.join(rig.root, '.git')]) {
        mkdirSync(folder);
        if (as !== null) chownSync(folder, as, as);
      }
      writingRole(rig);
      const free = ['made.txt', `${named}/x`, '$TMPDIR/x', '/tmp/x'];
      const shut = [
        `${outside}/x`,
        '$HOME/x',
        'docket.yaml',
        'queues/03-ui/in/x.md',
        '.git/x',
        '../x',
        '/etc/x',
        '/var/tmp/x',
        '/dev/shm/../../x',
      ];
      rig.settings(settingsWith([shellRunner('probe', scribbler([...free, ...shut]), `, writes: [${JSON.stringify(named)}]`)], SANDBOX));
      const daemon = await rig.start();
      rig.drop('one.md', promptText({ agent: 'ui', extra: 'runner: probe\n' }), '03-ui');
      rig.drop('two.md', promptText({ extra: 'runner: probe\n' }));
      await rig.ended('one', 'processed', '03-ui');
      await rig.ended('two');
      const writing = rig.read(path.join(rig.out('03-ui'), 'one_result.md'));
      const reading = rig.read(path.join(rig.out(), 'two_result.md'));
      assert.equal(writing.match(/^wrote /gm)?.length, free.length, writing);
      assert.equal(writing.match(/^kept from /gm)?.length, shut.length, writing);
      assert.match(reading, /^kept from made\.txt$/m);
      assert.ok(existsSync(path.join(rig.root, 'made.txt')) && existsSync(path.join(named, 'x')));
      // docket's sockets and those of the system are not there, nor are the processes of others.
      assert.match(writing, /^sees \/run: +queues\/\.docket: *$/m);
      assert.ok(Number(/^processes (\d+)$/m.exec(writing)?.[1]) < 12, writing);
      assert.match(writing, /NoNewPrivs:\t1/);
      const { attempts, runner } = rig.evidence('one', '03-ui').predicate;
      assert.match(attempts[0]?.sandbox ?? '', /^bwrap \d/);
      assert.match(runner.program ?? '', /sh$/, 'the program of the evidence is the tool, not the sandbox');
      assert.equal(await daemon.stop(), 0);
    });

    if (as !== null) return;

    test('a tool that forked twice leaves nothing: after its answer, a limit, a cancel, and a keeper that was killed', async (t) => {
      const rig = rigOf(t);
      const token = `boxed-${randomUUID()}`;
      const fork = `(setsid sh -c 'env -i PATH="$PATH" sh -c "${DEAF_LOOP.replaceAll('"', '\\"')}" ${token} & exit 0' >/dev/null 2>&1 &)`;
      rig.settings(
        settingsWith(
          [
            shellRunner('ends', `cat >/dev/null; ${fork}; sleep 0.3; echo "# Bred"`),
            shellRunner('stays', `cat >/dev/null; ${fork}; sleep 0.3; touch "$TMPDIR/forked"; ${DEAF_LOOP}`),
            // Ends in order when it is asked to: the sandbox must not take it along before.
            shellRunner('orderly', `cat >/dev/null; trap 'echo bye >&2; exit 0' TERM; while :; do sleep 0.1; done`),
          ],
          SANDBOX,
        ),
      );
      let daemon = await rig.start();
      const drop = (stem: string, runner: string, limits: string): void => {
        rig.drop(
          `${stem}.md`,
          promptText({ feature: `${stem.toUpperCase()}-1`, extra: `runner: ${runner}\nlimits: { attempts: 1${limits} }\n` }),
        );
      };
      drop('bred', 'ends', '');
      drop('late', 'stays', ', timeout: 2s');
      drop('asked', 'orderly', ', timeout: 2s');
      await rig.ended('bred');
      await rig.ended('late', 'failed');
      await rig.ended('asked', 'failed');
      assert.match(rig.read(path.join(rig.out(), 'late_error.md')), /ran longer than/);
      assert.deepEqual(processesWith(token), []);
      const said = rig.git(
        'show',
        `HEAD:${
          rig
            .git('ls-tree', '-r', '--name-only', 'HEAD', 'ASKED-1')
            .split('\n')
            .find((file) => file.endsWith('stderr')) ?? 'no stderr'
        }`,
      );
      assert.match(said, /^bye$/m);

      drop('gone', 'stays', '');
      await until(() => processesWith(token).length > 0);
      assert.equal((await rig.docket('cancel', 'architect/gone')).code, 0);
      await rig.ended('gone', 'cancelled');
      assert.deepEqual(processesWith(token), []);

      drop('crash', 'stays', '');
      await until(() => processesWith(token).length > 0);
      await daemon.kill();
      assert.ok(processesWith(token).length > 0, 'a run outlives the daemon');
      for (const pid of keepersOf(rig)) process.kill(pid, 'SIGKILL');
      await until(() => processesWith(token).length === 0);
      daemon = await rig.start();
      assert.equal((await rig.docket('cancel', 'architect/crash')).code, 0);
      await rig.ended('crash', 'cancelled');
      assert.equal(await daemon.stop(), 0);
      assert.deepEqual(processesWith(token), []);
    });
  });
}

sandboxed('as this user', null);
if (isRoot) sandboxed('as a normal user', NOBODY);
