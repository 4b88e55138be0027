import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Prompt } from '#core/prompt.ts';
import { parsePrompt, placeOfField } from '#prompt-spec/parse.ts';
import { bytesOf, contextOf, HEADER, promptWith } from '#test/support/prompts.ts';

function taken(text: string, role = 'architect'): Prompt {
  const parsed = parsePrompt(bytesOf(text), contextOf(role));
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.error));
  return parsed.value;
}

const codes = (text: string): readonly string[] => {
  const parsed = parsePrompt(bytesOf(text), contextOf());
  return parsed.ok ? [] : parsed.error.map(({ code }) => code);
};

test('every field arrives where the flow expects it', () => {
  const prompt = taken(
    promptWith(
      [
        'name: filter-panel',
        'stream: fix',
        'title: User filters',
        'priority: 7',
        'not_before: 2025-12-10T08:00:00+01:00',
        'depends_on: [meta, feat-123/openapi@1, ISSUE-9/ui/login@2]',
        'runner: claude',
        'model: sonnet[1m]',
        'limits: { timeout: 15m, attempts: 3, budget_usd: 2.00, turns: 40 }',
        'requirements: [REQ-7]',
        '',
      ].join('\n'),
    ),
  );
  assert.equal(prompt.feature.id, 'FEAT-123');
  assert.equal(prompt.agent, 'architect');
  assert.equal(prompt.specVersion, '2.1.0');
  assert.equal(prompt.revision, 2);
  assert.equal(prompt.createdAt, '2025-12-09T22:37:00+01:00');
  assert.equal(prompt.name, 'filter-panel');
  assert.equal(prompt.stream, 'fix');
  assert.equal(prompt.title, 'User filters');
  assert.equal(prompt.priority, 7);
  assert.equal(prompt.notBefore, '2025-12-10T08:00:00+01:00');
  assert.deepEqual(prompt.dependsOn, [
    { feature: 'FEAT-123', role: 'meta', name: null, revision: null },
    { feature: 'feat-123', role: 'openapi', name: null, revision: 1 },
    { feature: 'ISSUE-9', role: 'ui', name: 'login', revision: 2 },
  ]);
  assert.equal(prompt.runner, 'claude');
  assert.equal(prompt.model, 'sonnet[1m]');
  assert.deepEqual(prompt.limits, { timeoutMs: 900_000, attempts: 3, budgetUsd: 2, turns: 40 });
  assert.deepEqual(Object.entries(prompt.rest), [['requirements', ['REQ-7']]]);
  assert.deepEqual(prompt.warnings, []);
});

test('what is left out has its default', () => {
  const prompt = taken(promptWith(''));
  assert.deepEqual(
    [prompt.name, prompt.stream, prompt.title, prompt.priority, prompt.notBefore, prompt.runner, prompt.model],
    [null, null, null, 50, null, null, null],
  );
  assert.deepEqual([prompt.dependsOn, prompt.limits, Object.keys(prompt.rest)], [[], {}, []]);
});

test('the body is kept byte for byte, with CRLF, lone CR and a byte order mark before the header', () => {
  const body = 'a\r\nb\rc\n\u2028\ufeff---\n---\r\nend';
  assert.equal(taken(promptWith('', body)).body, body);
  const withCrlf = `\ufeff${promptWith('', '').replaceAll('\n', '\r\n')}${body}`;
  assert.equal(taken(withCrlf).body, body);
});

test('an unknown key is kept and told with the nearest known one', () => {
  const { rest, warnings } = taken(promptWith('prioritty: 3\nzebra: 1\nCreated-At: x\n'));
  assert.deepEqual(Object.entries(rest), [
    ['prioritty', 3],
    ['zebra', 1],
    ['Created-At', 'x'],
  ]);
  assert.deepEqual(
    warnings.map(({ code, line, field, expected }) => [code, line, field, expected]),
    [
      ['unknown-key', 7, 'prioritty', 'priority'],
      ['unknown-key', 8, 'zebra', 'a key of prompt-spec/SPEC.md'],
      ['unknown-key', 9, 'Created-At', 'created_at'],
    ],
  );
});

test('quotes that are not needed, empty optional fields and times far ahead are told, not refused', () => {
  const text = promptWith('name:\nnot_before: 2099-01-01T00:00:00Z\n').replace('2.1.0', '"2.1.0"').replace('2025-12-09', '2026-11-22');
  assert.deepEqual(
    taken(text).warnings.map(({ code, line }) => [code, line]),
    [
      ['needless-quotes', 4],
      ['created-at-future', 6],
      ['empty-field', 7],
      ['not-before-far', 8],
    ],
  );
});

test('keys that are names of object members are data and reach no prototype', () => {
  const { rest } = taken(promptWith('constructor: 1\ntoString: { valueOf: 2 }\nhasOwnProperty: 3\n'));
  assert.equal(Object.getPrototypeOf(rest), null);
  assert.deepEqual(Object.keys(rest), ['constructor', 'toString', 'hasOwnProperty']);
  assert.equal(Object.getPrototypeOf(rest['toString']), null);
  assert.equal(Reflect.get({}, 'polluted'), undefined);
});

