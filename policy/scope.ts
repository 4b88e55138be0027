/**
 * May this file be changed? The one place that decides, for the brief, the tool's rules, the check at intake and the check of what was changed. Pure.
 *
 *   no plain path -> out of scope      forbidden -> forbidden      read-only -> out of scope
 *   protected and not named itself -> protected      nothing declared -> allowed      declared -> allowed | out of scope
 *
 * Invariant: what is refused is refused in every spelling that some file system takes for it (scope-paths.ts); what is allowed is allowed in one only.
 */

import picomatch from 'picomatch';
import type { Fault } from '#core/fault.ts';
import { printable } from '#core/names.ts';
import type { ChangeKind, ScopeRules, ScopeVerdict } from '#core/scope.ts';
import { foldPath, notPlain } from './scope-paths.ts';

type Match = (path: string) => boolean;

/** `src/` means all that lies in it. */
const clean = (pattern: string): string => pattern.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '/**');

/** A pattern also means all that lies below what it names. */
const compile = (pattern: string, isFolded: boolean): Match => {
  const text = clean(isFolded ? foldPath(pattern) : pattern);
  const whole = picomatch(text, { dot: true });
  const below = picomatch(`${text}/**`, { dot: true });
  return isFolded ? (path) => whole(path) || below(path) : whole;
};

type Matchers = {
  readonly files: Match | null;
  readonly create: Match | null;
  readonly forbidden: readonly (readonly [string, Match])[];
  readonly protected: readonly (readonly [string, Match])[];
  readonly named: ReadonlySet<string>;
};
const MADE = new WeakMap<ScopeRules, Matchers>();

const isLiteral = (pattern: string): boolean => !picomatch.scan(pattern).isGlob;
const anyOf = (patterns: readonly string[]): Match => {
  const all = patterns.map((pattern) => compile(pattern, false));
  return (path) => all.some((match) => match(path));
};

function matchersOf(rules: ScopeRules): Matchers {
  const known = MADE.get(rules);
  if (known !== undefined) return known;
  const isDeclared = rules.files !== null || rules.create !== null;
  const made: Matchers = {
    files: isDeclared ? anyOf(rules.files ?? []) : null,
    create: isDeclared ? anyOf(rules.create ?? []) : null,
    forbidden: rules.forbidden.map((pattern) => [pattern, compile(pattern, true)]),
    protected: rules.protected.map((pattern) => [pattern, compile(pattern, true)]),
    named: new Set([...(rules.files ?? []), ...(rules.create ?? [])].filter(isLiteral).map(clean)),
  };
  MADE.set(rules, made);
  return made;
}

const hit = (rules: Matchers['forbidden'], folded: string): string | null => rules.find(([, match]) => match(folded))?.[0] ?? null;

/**
 * @param path relative to the root of the working folder, parts divided by `/`
 * @returns `allowed`, or why not
 */
export function decideScope(rules: ScopeRules, path: string, change: ChangeKind): ScopeVerdict {
  const { files, create, named, ...refused } = matchersOf(rules);
  const folded = foldPath(path);
  const forbidden = hit(refused.forbidden, folded);
  if (forbidden !== null) return { verdict: 'forbidden', words: `nothing may change ${forbidden}` };
  const strange = notPlain(path);
  if (strange !== null) return { verdict: 'out-of-scope', words: strange };
  if (rules.access === 'read-only') return { verdict: 'out-of-scope', words: 'this role may change nothing (access: read-only)' };
  const isProtected = named.has(path) ? null : hit(refused.protected, folded);
  if (isProtected !== null)
    return { verdict: 'protected', words: `${isProtected} is protected: only a prompt whose scope names this very path may change it` };
  if (files === null || create === null) return { verdict: 'allowed', words: 'inside the working folder' };
  if (change !== 'create' && files(path)) return { verdict: 'allowed', words: 'scope.files' };
  if (change !== 'delete' && create(path)) return { verdict: 'allowed', words: 'scope.create' };
  const where = change === 'create' ? 'scope.create' : change === 'delete' ? 'scope.files' : 'scope.files and scope.create';
  return { verdict: 'out-of-scope', words: `${where} of the prompt ${where.includes(' and ') ? 'do' : 'does'} not hold it` };
}

/** A path that the pattern surely means, for the question what it asks for. */
const exampleOf = (pattern: string): string => {
  const opened = pattern.replaceAll(/[!?*+@]?\(([^()|]*)[^()]*\)/g, '$1').replaceAll(/\{([^{},]*)[^{}]*\}/g, '$1');
  return clean(
    opened
      .replaceAll(/\[[^\]]*\]/g, 'x')
      .replaceAll(/\*+/g, 'x')
      .replaceAll('?', 'x'),
  );
};

