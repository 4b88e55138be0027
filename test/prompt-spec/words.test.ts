import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseDependency } from '#prompt-spec/dependency.ts';
import { shown } from '#prompt-spec/faults.ts';
import { parseDuration, parseInstant } from '#prompt-spec/instant.ts';
import { editDistance, nearest } from '#prompt-spec/nearest.ts';

function msOf(text: string): number | null {
  const parsed = parseDuration(text);
  return parsed.ok ? parsed.value : null;
}

function read(text: string): unknown {
  const parsed = parseDependency(text);
  return parsed.ok ? Object.values(parsed.value) : null;
}

test('the distance of two words counts changes, and a swap of neighbours once', () => {
  assert.deepEqual(
    [editDistance('agent', 'agent'), editDistance('agnet', 'agent'), editDistance('revison', 'revision'), editDistance('', 'ab')],
    [0, 1, 1, 2],
  );
});

test('the nearest word is found through case and hyphens, and none is better than a wrong one', () => {
  const known = ['created_at', 'priority', 'name'];
  assert.deepEqual(
    ['Created-At', 'prio', 'prioritty', 'nmae', 'zebra'].map((word) => nearest(word, known)),
    ['created_at', null, 'priority', 'name', null],
  );
});

test('a moment is what Date says it is', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true }), (date) => {
      const parsed = parseInstant(date.toISOString());
      assert.ok(parsed.ok);
      assert.equal(parsed.value.ms, date.getTime());
    }),
    { numRuns: 200 },
  );
  const zoned = parseInstant('2025-12-09T22:37:00.123456789+01:00');
  assert.equal(zoned.ok ? zoned.value.ms : 0, Date.parse('2025-12-09T21:37:00.123Z'));
  assert.equal(parseInstant('2024-02-29T00:00:00Z').ok, true);
  assert.equal(parseInstant('2100-02-29T00:00:00Z').ok, false);
});

test('a length of time is digits and a unit, up to a day', () => {
  assert.deepEqual(['90s', '15m', '2h', '24h', '25h', '0s', '15', '1.5h', '-1s', '15 m', '1h30m'].map(msOf), [
    90_000,
    900_000,
    7_200_000,
    86_400_000,
    ...Array.from({ length: 7 }, () => null),
  ]);
});

test('dependencies have three forms, each with a revision or without', () => {
  assert.deepEqual(read('meta'), [null, 'meta', null, null]);
  assert.deepEqual(read('meta@3'), [null, 'meta', null, 3]);
  assert.deepEqual(read('FEAT-1-slug/ui@2'), ['FEAT-1', 'ui', null, 2]);
  assert.deepEqual(read('FEAT-1/ui/panel'), ['FEAT-1', 'ui', 'panel', null]);
  for (const text of ['', '/', 'a/', '/ui', 'a/b/c/d', 'ui@', 'ui@0', 'ui@x', 'ui@1@2', '../ui', 'Meta', 'ui@99999999999']) {
    assert.equal(read(text), null, text);
  }
});

test('what is shown is one short line without tokens and passwords', () => {
  assert.equal(shown('a\nb\u001b[31m'), String.raw`a\nb\u{1b}[31m`);
  assert.equal(shown('https://me:hunter2@example.test/x'), 'https://…@example.test/x');
  assert.equal(shown(`x ${'a1'.repeat(20)}`), 'x a1a1…');
  assert.ok(shown('word '.repeat(100_000)).length < 100);
});
