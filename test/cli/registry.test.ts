/** The registry on disk: a daemon enters and leaves, and nothing that lies there keeps it from running but as many daemons as may be. */

import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { enterRegistry, readRegistry, registryFolder, thisMachine, type Entering, type Leave } from '#cli/registry.ts';
import { entryName, entryText, type DaemonEntry } from '#core/daemons.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { startTimeOf } from '#platform/process-facts.ts';
import { temporaryFolder } from '../support/temp-folder.ts';

type Rig = {
  readonly base: string;
  readonly folder: string;
  readonly warned: readonly string[];
  /** A folder with a docket.yaml. */
  workspace(name: string): Promise<string>;
  enter(root: string, more?: Partial<Entering>): Promise<Leave>;
  put(entry: Partial<DaemonEntry>): Promise<string>;
  entries(): Promise<readonly DaemonEntry[]>;
};

async function makeRig(t: TestContext): Promise<Rig> {
  const base = await temporaryFolder(t);
  const env = { XDG_STATE_HOME: path.join(base, 'state') };
  const folder = registryFolder(env) ?? '';
  const warned: string[] = [];
  return {
    base,
    folder,
    warned,
    async workspace(name) {
      const root = path.join(base, name);
      await mkdir(root);
      await writeFile(path.join(root, 'docket.yaml'), 'runner: offline\n');
      return root;
    },
    enter: async (root, more = {}) =>
      enterRegistry({
        fs: makeFs(),
        env,
        log: { warn: (words) => void warned.push(words) },
        locks: makeKernelLocks(),
        machine: thisMachine(),
        workspace: { root, app: 'app', state: path.join(root, 'queues/.docket') },
        daemonsMax: 16,
        instance: 'one',
        startedAt: '2026-11-21T08:00:00.000Z',
        now: () => new Date('2026-11-21T09:00:00.000Z'),
        ...more,
      }),
    async put(fields) {
      const { host, bootId } = thisMachine();
      const entry: DaemonEntry = {
        v: 1,
        root: '/nowhere',
        app: 'app',
        state: '/nowhere/queues/.docket',
        host,
        boot_id: bootId,
        pid: process.pid,
        pid_start: startTimeOf(process.pid) ?? '',
        instance: 'other',
        version: '0.1.0',
        started_at: '2026-11-21T07:00:00.000Z',
        stopped_at: null,
        ...fields,
      };
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = path.join(
        folder,
        entryName(entry.root, entry.host, (text) => makeDigest().sha256(text)),
      );
      await writeFile(file, entryText(entry), { mode: 0o600 });
      return file;
    },
    entries: async () => (await readRegistry(makeFs(), folder, thisMachine())).entries.map(({ entry }) => entry),
  };
}

test('a daemon enters with what tells it from every other process, and its orderly end is noted', async (t) => {
  const rig = await makeRig(t);
  const root = await rig.workspace('app');
  const leave = await rig.enter(root);
  const [entry] = await rig.entries();
  assert.deepEqual(
    [entry?.root, entry?.pid, entry?.pid_start, entry?.boot_id, entry?.stopped_at],
    [root, process.pid, startTimeOf(process.pid), thisMachine().bootId, null],
  );
  const [file = ''] = (await readdir(rig.folder)).filter((name) => name.endsWith('.json'));
  assert.equal((await stat(rig.folder)).mode & 0o777, 0o700);
  assert.equal((await stat(path.join(rig.folder, file))).mode & 0o777, 0o600);
  await leave();
  assert.equal((await rig.entries())[0]?.stopped_at, '2026-11-21T09:00:00.000Z');
  assert.deepEqual(rig.warned, []);
});

test('who comes after has the entry: the end of the one before is not written over it', async (t) => {
  const rig = await makeRig(t);
  const root = await rig.workspace('app');
  const leave = await rig.enter(root);
  await rig.enter(root, { instance: 'two' });
  await leave();
  const [entry] = await rig.entries();
  assert.deepEqual([entry?.instance, entry?.stopped_at], ['two', null]);
});

