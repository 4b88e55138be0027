/**
 * The front matter of a prompt as a schema: one row per field, with the words that a fault of it uses.
 * Source of the forms: SPEC.md. The JSON Schema for editors is made from the same rows (json-schema.ts).
 */

import { z } from 'zod';
import { parseFeature, parsePromptName, parseRoleName, printable } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import { parseDependency, REVISION_MAX } from './dependency.ts';
import { DURATION_PATTERN, INSTANT_PATTERN, parseDuration, parseInstant } from './instant.ts';
import { must, through } from './shape.ts';
import { isVersion, VERSION_PATTERN } from './version.ts';

type FieldWords = { readonly expected: string; readonly mend: string };

/** Keys are field paths; a list's elements use the words of the list. */
export const FIELD_WORDS: Readonly<Record<string, FieldWords>> = {
  feature: {
    expected: 'a safe name of 2-64 characters: letters, digits and single inner hyphens',
    mend: 'write it like FEAT-123 or FEAT-123-user-filters',
  },
  agent: { expected: 'the name of the role whose folder the file is in, exactly', mend: 'write it like architect, without spaces' },
  prompt_spec_version: {
    expected: 'three numbers with dots, without v, ranges or build data',
    mend: 'write the version of the prompt spec that you wrote against, like 2.1.0',
  },
  revision: { expected: `a whole number from 1 to ${String(REVISION_MAX)}, as plain digits`, mend: 'write it like 2, without quotes' },
  created_at: {
    expected: 'ISO 8601 with date, T, time and zone',
    mend: 'write it like 2025-12-09T22:37:00+01:00 or 2025-12-09T21:37:00Z',
  },
  name: { expected: 'a lower-case letter, then up to 62 lower-case letters, digits or hyphens', mend: 'write it like filter-panel' },
  stream: { expected: 'feature or fix', mend: 'write feature or fix, or remove the line' },
  title: { expected: 'one line of 1 to 200 printable characters', mend: 'shorten it to one line; put it in double quotes' },
  priority: { expected: 'a whole number from 0 to 99, as plain digits; lower goes first', mend: 'write it like 50, without quotes' },
  not_before: {
    expected: 'ISO 8601 with date, T, time and zone',
    mend: 'write it like 2025-12-10T08:00:00+01:00, or remove the line',
  },
  depends_on: {
    expected: 'a list of at most 64 of: role, feature/role, feature/role@revision',
    mend: 'write it like [meta, FEAT-123/openapi@1]',
  },
  runner: { expected: 'the name of a runner: a lower-case letter, then lower-case letters, digits, . _ -', mend: 'write it like claude' },
  model: { expected: 'the name of a model, at most 128 characters without spaces', mend: 'write it like sonnet' },
  limits: { expected: 'a mapping of timeout, attempts, budget_usd, turns', mend: 'write it like { timeout: 15m, attempts: 3 }' },
  'limits.timeout': { expected: 'a length of time from 1s to 24h: digits and s, m or h', mend: 'write it like 90s, 15m or 2h' },
  'limits.attempts': { expected: 'a whole number from 1 to 20', mend: 'write it like 3' },
  'limits.budget_usd': { expected: 'a number from 0.01 to 10000', mend: 'write it like 2.00, without a currency' },
  'limits.turns': { expected: 'a whole number from 1 to 1000', mend: 'write it like 40' },
  scope: {
    expected: 'a mapping of files and create, each a list of path patterns inside the repository',
    mend: 'write it like { files: ["src/**"], create: ["src/new/**"] }',
  },
  requirements: { expected: 'a list of texts', mend: 'write it like [REQ-7]' },
  author: {
    expected: 'one line: an e-mail address, or a name and the address in angle brackets',
    mend: 'write it like Ada Example <ada@example.com>, in quotes',
  },
  parent: { expected: 'the id of a job: 16 lower-case letters and digits', mend: 'remove the line: docket writes it' },
  revises: {
    expected: 'the prompt of which this is the next revision: FEATURE/role@revision or FEATURE/role/name@revision',
    mend: 'remove the line: `docket revise` writes it',
  },
  story: { expected: 'text', mend: 'write it as text, in quotes if need be' },
  objective: { expected: 'text', mend: 'write it as text, in quotes if need be' },
  workstream: { expected: 'text', mend: 'write it as text, in quotes if need be' },
  inputs: { expected: 'text, a list or a mapping', mend: 'write it like [docs/brief.md]' },
  non_goals: { expected: 'text or a list of texts', mend: 'write it as a list, one line each' },
  acceptance_criteria: { expected: 'text or a list of texts', mend: 'write it as a list, one line each' },
};

