/** What a probe found, as the text of a profile with comments that say what was seen and what was not. Pure; the text parses (agents/probe.ts looks). */

import type { Access, Way } from './probe-ways.ts';
import type { ErrorShape, Pick, Shape, UsageName } from './probe-shape.ts';

export type Found = {
  readonly id: string;
  /** As it was asked for: a name or an absolute path. */
  readonly program: string;
  readonly version: string | null;
  /** YYYY-MM-DD */
  readonly day: string;
  readonly way: Way;
  /** All arguments but those of access and model, with placeholders. */
  readonly args: readonly string[];
  /** Of these, what the tool itself asked for. */
  readonly advice: readonly string[];
  readonly modelArgs: readonly string[];
  readonly access: Access | null;
  readonly passEnv: readonly string[];
  readonly tokenEnv: readonly string[];
  /** The variable that names its configuration folder; null: none is known. */
  readonly configEnv: string | null;
  /** Null: no answer was seen. */
  readonly shape: Shape | null;
  /** Null: no error was seen. */
  readonly error: ErrorShape | null;
};

const PLAIN = /^(?:[A-Za-z_][\w.-]*|\/[\w/~*-]*|--?[A-Za-z][\w-]*)$/;
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

/** A value in YAML's flow style. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, one]) => one !== undefined);
    return fields.length === 0 ? '{}' : `{ ${fields.map(([key, one]) => `${flow(key)}: ${flow(one)}`).join(', ')} }`;
  }
  if (typeof value !== 'string') return JSON.stringify(value);
  return PLAIN.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value);
}

const VERSION = /\d+\.\d+\.\d+/;

function testedOf(version: string | null): string {
  const numbers = VERSION.exec(version ?? '')?.[0];
  return numbers === undefined ? '{ how: probe }' : `{ how: probe, from: ${numbers}, to: ${numbers} }`;
}

const SEEN_BY: Readonly<Record<Way['prompt'], string>> = {
  stdin: 'on standard input',
  argument: 'as an argument',
  file: 'in a file',
};

function accessLines({ access }: Found): readonly string[] {
  if (access === null)
    return [
      '# NOT SEEN: its help offers nothing that docket knows for how much it may do. LOOK: without flags here it has, for both, whatever it has by default.',
      'access:',
      '  read-only: { args: [] }',
      '  worktree: { args: [] }',
    ];
  return [
    '# From its help. Answering was tried with read-only; that it keeps from writing was NOT tried, nor was worktree.',
    'access:',
    `  read-only: { args: ${flow(access['read-only'])} }`,
    `  worktree: { args: ${flow(access.worktree)} }`,
  ];
}

function configLines({ configEnv }: Found): readonly string[] {
  if (configEnv === null)
    return ['# NOT SEEN: a variable for its configuration folder. Settings and login of the person who runs docket are used.'];
  return [
    '# Its help names this variable; it was set when it was tried.',
    `config: { scope: run, when: token, env: { ${configEnv}: ${flow('{config}')} } }`,
  ];
}

const picks = (...all: readonly (Pick | null | undefined)[]): string =>
  `[${all.flatMap((pick) => (pick === null || pick === undefined ? [] : [flow(pick)])).join(', ')}]`;

const FIELDS: readonly UsageName[] = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens', 'cost_usd', 'turns'];

function usageLines({ usage, inputHolds }: Shape): readonly string[] {
  const known = FIELDS.filter((name) => usage[name] !== undefined);
  const missing = FIELDS.filter((name) => usage[name] === undefined);
  const note = missing.length === 0 ? [] : [`  # NOT SEEN: ${missing.join(', ')}.`];
  if (known.length === 0) return note;
  const cost = usage.cost_usd?.at ?? '/usd';
  return [
    ...note,
    ...(/usd/i.test(cost) ? [] : ['  # LOOK: is its cost in US dollars? The name does not say.']),
    '  # LOOK at input_holds: do its input tokens contain what a cache gave? One run cannot tell.',
    '  usage:',
    `    input_holds: ${inputHolds}`,
    ...known.map((name) => `    ${name}: ${picks(usage[name])}`),
  ];
}

function failureLines(error: ErrorShape | null): readonly string[] {
  if (error === null) return ['  # NOT SEEN: an error. What it says on one is looked for on standard error.', '  error: [{ in: stderr }]'];
  const message = [
    ...(error.message === null ? [] : [error.message]),
    ...(error.message?.in === 'stderr' ? [] : [{ in: 'stderr' } as const]),
  ];
  const lines = [`  # Seen: how it tells an error (its exit code was ${String(error.code)}).`, `  error: ${picks(...message)}`];
  const event = { ...(error.where === null ? {} : { where: error.where }), ...(error.if === null ? {} : { if: error.if }) };
  if (Object.keys(event).length > 0)
    return [
      ...lines,
      '  failures:',
      ...(error.status === null ? [] : [`    - ${flow({ ...event, status: error.status })}`]),
      `    - ${flow({ ...event, words: true })}`,
      `    - ${flow({ ...event, kind: 'no-answer' })}`,
    ];
  if (error.code === null || error.code === 0 || error.code > 255)
    return [...lines, '  # LOOK: by its exit code and events that run cannot be told from an answer.'];
  return [...lines, '  failures:', `    - ${flow({ exit: [error.code], words: true })}`];
}

function readLines({ shape, error, way }: Found): readonly string[] {
  if (shape === null)
    return [
      '# NOT SEEN: an answer. All of standard output is taken for it: LOOK at this, or probe again when it is logged in.',
      'read:',
      `  format: text`,
      '  answer: [{}]',
      ...failureLines(null),
    ];
  const ends = [...new Set([shape.end, shape.end === null ? null : (error?.end ?? null)])].filter((type) => type !== null);
  const isLast = shape.format !== 'text' && ends.length > 0;
  return [
    `# Seen: the answer, in output of the kind ${flow(shape.format)} (it was asked for ${way.format}).`,
    'read:',
    `  format: ${shape.format}`,
    ...(isLast ? ['  # The last event of each run that was seen: without one of these a run did not come to its end.'] : []),
    ...(isLast ? [`  end: ${flow({ type: ends.length === 1 ? ends[0] : ends })}`] : []),
    `  answer: ${picks(shape.answer)}`,
    ...(shape.session === null ? ['  # NOT SEEN: a session id.'] : [`  session: ${picks(shape.session)}`]),
    ...(shape.model === null ? ['  # NOT SEEN: the model.'] : [`  model: ${picks(shape.model)}`]),
    ...usageLines(shape),
    ...failureLines(error),
  ];
}

/** YAML, with a newline at its end. */
export function draftOf(found: Found): string {
  const { id, way, shape, advice, modelArgs, passEnv, tokenEnv } = found;
  const prompt =
    shape === null
      ? `# NOT SEEN: an answer. That the prompt goes in ${SEEN_BY[way.prompt]} is a guess from its help.`
      : `# Seen: a prompt ${SEEN_BY[way.prompt]} was answered with these arguments.`;
  return `${[
    `# A draft by \`docket tool probe\`, ${found.day}. Nothing reads it until a person has looked at each line and named it ${id}.yaml.`,
    '# "Seen" was tried with the program. Everything else is from its help, and may be wrong. Fields: docs/tools.md.',
    `id: ${id}`,
    'kind: ai',
    `title: ${flow(id)}`,
    `program: ${flow(found.program)}`,
    `tested: ${testedOf(found.version)}`,
    'notes: >-',
    '  Made by a probe. Not tried: what a prompt can make it do by a command, a mention or a hook of the project (mentions, guard), long prompts, its limits,',
    '  and how often it repeats a failed request.',
    '# The account that it draws on: tools of one account should name the same lane.',
    `lane: ${flow(id)}`,
    prompt,
    ...(advice.length === 0
      ? []
      : [`# LOOK: the tool itself asked for ${advice.join(' ')}. Is that right in a project that you do not trust?`]),
    `args: ${flow(found.args)}`,
    `prompt: ${way.prompt}`,
    ...accessLines(found),
    ...(modelArgs.length === 0
      ? ['# NOT SEEN: an option for the model. One that is asked for is not passed on.']
      : [`with_model: { args: ${flow(modelArgs)} }`]),
    ...(passEnv.length === 0 ? [] : [`pass_env: ${flow(passEnv)}`]),
    ...configLines(found),
    ...(tokenEnv.length === 0
      ? ['# NOT SEEN: how it is known that somebody is logged in. It is taken to be.']
      : [`login: { token_env: ${flow(tokenEnv)} }`]),
    ...readLines(found),
  ].join('\n')}\n`;
}
