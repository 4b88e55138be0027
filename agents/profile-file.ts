/**
 * agents/tools/<id>.yaml -> tools/profiles.ts. Strict: an unknown key is a fault, because a profile decides what a tool may do and when its run is a
 * success. The same schema gives schemas/tool-profile.schema.json; docs/tools.md tells the language.
 */

import { z } from 'zod';
import type { Fault } from '#core/fault.ts';
import type { Sha256 } from '#core/names.ts';
import type { Digest } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import { fault, inOrder, shown, WHOLE_FILE } from '#prompt-spec/faults.ts';
import { readYaml, type YamlRead } from '#prompt-spec/safe-yaml.ts';
import { readShape, type Shape } from '#prompt-spec/shape.ts';
import { PLACEHOLDERS, TOLD_KINDS, type PickRule, type ProgressRules, type ToolProfile } from '#tools/profiles.ts';
import { safePattern } from '#tools/safe-pattern.ts';

const SIZE_MAX = 65_536;
/** The prompt on standard input is at most this long: some tools compact or drop a longer one in silence. */
const PROMPT_BYTES_MAX = 600_000;
const SECRET_NAME = /token|secret|passw|api_?key|credential/i;

const WORDS = {
  id: 'the name of the file without .yaml',
  kind: 'ai, static-check or test',
  title: 'the name of the tool for people',
  program: 'a name that is looked up in PATH, or an absolute path',
  tested: 'how: real, transcript or probe; from, to: the first and the last version that was tested',
  notes: 'what a person should know',
  lane: 'the provider account it draws on',
  args: 'arguments, one by one; never a shell line',
  prompt: 'stdin, file ({prompt_file} in args) or argument ({prompt} in args)',
  guard: 'names in the project by which it would make the tool run code; with one of them nothing is started',
  mentions:
    'inert, or where the tool sends along files that are named by @path: escape, or split where a backslash before the @ does not help',
  access: 'read-only and worktree, each with args and env',
  with_model: 'args and env that are given when a model is asked for',
  scope:
    'its own rules for paths: rule ({cwd}, {pattern}), declared (in place of the args of access.worktree), allow and deny (the arguments before them)',
  env: 'fixed variables; no secrets',
  pass_env: 'names of variables handed through',
  config: 'the configuration folder that the tool gets',
  writes: 'what it keeps of its own elsewhere, as ~/x or $NAME/x: may be written in a sandbox',
  login: 'how it is known that somebody is logged in',
  version_args: 'arguments that make it print its version; default: --version',
  limits: 'prompt_bytes: the longest prompt, at most 600000',
  success: 'exit codes: exit (default 0) and findings_exit',
  read: 'how its output is read',
  acp: 'how it is called over the Agent Client Protocol: the runner <id>-acp',
  progress: 'how the events of a run that goes on are read',
  interactive: 'arguments with which a person talks to it in a terminal, the brief as {prompt} among them',
} as const;

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/);
const filled = z
  .string()
  .max(8_192)
  .refine((text) => !text.includes('\0'), 'holds a NUL')
  .refine(
    (text) => [...text.matchAll(/\{([a-z_]+)\}/g)].every(([, name]) => (PLACEHOLDERS as readonly string[]).includes(name ?? '')),
    `holds a placeholder other than ${PLACEHOLDERS.map((name) => `{${name}}`).join(' ')}`,
  );
const args = z.array(filled).max(100).default([]);
const env = z
  .record(
    variable.refine((name) => !SECRET_NAME.test(name), 'is a variable for a secret: name it in pass_env'),
    filled,
  )
  .default({});
const more = z.strictObject({ args, env }).default({ args: [], env: {} });
const inside = z.string().regex(/^(?!.*(?:^|\/)\.\.(?:\/|$))[^/\0][^\0]{0,199}$/);
const outside = z.string().regex(/^(?:~|\$[A-Z_][A-Z0-9_]*)\/[^\0]{1,300}$/);

const pointer = z.string().regex(/^(?:\/[^\0]{0,200})?$/, 'a JSON pointer begins with /');
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const where = z.record(
  z.string().min(1).max(200),
  z.union([scalar, z.array(scalar).min(1).max(20)]).transform((value) => (Array.isArray(value) ? value : [value])),
);
const pattern = z.string().superRefine((text, context) => {
  const safe = safePattern(text);
  if (!safe.ok) context.addIssue({ code: 'custom', message: `is no pattern that is taken: it ${safe.error}` });
});
const pick = z.strictObject({
  in: z.enum(['stdout', 'stderr', 'report']).default('stdout'),
  where: where.nullable().default(null),
  after: where.nullable().default(null),
  at: pointer.default(''),
  take: z.enum(['first', 'last', 'join', 'sum', 'count', 'key']).default('last'),
  by: pointer.nullable().default(null),
  match: pattern.nullable().default(null),
});
const picks = z.array(pick).max(10).default([]);
const kind = z.enum(TOLD_KINDS);
const exit = z.array(z.int().min(0).max(255)).max(20);

