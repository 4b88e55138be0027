/** Lines of the terminal review: what reaches a terminal, how wide it is, where it is wrapped, what is found in it. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { findAll, withMatches } from '#cli/review-find.ts';
import { cut, padded, painted, safeLine, safeLines, span, textOfLine, widthOf, widthOfSpans, wrap, wrapHard } from '#cli/review-line.ts';

// eslint-disable-next-line no-control-regex -- what a terminal obeys, and what nobody sees
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\u{e0000}-\u{e0fff}]/u;
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const text = (lines: readonly { readonly spans: readonly { readonly text: string }[] }[]): string[] =>
  lines.map(({ spans }) => spans.map((one) => one.text).join(''));

describe('a text becomes lines', () => {
  test('that hold nothing a terminal obeys or a person cannot see', () => {
    assert.equal(safeLine('\u001b[31mred\u0007'), String.raw`\u{1b}[31mred\u{7}`);
    assert.equal(safeLine('a\u202eb\u{e0041}c\u00add'), String.raw`a\u{202e}b\u{e0041}c\u{ad}d`);
    assert.equal(safeLine('pass\u200dword \u200c'), String.raw`pass\u{200d}word \u{200c}`);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (any) => safeLines(any).every((one) => !UNSEEN.test(one))));
  });

  test('and keep what an emoji or a script needs', () => {
    for (const whole of ['👩‍👩‍👧', '❤️', 'नमस्ते', '漢字', 'é']) assert.equal(safeLine(whole), whole);
  });

  test('with line ends of any kind, and tabs to every fourth column', () => {
    assert.deepEqual(safeLines('a\r\nb\nc\n'), ['a', 'b', 'c']);
    assert.equal(safeLine('a\tb\tc'), 'a   b   c');
  });
});

describe('widths', () => {
  test('count what two columns take', () => {
    assert.deepEqual([widthOf('abc'), widthOf('漢字'), widthOf('🔎'), widthOf('e\u0301')], [3, 4, 2, 1]);
    assert.equal(cut('漢字漢字', 5), '漢字…');
    assert.equal(padded('漢', 4), '漢  ');
  });

  test('of wrapped lines are never more than was asked for, and no character is lost', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 40 }), (any, columns) => {
        const safe = safeLine(any);
        for (const wrapped of [wrap([span(safe)], columns), wrapHard([span(safe)], columns)]) {
          // One character alone may be wider, such as a note with its stem and flag.
          assert.ok(wrapped.every((one) => widthOfSpans(one.spans) <= columns || [...segmenter.segment(textOfLine(one))].length === 1));
          assert.equal(text(wrapped).join('').replaceAll(' ', ''), safe.replaceAll(' ', ''));
        }
      }),
      { examples: [['\u{1d158}\u{1d165}\u{1d16e}', 2]] },
    );
  });

  test('lines end between words, a long word where the line is full, and between characters of two columns', () => {
    assert.deepEqual(text(wrap([span('one two three')], 8)), ['one two', 'three']);
    assert.deepEqual(text(wrap([span('abcdefghij')], 4)), ['abcd', 'efgh', 'ij']);
    assert.deepEqual(text(wrap([span('漢字漢字')], 5)), ['漢字', '漢字']);
    assert.deepEqual(text(wrap([span('one two')], 6, { first: [span('- ')], rest: [span('  ')] })), ['- one', '  two']);
  });
});

describe('a search', () => {
  const lines = wrap([span('the quick brown fox')], 12, { first: [span('> ')], rest: [span('  ')] });

  test('finds what was wrapped into two lines, and marks both parts', () => {
    assert.deepEqual(text(lines), ['> the quick', '  brown fox']);
    const matches = findAll(lines, 'quick brown');
    assert.deepEqual(matches, [
      [
        { line: 0, from: 6, to: 11 },
        { line: 1, from: 2, to: 7 },
      ],
    ]);
    const [first, second] = lines.map((one, row) => withMatches(one, row, matches, 0));
    assert.deepEqual(
      first?.spans.map(({ mark }) => mark),
      ['plain', 'plain', 'current'],
    );
    assert.equal(textOfLine(second ?? { spans: [] }), '  brown fox');
  });

  test('takes any case unless it has a capital, and signs as they are', () => {
    const some = [{ spans: [span('Fox (a) fox')] }];
    assert.deepEqual(
      [findAll(some, 'fox').length, findAll(some, 'Fox').length, findAll(some, '(a)').length, findAll(some, '').length],
      [2, 1, 1, 0],
    );
  });
});

test('without colour only bold, underlined and inverse text is written', () => {
  const marks = [
    'plain',
    'strong',
    'heading',
    'code',
    'quiet',
    'link',
    'added',
    'removed',
    'good',
    'bad',
    'bar',
    'match',
    'current',
  ] as const;
  const bare = painted({ spans: marks.map((mark) => span('x', mark)) }, false);
  // eslint-disable-next-line no-control-regex -- these are what a terminal obeys
  const codes = new Set([...bare.matchAll(/\u001b\[(\d+)m/g)].map(([, code]) => code));
  assert.deepEqual(
    [...codes].toSorted((a, b) => Number(a) - Number(b)),
    ['1', '4', '7', '22', '24', '27'],
  );
});
