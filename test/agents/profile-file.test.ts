import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProfile } from '#agents/profile-file.ts';
import type { Fault } from '#core/fault.ts';
import { makeDigest } from '#platform/digest.ts';
import { shippedProfiles } from '#test/support/profiles.ts';

const LEAST = {
  id: 'mine',
  kind: 'ai',
  title: 'Mine',
  program: 'mine',
  tested: { how: 'transcript' },
  lane: 'mine',
  read: { format: 'text', answer: [{}] },
};
const faultsOf = (more: Readonly<Record<string, unknown>>): readonly Fault[] => {
  const parsed = parseProfile(JSON.stringify({ ...LEAST, ...more }), 'agents/tools/mine.yaml', 'mine', makeDigest());
  return parsed.ok ? [] : parsed.error;
};
const codesOf = (more: Readonly<Record<string, unknown>>): readonly string[] => faultsOf(more).map(({ code }) => code);

const readCodes = (more: Readonly<Record<string, unknown>>): readonly string[] => codesOf({ read: { ...LEAST.read, ...more } });

test('the least profile is a name, a program and how its answer is read', () => {
  assert.deepEqual(faultsOf({}), []);
});

test('what is wrong in a profile is told with its field', () => {
  assert.deepEqual(codesOf({ id: 'other' }), ['tool-id-invalid']);
  assert.deepEqual(codesOf({ arguments: [] }), ['tool-unknown-key']);
  assert.deepEqual(codesOf({ program: './mine' }).length + codesOf({ program: 'bin/mine' }).length, 2);
  assert.deepEqual(codesOf({ args: ['{prompt_fil}'] }), ['tool-args-invalid']);
  assert.deepEqual(codesOf({ prompt: 'file' }), ['tool-prompt-invalid']);
  assert.deepEqual(codesOf({ prompt: 'argument', args: ['{prompt_file}'] }), ['tool-prompt-invalid']);
  assert.deepEqual(codesOf({ limits: { prompt_bytes: 600_001 } }), ['tool-limits-invalid']);
  assert.deepEqual(codesOf({ env: { MY_API_KEY: 'x' } }), ['tool-env-invalid']);
  assert.deepEqual(codesOf({ config: { scope: 'run', files: { '../../.bashrc': 'x' } } }), ['tool-config-invalid']);
  assert.deepEqual(codesOf({ config: { scope: 'run', files: { '/etc/passwd': 'x' } } }), ['tool-config-invalid']);
});

test('rules that could not be followed are refused: a slow pattern, a pointer that is none, a failure without or with two kinds', () => {
  assert.deepEqual(readCodes({ words: [{ match: '(a+)+$', kind: 'refused' }] }), ['tool-read-invalid']);
  assert.deepEqual(readCodes({ answer: [{ at: 'result' }] }), ['tool-read-invalid']);
  assert.deepEqual(readCodes({ failures: [{ where: { type: 'x' } }] }), ['tool-read-invalid']);
  assert.deepEqual(readCodes({ failures: [{ kind: 'refused', words: true }] }), ['tool-read-invalid']);
  assert.deepEqual(readCodes({ failures: [{ kind: 'timeout' }] }), ['tool-read-invalid']);
});

test('no shipped AI tool is given a shell, or more than its folder, by a word of its profile', () => {
  const FORBIDDEN = /yolo|dangerously|bypass|skip-permissions|allow-all|danger-full-access|--auto high|sudo/i;
  for (const { id, kind, args, access, withModel, prompt, limits } of shippedProfiles().values()) {
    if (kind !== 'ai') continue;
    const words = [args, access['read-only'].args, access.worktree.args, withModel.args].flat();
    assert.deepEqual(
      words.filter((word) => FORBIDDEN.test(word)),
      [],
      id,
    );
    assert.ok(prompt !== 'argument' || limits.promptBytes < 131_072, id);
  }
});
