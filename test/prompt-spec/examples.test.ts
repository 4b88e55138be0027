import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Fault } from '#core/fault.ts';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { contextOf } from '#test/support/prompts.ts';

const folder = join(import.meta.dirname, '..', '..', 'prompt-spec');
const examples = (kind: string): readonly string[] =>
  readdirSync(join(folder, 'examples', kind))
    .filter((name) => name.endsWith('.md'))
    .toSorted();
const parse = (kind: string, name: string) =>
  parsePrompt(readFileSync(join(folder, 'examples', kind, name)), contextOf(/\.([a-z-]+)\.md$/.exec(name)?.[1]));

const FIELD_CODE = /^[a-z-]+-(?:missing|type|not-integer|range|invalid)$/;
const spec = readFileSync(join(folder, 'SPEC.md'), 'utf8');

for (const name of examples('valid')) {
  test(`the valid example ${name} is taken`, () => {
    const parsed = parse('valid', name);
    assert.deepEqual(parsed.ok ? [] : parsed.error, []);
  });
}

for (const name of examples('invalid')) {
  test(`the invalid example ${name} gives exactly the faults beside it, with words`, () => {
    const expected: unknown = JSON.parse(readFileSync(join(folder, 'examples', 'invalid', name.replace(/md$/, 'expect.json')), 'utf8'));
    const parsed = parse('invalid', name);
    assert.ok(!parsed.ok, 'it was taken');
    assert.deepEqual(
      parsed.error.map(({ code, line, field }) => ({ code, line, field })),
      expected,
    );
    for (const fault of parsed.error) assertWorded(fault);
  });
}

function assertWorded(fault: Fault): void {
  for (const words of [fault.message, fault.expected, fault.found, fault.mend]) {
    assert.notEqual(words, '', fault.code);
    // eslint-disable-next-line no-control-regex -- these are the characters that must not be shown
    assert.doesNotMatch(words, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/, fault.code);
  }
  assert.ok(spec.includes(`\`${fault.code}\``) || FIELD_CODE.test(fault.code), `SPEC.md does not name ${fault.code}`);
}

test('every fault code that SPEC.md names is shown by an invalid example, but for those that need a large file or the installed specs', () => {
  const table = /\| code \| when \|\n([\s\S]*?)\n\n/.exec(spec)?.[1] ?? '';
  const named = [...table.matchAll(/`([a-z0-9-]+)`/g)].map(([, code]) => code ?? '');
  const shown = examples('invalid').flatMap((name) => {
    const parsed = parse('invalid', name);
    return parsed.ok ? [] : parsed.error.map(({ code }) => code);
  });
  const elsewhere = ['file-too-large', 'prompt-spec-version-major', 'prompt-spec-version-too-new', 'prompt-spec-version-none'];
  assert.ok(named.length > 25);
  assert.deepEqual(
    named.filter((code) => !shown.includes(code) && !elsewhere.includes(code)),
    [],
  );
});