test('all faults of a file are told at once, each with its place', () => {
  const parsed = parsePrompt(bytesOf(promptWith('priority: x\nlimits: { turns: 0 }\n').replace('2.1.0', '2.1')), contextOf());
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.error.map(({ code, line, column }) => [code, line, column]),
    [
      ['prompt-spec-version-type', 4, 22],
      ['priority-not-integer', 7, 11],
      ['limits-turns-range', 8, 18],
    ],
  );
});

test('a version that YAML reads as a number is explained', () => {
  const parsed = parsePrompt(bytesOf(promptWith('').replace('2.1.0', '1.10')), contextOf());
  assert.ok(!parsed.ok);
  const [fault] = parsed.error;
  assert.equal(fault?.found, '1.10');
  assert.match(fault.message, /YAML reads 1\.10 as the number 1\.1/);
  assert.equal(fault.mend, 'write 1.10.0');
});

test('a misspelled required key is named in the fault of the missing one', () => {
  const parsed = parsePrompt(bytesOf(promptWith('').replace('agent:', 'agnet:')), contextOf());
  assert.ok(!parsed.ok);
  assert.equal(parsed.error[0]?.mend, 'rename the key agnet to agent');
});

test('a fault never shows a long token or the value of a line that is not YAML', () => {
  const secret = `sk-ant-${'a1B2c3'.repeat(8)}`;
  for (const line of [`model: "${secret} "`, `x: "${secret}`, `api_key: a: ${secret}`, `runner: ${secret}`]) {
    const parsed = parsePrompt(bytesOf(promptWith(`${line}\n`)), contextOf());
    assert.ok(!parsed.ok, line);
    assert.ok(!JSON.stringify(parsed.error).includes(secret.slice(0, 16)), line);
  }
});

test('a role may wait for an earlier revision of itself', () => {
  assert.deepEqual(codes(promptWith('depends_on: [architect@1, architect]\n')), []);
});

test('the place of a field can be asked for later faults', () => {
  assert.deepEqual(placeOfField(bytesOf(promptWith('runner: claude\n')), 'runner', contextOf().limits), { line: 7, column: 9 });
  assert.deepEqual(placeOfField(bytesOf(promptWith('')), 'runner', contextOf().limits), { line: 0, column: 0 });
});

test('no bytes make the parser throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parsePrompt(bytes, contextOf());
    }),
    { numRuns: 150 },
  );
});

test('no header text makes the parser throw, and what is taken keeps its body', () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.stringMatching(/^[ \t\-?:{}[\],&*!|>'"%@`#a1.\n]{0,30}$/),
    fc.constantFrom(
      'x: &a [*a]',
      '<<: {a: 1}',
      '? [a]: b',
      'limits: {turns: }',
      'depends_on: [[a]]',
      'scope: {files: {a: b}}',
      'title: |\n  a',
    ),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), fc.string({ unit: 'binary', minLength: 1 }), (lines, body) => {
      const parsed = parsePrompt(bytesOf(promptWith(`${lines.join('\n')}\n`, `body\n${body.toWellFormed()}`)), contextOf());
      if (parsed.ok && !lines.some((text) => /(?:^|\n)---/.test(text))) assert.equal(parsed.value.body, `body\n${body.toWellFormed()}`);
    }),
    { numRuns: 150 },
  );
});

const fill = (text: string, length = 16_000): string => text.repeat(Math.floor(length / text.length));
const HOSTILE_HEADERS: Readonly<Record<string, string>> = {
  'open lists': `x: ${fill('[')}`,
  'open mappings': `x: ${fill('{')}`,
  'compact lists': `x:\n  ${fill('- ')}`,
  'explicit keys': fill('? '),
  'nested keys': fill('a: '),
  'closing brackets': fill(']'),
  anchors: fill('&a '),
  tags: fill('!a '),
  aliases: fill('*a '),
  quotes: fill('"'),
  'many keys': Array.from({ length: 990 }, (_, n) => `unknown${String(n)}: v`).join('\n'),
  'many equal keys': fill('a: 1\n', 4_900),
  'a flow mapping of keys': `x: {${fill('a,')}}`,
  'empty lines': fill('\n', 990),
  'empty lines and spaces': `${fill('\n', 900)}${fill(' ', 15_000)}`,
  backslashes: `x: "${fill('\\')}`,
  'deep blocks': Array.from({ length: 170 }, (_, n) => `${' '.repeat(n)}k:`).join('\n'),
  'long keys near known ones': fill(`${'created_a'.repeat(4)}: 1\n`, 15_000),
};

/** Time of this thread on a processor, ms: what other programs do on the machine does not count. */
const threadMsSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
};

for (const [what, header] of Object.entries(HOSTILE_HEADERS)) {
  test(`a header of ${what} takes less than half a second of the processor`, () => {
    const bytes = bytesOf(`---\n${header}\n---\nbody\n`);
    const before = process.threadCpuUsage();
    const parsed = parsePrompt(bytes, contextOf());
    const tookMs = threadMsSince(before);
    assert.ok(!parsed.ok);
    assert.ok(parsed.error.length <= 100);
    assert.ok(tookMs < 500, `${String(tookMs)} ms`);
  });
}

test('a prompt of 600 KB is read quickly', () => {
  const text = `---\n${HEADER}---\n${'The quick brown fox — jumps.\n'.repeat(19_000)}`;
  const before = process.threadCpuUsage();
  assert.equal(taken(text).body.length, text.length - HEADER.length - 8);
  assert.ok(threadMsSince(before) < 250);
});
