/**
 * The declaration of policy/scope.ts as the tool's own rules, by its profile. Pure.
 * Invariant: a tool is never told of less than may not be changed because of one pattern that its rules cannot say: that one is left to the check afterwards.
 * What may be changed is told whole or not at all, since a part of it would keep the tool from what was asked.
 */

import type { RunRequest } from '#core/run.ts';
import type { ScopeRules } from '#core/scope.ts';
import type { ToolProfile } from './profiles.ts';

/** Signs that every such language takes for the same; a rule stands in brackets, in a list that may be divided by commas or spaces. */
const PLAIN = /^[\p{L}\p{N}._/*@+~-]+$/u;
const RULES_MAX = 500;

/** `src/` means all that lies in it. */
const whole = (pattern: string): string => pattern.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '/**');

/** Both what a pattern names and what lies below it. */
const withBelow = (patterns: readonly string[]): string[] => patterns.flatMap((one) => (whole(one).endsWith('**') ? [whole(one)] : [whole(one), `${whole(one)}/**`])); // prettier-ignore

/** Null: this tool is told nothing of it. */
export function scopeRulesFor(
  profile: ToolProfile,
  request: Pick<RunRequest, 'access' | 'scope' | 'cwd'>,
): { readonly allow: readonly string[] | null; readonly deny: readonly string[] } | null {
  const { scope: way } = profile;
  const { scope, cwd } = request;
  if (way === null || scope === undefined || request.access === 'read-only' || !PLAIN.test(cwd)) return null;
  const rule = (pattern: string): string => way.rule.replaceAll('{cwd}', cwd).replaceAll('{pattern}', pattern);
  const asked = declaredOf(scope);
  const isTold = asked !== null && asked.length > 0 && asked.length <= RULES_MAX && asked.every((one) => PLAIN.test(one));
  const named = new Set(asked);
  const denied = [...withBelow(scope.forbidden), ...withBelow(scope.protected.filter((one) => !named.has(whole(one))))].filter(
    (one) => PLAIN.test(one) && !covers(one, named),
  );
  return { allow: isTold ? asked.map(rule) : null, deny: denied.slice(0, RULES_MAX).map(rule) };
}

const declaredOf = ({ files, create }: ScopeRules): readonly string[] | null =>
  files === null || create === null ? null : [...new Set([...files, ...create].map(whole))];

/** A refusal goes before a permission in every such tool: what a prompt names itself, without a wildcard, must not be refused by a pattern for many. */
function covers(pattern: string, named: ReadonlySet<string>): boolean {
  const last = pattern.replace(/\/\*\*$/, '').replace(/^\*\*\//, '');
  return [...named].some((one) => !one.includes('*') && (one === last || one.endsWith(`/${last}`) || one.startsWith(`${last}/`)));
}

/** Also for a run that only reads. */
function unreadRules({ scope: way }: ToolProfile, { scope, cwd }: Pick<RunRequest, 'scope' | 'cwd'>): readonly string[] {
  const { read } = way ?? { read: null };
  if (read === null || !PLAIN.test(cwd)) return [];
  return withBelow(scope?.unread ?? [])
    .filter((one) => PLAIN.test(one))
    .map((one) => read.replaceAll('{cwd}', cwd).replaceAll('{pattern}', one));
}

/** The arguments of `access`, with the rules behind them. */
export function scopeArgs(profile: ToolProfile, request: Pick<RunRequest, 'access' | 'scope' | 'cwd'>): readonly string[] {
  const access = profile.access[request.access].args;
  const rules = scopeRulesFor(profile, request);
  const { scope: way } = profile;
  if (way === null) return access;
  const denied = [...(rules?.deny ?? []), ...unreadRules(profile, request)];
  const allow = rules?.allow ?? null;
  return [
    ...(allow === null ? access : way.declared),
    ...(allow === null ? [] : [way.allow, ...allow]),
    ...(denied.length === 0 ? [] : [way.deny, ...denied]),
  ];
}
