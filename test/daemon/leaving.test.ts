import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SecretScan } from '#core/ports.ts';
import { err, ok } from '#core/result.ts';
import { Leaving, scanUnlessLeaving } from '#daemon/leaving.ts';

const scanThat = (answer: Awaited<ReturnType<SecretScan['scan']>>): SecretScan => ({
  rules: { check: 'secrets', version: '1' },
  scan: async () => Promise.resolve(answer),
  close: async () => Promise.resolve(),
});
const cutShort = scanThat(err({ kind: 'secret-scan-failed', in: 'prompt', reason: 'the scanner was closed' }));

test('a scan that the stop of the daemon cut short leaves the job undecided; without a stop it fails closed', async () => {
  const stopping = new AbortController();
  const scan = scanUnlessLeaving(cutShort, stopping.signal);
  const failed = await scan.scan('prompt', 'text');
  assert.equal(failed.ok, false);
  stopping.abort();
  await assert.rejects(scan.scan('prompt', 'text'), Leaving);
});

test('a scan that came to its end counts, whether the daemon stops or not', async () => {
  const stopping = new AbortController();
  stopping.abort();
  const found = err({ kind: 'secret-found', in: 'prompt', findings: [{ rule: 'aws', line: 1, column: 1 }] } as const);
  for (const answer of [ok(null), found])
    assert.deepEqual(await scanUnlessLeaving(scanThat(answer), stopping.signal).scan('prompt', ''), answer);
});
