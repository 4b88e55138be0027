/** The rules of the registry of daemons: what an entry says, and what it does not decide. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  entryName,
  entryText,
  isEntryName,
  othersAlive,
  parseEntry,
  whereaboutsOf,
  type DaemonEntry,
  type Machine,
} from '#core/daemons.ts';
import { makeDigest } from '#platform/digest.ts';

const ENTRY: DaemonEntry = {
  v: 1,
  root: '/src/app',
  app: 'app',
  state: '/src/app/queues/.docket',
  host: 'here',
  boot_id: 'boot-1/4026',
  pid: 4711,
  pid_start: '99',
  instance: 'a',
  version: '0.1.0',
  started_at: '2026-11-21T08:00:00.000Z',
  stopped_at: null,
};
const machine = (alive: boolean, more: Partial<Machine> = {}): Machine => ({
  host: 'here',
  bootId: 'boot-1/4026',
  isAlive: (pid, start) => alive && pid === 4711 && start === '99',
  ...more,
});

test('an entry comes back as it was written, with what a newer docket added passed over', () => {
  const read = parseEntry(entryText({ ...ENTRY, more: 1 } as DaemonEntry));
  assert.deepEqual(read, { ok: true, value: ENTRY });
});

test('a damaged entry is told by its field', () => {
  const wrong: readonly (readonly [Partial<Record<keyof DaemonEntry, unknown>>, RegExp])[] = [
    [{ v: 2 }, /version 1/],
    [{ root: 'src/app' }, /^root /],
    [{ root: '/a\0b' }, /^root /],
    [{ root: `/${'x'.repeat(5_000)}` }, /^root /],
    [{ app: '' }, /^app /],
    [{ state: null }, /^state /],
    [{ host: 1 }, /^host /],
    [{ boot_id: null }, /^boot_id /],
    [{ pid: 1 }, /^pid /],
    [{ pid: -4711 }, /^pid /],
    [{ pid: 1.5 }, /^pid /],
    [{ pid_start: 99 }, /^pid_start /],
    [{ instance: '' }, /^instance /],
    [{ version: undefined }, /^version /],
    [{ started_at: 'today' }, /^started_at /],
    [{ stopped_at: false }, /^stopped_at /],
  ];
  for (const [fields, words] of wrong) {
    const read = parseEntry(JSON.stringify({ ...ENTRY, ...fields }));
    assert.ok(!read.ok && words.test(read.error), `${JSON.stringify(fields).slice(0, 60)}: ${JSON.stringify(read).slice(0, 80)}`);
  }
  for (const text of ['', '{', '[]x', 'null', '"text"']) assert.equal(parseEntry(text).ok, false, text);
});

test('a process is the daemon only with its start time, in its boot, on its machine', () => {
  assert.equal(whereaboutsOf(ENTRY, machine(true)), 'alive');
  assert.equal(whereaboutsOf(ENTRY, machine(false)), 'ended');
  assert.equal(whereaboutsOf({ ...ENTRY, pid_start: '98' }, machine(true)), 'ended', 'the pid was given to another process');
  assert.equal(whereaboutsOf({ ...ENTRY, boot_id: 'boot-0/4026' }, machine(true)), 'ended', 'the machine was booted since');
  assert.equal(whereaboutsOf({ ...ENTRY, stopped_at: ENTRY.started_at }, machine(true)), 'stopped');
  assert.equal(whereaboutsOf({ ...ENTRY, host: 'there', boot_id: 'boot-9/1' }, machine(true)), 'elsewhere');
  assert.equal(whereaboutsOf({ ...ENTRY, host: 'old-name' }, machine(true)), 'alive', 'the machine was renamed while it runs');
  assert.equal(
    whereaboutsOf({ ...ENTRY, host: 'there', boot_id: '' }, machine(true, { bootId: '' })),
    'elsewhere',
    'no boot id says nothing',
  );
});

test('what runs on this machine beside the workspace that asks is counted', () => {
  const entries = [
    ENTRY,
    { ...ENTRY, root: '/src/b' },
    { ...ENTRY, root: '/src/c', pid: 5 },
    { ...ENTRY, root: '/src/d', stopped_at: ENTRY.started_at },
    { ...ENTRY, root: '/src/e', host: 'there', boot_id: 'x' },
  ];
  assert.equal(othersAlive(entries, machine(true), '/src/app'), 1);
  assert.equal(othersAlive(entries, machine(true), '/src/new'), 2);
});

const sha256 = (text: string): string => makeDigest().sha256(text);

test('each workspace has a file for each machine', () => {
  const [name, ...others] = [entryName('/a', 'x', sha256), entryName('/a', 'y', sha256), entryName('/b', 'x', sha256)] as const;
  assert.equal(new Set([name, ...others]).size, 3);
  assert.equal(name, entryName('/a', 'x', sha256));
  for (const one of [name, ...others]) assert.ok(isEntryName(one), one);
  for (const one of ['lock.db', '.docket-1.tmp', `${name}~`, `../${name}`]) assert.ok(!isEntryName(one), one);
});
