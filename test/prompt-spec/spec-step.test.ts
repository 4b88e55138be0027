import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { OutputCheck, PromptSpec } from '#core/role.ts';
import { parseSpec } from '#prompt-spec/spec.ts';
import { changesBetween, isTooSmall, nextVersion, saidStep, stepOf, stepsOf } from '#prompt-spec/spec-step.ts';
import { roleName } from '#test/support/prompts.ts';

const A: OutputCheck = { heading: '## A' };
const B: OutputCheck = { heading: '## B' };
const schema = (source: string): OutputCheck => ({ fence: 'yaml', schema: { file: 'a.json', source } });
const spec = (output: readonly OutputCheck[], instructions = '# Text\n', version = '1.0.0'): PromptSpec => ({
  role: roleName('architect'),
  version,
  summary: 'Decides.',
  output,
  instructions,
  file: 'f',
  source: '',
});
const step = (from: readonly OutputCheck[], to: readonly OutputCheck[]): string => stepOf(changesBetween(spec(from), spec(to)));

test('what readers rely on and lose is MAJOR, what they gain is MINOR', () => {
  assert.equal(step([A, B], [A]), 'major');
  assert.equal(step([A, B], [B, A]), 'major');
  assert.equal(step([schema('{}')], [{ fence: 'yaml' }]), 'major');
  assert.equal(step([schema('{}')], [schema('{"type":"object"}')]), 'major');
  assert.equal(step([{ kind: 'prompts' }], [{ fence: 'prompts' }]), 'major');
  assert.equal(step([A], [B, A]), 'minor');
  assert.equal(step([{ fence: 'yaml' }], [schema('{}')]), 'minor');
  assert.equal(step([{ fence: 'prompts' }], [{ kind: 'prompts' }]), 'minor');
  assert.equal(step([A], [A]), 'none');
  assert.equal(stepOf(changesBetween(spec([A]), null)), 'major');
  assert.equal(stepOf(changesBetween(null, spec([A]))), 'minor');
});

const text = (keys: string): string => `**\`## Handover\`**: one fence:\n\n\`\`\`yaml\ncontract: architect/2\n${keys}\`\`\`\n`;
test('other words are PATCH, but for the keys of the handover', () => {
  const between = (from: string, to: string): string => stepOf(changesBetween(spec([A], text(from)), spec([A], text(to))));
  assert.equal(stepOf(changesBetween(spec([A], 'one'), spec([A], 'two'))), 'patch');
  assert.equal(between('a: 1\n', 'a: 2\n'), 'patch');
  assert.equal(between('a: 1\n', 'a: 1\nb: 1\n'), 'minor');
  assert.equal(between('a: 1\nb: 1\n', 'a: 1\n'), 'major');
  assert.equal(stepOf(changesBetween(spec([A], text('')), spec([A], text('').replace('architect/2', 'architect/3')))), 'major');
});

test('a version says how much it may change; below 1.0.0 a MINOR may be anything', () => {
  assert.deepEqual(
    [
      saidStep('1.0.0', '2.0.0'),
      saidStep('2.0.0', '2.1.0'),
      saidStep('2.1.0', '2.1.1'),
      saidStep('0.1.0', '0.2.0'),
      saidStep('0.1.0', '0.1.1'),
    ],
    ['major', 'minor', 'patch', 'major', 'minor'],
  );
  assert.ok(isTooSmall('minor', 'major') && !isTooSmall('major', 'minor') && !isTooSmall('patch', 'patch'));
  assert.deepEqual(
    [nextVersion('2.1.3', 'major'), nextVersion('2.1.3', 'minor'), nextVersion('2.1.3', 'patch')],
    ['3.0.0', '2.2.0', '2.1.4'],
  );
});

test('no shipped version changed more than it says', () => {
  const folder = path.resolve(import.meta.dirname, '../../prompt-spec');
  const specs = globSync('v*/*.md', { cwd: folder }).map((name) => {
    const parsed = parseSpec(readFileSync(path.join(folder, name), 'utf8'), name);
    assert.ok(parsed.ok);
    return parsed.value;
  });
  const steps = stepsOf(specs);
  assert.equal(steps.length, 24);
  assert.deepEqual(
    steps.filter(({ said, found }) => isTooSmall(said, found)),
    [],
  );
});
