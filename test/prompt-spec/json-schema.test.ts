import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { jsonSchemas } from '#prompt-spec/json-schema.ts';

const root = join(import.meta.dirname, '..', '..');
const limits = { promptBytes: 600_000, frontMatterBytes: 16_384 };

const dataOf = (kind: string, name: string): unknown => {
  const front = readFrontMatter(readFileSync(join(root, 'prompt-spec', 'examples', kind, name)), limits);
  assert.ok(front.ok);
  return JSON.parse(JSON.stringify(front.value.data, (_, value: unknown) => value ?? undefined));
};

test('schemas/ holds what the code says (else: node scripts/schemas.ts)', () => {
  for (const { name, text } of jsonSchemas()) assert.equal(readFileSync(join(root, 'schemas', name), 'utf8'), text);
});

test('the schema takes every valid example and refuses wrong fields', () => {
  const { text } = jsonSchemas().find(({ name }) => name === 'prompt.schema.json') ?? { text: '' };
  const validate = new Ajv2020({ allErrors: true }).compile(JSON.parse(text) as Record<string, unknown>);
  for (const name of readdirSync(join(root, 'prompt-spec', 'examples', 'valid'))) {
    assert.equal(validate(dataOf('valid', name)), true, `${name}: ${JSON.stringify(validate.errors)}`);
  }
  for (const name of [
    'feature-traversal',
    'missing-revision',
    'version-v',
    'revision-float',
    'created-at-no-zone',
    'limits-wrong',
    'priority-100',
  ]) {
    assert.equal(validate(dataOf('invalid', `${name}.md`)), false, name);
  }
});
