/** What each tool's recorded transcript tells while it grows, by the `progress:` rules of its profile. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { printable } from '#core/names.ts';
import { profileOf } from '#test/support/profiles.ts';
import { makeProgressReader, type ProgressReader, type Step } from '#tools/progress.ts';

const bytesOf = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/transcripts/${name}`, import.meta.url));

function readerOf(id: string): ProgressReader {
  const { progress } = profileOf(id);
  assert.ok(progress !== null, `${id} has no progress`);
  return makeProgressReader(progress, '/w/somewhere', (text, max) => printable(text, max));
}
const line = (event: unknown): Uint8Array => Buffer.from(`${JSON.stringify(event)}\n`);

function stepsOf(reader: ProgressReader, bytes: Uint8Array, chunk: number): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < bytes.length; at += chunk) steps.push(...reader.feed(bytes.subarray(at, at + chunk)));
  return [...steps, ...reader.finish()];
}
const wordOf = (step: Step): string =>
  step.kind === 'tool' ? `${step.tool} ${step.file ?? '-'}` : step.kind === 'text' ? (step.text.split(' ')[0] ?? '') : step.kind;

/** The steps, the tokens of input and output, and the model. */
const TOLD: Readonly<Record<string, readonly [readonly string[], number | null, number | null, string | null]>> = {
  'claude.tool': [['I', 'Write /etc/fake-outside.md', '#'], 2_004, 2, 'claude-sonnet-5-5'],
  'codex.tool': [['I', '#'], 2_004, 77, null],
  'gemini.tool': [['I', 'write_file /etc/fake-outside.md', '#'], 2_004, 131, 'gemini-3.8-flash'],
  'opencode.tool': [['write /etc/fake-outside.md', 'I', '#'], 2_004, 166, null],
  'qwen.tool': [['I', 'write_file /etc/fake-outside.md', '#'], 2_006, 72, 'fake-model'],
  'copilot.tool': [['I', 'create /etc/fake-outside.md', '#'], null, null, 'fake-model'],
  'amp.ok': [['#'], null, null, 'm-1'],
  'cursor-agent.ok': [['#'], null, null, 'm-1'],
  'goose.ok': [['Let', '#'], null, null, null],
  'cline.ok': [['working'], null, null, null],
};

for (const [name, [steps, input, output, model]] of Object.entries(TOLD))
  for (const chunk of [17, 1_000_000])
    test(`${name}, in pieces of ${String(chunk)} bytes`, () => {
      const reader = readerOf(name.split('.')[0] ?? '');
      const told = stepsOf(reader, bytesOf(`${name}.exit0.jsonl`), chunk);
      assert.deepEqual(told.filter(({ kind }) => kind !== 'usage').map(wordOf), steps);
      assert.deepEqual([reader.usage().inputTokens, reader.usage().outputTokens, reader.model()], [input, output, model]);
    });

test('opencode tells what it has cost so far', () => {
  const reader = readerOf('opencode');
  stepsOf(reader, bytesOf('opencode.tool.exit0.jsonl'), 1_000_000);
  assert.equal(reader.usage().costUsd, 0.002336);
});

test('a command and a file of codex are told, and a file below the working folder by its short name', () => {
  const reader = readerOf('codex');
  const command = reader.feed(line({ type: 'item.started', item: { type: 'command_execution', command: 'ls' } }));
  const change = reader.feed(line({ type: 'item.completed', item: { type: 'file_change', changes: [{ path: '/w/somewhere/src/a.ts' }] } }));
  assert.deepEqual(
    [...command, ...change],
    [
      { kind: 'tool', tool: 'command_execution', file: null },
      { kind: 'file', file: 'src/a.ts' },
    ],
  );
});

const message = (id: string, output: number): Uint8Array =>
  line({
    type: 'assistant',
    message: { id, content: [], usage: { input_tokens: 100, output_tokens: output, cache_read_input_tokens: 7 } },
  });

test('the same message told twice is counted once, with the larger numbers', () => {
  const reader = readerOf('claude');
  for (const [id, output] of [['a', 1], ['b', 3], ['a', 9]] as const) reader.feed(message(id, output)); // prettier-ignore
  const { inputTokens, outputTokens, cacheReadTokens } = reader.usage();
  assert.deepEqual([inputTokens, outputTokens, cacheReadTokens], [200, 12, 14]);
});

test('a line that is too long, torn, no JSON or of another kind is passed over, and what follows it is read', () => {
  const reader = readerOf('claude');
  const good = line({ type: 'assistant', message: { content: [{ type: 'tool_use', name: 'Read', input: {} }] } });
  const long = Buffer.alloc(5_000_000, 0x61);
  const steps = stepsOf(
    reader,
    Buffer.concat([long, Buffer.from('\n{"type":"assistant"\nwords "assistant"\n[1]\n'), line({ type: 'user' }), good]),
    65_536,
  );
  assert.deepEqual(steps, [{ kind: 'tool', tool: 'Read', file: null }]);
});

test('a text that comes in pieces is told when it is whole', () => {
  const reader = readerOf('gemini');
  const piece = (content: string): Uint8Array => line({ type: 'message', role: 'assistant', content, delta: true });
  assert.deepEqual(reader.feed(piece('one, ')), []);
  assert.deepEqual(reader.feed(piece('two')), []);
  assert.deepEqual(reader.feed(line({ type: 'tool_use', tool_name: 'glob' })), [
    { kind: 'text', text: 'one, two', characters: 8 },
    { kind: 'tool', tool: 'glob', file: null },
  ]);
  assert.deepEqual(reader.finish(), []);
});
