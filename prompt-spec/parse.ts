/**
 * A prompt's bytes into a Prompt, or every fault of the file at once. READ THIS FILE FIRST in this room; SPEC.md says why each rule is so.
 *
 * bytes -> front-matter.ts (text, fences) -> safe-yaml.ts (data with places) -> check-fields.ts (schema) -> here (what needs the workspace).
 */

import type { Fault } from '#core/fault.ts';
import type { RoleName } from '#core/names.ts';
import { sameFeature } from '#core/names.ts';
import type { Dependency, Prompt, PromptLimits } from '#core/prompt.ts';
import { err, ok, type Result } from '#core/result.ts';
import { checkFields, placeOf, restOf } from './check-fields.ts';
import { parseDependency, type WrittenDependency } from './dependency.ts';
import { fault, inOrder, type Place, shown, WHOLE_FILE } from './faults.ts';
import type { WrittenPrompt } from './fields.ts';
import { type FrontMatter, readFrontMatter, type TextLimits } from './front-matter.ts';
import { nearest } from './nearest.ts';

export type PromptContext = {
  /** Installed roles. */
  readonly roles: readonly RoleName[];
  /** The role whose folder the file is in. */
  readonly folderRole: RoleName;
  readonly limits: TextLimits;
  /** Milliseconds since 1970: only for warnings. */
  readonly nowMs: number;
};

export const PRIORITY_DEFAULT = 50;
const DAY_MS = 86_400_000;
const FAULTS_MAX = 100;

/** Never throws on any bytes. The faults are in the order of the file, at most 100 of them. */
export function parsePrompt(bytes: Uint8Array, context: PromptContext): Result<Prompt, readonly Fault[]> {
  const front = readFrontMatter(bytes, context.limits);
  if (!front.ok) return front;
  const faults = [...front.value.faults, ...bodyFaults(front.value)];
  if (!front.value.wellFormed) return err(inOrder(faults));
  const checked = checkFields(front.value);
  faults.push(...checked.faults);
  if (checked.isSound('agent')) faults.push(...agentFaults(front.value, context));
  if (!front.value.broken.has('depends_on')) faults.push(...dependencyFaults(front.value, checked.written, context.roles));
  const { written } = checked;
  if (written === null || faults.length > 0) return err(inOrder(faults).slice(0, FAULTS_MAX));
  const warnings = inOrder([...checked.warnings, ...timeWarnings(front.value, written, context.nowMs)]);
  return ok(promptOf(front.value, written, warnings));
}

/**
 * Where a top key's value stands, for faults that are found later (no compatible spec, a runner that the role forbids). 0, 0: nowhere.
 * @param item of a list, from 0; left out: the list
 */
export function placeOfField(bytes: Uint8Array, field: string, limits: TextLimits, item?: number): Place {
  const front = readFrontMatter(bytes, limits);
  return front.ok ? (front.value.spotOf(item === undefined ? [field] : [field, item])?.value ?? WHOLE_FILE) : WHOLE_FILE;
}

function bodyFaults(front: FrontMatter): readonly Fault[] {
  if (front.body.trim() !== '') return [];
  return [
    fault(
      'body-empty',
      'body',
      { line: front.closeLine, column: 1 },
      {
        message: 'there is no prompt below the front matter',
        expected: 'Markdown text below the closing ---',
        found: front.body === '' ? 'nothing' : 'only spaces and line ends',
        mend: 'write what the role should do',
      },
    ),
  ];
}

function agentFaults(front: FrontMatter, context: PromptContext): readonly Fault[] {
  const agent = front.data['agent'];
  if (typeof agent !== 'string' || agent === context.folderRole) return [];
  const known = context.roles.find((role) => role === agent);
  const place = placeOf(front, ['agent']);
  if (known === undefined) {
    const near = nearest(agent, context.roles);
    return [
      fault('agent-unknown', 'agent', place, {
        message: 'there is no such role',
        expected: `one of ${context.roles.join(', ')}`,
        found: shown(agent),
        mend: near === null ? `write ${context.folderRole}, or install the role` : `did you mean ${near}?`,
      }),
    ];
  }
  return [
    fault('agent-folder', 'agent', place, {
      message: `the file lies in the folder of ${context.folderRole}`,
      expected: context.folderRole,
      found: shown(agent),
      mend: `write ${context.folderRole}, or move the file to the folder of ${known}`,
    }),
  ];
}

