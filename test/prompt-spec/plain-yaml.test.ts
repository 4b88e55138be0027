/** The quick reader of a plain front matter answers what the YAML reader answers, or nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readPlainYaml } from '#prompt-spec/plain-yaml.ts';
import { readYaml, type YamlRead } from '#prompt-spec/safe-yaml.ts';

/** As gray-matter hands it to its engine: behind the first fence, with its line end. */
const slowly = (header: string): YamlRead => readYaml(`\n${header}`, 1);
const shown = (read: YamlRead, keys: readonly string[]): unknown => ({
  data: read.data,
  faults: read.faults,
  broken: [...read.broken],
  wellFormed: read.wellFormed,
  spots: [...keys, 'nothing-of-it'].flatMap((key) => [read.spotOf([key]), read.spotOf([key, 0])]),
  root: read.spotOf([]),
});

test('a header as people write it is read without the parser', () => {
  const header =
    'feature: FEAT-12\nagent: architect\nprompt_spec_version: 2.1.0\nrevision: 3\ncreated_at: 2025-12-09T22:37:00+01:00\ntitle: Let them filter\n';
  const read = readPlainYaml(header);
  assert.ok(read !== null);
  const keys = ['feature', 'agent', 'prompt_spec_version', 'revision', 'created_at', 'title'];
  assert.deepEqual(shown(read, keys), shown(slowly(header), keys));
  assert.equal(read.data['revision'], 3);
  assert.equal(Object.getPrototypeOf(read.data), null);
});

for (const line of [
  'a: 007',
  'a: 1.5',
  'a: 1e3',
  'a: 0x1f',
  'a: 1234567890123456',
  'a: Null',
  'a: TRUE',
  'null: a',
  '__proto__: a',
  'a: b: c',
  'a: b:',
  'a: b # c',
  'a: "b"',
  'a: [b]',
  'a: &b c',
  'a: !!js b',
  'a:',
  'a: b ',
  ' a: b',
  'a: b\na: c',
  'a: b\n\nc: d',
  'a: ä',
])
  test(`left to the YAML reader: ${JSON.stringify(line)}`, () => assert.equal(readPlainYaml(`${line}\n`), null));

test('whatever it answers, the YAML reader answers the same', () => {
  const key = fc.oneof(fc.constantFrom('a', 'b_c', 'name', 'null', 'true', 'y', 'no', 'x1'), fc.stringMatching(/^[a-z_]{1,9}$/));
  const value = fc.oneof(
    fc.stringMatching(/^[0-9]{1,3}[0-9.eExXoO_+:/-]{0,6}$/),
    fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z:.+_/ -]{0,14}$/),
    fc.constantFrom(
      'NULL',
      'nUll',
      'False',
      '~',
      'yes',
      '1_000',
      '0b1',
      '12:30',
      '2025-12-09',
      '1.',
      'a  b',
      'a -b',
      'a- b',
      '0',
      '00',
      '1 2',
      'a?b',
    ),
    fc.string({ maxLength: 8 }),
  );
  let answered = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 4 }), (fields) => {
      const header = fields.map(([name, text]) => `${name}: ${text}\n`).join('');
      const read = readPlainYaml(header);
      if (read === null) return;
      answered += 1;
      const keys = fields.map(([name]) => name);
      assert.deepEqual(shown(read, keys), shown(slowly(header), keys));
    }),
    { numRuns: 10_000 },
  );
  assert.ok(answered > 1_000, String(answered));
});
