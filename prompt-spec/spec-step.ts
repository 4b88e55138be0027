/**
 * What kind of change lies between two versions of a prompt spec, as far as a program can tell, and is it bigger than the versions say? Pure.
 * The reader whose promise this is: the person, role or program that takes answers made with the older version (docs/contracts.md).
 *
 *   MAJOR   a check is gone, renamed, weaker, or stands in another order; its schema is another one; a handover key is gone; a role has no spec any more
 *   MINOR   a check or a handover key is new, a check is stricter, a role has its first spec
 *   PATCH   other words
 *
 * What the words mean, a person has to judge: a PATCH by these rules may be more.
 */

import semver from 'semver';
import type { OutputCheck, PromptSpec } from '#core/role.ts';
import { readDocument } from './safe-yaml.ts';
import { isPrerelease } from './version.ts';

export const STEPS = ['none', 'patch', 'minor', 'major'] as const;
export type Step = (typeof STEPS)[number];
export type SpecChange = { readonly step: Step; readonly words: string };

export const STEP_RULES: readonly string[] = [
  'MAJOR: an output check is removed, renamed, weaker or in another order, its schema is another one, or a key of the handover is gone',
  'MINOR: an output check or a key of the handover is added, or a check is stricter; what was there stays',
  'PATCH: other words that ask for the same (whether they do, a person has to judge)',
];

const larger = (a: Step, b: Step): Step => (STEPS.indexOf(a) >= STEPS.indexOf(b) ? a : b);
export const stepOf = (changes: readonly SpecChange[]): Step => changes.reduce<Step>((most, { step }) => larger(most, step), 'none');

/** What the version numbers say. Below 1.0.0 a MINOR may be what a MAJOR is above (semver 2.0.0, item 4). */
export function saidStep(from: string, to: string): Step {
  const diff = semver.diff(from, to);
  if (diff === null) return 'none';
  const plain = diff.replace(/^pre/, '') as 'major' | 'minor' | 'patch' | 'release';
  const step: Step = plain === 'release' ? 'patch' : plain;
  if (semver.major(from) > 0 || semver.major(to) > 0) return step;
  return step === 'minor' ? 'major' : 'minor';
}
export const isTooSmall = (said: Step, found: Step): boolean => STEPS.indexOf(found) > STEPS.indexOf(said);

const fenceName = (word: string): string => (word === 'prompt' || word === 'prompts' ? 'prompts' : word);
/** Two checks with the same name ask for the same thing, one of them perhaps more strictly. */
const nameOf = (check: OutputCheck): string => {
  if ('heading' in check) return `heading "${check.heading}"`;
  return 'fence' in check ? `fence ${fenceName(check.fence)}` : `fence ${check.kind}`;
};
/** How closely it is looked at. */
const strength = (check: OutputCheck): number => ('heading' in check || ('fence' in check && check.schema === undefined) ? 0 : 1);

/** @param from null: the role had no spec; @param to null: it has none any more */
export function changesBetween(from: PromptSpec | null, to: PromptSpec | null): readonly SpecChange[] {
  if (from === null || to === null) {
    if (to !== null) return [{ step: 'minor', words: 'the role has its first spec' }];
    return from === null ? [] : [{ step: 'major', words: 'the role has no spec any more' }];
  }
  const changes = [...checkChanges(from.output, to.output), ...handoverChanges(from.instructions, to.instructions)];
  if (from.summary !== to.summary) changes.push({ step: 'patch', words: 'the summary has other words' });
  if (from.instructions !== to.instructions) changes.push({ step: 'patch', words: 'the instructions have other words' });
  return changes;
}

