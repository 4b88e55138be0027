import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCalendar } from '#core/day.ts';

test('a day is from midnight to midnight of its zone, also when the clocks change', () => {
  const berlin = makeCalendar('Europe/Berlin');
  const hours = (from: string): number => (berlin.endOfDayMs(Date.parse(from)) - Date.parse(from)) / 3_600_000;
  assert.equal(berlin.dayOf(Date.parse('2026-11-20T23:30:00Z')), '2026-11-21');
  assert.equal(hours('2026-11-19T23:00:00Z'), 24);
  assert.equal(hours('2026-03-28T23:00:00Z'), 23);
  assert.equal(hours('2026-10-24T22:00:00Z'), 25);
  assert.equal(makeCalendar('UTC').dayOf(Date.parse('2026-11-20T23:59:59.999Z')), '2026-11-20');
  assert.equal(makeCalendar('Pacific/Kiritimati').dayOf(Date.parse('2026-11-20T11:00:00Z')), '2026-11-21');
});

test('a zone that nobody knows is refused, and none is the own one', () => {
  assert.throws(() => makeCalendar('Europe/Nowhere'), RangeError);
  assert.equal(makeCalendar('').zone, new Intl.DateTimeFormat().resolvedOptions().timeZone);
});