const rule = z
  .strictObject({
    where: where.nullable().default(null),
    if: where.nullable().default(null),
    has: z.array(pointer).max(10).default([]),
    find: picks,
    says: picks,
    exit: exit.default([]),
    kind: kind.nullable().default(null),
    status: pointer.nullable().default(null),
    words: z.boolean().default(false),
    message: z.string().max(300).nullable().default(null),
  })
  .refine((one) => [one.kind !== null, one.status !== null, one.words].filter(Boolean).length === 1, 'needs one of kind, status and words');

const usage = z
  .strictObject({
    input_holds: z
      .enum(['all', 'uncached'])
      .default('uncached')
      .describe('all: its input tokens contain what a cache gave (measured per tool); that is taken out, so each token is counted once'),
    input_tokens: picks,
    output_tokens: picks,
    cache_read_tokens: picks,
    cache_write_tokens: picks,
    cost_usd: picks,
    turns: picks,
  })
  .default({
    input_holds: 'uncached',
    input_tokens: [],
    output_tokens: [],
    cache_read_tokens: [],
    cache_write_tokens: [],
    cost_usd: [],
    turns: [],
  });

const read = z.strictObject({
  format: z.enum(['lines', 'json', 'text']),
  end: where.nullable().default(null),
  answer: z.array(pick).min(1).max(10),
  session: picks,
  model: picks,
  error: picks,
  reset: z
    .array(pick.extend({ as: z.enum(['epoch', 'seconds', 'iso', 'clock']) }))
    .max(10)
    .default([]),
  usage,
  failures: z.array(rule).max(40).default([]),
  words: z
    .array(z.strictObject({ match: pattern, kind }))
    .max(40)
    .default([]),
});

const step = pick.omit({ in: true, after: true }).transform((one) => ({ ...one, in: 'stdout' as const, after: null }));
const steps = z.array(step).max(10).default([]);
const progress = z.strictObject({
  tool: steps,
  file: steps,
  text: steps,
  text_comes: z.enum(['whole', 'in-pieces']).default('whole'),
  model: steps,
  usage: z
    .strictObject({
      by: pointer.nullable().default(null),
      input_tokens: steps,
      output_tokens: steps,
      cache_read_tokens: steps,
      cache_write_tokens: steps,
      cost_usd: steps,
    })
    .default({ by: null, input_tokens: [], output_tokens: [], cache_read_tokens: [], cache_write_tokens: [], cost_usd: [] }),
});

const interactive = z
  .array(filled)
  .max(20)
  .refine((all) => all.some((one) => one.includes('{prompt}')), 'holds no {prompt}');

const version = z.string().regex(/^\d+\.\d+\.\d+$/);
const programName = z
  .string()
  .max(4_096)
  .regex(/^(?:[^/\0]+|\/[^\0]*)$/);

const acp = z.strictObject({
  program: programName.nullable().default(null).describe('default: the same program'),
  tested: z.strictObject({ how: z.enum(['real', 'none']), from: version.default('0.0.0'), to: version.default('0.0.0') }),
  args,
  access: z
    .strictObject({ 'read-only': more, worktree: more })
    .default({ 'read-only': { args: [], env: {} }, worktree: { args: [], env: {} } }),
  with_model: more.describe('without it the model is asked for over the protocol'),
  env,
  execute: z.boolean().default(false).describe('may it run commands, where the access is worktree?'),
  guard: z.array(inside).max(20).default([]).describe('besides those of its profile'),
  session_meta: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('_meta of session/new: settings that an agent takes there and nowhere else'),
  files: z.boolean().default(true).describe('does docket offer to read and write files for it?'),
  notices: z.array(pattern).max(10).default([]).describe("a piece of text that fits one is the agent's own word, not the model's"),
  hides: z.array(kind).max(20).default([]).describe('failures that look like an answer in this way'),
  why: z.string().trim().min(1).max(600).describe('why one would take the one way or the other: for people'),
  input_holds: z.enum(['all', 'uncached']).default('uncached'),
  failures: z.array(rule).max(40).default([]),
});