function dependencyFaults(front: FrontMatter, written: WrittenPrompt | null, roles: readonly RoleName[]): readonly Fault[] {
  const list: unknown = front.data['depends_on'];
  return (Array.isArray(list) ? list : []).flatMap((text: unknown, index): readonly Fault[] => {
    const dependency = typeof text === 'string' ? parseDependency(text) : null;
    if (dependency?.ok !== true) return [];
    const place = placeOf(front, ['depends_on', index]);
    const found = shown(String(text));
    const { role } = dependency.value;
    if (!roles.includes(role)) {
      const near = nearest(role, roles);
      const words = {
        message: 'the prompt waits for a role that does not exist',
        expected: `one of ${roles.join(', ')}`,
        found,
        mend: near === null ? 'name an installed role' : `did you mean ${near}?`,
      };
      return [fault('depends-on-unknown-role', 'depends_on', place, words)];
    }
    if (written === null || !isItself(dependency.value, written)) return [];
    const words = {
      message: 'the prompt waits for itself or for a later revision of itself',
      expected: 'another prompt',
      found,
      mend: 'remove it, or name an earlier revision',
    };
    return [fault('depends-on-itself', 'depends_on', place, words)];
  });
}

const isItself = (dependency: WrittenDependency, written: WrittenPrompt): boolean =>
  dependency.role === written.agent &&
  dependency.name === (written.name ?? null) &&
  (dependency.feature === null || sameFeature(dependency.feature, written.feature.id)) &&
  dependency.revision !== null &&
  dependency.revision >= written.revision;

function timeWarnings(front: FrontMatter, written: WrittenPrompt, nowMs: number): readonly Fault[] {
  const late = (key: 'created_at' | 'not_before', allowedMs: number, code: string, message: string): readonly Fault[] => {
    const instant = written[key];
    if (instant === undefined || instant.ms <= nowMs + allowedMs) return [];
    const found = shown(front.spotOf([key])?.source ?? '');
    return [
      fault(code, key, placeOf(front, [key]), {
        message,
        expected: `not after ${new Date(nowMs + allowedMs).toISOString()}`,
        found,
        mend: 'check the date and the clock',
      }),
    ];
  };
  return [
    ...late('created_at', DAY_MS, 'created-at-future', 'the time is more than a day ahead of the clock here; it is kept as it is'),
    ...late('not_before', 366 * DAY_MS, 'not-before-far', 'the prompt will wait for more than a year'),
  ];
}

export const dependenciesOf = (written: WrittenPrompt): readonly Dependency[] =>
  (written.depends_on ?? []).map((dependency) => ({ ...dependency, feature: dependency.feature ?? written.feature.id }));

function limitsOf(written: WrittenPrompt): PromptLimits {
  const { timeout, attempts, budget_usd: budgetUsd, turns } = written.limits ?? {};
  return {
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(budgetUsd === undefined ? {} : { budgetUsd }),
    ...(turns === undefined ? {} : { turns }),
  };
}

const promptOf = (front: FrontMatter, written: WrittenPrompt, warnings: readonly Fault[]): Prompt => ({
  feature: written.feature,
  agent: written.agent,
  specVersion: written.prompt_spec_version,
  revision: written.revision,
  createdAt: written.created_at.text,
  name: written.name ?? null,
  stream: written.stream ?? null,
  title: written.title ?? null,
  priority: written.priority ?? PRIORITY_DEFAULT,
  notBefore: written.not_before?.text ?? null,
  dependsOn: dependenciesOf(written),
  runner: written.runner ?? null,
  model: written.model ?? null,
  limits: limitsOf(written),
  rest: restOf(front),
  body: front.body,
  warnings,
});
