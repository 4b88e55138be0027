import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePrompt } from '#prompt-spec/parse.ts';
import { bytesOfParts, type Recipe, recipes } from '#test/support/hostile.ts';
import { contextOf } from '#test/support/prompts.ts';

/** What SPEC.md decides; the test below holds the two together. */
const POLICY: Readonly<Record<string, 'accept' | 'reject'>> = {
  maxBytes: 'reject',
  unknownKeys: 'accept',
  quotedInt: 'reject',
  noOffset: 'reject',
  leapSecond: 'reject',
  basicFormat: 'reject',
  future: 'accept',
  trim: 'reject',
};

const specRows = new Map(
  [...readFileSync(join(import.meta.dirname, '..', '..', 'prompt-spec', 'SPEC.md'), 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(
    ([, id, outcome]) => [id, outcome],
  ),
);

for (const [id, outcome] of Object.entries(POLICY)) {
  test(`SPEC.md decides the policy ${id}: ${outcome}`, () => assert.equal(specRows.get(id), outcome));
}

const decided = (expect: string): string => {
  const policy = /^policy:(\w+)$/.exec(expect)?.[1];
  return policy === undefined ? expect : (specRows.get(policy) ?? `no policy ${policy} in SPEC.md`);
};

/** Everything that is right for this recipe. */
const right = (recipe: Recipe): readonly string[] =>
  [recipe.expect, ...(recipe.allow ?? [])].map(decided).flatMap((word) => (word === 'either' ? ['accept', 'reject'] : [word]));

const CONTENT = ['content', 'yaml', 'header', 'injection'];
const mine = recipes().filter((recipe) => CONTENT.includes(recipe.area) && recipe.heavy !== true);

test('there are recipes of every area that the parser answers for', () => {
  assert.deepEqual(
    CONTENT.filter((area) => !mine.some((recipe) => recipe.area === area)),
    [],
  );
});

for (const recipe of mine) {
  test(`hostile input ${recipe.id} (${recipe.why}): ${right(recipe).join(' or ')}`, () => {
    const bytes = bytesOfParts(recipe.parts ?? []);
    // A recipe that is longer than the default limit and wants to be taken belongs to a workspace with a higher limit.
    const parsed = parsePrompt(bytes, contextOf('architect', recipe.expect.startsWith('accept') ? 8_000_000 : 600_000));
    const outcomes = right(recipe);
    if (!parsed.ok) {
      assert.ok(outcomes.includes('reject'), parsed.error.map(({ message }) => message).join('; '));
      const { mentions } = recipe;
      assert.ok(mentions === undefined || parsed.error.some(({ field }) => field === mentions));
      return;
    }
    assert.ok(outcomes.includes('accept') || outcomes.includes('accept-verbatim'), 'it was taken');
    const all = Buffer.from(bytes).toString('utf8');
    assert.equal(parsed.value.body, all.slice(all.indexOf('\n---\n') + 5));
  });
}

test('a file above the limit is refused by its length alone', () => {
  const parsed = parsePrompt(new Uint8Array(100_000_000), contextOf());
  assert.deepEqual(parsed.ok ? [] : parsed.error.map(({ code }) => code), ['file-too-large']);
});
