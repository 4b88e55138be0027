/**
 * The shape of docket.yaml: the rows of core/settings.ts as nested keys, and the two maps `runners` and `lanes`.
 * One zod schema both checks a file and gives its JSON Schema (schemas/docket.schema.json), so the two cannot differ.
 * A value's own words come from settings-values.ts; zod finds unknown keys and wrong shapes.
 */

import { z } from 'zod';
import { FINGERPRINT_FORM } from '#core/policy.ts';
import { SETTINGS, type SettingKey } from '#core/settings.ts';
import { checkHttp, httpFields, SECRET_NAME, variable } from './settings-http.ts';
import { modelPattern, price } from './settings-prices.ts';
import { DURATION_FORM, SIZE_FORM } from './settings-units.ts';
import { readValue, rowOf, SETTING_KEYS, type SettingRow } from './settings-values.ts';

export const PLACEHOLDERS = ['prompt_file', 'model', 'session', 'dir'] as const;

const TYPES: Readonly<Record<SettingRow['unit'], (row: SettingRow) => Record<string, unknown>>> = {
  text: () => ({ type: 'string' }),
  bool: () => ({ type: 'boolean' }),
  list: () => ({ type: 'array', items: { type: 'string' } }),
  choice: (row) => ({ enum: row.choices }),
  count: (row) => ({ type: Number.isInteger(row.min) ? 'integer' : 'number', minimum: row.min, maximum: row.max }),
  usd: (row) => ({ type: 'number', minimum: row.min, maximum: row.max }),
  ms: () => ({ anyOf: [{ type: 'string', pattern: DURATION_FORM }, { const: 0 }] }),
  bytes: (row) => ({
    anyOf: [
      { type: 'string', pattern: SIZE_FORM },
      { type: 'integer', minimum: row.min, maximum: row.max },
    ],
  }),
};

/** A leaf: read by its row, faults in the row's words. */
const leaf = (row: SettingRow): z.ZodType =>
  z
    .unknown()
    .transform((value, context) => {
      const read = readValue(row, value);
      if (read.ok) return read.value;
      context.addIssue({ code: 'custom', message: read.error.message, params: { words: read.error } });
      return z.NEVER;
    })
    .optional()
    .meta({ ...TYPES[row.unit](row), description: row.why });

const name = (words: string): z.ZodString =>
  z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, `${words} is lower-case letters, digits and hyphens, at most 40 characters`);

const argument = z
  .string()
  .max(8_192)
  .refine((text) => !text.includes('\0'), 'an argument holds no NUL')
  .refine(
    (text) => [...text.matchAll(/\{([a-z_]+)\}/g)].every(([, one]) => (PLACEHOLDERS as readonly string[]).includes(one ?? '')),
    `the placeholders are ${PLACEHOLDERS.map((one) => `{${one}}`).join(', ')}`,
  );

const runner = z
  .strictObject({
    kind: name('the kind of a runner')
      .default('command')
      .describe(
        'command: any program; http: a model behind an HTTP interface; else the id of a tool (claude, codex, …): another program, account or argument of it',
      ),
    program: z.string().min(1).max(4_096).optional().describe('name (looked up in PATH) or absolute path'),
    args: z.array(argument).max(256).default([]).describe('arguments, one by one; never a shell line'),
    output: z.enum(['text', 'json']).default('text').describe('text: standard output is the answer; json: a field of a JSON object is'),
    answer_field: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('path of the answer in the JSON object, such as result or message.content'),
    pass_env: z.array(variable).max(100).default([]).describe('names of variables handed through; never values'),
    env: z
      .record(
        variable.refine((key) => !SECRET_NAME.test(key), 'docket.yaml is committed: name this variable in pass_env instead'),
        z.string().max(8_192),
      )
      .default({})
      .describe('fixed variables; no secrets'),
    writes: z
      .array(
        z
          .string()
          .max(4_096)
          .regex(/^(?:(?:~|\$[A-Z_][A-Z0-9_]*)?\/)[^\0]*$/, 'a place to write is ~/x, $NAME/x or an absolute path'),
      )
      .max(20)
      .default([])
      .describe(
        'what it may write besides its worktree, in a sandbox: where it keeps a state of its own, as ~/x, $NAME/x or an absolute path',
      ),
    sandbox: z
      .boolean()
      .default(false)
      .describe(
        'kind command: put it into the sandbox as the tools that docket knows; with tools.sandbox: required it is there in any case',
      ),
    lane: name('a lane').optional().describe('the account it draws on; default: its own name'),
    ...httpFields,
  })
  .superRefine(checkHttp)
  .refine((one) => one.kind !== 'command' || one.program !== undefined, {
    path: ['program'],
    message: 'a runner of kind command names its program',
  })
  .refine((one) => one.output !== 'json' || one.answer_field !== undefined, {
    path: ['answer_field'],
    message: 'output: json needs answer_field',
  })
  .refine((one) => one.program === undefined || !one.program.includes('/') || one.program.startsWith('/'), {
    path: ['program'],
    message: 'a program is a name or an absolute path: a relative path would depend on the folder',
  });

