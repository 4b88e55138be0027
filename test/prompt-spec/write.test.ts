import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { type PromptFields, writePrompt } from '#prompt-spec/write.ts';
import { bytesOf, contextOf } from '#test/support/prompts.ts';

const FIELDS: PromptFields = {
  feature: 'FEAT-123',
  agent: 'architect',
  prompt_spec_version: '2.1.0',
  revision: 2,
  created_at: '2025-12-09T22:37:00+01:00',
};

test('strings are quoted only when they need it', () => {
  const text = writePrompt(
    {
      ...FIELDS,
      title: 'User filters (first cut)',
      limits: { timeout: '15m', attempts: 3, turns: undefined },
      depends_on: ['meta', 'FEAT-123/openapi@1'],
      scope: { files: ['src/**'] },
      story: 'no',
      objective: 'a: b # c',
      workstream: '2025',
      name: undefined,
    },
    '\nDo it.\n',
  );
  assert.equal(
    text,
    `---
feature: FEAT-123
agent: architect
prompt_spec_version: 2.1.0
revision: 2
created_at: 2025-12-09T22:37:00+01:00
title: User filters (first cut)
depends_on: [meta, FEAT-123/openapi@1]
limits: { timeout: 15m, attempts: 3 }
scope: { files: [src/**] }
story: "no"
objective: "a: b # c"
workstream: "2025"
---

Do it.
`,
  );
  assert.equal(parsePrompt(bytesOf(text), contextOf()).ok, true);
});

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      'true',
      '~',
      'null',
      '0x1f',
      '1e3',
      '.inf',
      '-1',
      '---',
      '...',
      '2025-01-01',
      'a #b',
      '1_000',
      '0b1',
      '- a',
      '',
      ' a',
      "it's",
      'a:b',
      '<<',
      '="',
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
})).value;

test('what is written is read back the same, whatever stands in it', () => {
  fc.assert(
    fc.property(json, fc.string({ unit: 'binary' }), (value, more) => {
      const body = `x${more.toWellFormed().replaceAll('\0', '')}`;
      const parsed = parsePrompt(bytesOf(writePrompt({ ...FIELDS, extra: value }, body)), contextOf());
      assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.error));
      assert.equal(JSON.stringify(parsed.value.rest['extra']), JSON.stringify(value));
      assert.equal(parsed.value.body, body);
    }),
    { numRuns: 150 },
  );
});

test('a value that a file cannot hold is a bug of the caller', () => {
  assert.throws(() => writePrompt({ ...FIELDS, x: Number.NaN }, 'b'), TypeError);
  assert.throws(() => writePrompt({ ...FIELDS, x: () => 1 }, 'b'), TypeError);
});
