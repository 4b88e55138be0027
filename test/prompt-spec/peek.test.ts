import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { bytesOf, promptWith } from '#test/support/prompts.ts';

test('a peek tells order, time and dependencies', () => {
  const peek = peekPrompt(
    bytesOf(promptWith('priority: 5\nnot_before: 2026-01-01T00:00:00Z\ndepends_on: [meta]\nrunner: claude\nname: a\n')),
  );
  assert.deepEqual(peek, {
    feature: 'FEAT-123',
    agent: 'architect',
    name: 'a',
    revision: 2,
    priority: 5,
    notBefore: '2026-01-01T00:00:00Z',
    dependsOn: [{ feature: 'FEAT-123', role: 'meta', name: null, revision: null }],
    runner: 'claude',
  });
});

test('a head that ends in the middle of the body, and of a character, is enough', () => {
  const bytes = bytesOf(promptWith('', 'ü'.repeat(20_000)));
  assert.equal(peekPrompt(bytes.subarray(0, 16_383))?.priority, 50);
  assert.equal(peekPrompt(bytes.subarray(0, 16_384))?.priority, 50);
});

for (const [what, text] of Object.entries({
  'a header that is not closed in it': `---\n${'# comment\n'.repeat(3_000)}---\nx`,
  'an invalid field': promptWith('priority: 500\n'),
  'a missing field': promptWith('').replace('revision: 2\n', ''),
  'a tag': promptWith('x: !!str a\n'),
  'no header': 'Hello',
  nothing: '',
})) {
  test(`a head with ${what} gives no hint`, () => assert.equal(peekPrompt(bytesOf(text)), null));
}

test('no bytes make a peek throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      peekPrompt(bytes);
      peekPrompt(Uint8Array.from([...bytesOf('---\na: '), ...bytes, ...bytesOf('\n---\n')]));
    }),
    { numRuns: 200 },
  );
});