const lane = z.strictObject({
  slots: leaf(SETTINGS.slots),
  interval_cap: leaf(SETTINGS['throttle.interval_cap']),
  interval: leaf(SETTINGS['throttle.interval']),
  stagger: leaf(SETTINGS['throttle.stagger']),
});

const laneBudgets = z
  .record(name('a lane'), leaf(SETTINGS['budgets.day_usd']))
  .optional()
  .describe('what the runs of a day in one lane may cost, in US dollars, by lane');

const allowedSecrets = z
  .array(
    z.strictObject({
      fingerprint: z
        .string()
        .regex(FINGERPRINT_FORM, 'a fingerprint is hmac: and 32 hex digits, as the error file of the held prompt tells it'),
      reason: z.string().trim().min(8, 'a reason has at least 8 characters').max(400).describe('why it may pass'),
      by: z.string().trim().min(2).max(100).describe('the person who answers for it'),
    }),
  )
  .max(200)
  .optional()
  .describe('what the secret scan lets pass, by fingerprint; who and why stand in the evidence of each prompt that used it');

/** `retry.base` -> {retry: {base: leaf}}. */
function nestedRows(): Record<string, z.ZodType> {
  const top: Record<string, z.ZodType> = {};
  const groups = new Map<string, Record<string, z.ZodType>>();
  for (const key of SETTING_KEYS) {
    const [group, inner] = key.split('.');
    if (group === undefined || inner === undefined) top[key] = leaf(rowOf(key));
    else groups.set(group, { ...groups.get(group), [inner]: leaf(rowOf(key)) });
  }
  groups.set('policy', { ...groups.get('policy'), allow_secrets: allowedSecrets });
  groups.set('budgets', { ...groups.get('budgets'), lane: laneBudgets });
  for (const [group, rows] of groups) top[group] = z.strictObject(rows).nullish();
  return top;
}

const laneKey = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,39}(?:\/[0-9a-f]{8})?$/,
    'a lane is lower-case letters, digits and hyphens, at most 40 characters, and may name an account: anthropic, anthropic/1a2b3c4d',
  );

const runnerName = name('a runner').refine(
  (key) => key !== 'offline' && key !== 'auto',
  'a name other than offline and auto, which docket has itself',
);

export const settingsSchema = z.strictObject({
  ...nestedRows(),
  runners: z.record(runnerName, runner).nullish().describe('programs that a role may use as its AI tool'),
  lanes: z.record(laneKey, lane).nullish().describe('schedules of provider accounts'),
  prices: z
    .record(modelPattern, price)
    .nullish()
    .describe(
      'what models cost, for tools that do not say it: by model, * stands for any letters; these rows go before agents/prices.yaml',
    ),
});

export type RunnerEntry = z.infer<typeof runner>;
export type PriceEntry = z.infer<typeof price>;
export type LaneEntry = { readonly slots?: number; readonly interval_cap?: number; readonly interval?: number; readonly stagger?: number };

/** Keys that may stand at a path of the file: for the nearest one to a wrong key. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(settingsSchema.shape);
  if (path[0] === 'runners') return path.length === 2 ? Object.keys(runner.shape) : [];
  if (path[0] === 'lanes') return path.length === 2 ? Object.keys(lane.shape) : [];
  if (path[0] === 'prices') return path.length === 2 ? Object.keys(price.shape) : [];
  const group = `${String(path[0])}.`;
  return SETTING_KEYS.filter((key: SettingKey) => key.startsWith(group)).map((key) => key.slice(group.length));
}

/** JSON Schema 2020-12 of docket.yaml and docket.local.yaml, for editors. */
export const settingsJsonSchema = (): unknown => ({
  ...z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }),
  title: 'docket.yaml',
  description: 'Settings of a docket workspace',
});
