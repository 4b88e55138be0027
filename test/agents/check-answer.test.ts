import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAnswer, mergeChecks } from '#agents/check-answer.ts';

const misses = (answer: string, ...checks: Parameters<typeof checkAnswer>[1]): string[] =>
  checkAnswer(answer, checks).map((miss) => miss.message);

test('an answer with the asked headings and fences has no misses', () => {
  const answer = '# Decisions\n\n## 2. Open **questions**:\n\n```YAML title="x"\na: 1\n```\n\n~~~ json\n{}\n~~~\n';
  assert.deepEqual(misses(answer, { heading: 'decisions' }, { heading: 'Open questions' }, { fence: 'yml' }, { fence: 'json' }), []);
});

test('each thing that is missing is told once, in the order of the checks', () => {
  assert.deepEqual(misses('# Decisions\n', { heading: 'Risks' }, { heading: 'Decisions' }, { fence: 'openapi' }), [
    'the answer lacks a heading "Risks"',
    'the answer lacks at least one fenced block that opens with ```openapi',
  ]);
});

test('what stands inside a fence is no heading and opens no other fence', () => {
  const answer = '````md\n# Risks\n```yaml\n````\n';
  assert.equal(misses(answer, { heading: 'Risks' }, { fence: 'yaml' }).length, 2);
  assert.deepEqual(misses(`${answer}# Risks #\n`, { heading: 'Risks' }), []);
});

test('a word after hashes without a blank is no heading, inline code is no fence', () => {
  assert.equal(misses('#Risks\n``` a ` b\n# Later\n', { heading: 'Risks' }, { fence: 'a' }).length, 2);
  assert.deepEqual(misses('``` a ` b\n# Later\n', { heading: 'Later' }), []);
});

test('checks of spec and role are merged without repeats', () => {
  assert.deepEqual(mergeChecks([{ heading: 'A' }, { fence: 'yaml' }], [{ heading: ' a' }, { fence: 'yml' }, { heading: 'B' }]), [
    { heading: 'A' },
    { fence: 'yaml' },
    { heading: 'B' },
  ]);
});
