import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Shared } from '#core/shared.ts';
import type { Lane } from '#daemon/lanes/lane.ts';
import { makeOutside, type OutsideAsk } from '#daemon/lanes/outside.ts';
import type { Sharing } from '#daemon/sharing.ts';

/** A file that can be used or not, and what was given back to it. */
function sharingOf(): { readonly sharing: Sharing; readonly given: string[]; fail(): void; mend(): void } {
  const given: string[] = [];
  const mended: ((shared: Shared) => void)[] = [];
  const shared = {
    take: () => ({ is: 'taken' }),
    keep: () => undefined,
    give: (run: string) => void given.push(run),
  } as unknown as Shared;
  let works = true;
  return {
    given,
    sharing: {
      use: (act) => (works ? { value: act(shared) } : null),
      trouble: () => null,
      onMended: (act) => void mended.push(act),
      close: () => undefined,
    },
    fail: () => void (works = false),
    mend() {
      works = true;
      for (const act of mended) act(shared);
    },
  };
}

test('a run that ends while the shared file cannot be used gives its slot and its work tree back when it can', () => {
  const accounts = sharingOf();
  const writers = sharingOf();
  const outside = makeOutside({
    clock: { monotonicMs: () => 0 },
    pollMs: 500,
    accounts: accounts.sharing,
    keyOf: (lane) => `key of ${lane}`,
    writers: writers.sharing,
    code: '/code',
    onHeld: () => undefined,
  });
  const settings = { intervalCap: Number.POSITIVE_INFINITY, intervalMs: 0, staggerMs: 0 };
  const lane = { name: 'north', settings, state: () => 'open', cap: () => 2, hold: () => null } as unknown as Lane;
  const ask: OutsideAsk = { run: 'work/x/a1', label: 'ui/x', writes: true, tell: () => undefined };
  outside.begins();
  assert.equal(outside.take(lane, ask), null);
  accounts.fail();
  writers.fail();
  outside.give(ask);
  assert.deepEqual([accounts.given, writers.given], [[], []]);
  accounts.mend();
  writers.mend();
  assert.deepEqual([accounts.given, writers.given], [[ask.run], [ask.run]]);
  accounts.mend();
  assert.deepEqual(accounts.given, [ask.run], 'once');
});