/** Each way that braces and groups leave open, at most this many of them. */
const WAYS_MAX = 200;
function waysOf(pattern: string): readonly string[] {
  let ways: readonly string[] = [pattern];
  for (let round = 0; round < 20; round++) {
    const next = ways.flatMap((way) => {
      const found = /[!?*+@]?\(([^()]*)\)|\{([^{}]*)\}/.exec(way);
      if (found === null) return [way];
      const inner = found[1]?.split('|') ?? (found[2] ?? '').split(',');
      return inner.map((one) => way.slice(0, found.index) + one + way.slice(found.index + found[0].length));
    });
    if (next.length > WAYS_MAX) return ways;
    if (next.length === ways.length && next.every((way, index) => way === ways[index])) break;
    ways = next;
  }
  return ways;
}

/** Why this pattern may not stand in a scope; null: it may. */
export function badPattern(
  rules: ScopeRules,
  pattern: string,
): { readonly code: string; readonly message: string; readonly mend: string } | null {
  if (pattern.startsWith('!'))
    return {
      code: 'scope-negated',
      message: 'a pattern says what may be changed, never what may not',
      mend: 'leave the ! away; name what may be changed',
    };
  if (pattern.includes('\\'))
    return {
      code: 'scope-backslash',
      message: 'a backslash means different things to different programs',
      mend: 'divide the parts of a path with /',
    };
  for (const way of waysOf(pattern)) {
    const example = exampleOf(way);
    const plain =
      /^[/~]|^[A-Za-z]:/.test(way) || way.split('/').includes('..')
        ? 'it leaves the repository'
        : example === ''
          ? null
          : notPlain(example);
    if (plain !== null)
      return {
        code: 'scope-outside',
        message: `this pattern cannot be a scope: ${plain}`,
        mend: 'write plain paths relative to the root, like src/**',
      };
    const { verdict, words } = decideScope({ ...rules, access: 'worktree', files: null, create: null }, example, 'modify');
    if (verdict === 'forbidden')
      return {
        code: 'scope-forbidden',
        message: `it asks for what is forbidden: ${words}`,
        mend: 'take it out (policy.forbidden_paths in docket.yaml, docs/scope.md)',
      };
    if (verdict === 'protected' && (!isLiteral(pattern) || clean(pattern) !== example))
      return {
        code: 'scope-protected',
        message: `it asks for what is protected with a wildcard: ${words}`,
        mend: 'name each such file itself, without a wildcard',
      };
  }
  return null;
}

type Declared = { readonly files?: unknown; readonly create?: unknown };
const isDeclared = (value: unknown): value is Declared => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly string[] | null =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : null;

/** What the settings say, whichever prompt. @param own paths of docket's own that lie in the working folder: forbidden like `.git`, whatever is set */
export const baseRules = (
  settings: { readonly 'policy.forbidden_paths': readonly string[]; readonly 'policy.protected_paths': readonly string[] },
  own: readonly string[],
): Pick<ScopeRules, 'forbidden' | 'protected'> => ({
  forbidden: ['**/.git', ...own, ...settings['policy.forbidden_paths']],
  protected: settings['policy.protected_paths'],
});

/**
 * The declaration that holds for a run.
 * @param scope the prompt's `scope`, already parsed
 */
export function scopeRules(base: Pick<ScopeRules, 'forbidden' | 'protected'>, access: ScopeRules['access'], scope: unknown): ScopeRules {
  const declared = isDeclared(scope) ? { files: listOf(scope.files), create: listOf(scope.create) } : { files: null, create: null };
  const isStated = declared.files !== null || declared.create !== null;
  return { access, files: isStated ? (declared.files ?? []) : null, create: isStated ? (declared.create ?? []) : null, ...base };
}

/** What is wrong with the scope that a prompt declares. @param placeOf where `scope` stands in the file */
export function scopeFaults(rules: ScopeRules, placeOf: () => { readonly line: number; readonly column: number }): readonly Fault[] {
  const faults: Fault[] = [];
  for (const field of ['files', 'create'] as const)
    for (const pattern of rules[field] ?? []) {
      const found = badPattern(rules, pattern);
      if (found === null) continue;
      const { line, column } = placeOf();
      faults.push({
        code: found.code,
        line,
        column,
        field: `scope.${field}`,
        message: found.message,
        expected: 'patterns of files that this prompt may change, inside the repository',
        found: printable(pattern, 60),
        mend: found.mend,
      });
    }
  return faults;
}
