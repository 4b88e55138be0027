import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseRole } from '#prompt-spec/role.ts';

const ROLE = `# Who answers.
name: architect
number: 1
title: Architect
responsibility: Decides the structure of one feature.
allowed_runners: [claude, offline]
access: read-only
timeout: 30m
review: required
next: [openapi, ui]
emits: document
output:
  - heading: "## Decisions"
`;

test('a role is read with its checks and limits', () => {
  assert.deepEqual(parseRole(ROLE, 'agents/01-architect/role.yaml', '01-architect'), {
    ok: true,
    value: {
      name: 'architect',
      folder: '01-architect',
      number: 1,
      title: 'Architect',
      responsibility: 'Decides the structure of one feature.',
      runner: null,
      fallbacks: [],
      allowedRunners: ['claude', 'offline'],
      model: null,
      access: 'read-only',
      lane: null,
      slots: null,
      timeoutMs: 1_800_000,
      idleTimeoutMs: null,
      attempts: null,
      review: 'required',
      reviewers: 1,
      authorMayApprove: true,
      next: ['openapi', 'ui'],
      emits: 'document',
      checks: [{ heading: '## Decisions' }],
      file: 'agents/01-architect/role.yaml',
      source: ROLE,
    },
  });
});

for (const [codes, text, folder] of [
  [['role-name-differs'], ROLE, '01-ui'],
  [['role-number-differs'], ROLE, '02-architect'],
  [['role-folder-invalid'], ROLE, 'architect'],
  [['role-unknown-key'], `${ROLE}time_out: 3m\n`, '01-architect'],
  [['role-title-missing'], ROLE.replace(/title.*\n/, ''), '01-architect'],
  [['role-access-invalid', 'role-timeout-invalid'], ROLE.replace('read-only', 'all').replace('30m', '30'), '01-architect'],
  [['role-next-invalid'], ROLE.replace('openapi', '../x'), '01-architect'],
  [['yaml-alias'], ROLE.replace('30m', '*a'), '01-architect'],
  [['yaml-syntax'], ROLE.replace('Architect', '"Architect'), '01-architect'],
  [['yaml-duplicate-key'], `${ROLE}review: none\n`, '01-architect'],
] as const) {
  test(`a role is refused: ${codes.join(', ')}`, () => {
    const parsed = parseRole(text, 'role.yaml', folder);
    assert.deepEqual(parsed.ok ? [] : [...new Set(parsed.error.map(({ code }) => code))].toSorted(), codes);
  });
}

test('an unknown key of a role is told with the nearest one and its line', () => {
  const parsed = parseRole(`${ROLE}idle_time: 3m\n`, 'role.yaml', '01-architect');
  assert.ok(!parsed.ok);
  assert.deepEqual([parsed.error[0]?.line, parsed.error[0]?.mend], [14, 'did you mean idle_timeout?']);
});

const agents = join(import.meta.dirname, '..', '..', 'agents');
const folders = readdirSync(agents).filter((name) => /^[0-9]{2}-/.test(name));

test('eight roles are shipped', () => assert.equal(folders.length, 8));

for (const folder of folders) {
  test(`the shipped role ${folder} is valid`, () => {
    const parsed = parseRole(readFileSync(join(agents, folder, 'role.yaml'), 'utf8'), 'role.yaml', folder);
    assert.deepEqual(parsed.ok ? [] : parsed.error, []);
  });
}