const words = (path: string): { readonly description: string } => ({ description: FIELD_WORDS[path]?.expected ?? '' });

function parseTitle(text: string): Result<string, string> {
  if (text.trim() === '') return err('is empty');
  if (text.length > 200) return err('is longer than 200 characters');
  return printable(text, text.length) === text
    ? ok(text)
    : err('holds a line end, or a control, invisible or direction-changing character');
}

const MODEL = /^[A-Za-z0-9][A-Za-z0-9._:/@+[\]-]{0,127}$/;
const RUNNER = /^[a-z][a-z0-9._-]{0,62}$/;
export const parseModel = (text: string): Result<string, string> => (MODEL.test(text) ? ok(text) : err('is no name of a model'));
export const parseRunnerName = (text: string): Result<string, string> => (RUNNER.test(text) ? ok(text) : err('is no name of a runner'));
const parseVersion = (text: string): Result<string, string> => (isVersion(text) ? ok(text) : err(versionReason(text)));

function versionReason(text: string): string {
  if (/^v[0-9]/i.test(text)) return 'starts with a v';
  if (/^[\^~<>=*x]/i.test(text) || / \|\| |\.[x*]/i.test(text))
    return 'is a range: a prompt names one version, and the newest compatible one is used';
  if (/^[0-9]+(?:\.[0-9]+)?$/.test(text)) return 'has not three numbers';
  if (text.includes('+')) return 'holds build data (+…), which says nothing about the spec';
  if (/(?:^|\.)0[0-9]/.test(text)) return 'holds a number with a leading zero';
  return 'is no version of three numbers';
}

const PATTERN_LENGTH_MAX = 500;
function parsePattern(text: string): Result<string, string> {
  if (text === '' || text.length > PATTERN_LENGTH_MAX) return err('is empty or too long for a path pattern');
  if (printable(text, text.length) !== text) return err('holds a control, invisible or direction-changing character');
  if (/^[/\\~]|^[A-Za-z]:/.test(text) || text.split(/[/\\]/).includes('..')) return err('leaves the repository');
  return ok(text);
}

const instant = (path: string) =>
  z
    .string()
    .meta({ ...words(path), pattern: INSTANT_PATTERN })
    .transform(through(parseInstant));
const patterns = z.array(z.string().transform(through(parsePattern))).max(1_000);
const texts = z.array(z.string()).max(1_000);

const LIMITS = z.strictObject({
  timeout: z
    .string()
    .meta({ ...words('limits.timeout'), pattern: DURATION_PATTERN })
    .transform(through(parseDuration))
    .optional(),
  attempts: z.int().min(1).max(20).meta(words('limits.attempts')).optional(),
  budget_usd: z.number().min(0.01).max(10_000).meta(words('limits.budget_usd')).optional(),
  turns: z.int().min(1).max(1_000).meta(words('limits.turns')).optional(),
});

