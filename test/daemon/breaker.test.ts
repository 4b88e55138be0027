import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeBreaker, type Breaker } from '#daemon/lanes/breaker.ts';

/** As the journal keeps it. */
const saved = (breaker: Breaker): unknown => JSON.parse(JSON.stringify(breaker.toJSON()));

test('so many errors in a row open it; a new one made of what was saved goes on where it was', async () => {
  const first = makeBreaker(3, null);
  assert.equal(first.toJSON(), null);
  await first.tell(true);
  await first.tell(true);
  const second = makeBreaker(3, saved(first));
  assert.equal(second.isOpen(), false);
  await second.tell(true);
  assert.equal(second.isOpen(), true);
  const third = makeBreaker(3, saved(second));
  assert.equal(third.isOpen(), true);
  await third.tell(true);
  assert.equal(third.isOpen(), true, 'half-open, and the one that went to see met an error');
  const fourth = makeBreaker(3, saved(third));
  await fourth.tell(false);
  assert.deepEqual([fourth.isOpen(), fourth.toJSON()], [false, null]);
});

test('an open circuit may half-open whenever it is asked, whatever the wall clock says', async (t) => {
  const breaker = makeBreaker(1, null);
  await breaker.tell(true);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 86_400_000 });
  await breaker.tell(false);
  assert.equal(breaker.isOpen(), false);
});

test('what was not saved by it means closed', () => {
  for (const value of [
    undefined,
    null,
    'open',
    1,
    [],
    {},
    { ownState: { value: 2 }, breakerState: 0 },
    { ownState: { value: 1 }, breakerState: 'x' },
  ])
    assert.equal(makeBreaker(3, value).isOpen(), false, JSON.stringify(value));
});