function checkChanges(from: readonly OutputCheck[], to: readonly OutputCheck[]): SpecChange[] {
  const before = new Map(from.map((check) => [nameOf(check), check]));
  const after = new Map(to.map((check) => [nameOf(check), check]));
  const changes: SpecChange[] = [];
  for (const [name, check] of before) {
    const now = after.get(name);
    if (now === undefined) changes.push({ step: 'major', words: `the check ${name} is gone or renamed` });
    else if (strength(now) < strength(check)) changes.push({ step: 'major', words: `the check ${name} is weaker` });
    else if (strength(now) > strength(check)) changes.push({ step: 'minor', words: `the check ${name} is stricter` });
    else if (schemaOf(now) !== schemaOf(check)) changes.push({ step: 'major', words: `the schema of the check ${name} is another one` });
  }
  for (const name of after.keys()) if (!before.has(name)) changes.push({ step: 'minor', words: `the check ${name} is new` });
  const common = (names: Iterable<string>): string => [...names].filter((name) => before.has(name) && after.has(name)).join('\n');
  if (common(before.keys()) !== common(after.keys())) changes.push({ step: 'major', words: 'the checks stand in another order' });
  return changes;
}

const schemaOf = (check: OutputCheck): string => ('fence' in check ? (check.schema?.source ?? '') : '');

/** Top keys of the example under `## Handover`, and what `contract:` says there. Null: the spec has none. */
function handoverOf(instructions: string): { readonly keys: readonly string[]; readonly contract: string | null } | null {
  const example = /\*\*`## Handover`\*\*[\s\S]*?\n(`{3,})yaml\n([\s\S]*?)\n\1/.exec(instructions)?.[2];
  if (example === undefined) return null;
  const { value, faults } = readDocument(example, 1);
  if (faults.length > 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { contract } = value as { readonly contract?: unknown };
  return { keys: Object.keys(value), contract: typeof contract === 'string' ? contract : null };
}

function handoverChanges(from: string, to: string): SpecChange[] {
  const before = handoverOf(from);
  const after = handoverOf(to);
  if (before === null) return [];
  const changes: SpecChange[] = [];
  for (const key of before.keys)
    if (after?.keys.includes(key) !== true) changes.push({ step: 'major', words: `the handover has no key \`${key}\` any more` });
  for (const key of after?.keys ?? [])
    if (!before.keys.includes(key)) changes.push({ step: 'minor', words: `the handover has a new key \`${key}\`` });
  if (after !== null && after.contract !== before.contract)
    changes.push({
      step: 'major',
      words: `the handover says contract \`${after.contract ?? 'nothing'}\`, it said \`${before.contract ?? 'nothing'}\``,
    });
  return changes;
}

export type SpecStep = {
  readonly role: string;
  readonly from: string;
  readonly to: string;
  readonly said: Step;
  readonly found: Step;
  readonly changes: readonly SpecChange[];
};

/** Each release of each role against the release before it, oldest first. */
export function stepsOf(specs: readonly PromptSpec[]): readonly SpecStep[] {
  const roles = [...new Set(specs.map(({ role }) => role))];
  return roles.flatMap((role) => {
    const mine = versionsOf(specs, role);
    return mine.slice(1).map((to, index) => stepBetween(mine[index] ?? to, to));
  });
}

export function stepBetween(from: PromptSpec, to: PromptSpec): SpecStep {
  const changes = changesBetween(from, to);
  return { role: to.role, from: from.version, to: to.version, said: saidStep(from.version, to.version), found: stepOf(changes), changes };
}

/** The releases of a role, oldest first. Of two with one version the first one counts. */
export function versionsOf(specs: readonly PromptSpec[], role: string): PromptSpec[] {
  const byVersion = new Map<string, PromptSpec>();
  for (const spec of specs)
    if (spec.role === role && !isPrerelease(spec.version) && !byVersion.has(spec.version)) byVersion.set(spec.version, spec);
  return [...byVersion.values()].toSorted((a, b) => semver.compare(a.version, b.version));
}

/** The version that comes next. */
export const nextVersion = (version: string, step: 'major' | 'minor' | 'patch'): string => semver.inc(version, step) ?? version;

export const newer = (a: string, b: string): string => (semver.gt(a, b) ? a : b);