test('no more daemons start than daemons.max says, and only those that run are counted', async (t) => {
  const rig = await makeRig(t);
  const root = await rig.workspace('app');
  for (const [name, fields] of [
    ['dead', { pid: 2 ** 22 + 1 }],
    ['rebooted', { boot_id: 'another/1' }],
    ['reused', { pid_start: 'long ago' }],
    ['stopped', { stopped_at: '2026-11-21T07:30:00.000Z' }],
    ['elsewhere', { host: 'another', boot_id: 'another/2' }],
  ] as const)
    await rig.put({ root: await rig.workspace(name), ...fields });
  await rig.put({ root: await rig.workspace('alive') });
  await rig.enter(root, { daemonsMax: 2 });
  const other = await rig.workspace('other');
  await assert.rejects(rig.enter(other, { daemonsMax: 2 }), /not started: 2 daemons of yours run on this machine, and daemons\.max is 2/);
  assert.ok(!(await rig.entries()).some((entry) => entry.root === other));
  await rig.enter(root, { daemonsMax: 2 });
});

test('of two that start at once where there is room for one, one starts', async (t) => {
  const rig = await makeRig(t);
  const roots = await Promise.all(['a', 'b', 'c'].map(async (name) => rig.workspace(name)));
  const ends = await Promise.allSettled(roots.map(async (root) => rig.enter(root, { daemonsMax: 1 })));
  assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected']); // prettier-ignore
});

test('a workspace that is gone is forgotten, one of another machine and one that runs are not', async (t) => {
  const rig = await makeRig(t);
  const gone = path.join(rig.base, 'gone');
  const stopped = await rig.put({ root: gone, stopped_at: '2026-11-21T07:30:00.000Z' });
  const there = await rig.put({ root: `${gone}-2`, host: 'another', boot_id: 'another/2' });
  const alive = await rig.put({ root: `${gone}-3` });
  const kept = await rig.put({ root: await rig.workspace('kept'), stopped_at: '2026-11-21T07:30:00.000Z' });
  await rig.enter(await rig.workspace('app'));
  const left = new Set(await readdir(rig.folder));
  assert.deepEqual([stopped, there, alive, kept].map((file) => left.has(path.basename(file))), [false, true, true, true]); // prettier-ignore
});

test('a damaged file is told and left as it is', async (t) => {
  const rig = await makeRig(t);
  const file = await rig.put({});
  await writeFile(file, '{ "v": 1');
  await rig.enter(await rig.workspace('app'));
  const { entries, faults } = await readRegistry(makeFs(), rig.folder, thisMachine());
  assert.deepEqual([entries.length, faults], [1, [{ file, words: 'this is no JSON' }]]);
  assert.equal(await readFile(file, 'utf8'), '{ "v": 1');
});

test('a folder that cannot be used is told, and the daemon runs all the same', async (t) => {
  const rig = await makeRig(t);
  const root = await rig.workspace('app');
  await (
    await rig.enter(root, { env: { HOME: 'relative', XDG_STATE_HOME: 'relative' } })
  )();
  assert.match(rig.warned[0] ?? '', /will not know this daemon: neither XDG_STATE_HOME nor HOME/);
  await writeFile(path.join(rig.base, 'state'), 'a file stands there');
  await (
    await rig.enter(root)
  )();
  assert.match(rig.warned[1] ?? '', /will not know this daemon: .*(?:ENOTDIR|EEXIST)/);
  await rm(path.join(rig.base, 'state'));
  await mkdir(rig.folder, { recursive: true });
  await chmod(rig.folder, 0o777);
  await (
    await rig.enter(root)
  )();
  assert.match(rig.warned[2] ?? '', /others may write to .*chmod 700/);
  assert.equal(rig.warned.length, 3);
  assert.deepEqual(await readdir(rig.folder).then((names) => names.filter((name) => name.endsWith('.json'))), []);
});