/** Fields that steer docket. */
const STEERING = {
  feature: z
    .string()
    .meta({ ...words('feature'), minLength: 2, maxLength: 64, pattern: '^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$' })
    .transform(through(must(parseFeature))),
  agent: z
    .string()
    .meta({ ...words('agent'), maxLength: 40, pattern: '^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$' })
    .transform(through(must(parseRoleName))),
  prompt_spec_version: z
    .string()
    .meta({ ...words('prompt_spec_version'), maxLength: 64, pattern: VERSION_PATTERN })
    .transform(through(parseVersion)),
  revision: z.int().min(1).max(REVISION_MAX).meta(words('revision')),
  created_at: instant('created_at'),
  name: z
    .string()
    .meta({ ...words('name'), pattern: '^[a-z][a-z0-9-]{0,62}$' })
    .transform(through(must(parsePromptName)))
    .optional(),
  stream: z.enum(['feature', 'fix']).meta(words('stream')).optional(),
  title: z
    .string()
    .meta({ ...words('title'), minLength: 1, maxLength: 200 })
    .transform(through(parseTitle))
    .optional(),
  priority: z.int().min(0).max(99).meta(words('priority')).optional(),
  not_before: instant('not_before').optional(),
  depends_on: z
    .array(z.string().transform(through(parseDependency)))
    .max(64)
    .meta(words('depends_on'))
    .optional(),
  runner: z
    .string()
    .meta({ ...words('runner'), pattern: RUNNER.source })
    .transform(through(parseRunnerName))
    .optional(),
  model: z
    .string()
    .meta({ ...words('model'), pattern: MODEL.source })
    .transform(through(parseModel))
    .optional(),
  limits: LIMITS.meta(words('limits')).optional(),
};

/** `ada@example.com` or `Ada Example <ada@example.com>`. */
const AUTHOR = /^(?:[^<>\p{C}]{1,150} <[^\s<>@\p{C}]{1,64}@[^\s<>@\p{C}]{1,100}>|[^\s<>@\p{C}]{1,64}@[^\s<>@\p{C}]{1,100})$/u;
const PARENT = /^[a-z2-7]{16}$/;
/** `FEAT-123/ui/filter-panel@1`: dependency.ts reads it. */
const REVISES = /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\/[a-z][a-z0-9-]{0,39}(?:\/[a-z][a-z0-9-]{0,62})?@[1-9][0-9]{0,9}$/;

/** Fields that tie a prompt to planning: checked for their shape, kept in `rest`, handed on as they are. */
const PLANNING = {
  scope: z.strictObject({ files: patterns.optional(), create: patterns.optional() }).meta(words('scope')).optional(),
  requirements: texts.meta(words('requirements')).optional(),
  author: z
    .string()
    .meta({ ...words('author'), minLength: 3, maxLength: 200, pattern: AUTHOR.source })
    .regex(AUTHOR)
    .optional(),
  parent: z
    .string()
    .meta({ ...words('parent'), pattern: PARENT.source })
    .regex(PARENT)
    .optional(),
  revises: z
    .string()
    .meta({ ...words('revises'), maxLength: 180, pattern: REVISES.source })
    .max(180)
    .regex(REVISES)
    .optional(),
  story: z.string().meta(words('story')).optional(),
  objective: z.string().meta(words('objective')).optional(),
  workstream: z.string().meta(words('workstream')).optional(),
  inputs: z
    .union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())])
    .meta(words('inputs'))
    .optional(),
  non_goals: z.union([z.string(), texts]).meta(words('non_goals')).optional(),
  acceptance_criteria: z.union([z.string(), texts]).meta(words('acceptance_criteria')).optional(),
};

/** Unknown keys are let through here; parse.ts warns about them. */
export const PROMPT_SCHEMA = z.looseObject({ ...STEERING, ...PLANNING });
export type WrittenPrompt = z.output<typeof PROMPT_SCHEMA>;

export const STEERING_KEYS: readonly string[] = Object.keys(STEERING);
export const KNOWN_KEYS: readonly string[] = [...STEERING_KEYS, ...Object.keys(PLANNING)];
export const REQUIRED_KEYS = ['feature', 'agent', 'prompt_spec_version', 'revision', 'created_at'] as const;
export const LIMIT_KEYS: readonly string[] = Object.keys(LIMITS.shape);
/** Paths of whole numbers: they must also be written as plain digits. */
export const DIGIT_PATHS: readonly (readonly string[])[] = [['revision'], ['priority'], ['limits', 'attempts'], ['limits', 'turns']];
