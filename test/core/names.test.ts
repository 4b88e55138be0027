import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobIdFrom, parseFeature, parseStem, printable } from '#core/names.ts';

test('a feature is known by its ticket part, whatever slug follows', () => {
  const plain = parseFeature('FEAT-123');
  const withSlug = parseFeature('FEAT-123-user-filters');
  assert.ok(plain.ok && withSlug.ok);
  assert.equal(plain.value.id, withSlug.value.id);
  assert.equal(withSlug.value.slug, 'user-filters');
});

for (const text of [
  '../etc',
  'FEAT-',
  'a',
  'nul',
  'FEAT..1',
  'FEAT-1\u202e',
  'FEAT_1',
  '🚀-1',
  '--output=x',
  'x'.repeat(65),
  'materials',
  'FEAT-123\n',
]) {
  test(`a feature may not be ${JSON.stringify(text)}`, () => {
    assert.equal(parseFeature(text).ok, false);
  });
}

test('a job id is 16 characters of base32 and different bytes give different ids', () => {
  assert.match(jobIdFrom(new Uint8Array(10)), /^[a-z2-7]{16}$/);
  assert.notEqual(jobIdFrom(new Uint8Array(10)), jobIdFrom(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])));
});

test('a stem with a newline, a direction mark or a leading dot is refused with words', () => {
  for (const text of ['a\nb', 'a\u202eb', '.a', '', 'a/b', 'x'.repeat(200)]) assert.equal(parseStem(text).ok, false, JSON.stringify(text));
  assert.equal(parseStem('it\'s "quoted" — ünïcode 🚀').ok, true);
});

test('terminal escapes become visible text', () => {
  assert.equal(printable('\u001b[31mred\nx'), String.raw`\u{1b}[31mred\nx`);
});
