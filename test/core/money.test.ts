import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { estimate, microsOf, priced, priceOf, showUsd, spendOf, sumUsage, tokensOf, usdOf, type Price } from '#core/money.ts';
import { NO_USAGE, type Usage } from '#core/run.ts';

const price = (model: string, inputUsd = 3, outputUsd = 15): Price => ({
  model,
  inputUsd,
  outputUsd,
  cacheReadUsd: inputUsd / 10,
  cacheWriteUsd: inputUsd * 1.25,
  source: 'a list',
  asOf: '2025-11-30',
});
const usage = (more: Partial<Usage>): Usage => ({ ...NO_USAGE, ...more });

const attempt = (outcome: string, costUsd: number | null, starts = 1): ReturnType<typeof spendOf> =>
  spendOf({ outcome, starts, usage: usage({ costUsd }) });

describe('money', () => {
  test('dollars become whole micro-dollars, never less than they were', () => {
    assert.equal(microsOf(0.003621), 3_621);
    assert.equal(microsOf(0.1 + 0.2), 300_000);
    assert.equal(microsOf(0.000_000_4), 1);
    assert.equal(microsOf(0), 0);
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e12]) assert.equal(microsOf(bad), null);
    fc.assert(fc.property(fc.nat(2_000_000_000), (micros) => microsOf(usdOf(micros)) === micros));
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (usd) => {
        const micros = microsOf(usd);
        return micros !== null && Number.isSafeInteger(micros) && micros >= Math.floor(usd * 1e6) && micros <= Math.ceil(usd * 1e6);
      }),
    );
  });

  test('all digits are shown, and two at least', () => {
    assert.deepEqual([0, 1, 3_621, 10_000, 100_000, 1_500_000, 12_000_000].map(showUsd), [
      '$0.00',
      '$0.000001',
      '$0.003621',
      '$0.01',
      '$0.10',
      '$1.50',
      '$12.00',
    ]);
  });

  test("the most exact row counts, the user's own before the built-in ones", () => {
    const built = [price('claude-*'), price('claude-sonnet-4*', 2), price('gpt-5', 1)];
    assert.equal(priceOf([[], built], 'Claude-Sonnet-4-5-20250929')?.inputUsd, 2);
    assert.equal(priceOf([[], built], 'claude-2')?.inputUsd, 3);
    assert.equal(priceOf([[], built], 'openai/gpt-5')?.inputUsd, 1);
    assert.equal(priceOf([[], built], 'gpt-5-mini'), null);
    assert.equal(priceOf([[price('*', 7)], built], 'gpt-5')?.inputUsd, 7);
    assert.equal(priceOf([[price('a*b*c')]], 'a-b-c')?.inputUsd, 3);
    assert.equal(priceOf([[price('ab*bc')]], 'abc'), null);
  });

  test('tokens cost what the row says, rounded up; each kind by its own price', () => {
    assert.equal(estimate(usage({ inputTokens: 1_002, outputTokens: 41 }), price('x')), 3_621);
    assert.equal(estimate(usage({ inputTokens: 1, outputTokens: 0 }), price('x', 0.05)), 1);
    const cached = usage({ inputTokens: 10, outputTokens: 0, cacheReadTokens: 1_000_000, cacheWriteTokens: 1_000_000 });
    assert.equal(estimate(cached, price('x')), 30 + 300_000 + 3_750_000);
    assert.equal(estimate(NO_USAGE, price('x')), null);
  });

  test("a tool's own word is not touched; the table's is marked, with its source and day", () => {
    const tables = [[price('m*')]];
    const told = usage({ inputTokens: 1_000_000, outputTokens: 0, costUsd: 1 });
    assert.equal(priced(told, 'm1', tables), told);
    const counted = usage({ inputTokens: 1_000_000, outputTokens: 0 });
    assert.deepEqual(priced(counted, 'm1', tables), { ...counted, costUsd: 3, estimated: true, price: 'm*, a list, as of 2025-11-30' });
    assert.equal(priced(counted, 'other', tables), counted);
    assert.equal(priced(counted, null, tables), counted);
  });

  test('what a cache gave is counted once, however a tool counts its input', () => {
    const raw = { input: 2_100, output: 40, cacheRead: 100, cacheWrite: null };
    assert.equal(tokensOf(raw, 'all').inputTokens, 2_000);
    assert.equal(tokensOf(raw, 'uncached').inputTokens, 2_100);
    assert.equal(tokensOf({ ...raw, input: 50 }, 'all').inputTokens, 0);
    assert.deepEqual(tokensOf({ input: -1, output: Number.NaN, cacheRead: 1e300, cacheWrite: null }, 'all'), NO_USAGE);
  });

  test('sums are whole micro-dollars, and say when a part of them is estimated', () => {
    const many = Array.from({ length: 10 }, () => usage({ inputTokens: 1, costUsd: 0.1 }));
    assert.deepEqual(sumUsage(many), usage({ inputTokens: 10, costUsd: 1 }));
    assert.deepEqual(
      sumUsage([...many, usage({ costUsd: 0.5, estimated: true })]),
      usage({ inputTokens: 10, costUsd: 1.5, estimated: true }),
    );
    assert.deepEqual(sumUsage([]), NO_USAGE);
  });

  test('what nobody told is unknown, not free; what the provider refused is free', () => {
    assert.deepEqual(attempt('answered', 0.5), { micros: 500_000, isEstimated: false, unknownRuns: 0 });
    assert.deepEqual(attempt('answered', null), { micros: 0, isEstimated: false, unknownRuns: 1 });
    assert.deepEqual(attempt('agent-limit', null, 2), { micros: 0, isEstimated: false, unknownRuns: 2 });
    assert.deepEqual(attempt('answered', 0.5, 3), { micros: 500_000, isEstimated: false, unknownRuns: 2 });
    assert.deepEqual(attempt('provider-limit', null), { micros: 0, isEstimated: false, unknownRuns: 0 });
    assert.deepEqual(attempt('briefed', null, 0), { micros: 0, isEstimated: false, unknownRuns: 0 });
  });
});
