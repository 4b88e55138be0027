/** Large folders: what a scan costs in time and memory. The figures are printed; the limits are far above them, for slow machines. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { makeRig, ROLE } from '#test/spool/rig.ts';

async function timed<T>(act: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const start = performance.now();
  const value = await act();
  return { ms: performance.now() - start, value };
}

test('10,000 waiting files are scanned, peeked at and scanned again within bounds of time and memory', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  for (let index = 0; index < 10_000; index++)
    writeFileSync(path.join(rig.in, `prompt-${String(index)}.md`), `---\nfeature: FEAT-${String(index)}\n---\n${'text '.repeat(200)}`);
  const before = process.memoryUsage().rss;
  const first = await timed(() => spool.scan());
  rig.clock.advance(1_000);
  const second = await timed(() => spool.scan());
  rig.clock.advance(100);
  const third = await timed(() => spool.scan());
  assert.equal(third.value.waiting.filter((one) => one.kind === 'file').length, 10_000);
  const peeks = await timed(async () => {
    for (const one of third.value.waiting) await spool.head(one);
  });
  const rss = process.memoryUsage().rss;
  context.diagnostic(
    `10,000 waiting: scan ${first.ms.toFixed(0)} ms, settling scan ${second.ms.toFixed(0)} ms, next scan ${third.ms.toFixed(0)} ms, ` +
      `all heads ${peeks.ms.toFixed(0)} ms, memory ${(rss / 1e6).toFixed(0)} MB (${((rss - before) / 1e6).toFixed(0)} MB more)`,
  );
  assert.ok(third.ms < 2_000 && rss < 150_000_000 * 2, `${String(third.ms)} ms, ${String(rss)} bytes`);
});

test('100,000 ended files cost one listing', async (context) => {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  for (let index = 0; index < 100_000; index++) writeFileSync(path.join(rig.in, `prompt-${String(index)}.processed`), '');
  await spool.drop(ROLE.name, 'new' as Parameters<typeof spool.drop>[1], 'x');
  const scan = await timed(() => spool.scan());
  assert.equal(scan.value.waiting.length, 1);
  const list = await timed(() => spool.list({ limit: 20 }));
  assert.equal(list.value.length, 21);
  context.diagnostic(
    `100,000 ended: scan ${scan.ms.toFixed(0)} ms, list ${list.ms.toFixed(0)} ms, ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
  );
  assert.ok(scan.ms < 5_000, String(scan.ms));
});
