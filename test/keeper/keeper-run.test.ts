import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Fs, StartRun } from '#core/ports.ts';
import { cutFile } from '#platform/cut-file.ts';
import { systemError } from '#platform/files.ts';
import { hashFile } from '#platform/hash-file.ts';
import { NAMES, readExit, readRun } from '#tools/exit.ts';
import { startRun, type RunPorts } from '#tools/keeper-run.ts';
import { clock, digest, fs, LIMITS, processes } from './rig.ts';

async function requestIn(t: TestContext): Promise<StartRun> {
  const folder = await mkdtemp(path.join(tmpdir(), 'docket-run-'));
  t.after(async () => rm(folder, { recursive: true }));
  const dir = path.join(folder, 'a1');
  await mkdir(dir);
  const stdin = path.join(folder, 'stdin');
  await writeFile(stdin, '');
  const plan = { kind: 'program', program: '/bin/sh', args: ['-c', 'echo done'], env: {}, cwd: folder, stdin, shown: 'sh' } as const;
  return { plan, dir, runId: digest.uuid(), token: digest.uuid(), limits: LIMITS };
}

/** The real file system, whose n-th sync of a folder fails. */
function failingAt(nth: number): Fs {
  let syncs = 0;
  return {
    ...fs,
    async syncFolder(folder, why) {
      if (++syncs === nth) throw systemError('EIO', `i/o error, fsync '${folder}'`);
      return fs.syncFolder(folder, why);
    },
  };
}

const portsWith = (failing: Fs, more: Partial<RunPorts> = {}): RunPorts => ({
  fs: failing,
  processes,
  clock,
  hashFile,
  cutFile,
  note: () => undefined,
  ...more,
});

test('an exit.json whose sync fails is taken back while it waits to try again: whoever looks finds none, and then a whole one', async (t) => {
  const request = await requestIn(t);
  const foundWhileWaiting: unknown[] = [];
  const waiting = {
    ...clock,
    async sleep(ms: number, signal?: AbortSignal): Promise<void> {
      if (ms < 1_000) return clock.sleep(ms, signal);
      foundWhileWaiting.push(await fs.facts(path.join(request.dir, NAMES.exit)));
    },
  };
  const notes: string[] = [];
  const started = await startRun(portsWith(failingAt(2), { clock: waiting, note: (words) => void notes.push(words) }), request);
  assert.ok(started.ok);
  const exit = await started.value.ended;
  assert.equal(exit?.code, 0);
  assert.equal(exit.stdout.sizeBytes, 5);
  assert.deepEqual(foundWhileWaiting, [null]);
  assert.match(notes.join(), /exit\.json could not be written \(try 1\): EIO/);
  assert.deepEqual(await readExit(request.dir, fs, digest), exit);
});

test('a run whose run.json cannot be synced never starts', async (t) => {
  const request = await requestIn(t);
  const started = await startRun(portsWith(failingAt(1)), request);
  assert.equal(started.ok, false);
  assert.equal((await fs.facts(path.join(request.dir, NAMES.stdout)))?.sizeBytes, 0);
  const run = await readRun(request.dir, fs);
  assert.notEqual(run, null, 'the keeper takes it back (takeBack)');
});
