import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assert as assertProperty, property, string } from 'fast-check';
import { safePattern, searchText } from '#tools/safe-pattern.ts';

test('patterns that could take long are not taken, each for a reason in words', () => {
  const refused: Readonly<Record<string, RegExp>> = {
    '(a+)+$': /write \{m,n\} instead/,
    'a*': /write \{m,n\} instead/,
    'a{1,}': /largest number/,
    'a{1,61}': /counts to 60/,
    '(a|aa){1,20}': /other than a character/,
    '(?:ab){2}': /other than a character/,
    'a{2}{3}': /other than a character/,
    'a?{9}': /other than a character/,
    'a{1,9}?': /\?\? or/,
    'a??': /\?\? or/,
    '(?=a)b': /\(\? other/,
    '(?<n>a)': /\(\? other/,
    '(?<!a)b': /\(\? other/,
    '(a)\\1': /not taken/,
    '\\p{L}': /not taken/,
    'a{1,9}b{1,9}c{1,9}': /at most 2 times/,
    'a?b?c?d?e?f?g?': /at most 6 times/,
    '((a))': /inside of a group/,
    '(': /./,
    '[': /./,
    '': /1 to 300/,
  };
  for (const [pattern, why] of Object.entries(refused)) {
    const made = safePattern(pattern);
    assert.ok(!made.ok, pattern);
    assert.match(made.error, why, pattern);
  }
});

test('what profiles need is taken: words, classes, alternatives, counted characters, one group', () => {
  assert.equal(searchText('hit your .{0,20}limit', 'You’ve HIT YOUR usage limit.'), 'HIT YOUR usage limit');
  assert.equal(searchText('retry after ([0-9]{1,9})s', 'Suggested retry after 12s.]'), '12');
  assert.equal(searchText('\\b(?:401|403)\\b|no(?: valid)? key', 'there is no key'), 'no key');
  assert.equal(searchText('[[-]{1,3}x', 'x'), null);
  assert.throws(() => searchText('a+', 'a'), /write/);
});

test('of a long text only the beginning and the end are searched', () => {
  const middle = `${'a'.repeat(20_000)}needle${'b'.repeat(20_000)}`;
  assert.equal(searchText('needle', middle), null);
  assert.equal(searchText('needle', `needle${middle}`), 'needle');
  assert.equal(searchText('needle', `${middle}needle`), 'needle');
});

test('any text is either refused or compiled: nothing else is thrown', () => {
  assertProperty(
    property(string({ maxLength: 40 }), (pattern) => {
      const made = safePattern(pattern);
      assert.equal(made.ok ? made.value.flags : typeof made.error, made.ok ? 'iu' : 'string');
    }),
  );
});
