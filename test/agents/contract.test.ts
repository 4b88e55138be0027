import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeChecks, shapeOf } from '#agents/check-answer.ts';
import { checkContract, contractOf } from '#agents/contract.ts';
import type { OutputCheck, PromptSpec, Role } from '#core/role.ts';

const misses = async (answer: string, ...checks: readonly OutputCheck[]): Promise<string[]> =>
  (await checkContract(answer, checks)).map((finding) => finding.message);

test('an answer with the asked headings and fences has no misses', async () => {
  const answer = '# Decisions\n\n## 2. Open **questions**:\n\n```YAML title="x"\na: 1\n```\n\n~~~ json\n{}\n~~~\n';
  assert.deepEqual(await misses(answer, { heading: 'decisions' }, { heading: 'Open questions' }, { fence: 'yml' }, { fence: 'json' }), []);
});

test('each thing that is missing is told once, in the order of the checks', async () => {
  assert.deepEqual(await misses('# Decisions\n', { heading: 'Risks' }, { heading: 'Decisions' }, { fence: 'openapi' }), [
    'the answer lacks a heading "Risks"',
    'the answer lacks at least one fenced block that opens with ```openapi',
  ]);
});

test('what stands inside a fence is no heading and opens no other fence', async () => {
  const answer = '````md\n# Risks\n```yaml\n````\n';
  assert.equal((await misses(answer, { heading: 'Risks' }, { fence: 'yaml' })).length, 2);
  assert.deepEqual(await misses(`${answer}# Risks #\n`, { heading: 'Risks' }), []);
});

test('a heading of a million blanks is read in one pass', () => {
  const blanks = ' '.repeat(1_000_000);
  assert.deepEqual(
    [...shapeOf(`## Risks${blanks}and more${blanks}##${blanks}\n# Later #\n## C#\n##\n`).headings],
    ['risks and more', 'later', 'c#', ''],
  );
});

test('a word after hashes without a blank is no heading, inline code is no fence', async () => {
  assert.equal((await misses('#Risks\n``` a ` b\n# Later\n', { heading: 'Risks' }, { fence: 'a' })).length, 2);
  assert.deepEqual(await misses('``` a ` b\n# Later\n', { heading: 'Later' }), []);
});

test('checks of spec and role are merged without repeats', () => {
  assert.deepEqual(mergeChecks([{ heading: 'A' }, { fence: 'yaml' }], [{ heading: ' a' }, { fence: 'yml' }, { heading: 'B' }]), [
    { heading: 'A' },
    { fence: 'yaml' },
    { heading: 'B' },
  ]);
});

test('a check that looks into a fence takes the place of one that only asks for it', () => {
  const schema = { file: 'a.schema.json', source: '{}' };
  assert.deepEqual(mergeChecks([{ fence: 'prompts' }, { fence: 'yaml' }], [{ kind: 'prompts' }, { fence: 'yml', schema }]), [
    { fence: 'yml', schema },
    { kind: 'prompts' },
  ]);
});

test('fences are read with their lines, their text and their words, and one that is never closed runs to the end', () => {
  const { fences } = shapeOf('# A\n\n````prompts 01-architect/x.md\na\n```yaml\n````\n  ```json\n  {\n    "a": 1\n```\n~~~yml\nb: 1');
  assert.deepEqual(fences, [
    { word: 'prompt', info: 'prompts 01-architect/x.md', line: 3, text: 'a\n```yaml\n', indent: 0, isClosed: true },
    { word: 'json', info: 'json', line: 7, text: '{\n  "a": 1\n', indent: 2, isClosed: true },
    { word: 'yaml', info: 'yml', line: 11, text: 'b: 1\n', indent: 0, isClosed: false },
  ]);
});

test('where something is missing, a fence that was never closed is told, too', async () => {
  const findings = await checkContract('# A\n```yaml\na: 1\n## Risks\n', [{ heading: '## Risks' }]);
  assert.deepEqual(
    findings.map(({ line, check }) => [line, check]),
    [
      [0, 'heading ## Risks'],
      [2, 'fence'],
    ],
  );
});

test('what is handed in looks at each fence of its kind, and its words are made printable and short', async () => {
  const answer = '```prompt\none\n```\n```prompts 01-architect/b.md\ntwo\n```\n```openapi\nopenapi: 3.1.0\n```\n';
  const findings = await checkContract(answer, [{ kind: 'prompts' }, { kind: 'openapi' }, { kind: 'changes' }], {
    prompts: async (fences) =>
      Promise.resolve(fences.map(({ line, info }) => ({ line, column: 1, message: `\u001b[31m${info}${'x'.repeat(2_000)}` }))),
    openapi: ({ line }) => [{ line: line + 1, column: 2, message: 'no title' }],
    changes: () => [{ line: 0, column: 0, message: 'no list' }],
  });
  assert.deepEqual(
    findings.map(({ check, line }) => [check, line]),
    [
      ['prompts', 1],
      ['prompts', 4],
      ['openapi', 8],
      ['changes', 0],
    ],
  );
  assert.ok(findings.every(({ message }) => message.length <= 640 && !message.includes('\u001b')));
  assert.deepEqual(await misses('no fence', { kind: 'prompts' }), [
    'the answer lacks at least one fenced block that opens with ````prompt, each a whole prompt that docket would take',
  ]);
});

const role = (emits: Role['emits']): Role => ({ emits, checks: [] }) as unknown as Role;
const spec = (...output: readonly OutputCheck[]): PromptSpec => ({ output }) as unknown as PromptSpec;

test('what a role emits is looked at under any spec: a role of prompts may have none, and one that changes no files lists none', () => {
  assert.deepEqual(contractOf(role('prompts'), spec()), [{ kind: 'prompts', ifAny: true }]);
  assert.deepEqual(contractOf(role('prompts'), spec({ fence: 'prompts' })), [{ kind: 'prompts' }]);
  assert.deepEqual(contractOf(role('prompts'), spec({ kind: 'prompts' })), [{ kind: 'prompts' }]);
  assert.deepEqual(contractOf(role('document'), spec({ kind: 'changes' })), []);
  assert.deepEqual(contractOf(role('changes'), spec({ kind: 'changes' })), [{ kind: 'changes' }]);
});
