/** What every status says about roles that nobody reviews. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnreviewed, reviewNotes } from '#core/glance.ts';
import type { RoleName } from '#core/names.ts';

const role = (name: string, review: 'required' | 'none', emits: 'document' | 'prompts' | 'changes' = 'document') => ({
  name: name as RoleName,
  review,
  emits,
  reviewers: 1,
  authorMayApprove: true,
});

test('a role is unreviewed only when it says so, emits documents, and the committed settings list it', () => {
  assert.equal(isUnreviewed(role('a', 'none'), ['a']), true);
  assert.equal(isUnreviewed(role('a', 'none'), []), false);
  assert.equal(isUnreviewed(role('a', 'required'), ['a']), false);
  assert.equal(isUnreviewed(role('a', 'none', 'changes'), ['a']), false);
});

test('each role that is listed or says none is told, also where that is without effect, and no other', () => {
  const roles = [
    role('free', 'none'),
    role('alone', 'none'),
    role('listed', 'required'),
    role('code', 'none', 'changes'),
    role('plain', 'required'),
  ];
  const notes = reviewNotes(roles, ['free', 'listed', 'code', 'ghost']);
  assert.deepEqual(
    notes.map((note) => note.slice(0, 48)),
    [
      'role free is NOT REVIEWED: its answers count wit',
      'role alone says review: none without effect: rev',
      'role listed is in review.unreviewed_roles withou',
      'role code is in review.unreviewed_roles without ',
      'review.unreviewed_roles names ghost, and there i',
    ],
  );
});
