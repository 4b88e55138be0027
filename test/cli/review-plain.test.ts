/** The terminal review line by line: what a screen reader would be told, and that nothing is given by silence. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runPlain } from '#cli/review-plain.ts';
import { entry, makeFakeDesk, NOW_MS, type Asked } from '#test/support/review-desk.ts';

async function talk(answers: readonly string[], refuses: string | null = null): Promise<{ said: string[]; asked: Asked[] }> {
  const { desk, asked } = makeFakeDesk([entry(1), entry(2), entry(9)], refuses);
  const said: string[] = [];
  const left = [...answers];
  await runPlain(
    desk,
    {
      say: (text) => void said.push(text),
      async ask(question) {
        said.push(question);
        return Promise.resolve(left.shift() ?? null);
      },
    },
    () => NOW_MS,
  );
  return { said, asked };
}

describe('line by line', () => {
  test('answers are read out, approved with a typed yes, and the list comes again', async () => {
    const { said, asked } = await talk(['1', 'a', '.', 'yes', 'q']);
    assert.deepEqual(asked, [{ key: 'FEAT-1/architect@1', verdict: 'approved', comment: null, isYes: true }]);
    const all = said.join('\n');
    assert.match(
      all,
      /3 answers await a verdict, oldest first\.\n1\. FEAT-1\/architect r1, "Part 1 漢字", 4d old, 1\.2 KB, 1 findings, 0 of 1 approvals, awaiting/,
    );
    assert.match(
      all,
      /Page answer of FEAT-1\/architect r1:\n## Head 1\n\nparagraph 0\n[\s\S]*End of page answer\.\n2 findings: page evidence names them\./,
    );
    assert.match(
      all,
      /approved FEAT-1\/architect@1\?\nresult abab\nThen: what follows approved\nType yes to give it: \nFEAT-1\/architect@1: approved\n2 answers await/,
    );
    // eslint-disable-next-line no-control-regex -- nothing moves the cursor or changes a colour
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f]/.test(all));
  });

  test('other pages are read when they are asked for', async () => {
    const { said } = await talk(['2', 'd', 'f', 'e', 'p', 'l', 'q']);
    for (const page of ['diff', 'files', 'evidence', 'prompt']) assert.ok(said.includes(`End of page ${page}.`), page);
  });

  test('a comment of several lines goes with the verdict', async () => {
    const { asked } = await talk(['1', 'c', 'add tests', 'and a name', '.', 'yes', 'q']);
    assert.deepEqual(asked, [{ key: 'FEAT-1/architect@1', verdict: 'changes-requested', comment: 'add tests\nand a name', isYes: true }]);
  });

  for (const answers of [
    ['1', 'a'],
    ['1', 'a', '.'],
    ['1', 'a', '.', ''],
    ['1', 'a', '.', 'y'],
    ['1', 'x', '.', 'q'],
    ['1', 'c', 'half a comment'],
    [],
  ])
    test(`nothing is given after ${JSON.stringify(answers)}`, async () => {
      const { asked } = await talk(answers);
      assert.ok(!asked.some(({ isYes }) => isYes));
    });

  test('a wrong number, a fault and a refusal are told, and the talk goes on', async () => {
    const { said } = await talk(['7', '3', '1', 'a', '.', 'l', 'q'], 'a verdict needs a name');
    const all = said.join('\n');
    assert.match(all, /There is none with that number\.[\s\S]*it cannot be read[\s\S]*a verdict needs a name[\s\S]*What next\?/);
  });
});
