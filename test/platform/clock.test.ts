import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSha256 } from '#core/names.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { hostName, packageVersion, plainEnvironment, userName } from '#platform/system.ts';

test('a sleep takes at least its time', async () => {
  const clock = makeClock();
  const from = clock.monotonicMs();
  await clock.sleep(3);
  assert.ok(clock.monotonicMs() - from >= 3);
});

test('an abort ends a sleep at once, before and during it, without an error', async () => {
  const clock = makeClock();
  const stop = new AbortController();
  const sleep = clock.sleep(3_600_000, stop.signal);
  stop.abort();
  await sleep;
  await clock.sleep(3_600_000, stop.signal);
});

test('a sleep of months does not overflow into none', async () => {
  const clock = makeClock();
  const stop = new AbortController();
  let isOver = false;
  const sleep = clock.sleep(2 ** 33, stop.signal).then(() => (isOver = true));
  await clock.sleep(2);
  assert.equal(isOver, false);
  stop.abort();
  await sleep;
});

test('the SHA-256 is the known one, of text and of bytes', () => {
  const digest = makeDigest();
  const known = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  assert.equal(digest.sha256('abc'), known);
  assert.equal(digest.sha256(Uint8Array.of(97, 98, 99)), known);
  assert.ok(isSha256(known));
});

test('random bytes and ids differ', () => {
  const digest = makeDigest();
  assert.equal(digest.randomBytes(10).length, 10);
  assert.notDeepEqual(digest.randomBytes(16), digest.randomBytes(16));
  assert.match(digest.uuid(), /^[0-9a-f-]{36}$/);
  assert.notEqual(digest.uuid(), digest.uuid());
});

test('the system names its host, its user and our version', () => {
  assert.ok(hostName().length > 0);
  assert.ok(userName().length > 0);
  assert.match(packageVersion(import.meta.resolve('#platform/system.ts')), /^\d+\.\d+\.\d+/);
});

test('the small environment holds no tokens', () => {
  process.env['DOCKET_TEST_TOKEN'] = 'x';
  assert.ok(Object.keys(plainEnvironment()).every((name) => ['PATH', 'HOME', 'LANG'].includes(name)));
  delete process.env['DOCKET_TEST_TOKEN'];
});
