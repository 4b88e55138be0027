/** The two streams are kept apart: what a prompt of one may neither read nor change, and where it cannot run at all. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '#tools/acp-policy.ts';
import { rulesMaker } from '#cli/scope.ts';
import { decideScope, scopeFaults } from '#policy/scope.ts';
import { inputOfOther, streamFaults } from '#policy/streams.ts';
import { SETTINGS } from '#core/settings.ts';
import type { Stream } from '#core/prompt.ts';

const INPUTS = { 'streams.prd': SETTINGS['streams.prd'].default, 'streams.issues': SETTINGS['streams.issues'].default };
const rules = rulesMaker({ forbidden: ['**/.git'], protected: [] }, (stream) => inputOfOther(INPUTS, stream));
const PLACE = { line: 3, column: 9 };

test('a run of one stream may not change the input of the other, in any spelling, whatever its prompt declares', () => {
  const verdict = (stream: Stream | null, path: string, scope: unknown = null): string =>
    decideScope(rules('worktree', scope, stream), path, 'modify').verdict;
  for (const path of ['docs/prd/sales/index.md', 'docs/PRD/x', 'docs/prd']) {
    assert.equal(verdict('fix', path), 'forbidden', path);
    assert.equal(verdict('fix', path, { files: ['docs/prd/**'] }), 'forbidden', path);
    assert.equal(verdict('feature', path), 'allowed', path);
  }
  for (const path of ['docs/issues.md', 'ISSUES.md', 'Docs/Issues.md']) {
    assert.equal(verdict('feature', path), 'forbidden', path);
    assert.equal(verdict('fix', path), 'allowed', path);
    assert.equal(verdict(null, path), 'allowed', path);
  }
  assert.equal(verdict('feature', 'docs/issues-of-design.md'), 'allowed');
  assert.equal(scopeFaults(rules('worktree', { files: ['docs/prd/**'] }, 'fix'), () => PLACE)[0]?.code, 'scope-forbidden');
});

test('what may not be read is stated, for a role that only reads too', () => {
  assert.deepEqual(rules('read-only', null, 'fix').unread, ['docs/prd']);
  assert.deepEqual(rules('read-only', null, 'feature').unread, INPUTS['streams.issues']);
  assert.equal(rules('read-only', null, null).unread, undefined);
});

test('a path of a setting means itself, whatever signs it holds', () => {
  assert.deepEqual(inputOfOther({ ...INPUTS, 'streams.prd': './docs/p[r]d*/' }, 'fix'), ['docs/p?r?d?']);
  assert.deepEqual(inputOfOther({ ...INPUTS, 'streams.prd': '' }, 'fix'), []);
});

test('a prompt of the other stream is refused, with its place', () => {
  assert.deepEqual(
    streamFaults('fix', 'fix', () => PLACE),
    [],
  );
  assert.deepEqual(
    streamFaults('fix', null, () => PLACE),
    [],
  );
  assert.deepEqual(
    streamFaults(null, 'feature', () => PLACE),
    [],
  );
  const [fault] = streamFaults('fix', 'feature', () => PLACE);
  assert.deepEqual([fault?.code, fault?.line, fault?.expected, fault?.found], ['stream-other', 3, 'fix', 'feature']);
});

test('an agent over ACP is not given the other stream’s input', async () => {
  const fs = { facts: async () => Promise.resolve(null), realPath: async (path: string) => Promise.resolve(path) };
  const policy = {
    access: 'read-only' as const,
    execute: false,
    cwd: '/w',
    mayNotRead: (path: string) => (path.startsWith('docs/prd') ? 'no' : null),
  };
  const decision = async (path: string): Promise<string> => (await judge({ kind: 'read', paths: [path] }, policy, fs)).decision;
  assert.deepEqual([await decision('/w/docs/prd/a.md'), await decision('/w/src/a.ts')], ['rejected', 'allowed']);
});
