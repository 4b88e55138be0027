/** Texts of one pattern in one pack: what lineDelta finds equal, and what git and docket's own reader make of it. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applyDelta, lineDelta } from '#history/delta.ts';
import { buildPack, newObject } from '#history/pack.ts';
import { openPack } from '#history/pack-file.ts';
import { makeFs } from '#platform/files.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, n) => `${name} says what stands in line ${String(n)} of the instructions … and why`).join('\n');
const brief = (feature: string, body: string): Buffer =>
  Buffer.from(
    `# Brief for the architect: ${feature}\n\n${lines('the spec', 120)}\n\nfacts of ${feature}\n\n${body}\n\n${lines('the role', 20)}\n`,
  );

test('a delta of two texts makes the second from the first, whatever they hold', () => {
  const text = fc.array(fc.oneof(fc.constantFrom('', 'a', 'the same line, long enough to be copied', '…', '\n\n'), fc.string()), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(text, text, text, text, (start, one, other, end) => {
      const join = (middle: readonly string[]): Buffer => Buffer.from([...start, ...middle, ...end].join('\n'));
      const [base, target] = [join(one), join(other)];
      const delta = lineDelta(base, target, target.length);
      assert.ok(delta !== null && applyDelta(delta, base).equals(target));
    }),
    { numRuns: 500 },
  );
});

test('two briefs are one brief and what differs; what does not fit is told before it is made', () => {
  const base = brief('FEAT-1/meta', lines('a person', 3));
  for (const target of [brief('FEAT-2/meta', lines('somebody', 3)), brief('FEAT-12345/meta', lines('somebody', 30)), base]) {
    const delta = lineDelta(base, target, target.length / 2);
    assert.ok(delta !== null && applyDelta(delta, base).equals(target));
    const own =
      target
        .toString()
        .match(/.*(?:somebody|FEAT-\d+).*/g)
        ?.join('\n').length ?? 0;
    assert.ok(delta.length < own + 200, `${String(delta.length)} bytes for ${String(own)}`);
  }
  assert.equal(lineDelta(base, Buffer.from(lines('nobody', 50)), 1_000), null);
  const nothing = lineDelta(base, Buffer.alloc(0), 0);
  assert.ok(nothing !== null && applyDelta(nothing, base).length === 0);
});

test('git reads a pack of briefs and evidence as the objects they are, and so does docket', async (context) => {
  const folder = await temporaryFolder(context);
  const git = (...args: string[]): Buffer => execFileSync('git', ['-C', folder, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  git('init', '-q', '--bare');
  const blobs = Array.from({ length: 40 }, (_, n) => [
    brief(`FEAT-${String(n)}/meta`, lines(`author ${String(n)}`, n)),
    Buffer.from(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', facts: lines('evidence', 30).split('\n'), n }, null, 2)),
    Buffer.from(`---\nfeature: FEAT-${String(n)}\n---\n${lines('wanted', 40)}`),
    Buffer.from(`a short text ${String(n)}`),
    Buffer.alloc(3_000, n),
  ]).flat();
  const objects = blobs.map((bytes) => newObject('blob', bytes));
  const { sum, pack, index } = await buildPack(objects);
  const sizeBytes = blobs.reduce((all, { length }) => all + length, 0);
  assert.ok(pack.length < sizeBytes / 20, `${String(pack.length)} bytes for ${String(sizeBytes)}`);
  const name = path.join(folder, 'objects', 'pack', `pack-${sum}`);
  writeFileSync(`${name}.pack`, pack);
  writeFileSync(`${name}.idx`, index);
  git('verify-pack', `${name}.idx`);
  git('fsck', '--full', '--strict');
  const file = await openPack(makeFs(), name);
  for (const [n, { oid }] of objects.entries()) {
    const known = blobs[n] ?? Buffer.alloc(0);
    assert.ok(git('cat-file', 'blob', oid).equals(known), `git, ${String(n)}`);
    const at = await file.find(Buffer.from(oid, 'hex'));
    assert.ok((await file.readAt(at, () => Promise.reject(new Error('a base outside')))).bytes.equals(known), `docket, ${String(n)}`);
  }
  await file.close();
});