export const PROFILE_SCHEMA = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/)
    .meta({ description: WORDS.id }),
  kind: z.enum(['ai', 'static-check', 'test']).meta({ description: WORDS.kind }),
  title: z.string().trim().min(1).max(100).meta({ description: WORDS.title }),
  program: programName.meta({ description: WORDS.program }),
  tested: z
    .strictObject({ how: z.enum(['real', 'transcript', 'probe']), from: version.default('0.0.0'), to: version.default('0.0.0') })
    .meta({ description: WORDS.tested }),
  notes: z.string().max(4_000).default('').meta({ description: WORDS.notes }),
  lane: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/)
    .meta({ description: WORDS.lane }),
  args: args.meta({ description: WORDS.args }),
  prompt: z.enum(['stdin', 'file', 'argument']).default('stdin').meta({ description: WORDS.prompt }),
  guard: z.array(inside).max(20).default([]).meta({ description: WORDS.guard }),
  mentions: z.enum(['inert', 'escape', 'split']).default('inert').meta({ description: WORDS.mentions }),
  access: z
    .strictObject({ 'read-only': more, worktree: more })
    .default({ 'read-only': { args: [], env: {} }, worktree: { args: [], env: {} } })
    .meta({ description: WORDS.access }),
  with_model: more.meta({ description: WORDS.with_model }),
  scope: z
    .strictObject({
      rule: z
        .string()
        .max(200)
        .regex(/\{pattern\}/, 'holds no {pattern}'),
      read: z
        .string()
        .max(200)
        .regex(/\{pattern\}/, 'holds no {pattern}')
        .nullable()
        .default(null),
      declared: z.array(filled).max(20).default([]),
      allow: z.string().regex(/^--?[a-zA-Z][a-zA-Z-]*$/),
      deny: z.string().regex(/^--?[a-zA-Z][a-zA-Z-]*$/),
    })
    .nullable()
    .default(null)
    .meta({ description: WORDS.scope }),
  env: env.meta({ description: WORDS.env }),
  pass_env: z.array(variable).max(100).default([]).meta({ description: WORDS.pass_env }),
  config: z
    .strictObject({
      scope: z.enum(['run', 'workspace']),
      when: z.enum(['always', 'token']).default('always'),
      env,
      files: z.record(inside, z.string().max(20_000)).default({}),
      files_with_token: z.record(inside, z.string().max(20_000)).default({}),
      links: z.record(inside, z.array(outside).min(1).max(5)).default({}),
    })
    .optional()
    .meta({ description: WORDS.config }),
  writes: z.array(outside).max(10).default([]).meta({ description: WORDS.writes }),
  login: z
    .strictObject({
      token_env: z.array(variable).max(20).default([]),
      files: z.array(outside).max(10).default([]),
      ask: z.strictObject({ args: z.array(filled).min(1).max(10), at: pointer.nullable().default(null) }).optional(),
    })
    .default({ token_env: [], files: [] })
    .meta({ description: WORDS.login }),
  version_args: z.array(filled).min(1).max(10).default(['--version']).meta({ description: WORDS.version_args }),
  limits: z
    .strictObject({ prompt_bytes: z.int().min(1_000).max(PROMPT_BYTES_MAX) })
    .default({ prompt_bytes: PROMPT_BYTES_MAX })
    .meta({ description: WORDS.limits }),
  success: z
    .strictObject({ exit: exit.min(1).default([0]), findings_exit: exit.default([]) })
    .default({ exit: [0], findings_exit: [] })
    .meta({ description: WORDS.success }),
  read: read.meta({ description: WORDS.read }),
  acp: acp.optional().meta({ description: WORDS.acp }),
  progress: progress.optional().meta({ description: WORDS.progress }),
  interactive: interactive.optional().meta({ description: WORDS.interactive }),
});

type ProfileFile = z.output<typeof PROFILE_SCHEMA>;

const refuse = (field: string, message: string, expected: string, found: string): Result<never, readonly Fault[]> =>
  err([fault(`tool-${field}-invalid`, field, WHOLE_FILE, { message, expected, found: shown(found), mend: 'mend the value' })]);

/**
 * @param source text of the file
 * @param file where it was read, for words that say what to edit
 * @param id the name of the file without its ending
 */
export function parseProfile(
  source: string,
  file: string,
  id: string,
  digest: Pick<Digest, 'sha256'>,
): Result<ToolProfile, readonly Fault[]> {
  const shape: Shape = { kind: 'tool', file, words: WORDS };
  if (source.length > SIZE_MAX)
    return refuse('file', 'the profile is too long', `at most ${String(SIZE_MAX)} characters`, String(source.length));
  const yaml = readYaml(source.replace(/^\ufeff/, '').replaceAll('\r\n', '\n'), 1);
  const parsed = readShape(yaml, PROFILE_SCHEMA, shape);
  const crossed = yaml.wellFormed ? betweenKeys(yaml, file, id) : [];
  if (parsed.ok && crossed.length === 0) return ok(profileOf(parsed.value, digest.sha256(source)));
  return err(inOrder([...(parsed.ok ? [] : parsed.error), ...crossed]));
}

