/**
 * What the help of an unknown command-line tool says: its options, and the verbs behind which it works without a person. Pure. Help is written for
 * people, in the manners of commander, yargs, clap, argparse and others, so all of this is a guess that a trial has to bear out (agents/probe.ts).
 */

export type HelpOption = {
  /** `-p`, `--print`. */
  readonly names: readonly string[];
  readonly takesValue: boolean;
  /** The value's name and the description, in one line. */
  readonly words: string;
};
export type Help = { readonly options: readonly HelpOption[]; readonly verbs: readonly string[]; readonly text: string };

/** Longer than any help; what follows is not read. */
const TEXT_LENGTH_MAX = 200_000;
/** Verbs behind which tools are known to work without a person, the likeliest first. */
const VERBS = ['exec', 'run', 'prompt', 'ask', 'print', 'headless', 'query', 'chat'] as const;
const FOR_PROGRAMS = /non-?interactive|headless|message|prompt|task|question|one-?shot|automation|script|instruction/i;

// eslint-disable-next-line no-control-regex
const ESCAPES = new RegExp(String.raw`\u001b\[[0-9;?]*[A-Za-z]`, 'g');
const OPTION = /^ {0,12}(-{1,2}[A-Za-z][\w-]*(?:(?:, {0,6}| ?\| ?| {1,4})-{1,2}[A-Za-z][\w-]*)*)(.*)$/;

const isValueName = (rest: string): boolean =>
  /^(?: |=|\[=)?(?:<|\[(?!boolean|default))/.test(rest) || /^[ =][A-Z][A-Z_|-]+(?: {2,}|$)/.test(rest);

/** @param text what `--help` printed */
export function readHelp(text: string): Help {
  const lines = text.slice(0, TEXT_LENGTH_MAX).replace(ESCAPES, '').split('\n');
  const options: { names: string[]; rest: string }[] = [];
  let open = false;
  for (const line of lines) {
    const found = OPTION.exec(line);
    if (found !== null) {
      options.push({ names: (found[1] ?? '').split(/, *| *\| *| +/), rest: found[2] ?? '' });
      open = true;
    } else if (open && /^ {6,}\S/.test(line)) {
      const last = options.at(-1);
      if (last !== undefined) last.rest += ` ${line.trim()}`;
    } else if (line.trim() !== '') open = false;
  }
  return {
    options: options.map(({ names, rest }) => ({
      names,
      takesValue: isValueName(rest) || /\[(?:string|number|array|choices)/.test(rest),
      words: rest.replaceAll(/\s+/g, ' ').trim(),
    })),
    verbs: VERBS.filter((verb) => commandLines(lines).some((line) => isVerbLine(line, verb))),
    text: lines.join('\n'),
  };
}

/** The lines below a heading that says commands. */
function commandLines(lines: readonly string[]): readonly string[] {
  let within = false;
  return lines.filter((line) => {
    if (/^\S.*:\s*$/.test(line)) within = /commands/i.test(line);
    return within;
  });
}

/** `  exec   Run it non-interactively`, `  tool run [message..]   run with a message`. */
function isVerbLine(line: string, verb: string): boolean {
  const found = new RegExp(`^ {1,8}(?:[\\w-]+ )?${verb}(?:(?:, ?|\\|)\\w+)*(?: (?:<|\\[)[^ ]*)*(?: {2,}(.*)|$)`).exec(line);
  return found !== null && (verb === 'exec' || FOR_PROGRAMS.test(found[1] ?? '') || found[1] === undefined);
}

/** The first of these options that is there, by its long name. */
export function optionOf(help: Help, names: readonly string[], takesValue: boolean): HelpOption | null {
  for (const name of names) {
    const found = help.options.find((option) => option.names.includes(name) && option.takesValue === takesValue);
    if (found !== undefined) return found;
  }
  return null;
}

/** The name by which an option is called: the long one. */
export const callOf = (option: HelpOption): string => option.names.find((name) => name.startsWith('--')) ?? option.names[0] ?? '';

/** `(choices: "text", "json")`, `[possible values: read-only, workspace-write]`; null: it gives no such list. */
function choicesOf({ words }: HelpOption): readonly string[] | null {
  const list = /(?:choices|possible values|one of):? ?([^\])]+)[\])]/i.exec(words)?.[1];
  return list === undefined ? null : list.split(/[,|]/).map((value) => value.trim().replaceAll(/^["']|["']$/g, ''));
}

/** Does it take this value? By its list of choices, else by its description. */
export const offers = (option: HelpOption, value: string): boolean =>
  choicesOf(option)?.includes(value) ?? new RegExp(`(?:^|[^\\w-])${value}(?:[^\\w-]|$)`).test(option.words);
