/** Ways to call a tool that its help makes likely, as pieces of a profile, the best first. Pure. What each is good for is found out by a trial. */

import { callOf, offers, optionOf, type Help } from './probe-help.ts';

export type Way = {
  readonly prompt: 'stdin' | 'argument' | 'file';
  /** With placeholders, as they stand in a profile. */
  readonly args: readonly string[];
  readonly format: 'stream' | 'json' | 'text';
  /** The help that its options come from: of the program, or of one of its verbs. */
  readonly help: Help;
};
export type Access = { readonly 'read-only': readonly string[]; readonly worktree: readonly string[] };

/** Switches that make a tool work without a person. */
const ALONE = ['--print', '--headless', '--non-interactive', '--no-interactive', '--batch', '--once'] as const;
/** Switches that keep it from doing other things than answering. */
const QUIET = [
  '--no-color', '--no-auto-update', '--no-update-check', '--no-check-update', '--no-ask-user', '--no-telemetry', '--disable-telemetry',
  '--disable-client-telemetry', '--no-analytics',
] as const; // prettier-ignore
const PROMPT = ['--prompt', '--message', '--query', '--task', '--instruction', '--input'] as const;
const PROMPT_FILE = ['--prompt-file', '--message-file', '--instruction-file', '--task-file', '--input-file'] as const;
const MODEL = ['--model', '--model-id', '-m'] as const;
/** The least that lets it read, and the least that lets it write its folder: the first that is offered. Never one that allows everything. */
const MODES = ['--sandbox', '--approval-mode', '--permission-mode', '--mode', '--permissions'] as const;
const READS = ['read-only', 'readonly', 'default', 'dontAsk', 'plan'] as const;
const WRITES = ['workspace-write', 'acceptEdits', 'accept-edits', 'auto_edit', 'auto-edit', 'edit'] as const;

type Format = { readonly format: Way['format']; readonly args: readonly string[] };

/** Ways in which it may tell what it does, the richest first. */
function formatsOf(help: Help): readonly Format[] {
  const formats: Format[] = [];
  const chosen = optionOf(help, ['--output-format', '--format', '--output'], true);
  for (const [value, format] of [
    ['stream-json', 'stream'],
    ['jsonl', 'stream'],
    ['ndjson', 'stream'],
    ['json', 'json'],
  ] as const)
    // prettier-ignore
    if (chosen !== null && offers(chosen, value)) formats.push({ format, args: [callOf(chosen), value] });
  for (const [name, format] of [
    ['--stream-json', 'stream'],
    ['--jsonl', 'stream'],
    ['--json', 'json'],
  ] as const)
    // prettier-ignore
    if (formats.length === 0 && optionOf(help, [name], false) !== null) formats.push({ format, args: [name] });
  return [...formats, { format: 'text', args: [] }];
}

function alwaysOf(help: Help): readonly string[] {
  const alone = optionOf(help, ALONE, false);
  const turns = optionOf(help, ['--max-turns', '--max-session-turns'], true);
  const budget = optionOf(help, ['--max-budget-usd'], true);
  const report = optionOf(help, ['--usage-output-file', '--usage-file'], true);
  return [
    ...(alone === null ? [] : [callOf(alone)]),
    ...QUIET.filter((name) => optionOf(help, [name], false) !== null),
    ...(turns === null ? [] : [callOf(turns), '{turns}']),
    ...(budget === null ? [] : [callOf(budget), '{budget_usd}']),
    ...(report === null ? [] : [callOf(report), '{dir}/report.json']),
  ];
}

/** Does the help say that its bare call, or one with a prompt, ends without a person? */
const worksAlone = (help: Help): boolean =>
  optionOf(help, ALONE, false) !== null || optionOf(help, PROMPT, true) !== null || optionOf(help, PROMPT_FILE, true) !== null;

function waysOfCommand(verb: string | null, help: Help): readonly Way[] {
  const before = verb === null ? [] : [verb];
  const by = optionOf(help, PROMPT, true);
  const file = optionOf(help, PROMPT_FILE, true);
  const argument = by === null ? ['{prompt}'] : [callOf(by), '{prompt}'];
  const always = alwaysOf(help);
  return formatsOf(help).flatMap(({ format, args }): readonly Way[] => {
    const common = { format, help };
    return [
      { ...common, prompt: 'stdin', args: [...before, ...always, ...args] },
      ...(file === null
        ? []
        : [{ ...common, prompt: 'file', args: [...before, ...always, ...args, callOf(file), '{prompt_file}'] } as const]),
      { ...common, prompt: 'argument', args: [...before, ...always, ...args, ...argument] },
    ];
  });
}

