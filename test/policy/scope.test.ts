/** One function decides what may be changed: by a table, and against every spelling that fast-check can think of. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { array, assert as always, constantFrom, property, string, stringMatching } from 'fast-check';
import { SETTINGS } from '#core/settings.ts';
import type { ChangeKind, ScopeRules } from '#core/scope.ts';
import { foldPath, notPlain } from '#policy/scope-paths.ts';
import { badPattern, baseRules, decideScope, scopeFaults, scopeRules } from '#policy/scope.ts';

const BASE = baseRules(
  {
    'policy.forbidden_paths': SETTINGS['policy.forbidden_paths'].default,
    'policy.protected_paths': SETTINGS['policy.protected_paths'].default,
  },
  ['docket.yaml', 'docket.local.yaml', 'queues'],
);
const rulesFor = (scope: unknown, access: ScopeRules['access'] = 'worktree'): ScopeRules => scopeRules(BASE, access, scope);
const SCOPE = rulesFor({ files: ['src/**', 'package-lock.json', 'docs/'], create: ['src/new/**'] });
const verdict = (path: string, change: ChangeKind = 'modify', rules = SCOPE): string => decideScope(rules, path, change).verdict;

describe('what may be changed', () => {
  const TABLE: readonly (readonly [path: string, change: ChangeKind, expected: string])[] = [
    ['src/a.ts', 'modify', 'allowed'],
    ['src/.hidden/a.ts', 'delete', 'allowed'],
    ['src/a.ts', 'mode', 'allowed'],
    ['docs/deep/x.md', 'modify', 'allowed'],
    ['src/a.ts', 'create', 'out-of-scope'],
    ['src/new/a.ts', 'create', 'allowed'],
    ['src/new', 'create', 'allowed'],
    ['README.md', 'modify', 'out-of-scope'],
    ['srcx/a.ts', 'modify', 'out-of-scope'],
    ['SRC/a.ts', 'modify', 'out-of-scope'],
    ['package-lock.json', 'modify', 'allowed'],
    ['src/package-lock.json', 'modify', 'protected'],
    ['.github/workflows/ci.yml', 'modify', 'protected'],
    ['.GitHub/workflows/ci.yml', 'create', 'protected'],
    ['src/AGENTS.md', 'modify', 'protected'],
    ['src/claude.md', 'modify', 'protected'],
    ['.git/hooks/pre-commit', 'create', 'forbidden'],
    ['src/.git/config', 'create', 'forbidden'],
    ['src/.GIT/config', 'create', 'forbidden'],
    ['src/.git./config', 'create', 'forbidden'],
    ['src/.git /config', 'create', 'forbidden'],
    ['src/.g\u200cit/config', 'create', 'forbidden'],
    ['src/GIT~1/config', 'create', 'forbidden'],
    ['src/.git::$INDEX_ALLOCATION/config', 'create', 'forbidden'],
    ['src/.gіt/config', 'create', 'forbidden'],
    ['src\\.git\\config', 'create', 'forbidden'],
    ['src/.\uff47it/config', 'create', 'forbidden'],
    ['docket.yaml', 'modify', 'forbidden'],
    ['Docket.YAML', 'create', 'forbidden'],
    ['queues/01-architect/in/x.md', 'create', 'forbidden'],
    ['src/.claude/settings.json', 'create', 'forbidden'],
    ['../src/a.ts', 'modify', 'out-of-scope'],
    ['src/../README.md', 'modify', 'out-of-scope'],
    ['/src/a.ts', 'modify', 'out-of-scope'],
    ['C:/src/a.ts', 'modify', 'out-of-scope'],
    ['src\\a.ts', 'modify', 'out-of-scope'],
    ['src//a.ts', 'modify', 'out-of-scope'],
    ['src/./a.ts', 'modify', 'out-of-scope'],
    ['src/a.ts.', 'modify', 'out-of-scope'],
    ['src/a.ts ', 'modify', 'out-of-scope'],
    ['src/a\u0308.ts', 'modify', 'out-of-scope'],
    ['src/a\u0000.ts', 'modify', 'out-of-scope'],
    ['src/\ufffd.ts', 'modify', 'out-of-scope'],
    ['src/\u202ea.ts', 'modify', 'out-of-scope'],
    ['', 'modify', 'out-of-scope'],
  ];
  for (const [path, change, expected] of TABLE)
    test(`${change} ${JSON.stringify(path)}: ${expected}`, () => {
      assert.equal(verdict(path, change), expected);
    });

  test('a role that only reads may change nothing, whatever its prompt declares', () => {
    const rules = rulesFor({ files: ['**'], create: ['**'] }, 'read-only');
    for (const change of ['create', 'modify', 'delete', 'mode'] as const) assert.equal(verdict('src/a.ts', change, rules), 'out-of-scope');
  });

  test('without a declaration all is allowed that is neither forbidden nor protected', () => {
    for (const scope of [undefined, null, {}]) {
      assert.equal(verdict('anything.txt', 'create', rulesFor(scope)), 'allowed');
      assert.equal(verdict('.git/config', 'modify', rulesFor(scope)), 'forbidden');
      assert.equal(verdict('AGENTS.md', 'modify', rulesFor(scope)), 'protected');
    }
  });

  test('an empty list means nothing, and one list alone does not open the other', () => {
    assert.equal(verdict('src/a.ts', 'modify', rulesFor({ files: [] })), 'out-of-scope');
    assert.equal(verdict('src/a.ts', 'create', rulesFor({ files: ['**'] })), 'out-of-scope');
    assert.equal(verdict('src/a.ts', 'delete', rulesFor({ create: ['**'] })), 'out-of-scope');
  });
});

const ALL = rulesFor({ files: ['**'], create: ['**'] });
const NOTHING_SAID = rulesFor(null);
const part = stringMatching(/^[a-z0-9_-]{1,8}$/);
/** Ways to write a name that some system takes for the same name. */
const spelling = constantFrom<(name: string) => string>(
  (name) => name.toUpperCase(),
  (name) => `${name}.`,
  (name) => `${name} `,
  (name) => `${name}. .`,
  (name) => `${name}:stream`,
  (name) => `${name}::$DATA`,
  (name) => name.split('').join('\u200d'),
  (name) => `\ufeff${name}`,
  (name) => name.replaceAll('i', 'і'),
  (name) => name.replaceAll('e', 'е'),
  (name) => name.split('').map((letter) => (/[a-z]/.test(letter) ? String.fromCodePoint(letter.charCodeAt(0) + 0xfee0) : letter)).join(''), // prettier-ignore
);

