/** The command line as data, read from the commander program itself, so that a completion can never know other verbs or options than docket. */

import type { Command, Option } from 'commander';

/** What may stand at a place: fixed words, names docket is asked for, or files. */
export type Filler =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'names'; readonly list: 'roles' | 'stems' }
  | { readonly kind: 'files' }
  | { readonly kind: 'folders' }
  | { readonly kind: 'free' };

export type OptionShape = {
  /** `-d`, `--detach` */
  readonly flags: readonly string[];
  readonly summary: string;
  /** Null: it takes no value. */
  readonly value: Filler | null;
};

export type VerbShape = {
  /** `['spec', 'check']`; the program itself is `[]`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionShape[];
  /** By position; the last one repeats when it is variadic. */
  readonly args: readonly Filler[];
  readonly isVariadic: boolean;
  readonly verbs: readonly { readonly name: string; readonly summary: string }[];
};

/** Names of arguments and of option values as docket's verbs write them: `<role>`, `[job…]`, `<file>`. */
const BY_NAME: Readonly<Record<string, Filler>> = {
  role: { kind: 'names', list: 'roles' },
  job: { kind: 'names', list: 'stems' },
  jobs: { kind: 'names', list: 'stems' },
  stem: { kind: 'names', list: 'stems' },
  file: { kind: 'files' },
  files: { kind: 'files' },
  folder: { kind: 'folders' },
};

const fillerOf = (name: string, choices: readonly string[] | undefined): Filler =>
  choices === undefined ? (BY_NAME[name] ?? { kind: 'free' }) : { kind: 'words', words: choices };

const optionShape = (option: Option): OptionShape => ({
  flags: [option.short, option.long].filter((flag) => flag !== undefined),
  summary: option.description,
  value: option.required || option.optional ? fillerOf(/[<[]([a-z-]+)/.exec(option.flags)?.[1] ?? '', option.argChoices) : null,
});

const HELP: OptionShape = { flags: ['-h', '--help'], summary: 'print this help', value: null };

/** All verbs and their own verbs, the program first. Hidden ones are left out. */
export function shapesOf(program: Command): readonly VerbShape[] {
  const global = program.options.filter((option) => !option.hidden && option.long !== '--version').map(optionShape);
  const verbs = program.commands.map((command) => command.name());
  const walk = (command: Command, path: readonly string[]): readonly VerbShape[] => {
    const below = command
      .createHelp()
      .visibleCommands(command)
      .filter((verb) => verb.name() !== 'help' || path.length === 0);
    const own = command.options.filter((option) => !option.hidden).map(optionShape);
    const shape: VerbShape = {
      path,
      summary: command.description(),
      options: [...own, ...(path.length === 0 ? [] : global), HELP],
      args: command.registeredArguments.map((argument) =>
        fillerOf(argument.name(), argument.name() === 'verb' ? verbs : argument.argChoices),
      ),
      isVariadic: command.registeredArguments.at(-1)?.variadic === true,
      verbs: below.map((verb) => ({ name: verb.name(), summary: verb.description() })),
    };
    return [shape, ...below.flatMap((verb) => walk(verb, [...path, verb.name()]))];
  };
  return walk(program, []);
}

/** Letters, digits and a few signs that mean nothing to any shell: all that docket's own words are made of. */
const PLAIN = /^[A-Za-z0-9_.,:=/@%+-]+$/;

/** A word of docket's own for a script. Throws for one that a shell could take for something else. */
export function plainWord(word: string): string {
  if (!PLAIN.test(word)) throw new Error(`this word cannot stand in a completion script: ${JSON.stringify(word)}`);
  return word;
}

/** The lists that scripts ask docket for. */
export const LISTS = ['roles', 'stems'] as const;
export type ListName = (typeof LISTS)[number];
