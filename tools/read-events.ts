/**
 * Events in the output of a tool, and values in them: the small language of `read:` in a profile. Pure, and bounded by the size of the output.
 */

import { searchText } from './safe-pattern.ts';
import type { PickRule, ReadRules, Source, Where } from './profiles.ts';

/** What a run left, as text. `report`: the file of its own that some tools write. */
export type Texts = { readonly stdout: string; readonly stderr: string; readonly report: string };
export type Events = Readonly<Record<Source, readonly unknown[]>>;

/** RFC 6901; `*` as a step stands for every member. At most this many values, so that a forged output stays cheap. */
const VALUES_MAX = 10_000;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

function membersAt(value: unknown, step: string): readonly unknown[] {
  if (!isObject(value)) return [];
  if (step === '*') return Object.values(value).slice(0, VALUES_MAX);
  return Object.hasOwn(value, step) ? [value[step]] : [];
}

const stepsOf = (pointer: string): readonly string[] =>
  pointer === ''
    ? []
    : pointer
        .slice(1)
        .split('/')
        .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Every value at a pointer, without null and undefined. */
export function valuesAt(value: unknown, pointer: string): readonly unknown[] {
  let at: readonly unknown[] = [value];
  for (const step of stepsOf(pointer)) at = at.flatMap((one) => membersAt(one, step)).slice(0, VALUES_MAX);
  return at.filter((one) => one !== null && one !== undefined);
}

const valueOf = (event: unknown, key: string): unknown => {
  const steps = key.startsWith('/') ? stepsOf(key) : [key];
  let at = event;
  for (const step of steps) at = isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  return at;
};

export const fits = (event: unknown, where: Where | null): boolean =>
  where === null || Object.entries(where).every(([key, values]) => values.some((value) => (valueOf(event, key) ?? null) === value));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const wheresOf = (rules: ReadRules): readonly (Where | null)[] => [
  ...(rules.end === null ? [] : [rules.end]),
  ...[
    rules.answer,
    rules.session,
    rules.model,
    rules.error,
    rules.reset,
    ...Object.values(rules.usage),
    ...rules.failures.map(({ find }) => find),
  ]
    .flat()
    .filter((pick) => pick.in === 'stdout')
    .flatMap((pick) => (pick.after === null ? [pick.where] : [pick.where, pick.after])),
  ...rules.failures.filter((rule) => rule.where !== null || rule.if !== null || rule.has.length > 0).map((rule) => rule.where),
];

/** A text that each line which matters must hold, one for each selector; null: every line may matter. */
export function marksFor(wheres: readonly (Where | null)[]): readonly string[] | null {
  const marks = new Set<string>();
  for (const where of wheres) {
    const words = Object.values(where ?? {}).find((values) =>
      values.every((value) => typeof value === 'string' && /^[\w.-]+$/.test(value)),
    );
    if (words === undefined) return null;
    for (const word of words) marks.add(`"${String(word)}"`);
  }
  return [...marks];
}

/** Lines that are no JSON are passed over: only an event that is missing matters. */
const lineEvents = (text: string, marks: readonly string[] | null): readonly unknown[] =>
  text
    .split('\n')
    .map((line) => eventOfLine(line, marks))
    .filter((event) => event !== undefined);

/** Undefined: no event, or none that matters. */
export function eventOfLine(line: string, marks: readonly string[] | null): unknown {
  if (line === '' || marks?.some((mark) => line.includes(mark)) === false) return undefined;
  const event = parseJson(line);
  return isObject(event) ? event : undefined;
}

function wholeEvents(text: string): readonly unknown[] {
  const value = parseJson(text);
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

export function eventsOf(texts: Texts, rules: ReadRules): Events {
  const stdout =
    rules.format === 'lines'
      ? lineEvents(texts.stdout, marksFor(wheresOf(rules)))
      : rules.format === 'json'
        ? wholeEvents(texts.stdout)
        : [texts.stdout];
  return { stdout, stderr: [texts.stderr], report: wholeEvents(texts.report) };
}

/** The member name whose value at `by` is largest. */
function keyOf(values: readonly unknown[], by: string): string | null {
  const members = values.flatMap((value) => (isObject(value) ? Object.entries(value) : []));
  const weight = (value: unknown): number => Number(valuesAt(value, by)[0] ?? 0);
  return members.toSorted(([, a], [, b]) => weight(b) - weight(a))[0]?.[0] ?? null;
}

const texts = (values: readonly unknown[]): readonly string[] =>
  values.filter((value) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean').map(String);

const sumOf = (values: readonly unknown[]): string | null => {
  const numbers = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0);
  return numbers.length === 0 ? null : String(Number(numbers.reduce((sum, value) => sum + value, 0).toFixed(9)));
};

function taken(pick: PickRule, values: readonly unknown[]): string | null {
  switch (pick.take) {
    case 'first':
      return texts(values)[0] ?? null;
    case 'last':
      return texts(values).at(-1) ?? null;
    case 'join':
      return values.length === 0 ? null : texts(values).join('');
    case 'sum':
      return sumOf(values);
    case 'count':
      return values.length === 0 ? null : String(values.length);
    case 'key':
      return keyOf(values, pick.by ?? '');
    default:
      return pick.take satisfies never;
  }
}

function valuesOf(events: Events, { in: source, where, after, at, match }: PickRule): readonly unknown[] {
  const all = events[source];
  const from = after === null ? 0 : all.findLastIndex((event) => fits(event, after)) + 1;
  const values = all
    .slice(from)
    .filter((event) => fits(event, where))
    .flatMap((event) => valuesAt(event, at));
  return match === null
    ? values
    : texts(values)
        .map((text) => searchText(match, text))
        .filter((text) => text !== null);
}

/** The value of the first pick that finds one, as text. */
export function pickText(events: Events, picks: readonly PickRule[]): string | null {
  for (const pick of picks) {
    const found = taken(pick, valuesOf(events, pick));
    if (found !== null) return found;
  }
  return null;
}

/** A number of zero or more; a text such as `12,345` or `1.5k` counts. */
export function pickNumber(events: Events, picks: readonly PickRule[]): number | null {
  const text = pickText(events, picks);
  if (text === null) return null;
  const parts = /^\$?([\d,]{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?)([km]?)$/i.exec(text.trim());
  const value = Number((parts?.[1] ?? '').replaceAll(',', '')) * ({ k: 1e3, m: 1e6 }[(parts?.[2] ?? '').toLowerCase()] ?? 1);
  return parts === null || !Number.isFinite(value) ? null : value;
}