describe('for all paths', () => {
  test('a forbidden one is forbidden in every spelling and below every folder', () => {
    always(
      property(array(part, { maxLength: 3 }), spelling, array(part, { maxLength: 3 }), (before, spell, after) => {
        assert.equal(verdict([...before, spell('.git'), ...after].join('/'), 'create', ALL), 'forbidden'); // prettier-ignore
      }),
    );
  });

  test('what is allowed lies below the root, in one spelling, whatever is declared', () => {
    const sign = constantFrom(
      '..',
      '.',
      '',
      '/',
      '\\',
      ' ',
      '.git',
      'a',
      'src',
      'é',
      'e\u0301',
      '\u200b',
      '*',
      '~',
      'C:',
      '\n',
      'docket.yaml',
    );
    always(
      property(array(sign, { minLength: 1, maxLength: 6 }), constantFrom('', '/'), (signs, between) => {
        const path = signs.join(between);
        if (verdict(path, 'modify', ALL) !== 'allowed') return;
        assert.equal(notPlain(path), null);
        assert.equal(path, path.normalize('NFC'));
        for (const one of path.split('/')) assert.ok(!['', '.', '..'].includes(one) && !/[. ]$|\\/.test(one), path);
        assert.doesNotMatch(foldPath(path), /(?:^|\/)\.git(?:\/|$)|^docket\.yaml(?:\/|$)/);
      }),
      { numRuns: 2_000 },
    );
  });

  test('folding is done once', () => {
    always(property(string({ unit: 'grapheme', maxLength: 20 }), (text) => foldPath(foldPath(text)) === foldPath(text)));
  });

  test('a pattern that leaves the repository is never taken', () => {
    const glob = constantFrom('**', '*', 'a', '{b,c}', '@(d|e)', '?');
    always(
      property(
        array(glob, { maxLength: 3 }),
        array(glob, { maxLength: 3 }),
        constantFrom('..', '{..,a}', '@(..|a)', '{a,{b,..}}'),
        (left, right, up) => {
          assert.equal(badPattern(NOTHING_SAID, [...left, up, ...right].join('/'))?.code, 'scope-outside');
        },
      ),
    );
  });
});

describe('a declared scope', () => {
  const CODES: readonly (readonly [pattern: string, code: string | null])[] = [
    ['src/**', null],
    ['**', null],
    ['*.md', null],
    ['./src/x.ts', null],
    ['package-lock.json', null],
    ['.github/workflows/ci.yml', null],
    ['.github/**', 'scope-protected'],
    ['**/package-lock.json', 'scope-protected'],
    ['.git/**', 'scope-forbidden'],
    ['src/{a,.git}/x', 'scope-forbidden'],
    ['Docket.yaml', 'scope-forbidden'],
    ['queues/**', 'scope-forbidden'],
    ['{..,a}/x', 'scope-outside'],
    ['!src/**', 'scope-negated'],
    ['src\\x', 'scope-backslash'],
    ['src/e\u0301', 'scope-outside'],
  ];
  for (const [pattern, code] of CODES)
    test(`${JSON.stringify(pattern)}: ${code ?? 'taken'}`, () => {
      assert.equal(badPattern(rulesFor(null), pattern)?.code ?? null, code);
    });

  test('its faults say where it stands and which list it is', () => {
    const faults = scopeFaults(rulesFor({ files: ['ok/**', '.git/x'], create: ['queues/y'] }), () => ({ line: 7, column: 8 }));
    assert.deepEqual(
      faults.map(({ code, line, column, field, found }) => [code, line, column, field, found]),
      [
        ['scope-forbidden', 7, 8, 'scope.files', '.git/x'],
        ['scope-forbidden', 7, 8, 'scope.create', 'queues/y'],
      ],
    );
  });
});
