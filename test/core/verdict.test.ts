/** What verdicts make of a result: core/verdict.ts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sha256 } from '#core/names.ts';
import { isAccepted, type ReviewRule, standingOf, type Verdict } from '#core/verdict.ts';

const HASH = 'a'.repeat(64) as Sha256;
const OTHER = 'b'.repeat(64) as Sha256;
const RULE: ReviewRule = { review: 'required', reviewers: 1, authorMayApprove: true };
const FOUR_EYES: ReviewRule = { review: 'required', reviewers: 2, authorMayApprove: false };

const says = (email: string, verdict: Verdict['verdict'], more: Partial<Verdict> = {}): Verdict =>
  ({ by: { name: email, email }, verdict, result_sha256: HASH, code: { head: null, files: [] }, ...more }) as Verdict;
const standing = (
  rule: ReviewRule,
  verdicts: readonly Verdict[],
  author: string | null = null,
  codeNow?: Verdict['code']['files'],
): string => standingOf(rule, verdicts, { resultSha256: HASH, author, ...(codeNow === undefined ? {} : { codeNow }) });

const CASES: readonly [words: string, got: string, want: string][] = [
  ['nobody has said anything', standing(RULE, []), 'awaiting'],
  ['a role that asks for no review', standing({ ...RULE, review: 'none' }, []), 'unreviewed'],
  ['one approval where one is asked', standing(RULE, [says('a@x', 'approved')]), 'accepted'],
  ['the newest word of a person counts', standing(RULE, [says('a@x', 'approved'), says('A@X ', 'rejected')]), 'rejected'],
  ['and may take a no back', standing(RULE, [says('a@x', 'rejected'), says('a@x', 'approved')]), 'accepted'],
  [
    'a no of one weighs more than a yes of another',
    standing(RULE, [says('a@x', 'changes-requested'), says('b@x', 'approved')]),
    'changes-requested',
  ],
  ['also where no review is asked', standing({ ...RULE, review: 'none' }, [says('a@x', 'held')]), 'held'],
  ['four eyes: one is not two', standing(FOUR_EYES, [says('a@x', 'approved')]), 'awaiting'],
  ['four eyes: one person twice is not two', standing(FOUR_EYES, [says('a@x', 'approved'), says('A@x', 'approved')]), 'awaiting'],
  ['four eyes: two are', standing(FOUR_EYES, [says('a@x', 'approved'), says('b@x', 'approved')], 'c@x'), 'accepted'],
  ['four eyes: the author is none of them', standing(FOUR_EYES, [says('a@x', 'approved'), says('b@x', 'approved')], 'B@x'), 'awaiting'],
  ['an approval of other bytes is none', standing(RULE, [says('a@x', 'approved', { result_sha256: OTHER })]), 'lapsed'],
  ['a refusal of other bytes leaves nothing', standing(RULE, [says('a@x', 'rejected', { result_sha256: OTHER })]), 'awaiting'],
  [
    'the code that was judged is another one now',
    standing(RULE, [says('a@x', 'approved', { code: { head: null, files: [{ path: 'a', sha256: HASH }] } })], null, [
      { path: 'a', sha256: OTHER },
    ]),
    'lapsed',
  ],
  [
    'the code is as it was judged',
    standing(RULE, [says('a@x', 'approved', { code: { head: null, files: [{ path: 'a', sha256: HASH }] } })], null, [
      { path: 'a', sha256: HASH },
    ]),
    'accepted',
  ],
];

for (const [words, got, want] of CASES)
  test(words, () => {
    assert.equal(got, want);
  });

test('only what was accepted, or needs no verdict, lets others go on', () => {
  const all = ['accepted', 'unreviewed', 'awaiting', 'changes-requested', 'rejected', 'held', 'lapsed'] as const;
  assert.deepEqual(all.filter(isAccepted), ['accepted', 'unreviewed']);
});