/**
 * @param main help of the program
 * @param verbs help of its verbs
 * @returns in the order in which they are worth a try: a format that tells most, standard input before argument
 */
export function waysOf(main: Help, verbs: ReadonlyMap<string, Help>): readonly Way[] {
  const own = waysOfCommand(null, main);
  const byVerb = [...verbs].flatMap(([verb, help]) => waysOfCommand(verb, help));
  // A verb that is made for programs goes before a bare call that may wait for a person.
  return verbs.size > 0 && !(worksAlone(main) && formatsOf(main).length > 1) ? [...byVerb, ...own] : [...own, ...byVerb];
}

export function modelArgs(help: Help): readonly string[] {
  const option = optionOf(help, MODEL, true);
  return option === null ? [] : [callOf(option), '{model}'];
}

/** Null: the help offers nothing of the kind. */
export function accessOf(help: Help): Access | null {
  for (const name of MODES) {
    const option = optionOf(help, [name], true);
    if (option === null) continue;
    const reads = READS.find((value) => offers(option, value));
    const writes = WRITES.find((value) => offers(option, value));
    if (reads !== undefined && writes !== undefined) return { 'read-only': [callOf(option), reads], worktree: [callOf(option), writes] };
  }
  return null;
}

const DANGEROUS = /danger|bypass|yolo|allow-all|skip-permission|unsafe|insecure|force|auto-?approve|^--yes|^--auto$/i;
const NO_ADVICE = /^--(?:help|version|list-.*|debug|acp|.*-acp)$/;
/** A sentence, not a line of the help that some tools print with every mistake. */
const ASKS = /requir|must|need|specif|missing|without|\b(?:use|using|add|pass|set|try|with)\b|trust|enable/i;
const ADVICE_MAX = 3;

/** Switches that these words of the tool ask for and its help knows: `… requires --verbose`, `--skip-git-repo-check was not specified`. Never a dangerous one. */
export function advised(said: string, { help, args }: Pick<Way, 'help' | 'args'>): readonly string[] {
  const sentences = said
    .slice(0, 20_000)
    .split('\n')
    .filter((line) => ASKS.test(line) && !/^\s*-/.test(line) && !help.text.includes(line.trim()));
  const named = [...sentences.join('\n').matchAll(/(?:^|[^\w-])(--[a-z][a-z0-9-]{1,60})/g)].map(([, name]) => name ?? '');
  return [...new Set(named)]
    .filter((name) => !args.includes(name) && !DANGEROUS.test(name) && !NO_ADVICE.test(name) && optionOf(help, [name], false) !== null)
    .slice(0, ADVICE_MAX);
}

const VARIABLE = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;
/**
 * Variables of the environment that belong to the tool: its help names them, or they carry its name.
 * @param own its name as it stands in names of variables
 */
export function ownVariables(own: string, help: string, env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const inHelp = new Set(help.match(VARIABLE));
  const isOwn = (name: string): boolean => `_${name}_`.includes(`_${own}_`) || inHelp.has(name);
  return withSiblings(
    setIn(env).filter((name) => isOwn(name) && !NEVER.test(name)),
    env,
  );
}
/** The same for variables that a message of the tool names. */
export const variablesIn = (said: string, env: Readonly<Record<string, string | undefined>>): readonly string[] => {
  const named = new Set(said.slice(0, 20_000).match(VARIABLE));
  return withSiblings(
    setIn(env).filter((name) => named.has(name) && !NEVER.test(name)),
    env,
  );
};

/** What makes a program run code, or is docket's own, or is set by the trial. */
const NEVER = /^(?:DOCKET|NODE_|LD_|DYLD_|GIT_|npm_|XDG_|BASH_|PYTHON|RUBY|PERL)|^(?:HOME|PATH|TMPDIR|TERM|SHELL|NO_COLOR|ENV)$/;
const setIn = (env: Readonly<Record<string, string | undefined>>): readonly string[] =>
  Object.keys(env).filter((name) => (env[name] ?? '') !== '' && /^[A-Za-z_]\w{0,127}$/.test(name));

/** Beside a key: where its provider is, and with which model. */
function withSiblings(names: readonly string[], env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const prefixes = names.flatMap((name) => /^(\w+?)_(?:API_KEY|AUTH_TOKEN|TOKEN)$/.exec(name)?.[1] ?? []);
  const beside = prefixes.flatMap((prefix) => ['BASE_URL', 'API_BASE', 'API_URL', 'ENDPOINT', 'MODEL'].map((end) => `${prefix}_${end}`));
  return [...new Set([...names, ...beside.filter((name) => (env[name] ?? '') !== '')])].toSorted();
}
