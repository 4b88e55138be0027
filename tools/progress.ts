/**
 * What a run that goes on has done so far, read from its growing standard output by the `progress:` rules of its profile: tool calls, files, words,
 * tokens. Pure: fed with bytes, it answers steps; it opens nothing.
 *
 *   bytes -> whole lines -> events that the rules know -> steps
 *
 * Invariants: what it keeps is bounded whatever a tool writes; a text becomes a step only when it is whole, and clean, so that a secret which came in
 * pieces is never shown in pieces; tokens of one message count once, however many events repeat them.
 */

import path from 'node:path';
import { microsOf, tokensOf, usdOf } from '#core/money.ts';
import { NO_USAGE, type Usage } from '#core/run.ts';
import type { PickRule, ProgressRules } from './profiles.ts';
import { eventOfLine, fits, marksFor, pickNumber, pickText, valuesAt, type Events } from './read-events.ts';

/** What a run did. Texts are printable and short. */
export type Step =
  | { readonly kind: 'tool'; readonly tool: string; /** The file that it named, if any. */ readonly file: string | null }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'text'; /** Its beginning. */ readonly text: string; /** Of all of it. */ readonly characters: number }
  /** All of the run so far. */
  | { readonly kind: 'usage'; readonly usage: Usage };

/** Makes a text harmless and short: no secret, no control character. */
export type Clean = (text: string, maxLength: number) => string;

export type ProgressReader = {
  /** The next bytes of the output; steps come in the order of the events, `usage` last and only when it changed. */
  feed(bytes: Uint8Array): readonly Step[];
  /** No more comes: a text that was still waiting for its end. */
  finish(): readonly Step[];
  usage(): Usage;
  /** Null: it was not told. */
  model(): string | null;
};

/** A longer line is passed over: it holds a file, or an answer, and no event of interest needs one. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
const TEXT_LENGTH_MAX = 65_536;
const SHOWN_TEXT = 200;
const SHOWN_NAME = 80;
const SHOWN_FILE = 200;
/** Messages whose tokens may still change; those before count as they are. */
const OPEN_MESSAGES_MAX = 1_000;
const NEWLINE = 10;

const COUNTED = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const;

const added = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : a + b);
const larger = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));

function merged(a: Usage, b: Usage, both: typeof added): Usage {
  const counts = Object.fromEntries(COUNTED.map((key) => [key, both(a[key], b[key])])) as Record<(typeof COUNTED)[number], number | null>;
  const micros = both(a.costUsd === null ? null : microsOf(a.costUsd), b.costUsd === null ? null : microsOf(b.costUsd));
  return { ...NO_USAGE, ...counts, costUsd: micros === null ? null : usdOf(micros) };
}

/** Cuts chunks into whole lines; a line that is too long is left out. */
function lineCutter(): (bytes: Uint8Array) => readonly string[] {
  let rest: Uint8Array = new Uint8Array();
  let isTooLong = false;
  return (bytes) => {
    const lines: string[] = [];
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, from)) {
      if (!isTooLong) lines.push(decode(rest, bytes.subarray(from, at)));
      isTooLong = false;
      rest = new Uint8Array();
      from = at + 1;
    }
    const more = bytes.subarray(from);
    if (rest.length + more.length > LINE_BYTES_MAX) {
      isTooLong = true;
      rest = new Uint8Array();
    } else if (!isTooLong && more.length > 0) rest = Buffer.concat([rest, more]);
    return lines;
  };
}
const decode = (first: Uint8Array, second: Uint8Array): string => Buffer.concat([first, second]).toString('utf8');

const picksOf = ({ tool, file, text, model, usage }: ProgressRules): readonly PickRule[] => [
  ...tool,
  ...file,
  ...text,
  ...model,
  ...Object.values(usage.fields).flat(),
];

/**
 * @param cwd where the tool works: files below it are named from there
 */
export function makeProgressReader(rules: ProgressRules, cwd: string, clean: Clean): ProgressReader {
  const cut = lineCutter();
  const marks = marksFor(picksOf(rules).map(({ where }) => where));
  /** Of messages that are over. */
  let sum: Usage = NO_USAGE;
  const open = new Map<string, Usage>();
  let model: string | null = null;
  let text = '';
  let characters = 0;

  const textStep = (): readonly Step[] => {
    if (text.trim() === '') return [];
    const step: Step = { kind: 'text', text: clean(text.trim(), SHOWN_TEXT), characters };
    text = '';
    characters = 0;
    return [step];
  };
  const hear = (said: string | null): readonly Step[] => {
    if (said === null) return [];
    text += said.slice(0, TEXT_LENGTH_MAX - text.length);
    characters += said.length;
    return rules.textIsPieces ? [] : textStep();
  };
  const fileShown = (file: string): string => {
    const relative = path.isAbsolute(file) ? path.relative(cwd, file) : file;
    return clean(relative === '' || relative.startsWith('..') ? file : relative, SHOWN_FILE);
  };

  /** True: something was counted. */
  function count(events: Events): boolean {
    const number = (picks: readonly PickRule[]): number | null => pickNumber(events, picks);
    const { fields, inputHolds, by } = rules.usage;
    const costUsd = number(fields.costUsd);
    const tokens = tokensOf(
      {
        input: number(fields.inputTokens),
        output: number(fields.outputTokens),
        cacheRead: number(fields.cacheReadTokens),
        cacheWrite: number(fields.cacheWriteTokens),
      },
      inputHolds,
    );
    if (costUsd === null && COUNTED.every((key) => tokens[key] === null)) return false;
    const usage = { ...tokens, costUsd };
    const key = by === null ? null : valuesAt(events.stdout[0], by)[0];
    if (typeof key !== 'string') sum = merged(sum, usage, added);
    else {
      open.set(key, merged(open.get(key) ?? NO_USAGE, usage, larger));
      const [oldest] = open.keys();
      if (open.size > OPEN_MESSAGES_MAX && oldest !== undefined) {
        sum = merged(sum, open.get(oldest) ?? NO_USAGE, added);
        open.delete(oldest);
      }
    }
    return true;
  }
  const usageNow = (): Usage => [...open.values()].reduce((total, one) => merged(total, one, added), sum);

  return {
    feed(bytes) {
      const steps: Step[] = [];
      let isCounted = false;
      for (const line of cut(bytes)) {
        const event = eventOfLine(line, marks);
        if (event === undefined || !picksOf(rules).some(({ where }) => fits(event, where))) continue;
        const events: Events = { stdout: [event], stderr: [], report: [] };
        model = pickText(events, rules.model) ?? model;
        const said = pickText(events, rules.text);
        const tool = pickText(events, rules.tool);
        const file = pickText(events, rules.file);
        steps.push(...(said === null ? textStep() : hear(said)));
        if (tool !== null) steps.push({ kind: 'tool', tool: clean(tool, SHOWN_NAME), file: file === null ? null : fileShown(file) });
        else if (file !== null) steps.push({ kind: 'file', file: fileShown(file) });
        isCounted = count(events) || isCounted;
      }
      return isCounted ? [...steps, { kind: 'usage', usage: usageNow() }] : steps;
    },
    finish: textStep,
    usage: usageNow,
    model: () => model,
  };
}
