import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resumeAt } from '#agents/runners/http-reset.ts';

const NOW = Date.parse('2026-11-20T12:00:00.000Z');
const inMs = (headers: Readonly<Record<string, string>>, saidMs: number | null = null): number | null => {
  const at = resumeAt(headers, NOW, saidMs);
  return at === null ? null : Date.parse(at) - NOW;
};

for (const [what, headers, ms] of [
  ['seconds', { 'retry-after': '20' }, 20_000],
  ['parts of a second', { 'retry-after': '0.5' }, 500],
  ['milliseconds', { 'retry-after-ms': '1500' }, 1_500],
  ['a date', { 'retry-after': 'Fri, 20 Nov 2026 12:01:00 GMT' }, 60_000],
  ['a length of time', { 'x-ratelimit-reset-requests': '1m30.5s' }, 90_500],
  ['a short length of time', { 'x-ratelimit-reset-tokens': '20ms' }, 20],
  ['a moment in seconds', { 'x-ratelimit-reset': String(NOW / 1_000 + 30) }, 30_000],
  ['a moment in milliseconds', { 'x-ratelimit-reset': String(NOW + 30_000) }, 30_000],
  ['RFC 3339', { 'anthropic-ratelimit-requests-reset': '2026-11-20T12:05:00Z' }, 300_000],
  ['a unified limit', { 'anthropic-ratelimit-unified-reset': String(NOW / 1_000 + 3_600) }, 3_600_000],
] as const)
  test(`a reset is read from ${what}`, () => {
    assert.equal(inMs(headers), ms);
  });

test('what the provider says itself goes before its buckets; its body before them too', () => {
  assert.equal(inMs({ 'retry-after': '5', 'x-ratelimit-reset-requests': '60s' }), 5_000);
  assert.equal(inMs({ 'x-ratelimit-reset-requests': '60s' }, NOW + 7_000), 7_000);
});

test('all buckets that are empty must be filled again; when nobody says which is, the first chance is taken', () => {
  const resets = { 'x-ratelimit-reset-requests': '10s', 'x-ratelimit-reset-tokens': '40s' };
  assert.equal(inMs(resets), 10_000);
  assert.equal(inMs({ ...resets, 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-remaining-requests': '9' }), 40_000);
  assert.equal(inMs({ ...resets, 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-remaining-requests': '0' }), 40_000);
  const anthropic = {
    'anthropic-ratelimit-input-tokens-reset': '2026-11-20T12:01:00Z',
    'anthropic-ratelimit-input-tokens-remaining': '0',
    'anthropic-ratelimit-requests-reset': '2026-11-20T12:00:01Z',
    'anthropic-ratelimit-requests-remaining': '10',
  };
  assert.equal(inMs(anthropic), 60_000);
});

test('nonsense, the past and the far future are no reset', () => {
  for (const value of ['', 'soon', '-5', '0', 'Thu, 19 Nov 2026 12:00:00 GMT', '99999999', 'NaN', '1e3s', '5 apples'])
    assert.equal(inMs({ 'retry-after': value, 'x-ratelimit-reset': value }), null, value);
  assert.equal(inMs({}), null);
  assert.equal(inMs({ 'retry-after': 'soon', 'x-ratelimit-reset-requests': '3s' }), 3_000);
});
