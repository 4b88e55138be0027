/** What a probe makes of help texts and of recorded output, without any program: agents/probe-help.ts, probe-ways.ts and probe-shape.ts. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { offers, optionOf, readHelp } from '#agents/probe-help.ts';
import { errorShapeOf, shapeOf } from '#agents/probe-shape.ts';
import { accessOf, advised, ownVariables, variablesIn, waysOf } from '#agents/probe-ways.ts';
import { profileOf } from '#test/support/profiles.ts';

const transcript = (name: string): string => readFileSync(new URL(`../fixtures/transcripts/${name}`, import.meta.url), 'utf8');
const ran = (stdout: string, more: { code?: number; stderr?: string; report?: string } = {}): Parameters<typeof errorShapeOf>[0] => ({
  code: 0,
  stderr: '',
  report: '',
  stdout,
  ...more,
});

test('options are read from the help of commander, clap, yargs and argparse alike', () => {
  const help = readHelp(`Usage: tool [options]

Commands:
  exec, e   Run it non-interactively [aliases: e]
  tool run [message..]     run with a message
  query the manual

Options:
  -p, --print                 print and exit
      --format <FORMAT>
          How to print
          [possible values: text, json]
  -m, --model                 Model  [string]
  -q  --quiet                 no words  [boolean]
  --file FILE                 a file
  --mode MODE                 one of them (choices: "default", "plan"); plan is read-only
Positionals:
  ask  what to ask

\u001b[1mMore\u001b[0m --not-an-option here`);
  assert.deepEqual(help.verbs, ['exec', 'run']);
  assert.deepEqual(
    help.options.map(({ names, takesValue }) => [names.join(' '), takesValue]),
    [
      ['-p --print', false],
      ['--format', true],
      ['-m --model', true],
      ['-q --quiet', false],
      ['--file', true],
      ['--mode', true],
    ],
  );
  const mode = optionOf(help, ['--mode'], true);
  assert.ok(mode !== null && offers(mode, 'plan') && !offers(mode, 'read-only'), 'a list of choices goes before the words around it');
  assert.deepEqual(accessOf(readHelp('  --sandbox <MODE>  [possible values: read-only, workspace-write, danger-full-access]')), {
    'read-only': ['--sandbox', 'read-only'],
    worktree: ['--sandbox', 'workspace-write'],
  });
});

test('the way that tells most is tried first, and a verb made for programs goes before a bare call', () => {
  const main = readHelp('Commands:\n  exec  Run non-interactively\n\nOptions:\n  --verbose  more\n');
  const verbs = new Map([
    ['exec', readHelp('Options:\n  --json   print events\n  --prompt-file <path>  a file\n  --max-turns <n>  turns\n')],
  ]);
  assert.deepEqual(
    waysOf(main, verbs).map(({ prompt, args }) => [prompt, args.join(' ')]),
    [
      ['stdin', 'exec --max-turns {turns} --json'],
      ['file', 'exec --max-turns {turns} --json --prompt-file {prompt_file}'],
      ['argument', 'exec --max-turns {turns} --json {prompt}'],
      ['stdin', 'exec --max-turns {turns}'],
      ['file', 'exec --max-turns {turns} --prompt-file {prompt_file}'],
      ['argument', 'exec --max-turns {turns} {prompt}'],
      ['stdin', ''],
      ['argument', '{prompt}'],
    ],
  );
});

test('advice is taken from sentences only, and never a dangerous switch; variables only where they are set', () => {
  const help = readHelp('  --verbose  more\n  --yolo  all\n  --skip-git-repo-check  no git\n  --trust-all-force  x\n');
  const way = { help, args: ['--json'] };
  assert.deepEqual(advised('Not trusted and --skip-git-repo-check was not specified; use --yolo or --unknown', way), [
    '--skip-git-repo-check',
  ]);
  assert.deepEqual(advised(help.text, way), [], 'help that is printed with a mistake is no advice');
  const env = { TOOL_API_KEY: 'k', TOOL_BASE_URL: 'u', MY_TOOL_X: '1', OTHER_API_KEY: 'o', NODE_OPTIONS: '-r x', TOOLBOX_KEY: 'b' };
  assert.deepEqual(ownVariables('TOOL', 'needs NODE_OPTIONS', env), ['MY_TOOL_X', 'TOOL_API_KEY', 'TOOL_BASE_URL']);
  assert.deepEqual(variablesIn('set OTHER_API_KEY or ABSENT_API_KEY', env), ['OTHER_API_KEY']);
});

for (const [tool, word] of [
  ['claude', '# Fake answer'],
  ['codex', '# Fake answer'],
  ['gemini', '# Fake answer'],
  ['opencode', '# Fake answer'],
  ['qwen', '# Fake answer'],
  ['copilot', '# Fake answer'],
] as const)
  test(`${tool}: what is found in its recorded output is what its own profile says`, () => {
    const shape = shapeOf(ran(transcript(`${tool}.ok.exit0.jsonl`)), word);
    const { read } = profileOf(tool);
    const [answer] = read.answer;
    assert.ok(shape !== null && answer !== undefined);
    assert.equal(shape.format, read.format);
    assert.equal(shape.answer.at, answer.at);
    assert.deepEqual(shape.end === null ? null : read.end?.['type']?.includes(shape.end), true);
    for (const [key, values] of Object.entries(answer.where ?? {})) assert.ok(values.includes(shape.answer.where?.[key] ?? ''), key);
    const tokens = read.usage.outputTokens[0];
    if (tokens?.in === 'stdout') assert.equal(shape.usage.output_tokens?.at, tokens.at);
    const error = errorShapeOf(ran(transcript(`${tool}.401.exit${tool === 'gemini' ? '145' : '1'}.jsonl`), { code: 1 }));
    assert.ok(error.where !== null && error.message?.at !== undefined, JSON.stringify(error));
  });

test('an answer in pieces, in a list, in text and in no place at all', () => {
  assert.deepEqual(shapeOf(ran('{"d":"ab"}\n{"d":"cd"}\n'), 'abcd')?.answer, { at: '/d', take: 'join' });
  assert.deepEqual(shapeOf(ran('{"choices":[{"text":"abcd"}],"prompt_tokens":3}'), 'abcd')?.answer, {
    at: '/choices/*/text',
    take: 'join',
  });
  assert.deepEqual(shapeOf(ran('thinking\nabcd\n'), 'abcd')?.format, 'text');
  assert.equal(shapeOf(ran('{"reasoning":"abcd"}\n{"text":"x"}\n'), 'zzz'), null);
  assert.equal(shapeOf(ran(''), 'abcd'), null);
});

test('what is called cost but counts requests is not taken for money', () => {
  const event = { type: 'end', text: 'abcd', usage: { input_tokens: 1, output_tokens: 2 } };
  const of = (more: object): unknown =>
    shapeOf(ran(`{"type":"x"}\n${JSON.stringify({ ...event, ...more })}\n`), 'abcd')?.usage.cost_usd?.at;
  assert.equal(of({ requests: { cost: 1 } }), undefined);
  assert.equal(of({ cost: 0.1 }), '/cost');
  assert.equal(of({ billing: { total_cost_usd: 0.1 } }), '/billing/total_cost_usd');
});
