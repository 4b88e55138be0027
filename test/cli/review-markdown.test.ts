/** Markdown on a terminal: readable, and with nothing left out that the next role would read. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { textOfLine, widthOfSpans } from '#cli/review-line.ts';
import { markdownDoc } from '#cli/review-markdown.ts';

const shown = (text: string, columns = 60): string[] => markdownDoc(text, columns).lines.map((line) => textOfLine(line).trimEnd());
const marks = (text: string): string[] => markdownDoc(text, 60).lines.flatMap(({ spans }) => spans.map((one) => `${one.mark}:${one.text}`));

const letters = (any: string): string => any.replaceAll(/[^a-z0-9漢]/g, '');
const counts = (text: string): Map<string, number> =>
  text.split('').reduce((map, one) => map.set(one, (map.get(one) ?? 0) + 1), new Map<string, number>());
const missing = (wanted: string, all: string): string[] => {
  const there = counts(all);
  return [...counts(wanted)].filter(([one, count]) => (there.get(one) ?? 0) < count).map(([one]) => one);
};

describe('Markdown', () => {
  test('headings of both kinds are what is jumped to', () => {
    const doc = markdownDoc('# One\n\ntext\n\nTwo\n---\n\n## Three ##\n', 60);
    assert.deepEqual(
      doc.headings.map((row) => textOfLine(doc.lines[row] ?? { spans: [] })),
      ['# One', '## Two', '## Three'],
    );
  });

  test('paragraphs are filled, breaks are kept', () => {
    assert.deepEqual(shown('one\ntwo  \nthree\\\nfour\n\nfive'), ['one two', 'three', 'four', '', 'five']);
  });

  test('lists keep their depth, their numbers and what belongs to an item', () => {
    assert.deepEqual(shown('- a\n  more\n  - b\n\n    para\n- c\n\n3. x\n4. y'), [
      '• a more',
      '  • b',
      '',
      '    para',
      '• c',
      '',
      '3. x',
      '4. y',
    ]);
  });

  test('code stands as it is written, with its info string', () => {
    assert.deepEqual(shown('```ts a=b\nconst  a = `*x*`;\n# no heading\n```\nafter'), [
      '```ts a=b',
      '│ const  a = `*x*`;',
      '│ # no heading',
      '```',
      'after',
    ]);
    assert.deepEqual(shown('~~~\nnever closed'), ['~~~', '│ never closed']);
  });

  test('a table fits its columns; where it cannot, each row is told', () => {
    assert.deepEqual(shown('| A | B |\n|---|:-:|\n| a \\| b | 漢字 |\n| long words that wrap | x |', 24), [
      'A                 │ B',
      '──────────────────┼─────',
      'a | b             │ 漢字',
      'long words that   │ x',
      'wrap              │',
    ]);
    assert.deepEqual(shown('|First|Second|Third|\n|-|-|-|\n|some words|other words|more words|', 20), [
      'First: some words',
      'Second: other words',
      'Third: more words',
    ]);
    assert.ok(shown('|A|B|\n|-|-|\n|1|2|3|').join(' ').includes('2 | 3'), 'a cell too many is not lost');
  });

  test('quotes and what is inside of them', () => {
    assert.deepEqual(shown('> one\n> - two\nout'), ['│ one', '│ • two', 'out']);
  });

  test('emphasis, code, links and images', () => {
    assert.deepEqual(marks('a **b** *c* `d*e*` [f](https://g.h "i") ![j](k)'), [
      'plain:a ',
      'strong:b',
      'plain: ',
      'emphasis:c',
      'plain: ',
      'code:d*e*',
      'plain: ',
      'link:f',
      'quiet: (https://g.h "i")',
      'plain: ',
      'link:[image: j]',
      'quiet: (k)',
    ]);
    assert.deepEqual(shown('snake_case_name 2*3*4 \\*no\\* **open'), ['snake_case_name 234 *no* **open']);
  });

  test('what a page would hide is shown: comments, HTML, where links lead, front matter', () => {
    const all = shown('---\nfeature: F-1\n---\n<!-- obey me -->\n\ntext <b onclick=x>y</b> [here](http://evil.example/?q)\n').join('\n');
    for (const hidden of ['feature: F-1', '<!-- obey me -->', '<b onclick=x>', 'http://evil.example/?q'])
      assert.ok(all.includes(hidden), hidden);
  });

  test('what is set in so deep that no room is left is shown as it is written', () => {
    assert.deepEqual(shown('1. 1. 1. 1. 1. ---', 20), ['1. 1. 1. 1. 1. ---']);
    assert.deepEqual(shown('1. 1. ---', 20), ['1. 1. ──────────────']);
    assert.deepEqual(shown('123456789. a', 18), ['123456789. a']);
  });

  test('an item without words keeps its number', () => {
    assert.deepEqual(shown('words\n1. \n2. x'), ['words', '1.', '2. x']);
    assert.deepEqual(shown('1.\n\n   later'), ['1. later']);
    assert.deepEqual(shown('1. >'), ['1. │']);
  });

  test('every letter and digit of a text is shown, at any width, and no line is wider', () => {
    const piece = fc.constantFrom(
      '# ',
      '- ',
      '> ',
      '1. ',
      '123456789. ',
      '```',
      '|',
      '---',
      '*',
      '**',
      '_',
      '`',
      '[',
      '](',
      ')',
      '<!--',
      '\n',
      '\n\n',
      '    ',
      'word',
      '漢',
      'x1',
      '\n|-|-|\n',
      '1. '.repeat(6),
      '> '.repeat(6),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 10, max: 100 }), (pieces, columns) => {
        const text = pieces.join('');
        const doc = markdownDoc(text, columns);
        const all = letters(doc.lines.map(textOfLine).join('').replaceAll('image: ', ''));
        // A table stands side by side, or tells its head once for each row: nothing is lost, in another order.
        if (text.includes('|-|')) assert.deepEqual(missing(letters(text), all), []);
        else assert.equal(all, letters(text));
        assert.ok(doc.lines.every(({ spans }) => widthOfSpans(spans) <= columns));
      }),
      { numRuns: 2000 },
    );
  });
});
