/** Programs of a person's own: which may run, and what becomes of one that hangs, shouts, or leaves children. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { eventPrograms, runEventProgram } from '#platform/event-program.ts';

function place(t: TestContext): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-programs-')));
  t.after(() => {
    rmSync(root, { recursive: true, force: true });
  });
  mkdirSync(path.join(root, 'hooks/events'), { recursive: true });
  for (const folder of ['hooks', 'hooks/events']) chmodSync(path.join(root, folder), 0o755);
  return root;
}

function program(file: string, text: string, mode = 0o755): string {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, mode);
  return file;
}

const never = new AbortController().signal;
const run = { input: '{"v":1}\n', env: {}, cwd: '/', timeoutMs: 20_000, outputBytesMax: 1_000, signal: never };
const env = { PATH: '/usr/bin:/bin', HOME: '/', MY_TOKEN: 'not handed on' };

test('one file or a folder of files, in the order of their names; what others could have written is not run', (t) => {
  const root = place(t);
  const events = path.join(root, 'hooks/events');
  assert.deepEqual(eventPrograms(root, 'after_intake'), { programs: [], faults: [] });
  program(path.join(events, 'after_intake'), 'exit 0');
  assert.deepEqual(
    eventPrograms(root, 'after_intake').programs.map(({ name }) => name),
    ['after_intake'],
  );
  const folder = path.join(events, 'on_failure');
  for (const name of ['20-b', '10-a', '.hidden', 'notes.md', 'old~']) program(path.join(folder, name), 'exit 0');
  chmodSync(folder, 0o755);
  program(path.join(folder, '30-plain'), 'exit 0', 0o644);
  program(path.join(folder, '40-open'), 'exit 0', 0o757);
  symlinkSync('/bin/true', path.join(folder, '50-link'));
  const found = eventPrograms(root, 'on_failure');
  assert.deepEqual(
    found.programs.map(({ name }) => name),
    ['on_failure/10-a', 'on_failure/20-b'],
  );
  assert.deepEqual(
    found.faults.map((fault) => fault.replace(`${folder}/`, '')),
    ['30-plain is not executable (chmod u+x)', '40-open can be written by others (chmod go-w)', '50-link is no plain file'],
  );
  chmodSync(path.join(root, 'hooks'), 0o777);
  assert.deepEqual(eventPrograms(root, 'on_failure').programs, [], 'who can write the folder can put another file there');
});

test('a program reads what it is told, has no more of the environment than is listed, and its output is bounded', async (t) => {
  const root = place(t);
  const file = program(path.join(root, 'p'), 'cat; echo "token=${MY_TOKEN-none} mine=$MINE"; exit 3');
  assert.deepEqual(await runEventProgram(file, env, { ...run, env: { MINE: 'yes' } }), {
    code: 3,
    how: 'exited',
    output: '{"v":1}\ntoken=none mine=yes\n',
  });
  const loud = program(path.join(root, 'loud'), 'yes | head -c 1000000; exit 0');
  const { code, output } = await runEventProgram(loud, env, run);
  assert.deepEqual([code, output.length], [0, 1_000]);
  assert.equal((await runEventProgram(path.join(root, 'nowhere'), env, run)).how, 'not started');
});

test('one that hangs is ended with all of its group, also when it does not want to', async (t) => {
  const root = place(t);
  const file = program(
    path.join(root, 'p'),
    `trap '' TERM\n(trap '' TERM; echo $$ >&2; while :; do sleep 1000; done) &\necho $! > ${root}/child\nwhile :; do sleep 1000; done`,
  );
  assert.equal((await runEventProgram(file, env, { ...run, timeoutMs: 2_000 })).how, 'too slow');
  const child = Number(readFileSync(path.join(root, 'child'), 'utf8'));
  const isGone = (): boolean => !existsSync(`/proc/${String(child)}`) || / [ZX] /.test(readFileSync(`/proc/${String(child)}/stat`, 'utf8'));
  if (process.platform === 'linux') {
    // A killed process is there until it has its turn: on a busy machine that is not at once.
    for (let tries = 0; tries < 200 && !isGone(); tries++) await setTimeout(25);
    assert.ok(isGone(), 'its child too');
  }
  const stop = new AbortController();
  const stopped = runEventProgram(file, env, { ...run, signal: stop.signal });
  stop.abort();
  assert.equal((await stopped).how, 'stopped');
});
