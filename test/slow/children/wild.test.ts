/** Programs that do not behave: what they leave running is ended, what they write is bounded, and nobody else's prompt or answer suffers. */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { assertClean, makeRig, promptText, type Daemon, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';
import { onlyLinux, processesWith } from './processes.ts';

const OUTPUT_BYTES_MAX = 100_000;
/** In the arguments or the environment of every process these tools start. */
const TOKEN = `wild-${randomUUID()}`;
const DEAF_LOOP = `trap "" TERM HUP INT; while :; do sleep 1; done`;

const TOOLS: Readonly<Record<string, string>> = {
  // Ignores SIGTERM, and so does a child of it in a session and an environment of its own.
  deaf: `env -i PATH="$PATH" setsid sh -c '${DEAF_LOOP}' ${TOKEN} & echo "# Never ready"; ${DEAF_LOOP}`,
  // Ends by itself, with an answer; behind it stay grandchildren, an orphan in its session, and daemons that forked twice.
  breeder: [
    `sh -c 'sh -c "${DEAF_LOOP.replaceAll('"', '\\"')}" & sh -c "sleep 600" & wait' &`,
    `(sh -c 'sleep 600 & sleep 600 &' &)`,
    `(setsid sh -c 'sh -c "${DEAF_LOOP.replaceAll('"', '\\"')}" & exit 0' >/dev/null 2>&1 &)`,
    `(env -i PATH="$PATH" sh -c 'sleep 600' ${TOKEN} &)`,
    `sleep 0.3; echo "# Bred"`,
  ].join('\n'),
  flood: 'exec yes flooding',
  // Closes all it was given, works on, and ends well: it said nothing.
  closer: 'exec <&- >&- 2>&-; sleep 0.2; exit 0',
  'closer-deaf': `exec <&- >&- 2>&-; ${DEAF_LOOP}`,
};

suite('programs that do not behave', onlyLinux, () => {
  const cleanup: (() => Promise<void>)[] = [];
  let rig: Rig;
  let daemon: Daemon;
  before(async () => {
    rig = makeRig({ after: (act) => void cleanup.push(act) });
    const queues = JSON.stringify(rig.queues).slice(1, -1);
    const scribble = [
      `cd "${queues}/01-architect"; echo "# Mine" > out/scribbler_result.md; echo junk > work/junk; mkdir -p work/not-a-job/a1 in/folder`,
      `echo torn > in/half.md; cp "${rig.base}/dropped.txt" in/.next.tmp; mv in/.next.tmp in/next.md; rm -f in/scribbler.*`,
      `echo "# Scribbled"`,
    ].join('\n');
    const runners = Object.entries({ ...TOOLS, scribbler: scribble }).map(([name, script]) =>
      shellRunner(name, script, `, env: { WILD: ${TOKEN} }`),
    );
    rig.settings(
      settingsWith(
        [...runners, shellRunner('good', 'echo "# Good"')],
        `limits: { output_bytes: ${String(OUTPUT_BYTES_MAX)}, answer_bytes: ${String(OUTPUT_BYTES_MAX)}, }\n`,
      ),
    );
    rig.tool('dropped.txt', promptText({ feature: 'NEXT-1', extra: 'runner: good\n' }));
    daemon = await rig.start();
  });
  after(async () => {
    for (const act of cleanup) await act();
  });
  const drop = (name: string): void => {
    rig.drop(
      `${name}.md`,
      promptText({ feature: `${name.toUpperCase().replace('-', '')}-1`, extra: `runner: ${name}\nlimits: { timeout: 3s, attempts: 1 }\n` }),
    );
  };
  const page = (name: string): string => rig.read(path.join(rig.out(), `${name}_error.md`));

  test('one that ignores SIGTERM is killed after a grace, with a child in a session and an environment of its own', async () => {
    drop('deaf');
    await rig.ended('deaf', 'failed');
    assert.match(page('deaf'), /ran longer than/);
    assert.deepEqual(processesWith(TOKEN), []);
  });

  test('what one leaves behind is ended before its answer counts: grandchildren, orphans, daemons that forked twice', async () => {
    drop('breeder');
    await rig.ended('breeder');
    assert.equal(rig.read(path.join(rig.out(), 'breeder_result.md')), '# Bred\n');
    assert.deepEqual(processesWith(TOKEN), []);
  });

  test('one that floods its output is ended at the limit, and no more than the limit is kept', async () => {
    drop('flood');
    await rig.ended('flood', 'failed');
    assert.match(page('flood'), new RegExp(String(OUTPUT_BYTES_MAX)));
    const kept = rig
      .git('ls-tree', '-r', '-l', 'HEAD', 'FLOOD-1')
      .split('\n')
      .filter((line) => line.includes('stdout'));
    assert.equal(kept.length, 1);
    const sizeBytes = Number(/ (\d+)\t/.exec(kept[0] ?? '')?.[1]);
    assert.ok(sizeBytes > 0 && sizeBytes <= OUTPUT_BYTES_MAX, kept[0]);
    assert.deepEqual(processesWith(TOKEN), []);
  });

  test('one that closes its pipes is waited for: when it ends it gave no answer, when it does not it is ended', async () => {
    drop('closer');
    drop('closer-deaf');
    await rig.ended('closer', 'failed');
    assert.match(page('closer'), /gave no answer/);
    await rig.ended('closer-deaf', 'failed');
    assert.match(page('closer-deaf'), /ran longer than/);
    assert.deepEqual(processesWith(TOKEN), []);
  });

  test('one that writes into queues/ loses nobody a prompt, and no file of its own; what it dropped is a prompt like any other', async () => {
    drop('scribbler');
    await rig.ended('next');
    await rig.ended('scribbler~2');
    assert.equal(rig.read(path.join(rig.out(), 'scribbler_result.md')), '# Mine\n');
    const answers = readdirSync(rig.out()).filter((name) => /^scribbler.*_result\.md$/.test(name) && name !== 'scribbler_result.md');
    assert.equal(answers.length, 1, answers.join(' '));
    assert.equal(rig.read(path.join(rig.out(), answers[0] ?? '')), '# Scribbled\n');
    await rig.ended('half', 'rejected');
    assert.ok(existsSync(path.join(rig.in(), 'folder')));
    assert.equal(rig.git('show', 'HEAD:SCRIBBLER-1/01-architect/result_v1.md'), '# Scribbled\n');
  });

  test('after all of it nothing runs, the history is clean, and verify names the one file that was written by a stranger', async () => {
    assert.equal(await daemon.stop(), 0);
    assert.deepEqual(processesWith(TOKEN), []);
    assertClean(rig);
    const { findings } = JSON.parse(rig.run(['verify', '--json']).out) as {
      readonly findings: readonly { readonly what: string; readonly path: string }[];
    };
    assert.deepEqual(
      findings.map(({ what, path: file }) => ({ what, file })),
      [{ what: 'hash-differs', file: path.join(rig.out(), 'scribbler_result.md') }],
    );
  });
});