/** What no key tells alone. */
function betweenKeys({ data, spotOf }: YamlRead, file: string, id: string): readonly Fault[] {
  const faults: Fault[] = [];
  const add = (field: string, message: string, expected: string, found: string): void => {
    const place = spotOf([field])?.value ?? WHOLE_FILE;
    faults.push(fault(`tool-${field}-invalid`, field, place, { message, expected, found: shown(found), mend: 'mend the value' }));
  };
  if (typeof data['id'] === 'string' && data['id'] !== id) add('id', `${file} does not fit its name`, id, data['id']);
  const given = Array.isArray(data['args']) ? data['args'].map(String) : [];
  const holder = data['prompt'] === 'file' ? '{prompt_file}' : data['prompt'] === 'argument' ? '{prompt}' : null;
  if (holder !== null && !given.some((argument) => argument.includes(holder)))
    add('prompt', `the prompt goes in by ${String(data['prompt'])}, and no argument takes it`, `${holder} in args`, given.join(' '));
  const rules: unknown = data['read'];
  const format: unknown = typeof rules === 'object' && rules !== null && 'format' in rules ? rules.format : null;
  if (data['progress'] !== undefined && data['progress'] !== null && format !== 'lines')
    add('progress', 'only JSON lines can be read while they grow', 'read.format: lines', String(format));
  return faults;
}

const profileOf = (one: ProfileFile, sha256: Sha256): ToolProfile => ({
  id: one.id,
  kind: one.kind,
  title: one.title,
  program: one.program,
  tested: one.tested,
  notes: one.notes,
  lane: one.lane,
  args: one.args,
  prompt: one.prompt,
  guard: one.guard,
  mentions: one.mentions,
  access: one.access,
  withModel: one.with_model,
  scope: one.scope,
  env: one.env,
  passEnv: one.pass_env,
  config: one.config === undefined ? null : { ...one.config, filesWithToken: one.config.files_with_token },
  writes: one.writes,
  login: { tokenEnv: one.login.token_env, files: one.login.files, ask: one.login.ask ?? null },
  versionArgs: one.version_args,
  limits: { promptBytes: one.limits.prompt_bytes },
  success: { exit: one.success.exit, findingsExit: one.success.findings_exit },
  read: { ...one.read, inputHolds: one.read.usage.input_holds, usage: usageOf(one.read.usage) },
  acp:
    one.acp === undefined
      ? null
      : { ...one.acp, withModel: one.acp.with_model, sessionMeta: one.acp.session_meta, inputHolds: one.acp.input_holds },
  interactive: one.interactive ?? null,
  progress: one.progress === undefined ? null : progressOf(one.progress, one.read.usage.input_holds),
  sha256,
});

const progressOf = (one: NonNullable<ProfileFile['progress']>, inputHolds: ProgressRules['usage']['inputHolds']): ProgressRules => ({
  tool: one.tool,
  file: one.file,
  text: one.text,
  textIsPieces: one.text_comes === 'in-pieces',
  model: one.model,
  usage: {
    by: one.usage.by,
    inputHolds,
    fields: {
      inputTokens: one.usage.input_tokens,
      outputTokens: one.usage.output_tokens,
      cacheReadTokens: one.usage.cache_read_tokens,
      cacheWriteTokens: one.usage.cache_write_tokens,
      costUsd: one.usage.cost_usd,
    },
  },
});

const usageOf = (one: ProfileFile['read']['usage']): Readonly<Record<keyof ToolProfile['read']['usage'], readonly PickRule[]>> => ({
  inputTokens: one.input_tokens,
  outputTokens: one.output_tokens,
  cacheReadTokens: one.cache_read_tokens,
  cacheWriteTokens: one.cache_write_tokens,
  costUsd: one.cost_usd,
  turns: one.turns,
});

/** JSON Schema (2020-12) of a profile, for editors, in bytes that are the same on every machine. */
export function profileJsonSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(PROFILE_SCHEMA, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' });
  const document = { $schema, $id: 'urn:docket:schema:tool-profile:v1', title: 'agents/tools/<id>.yaml of docket', ...rest };
  return `${JSON.stringify(document, null, 2)}\n`;
}
