import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { skimPrompt } from '#prompt-spec/skim.ts';
import { bytesOf, promptWith } from '#test/support/prompts.ts';

const orderOf = (bytes: Uint8Array): unknown => {
  const peek = peekPrompt(bytes);
  return peek === null
    ? null
    : { feature: peek.feature, priority: peek.priority, notBefore: peek.notBefore, dependsOn: peek.dependsOn, runner: peek.runner };
};

test('a plain prompt is skimmed, and the answer is that of the peek', () => {
  for (const more of ['', 'priority: 5\n', 'priority: 0\nnot_before: 2099-01-01T00:00:00Z\n', 'name: filter-panel\n']) {
    const bytes = bytesOf(promptWith(more));
    assert.notEqual(skimPrompt(bytes), null, more);
    assert.deepEqual(skimPrompt(bytes), orderOf(bytes));
  }
  const cut = bytesOf(promptWith('', 'ü'.repeat(20_000))).subarray(0, 16_383);
  assert.deepEqual(skimPrompt(cut), orderOf(cut));
});

for (const [what, text] of Object.entries({
  'a list': promptWith('depends_on: [meta]\n'),
  'an unknown key': promptWith('ticket: 5\n'),
  'a key twice': promptWith('priority: 5\npriority: 6\n'),
  'a comment': promptWith('# hello\n'),
  quotes: promptWith('priority: "5"\n'),
  'a word that is no text': promptWith('name: null\n'),
  'an impossible date': promptWith('not_before: 2026-02-30T00:00:00Z\n'),
  'CRLF line ends': promptWith('').replaceAll('\n', '\r\n'),
  'a missing field': promptWith('').replace('revision: 2\n', ''),
  'a byte order mark': `\ufeff${promptWith('')}`,
  'no close': '---\nfeature: FEAT-1\n',
  nothing: '',
})) {
  test(`a head with ${what} is left to the peek`, () => assert.equal(skimPrompt(bytesOf(text)), null));
}

test('a head that is not UTF-8 behind its header is left to the peek', () => {
  assert.equal(skimPrompt(Uint8Array.from([...bytesOf(promptWith('')), 0xff, 0x20, 0x20, 0x20, 0x20])), null);
});

test('whatever it answers, the peek answers the same', () => {
  const value = fc.oneof(
    fc.constantFrom(
      'FEAT-1',
      'FEAT-12-a',
      'con',
      'architect',
      'null',
      'true',
      '2.1.0',
      '02.1.0',
      '1',
      '0',
      '007',
      '99',
      '100',
      '1e1',
      '0x1',
    ),
    fc.constantFrom('2025-12-09T22:37:00+01:00', '2025-12-09T22:37Z', '2025-02-30T22:37:00Z', '1969-01-01T00:00:00Z', 'a: b', 'a:', '.inf'),
    fc.string({ maxLength: 12 }),
    fc.stringMatching(/^[0-9A-Za-z:.+-]{1,12}$/),
  );
  const key = fc.constantFrom(
    'feature',
    'agent',
    'prompt_spec_version',
    'revision',
    'created_at',
    'name',
    'priority',
    'not_before',
    'runner',
    'x',
  );
  const good = ['feature: FEAT-1', 'agent: ui', 'prompt_spec_version: 2.1.0', 'revision: 1', 'created_at: 2025-12-09T22:37:00Z'];
  const lines = fc.tuple(fc.array(fc.tuple(key, value), { maxLength: 3 }), fc.subarray(good, { minLength: 3 }));
  let answered = 0;
  fc.assert(
    fc.property(lines, fc.string({ maxLength: 20 }), ([odd, plain], body) => {
      const header = [...odd.map(([name, text]) => `${name}: ${text}`), ...plain].join('\n');
      const bytes = bytesOf(`---\n${header}\n---\n${body}`);
      const skim = skimPrompt(bytes);
      if (skim !== null) {
        answered += 1;
        assert.deepEqual(skim, orderOf(bytes));
      }
    }),
    { numRuns: 5_000 },
  );
  assert.ok(answered > 100, String(answered));
});
