/** The declaration as a tool's own rules, as the answer to an agent that asks, and as words in the brief. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SETTINGS } from '#core/settings.ts';
import type { ChangeKind, ScopeRules } from '#core/scope.ts';
import { baseRules, decideScope, scopeRules } from '#policy/scope.ts';
import { profileOf } from '#test/support/profiles.ts';
import { judge } from '#tools/acp-policy.ts';
import { scopeArgs, scopeRulesFor } from '#tools/scope-args.ts';

const CLAUDE = profileOf('claude');
const BASE = baseRules(
  {
    'policy.forbidden_paths': SETTINGS['policy.forbidden_paths'].default,
    'policy.protected_paths': SETTINGS['policy.protected_paths'].default,
  },
  ['docket.yaml'],
);
const request = (scope: unknown, access: ScopeRules['access'] = 'worktree', cwd = '/srv/app') => ({
  access,
  cwd,
  scope: scopeRules(BASE, access, scope),
});

test('what is declared is allowed by its absolute path, and what is forbidden is refused with all below it', () => {
  const rules = scopeRulesFor(CLAUDE, request({ files: ['src/**', './README.md'], create: ['src/new/'] }));
  assert.deepEqual(rules?.allow, ['Edit(//srv/app/src/**)', 'Edit(//srv/app/README.md)', 'Edit(//srv/app/src/new/**)']);
  for (const one of ['**/.git', '**/.git/**', 'docket.yaml', '.github/**', '**/AGENTS.md'])
    assert.ok(rules.deny.includes(`Edit(//srv/app/${one})`), one);
});

test('without a declaration only what may not be changed is told', () => {
  const rules = scopeRulesFor(CLAUDE, request(null));
  assert.deepEqual([rules?.allow, (rules?.deny.length ?? 0) > 20], [null, true]);
});

test('a protected file that the prompt names is not refused, and its like still is', () => {
  const deny = scopeRulesFor(CLAUDE, request({ files: ['package-lock.json', '.github/workflows/ci.yml'] }))?.deny ?? [];
  assert.ok(!deny.some((rule) => rule.includes('package-lock.json') || rule.includes('.github')), deny.join('\n'));
  assert.ok(deny.includes('Edit(//srv/app/**/yarn.lock)') && deny.includes('Edit(//srv/app/**/.git/**)'));
});

test('a pattern that the rules cannot say leaves the permission as it was, and is refused by the look afterwards', () => {
  for (const odd of ['src/{a,b}/**', 'src/a b.ts', 'src/a(b).ts', 'src/[ab].ts', 'src/a,b.ts'])
    assert.equal(scopeRulesFor(CLAUDE, request({ files: ['src/**', odd] }))?.allow, null, odd);
});

test('a role that reads, a tool without rules, and a folder whose name no rule can hold are told nothing', () => {
  assert.equal(scopeRulesFor(CLAUDE, request(null, 'read-only')), null);
  assert.equal(scopeRulesFor(profileOf('codex'), request(null)), null);
  assert.equal(scopeRulesFor(CLAUDE, request(null, 'worktree', '/srv/my app')), null);
});

test('what may not be read is told to a tool that has such rules, for a run that only reads too', () => {
  const unread = ['docs/prd'];
  for (const access of ['read-only', 'worktree'] as const) {
    const asked = request(null, access);
    const args = scopeArgs(CLAUDE, { ...asked, scope: { ...asked.scope, unread } });
    const denied = args.slice(args.indexOf('--disallowedTools') + 1);
    assert.ok(denied.includes('Read(//srv/app/docs/prd)') && denied.includes('Read(//srv/app/docs/prd/**)'), args.join(' '));
    assert.ok(!scopeArgs(CLAUDE, asked).some((one) => one.startsWith('Read(/')));
  }
});

test('an agent that asks is answered by the same function', async () => {
  const there = new Set(['/w/src/a.ts', '/w/README.md']);
  const fs = {
    facts: async (file: unknown) => Promise.resolve(there.has(String(file)) ? ({ kind: 'file' } as never) : null),
    realPath: async (file: string) => (there.has(file) || ['/w', '/w/src', '/'].includes(file) ? Promise.resolve(file) : Promise.reject(Object.assign(new Error('ENOENT'), { code: 'ENOENT' }))), // prettier-ignore
  };
  const { scope } = request({ files: ['src/**'], create: ['src/new/**'] });
  const mayNotChange = (file: string, change: ChangeKind): string | null => {
    const { verdict, words } = decideScope(scope, file, change);
    return verdict === 'allowed' ? null : words;
  };
  const ask = async (kind: string, ...paths: readonly string[]): Promise<string> => {
    const { decision, rule } = await judge({ kind, paths }, { access: 'worktree', execute: false, cwd: '/w', mayNotChange }, fs);
    return `${decision}: ${rule}`;
  };
  assert.equal(await ask('edit', 'src/a.ts'), 'allowed: writes inside the working folder');
  assert.equal(await ask('write', '/w/src/new/b.ts'), 'allowed: writes inside the working folder');
  assert.match(await ask('write', 'src/b.ts'), /^rejected: scope\.create of the prompt does not hold it/);
  assert.match(await ask('edit', 'src/a.ts', 'README.md'), /^rejected: scope\.files and scope\.create/);
  assert.match(await ask('delete', 'README.md'), /^rejected: scope\.files of the prompt/);
  assert.match(await ask('edit', 'src/.CLAUDE/settings.json'), /^rejected: nothing may change \*\*\/\.claude/);
  assert.equal(await ask('read', 'README.md'), 'allowed: reads inside the working folder');
});
