/** Lifecycle programs through the real daemon: told at least once whatever the daemon dies at, held by exit code 10, not kept by one that hangs. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { CRASH_POINTS } from '#core/job.ts';
import { makeRig, promptText, type Rig } from '#test/support/rig.ts';

function program(rig: Rig, event: string, text: string): void {
  const folder = path.join(rig.root, 'hooks', 'events');
  mkdirSync(folder, { recursive: true });
  for (const one of [rig.root, path.dirname(folder), folder]) chmodSync(one, 0o755);
  const file = path.join(folder, event);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
}

type Told = { readonly event: string; readonly event_id: string; readonly job: string; readonly outcome: string | null };

const toldIn = (file: string): Told[] =>
  (existsSync(file) ? readFileSync(file, 'utf8') : '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told);

/** The offline runner starts no program. */
const POINTS = CRASH_POINTS.filter((point) => point !== 'spawned' && point !== 'exit');

for (const point of POINTS) {
  test(`killed right after "${point}", every event of the job is told, a repeat with the same id`, async (t) => {
    const rig = makeRig(t);
    rig.settings('runner: offline\nhooks: { events: [after_intake, after_publish] }\n');
    const told = path.join(rig.root, '..', 'told');
    for (const event of ['after_intake', 'after_publish']) program(rig, event, `cat >> ${told}; echo heard`);
    rig.drop('foo.md', promptText());
    assert.equal(await rig.launch({ DOCKET_CRASH_AT: point }).ended, 'SIGKILL');
    const second = await rig.start();
    await rig.ended('foo');
    await rig.logged('after_publish: heard');
    assert.equal(await second.stop(), 0);
    const events = toldIn(told);
    for (const event of ['after_intake', 'after_publish'])
      assert.equal(
        new Set(events.filter((one) => one.event === event).map((one) => one.event_id)).size,
        1,
        `${event} of ${JSON.stringify(events)}`,
      );
  });
}

test('before_run holds one prompt, is broken for another and hangs for a third: those two are answered', async (t) => {
  const rig = makeRig(t);
  rig.settings('runner: offline\nhooks: { events: [before_run, on_failure], event_timeout: 1s }\n');
  const told = path.join(rig.root, '..', 'told');
  program(
    rig,
    'before_run',
    'case $(cat) in *FEAT-2*) echo "not before monday"; exit 10 ;; *FEAT-3*) while :; do sleep 100; done ;; *) exit 1 ;; esac',
  );
  program(rig, 'on_failure', `cat >> ${told}; echo heard`);
  for (const [name, feature] of [
    ['broken', 'FEAT-1'],
    ['held', 'FEAT-2'],
    ['hangs', 'FEAT-3'],
  ] as const)
    rig.drop(`${name}.md`, promptText({ feature }));
  const daemon = await rig.start();
  await rig.ended('broken');
  await rig.ended('hangs');
  await rig.ended('held', 'held');
  await rig.logged('on_failure: heard');
  assert.match(rig.read(path.join(rig.out(), 'held_error.md')), /hooks\/events\/before_run holds this prompt: not before monday/);
  assert.deepEqual(
    toldIn(told).map(({ outcome }) => outcome),
    ['held'],
  );
  // A person changes his mind.
  program(rig, 'before_run', 'exit 0');
  assert.equal((await rig.docket('retry', 'held')).code, 0);
  await rig.ended('held');
  assert.equal(await daemon.stop(), 0);
});

test('a name that is no event stops the start, in words', (t) => {
  const rig = makeRig(t);
  rig.settings('runner: offline\nhooks: { events: [on_review] }\n');
  const { code, err } = rig.run(['up']);
  assert.equal(code, 3);
  assert.match(err, /on_review is reserved/);
});
