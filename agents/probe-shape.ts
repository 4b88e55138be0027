/**
 * Where in the output of a run its answer, its end, its cost and its errors stand: found by walking all of its JSON. Pure. The answer is known by a word
 * that stands nowhere in the prompt (agents/probe.ts); everything else by the names that tools use for it, so a person should look at what was found.
 */

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string; readonly report: string };
export type Where = Readonly<Record<string, string | boolean>>;
/** One pick of a profile (docs/tools.md). */
export type Pick = {
  readonly in?: 'stderr' | 'report';
  readonly where?: Where;
  readonly at?: string;
  readonly take?: 'join' | 'sum' | 'first';
};
export type UsageName = 'input_tokens' | 'output_tokens' | 'cache_read_tokens' | 'cache_write_tokens' | 'cost_usd' | 'turns';
export type Shape = {
  readonly format: 'lines' | 'json' | 'text';
  /** Type of the event that came last; null: none has a type. */
  readonly end: string | null;
  readonly answer: Pick;
  readonly session: Pick | null;
  readonly model: Pick | null;
  readonly usage: Readonly<Partial<Record<UsageName, Pick>>>;
  readonly inputHolds: 'all' | 'uncached';
};
export type ErrorShape = {
  /** The event that tells it; null: none does. */
  readonly where: Where | null;
  readonly if: Where | null;
  readonly message: Pick | null;
  /** JSON pointer of an HTTP status. */
  readonly status: string | null;
  readonly end: string | null;
  readonly code: number | null;
};

type Leaf = {
  readonly event: unknown;
  readonly index: number;
  readonly steps: readonly string[];
  readonly value: string | number | boolean;
};

const DEPTH_MAX = 10;
const LEAVES_MAX = 50_000;
const PLAIN_VALUE = /^[A-Za-z][\w.-]{0,60}$/;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function eventsIn(stdout: string): { readonly format: Shape['format']; readonly events: readonly unknown[] } {
  const lines = stdout
    .split('\n')
    .map((line) => parseJson(line))
    .filter(isObject);
  const whole = parseJson(stdout);
  if (isObject(whole) && lines.length < 2) return { format: 'json', events: Array.isArray(whole) ? whole : [whole] };
  return lines.length > 0 ? { format: 'lines', events: lines } : { format: 'text', events: [] };
}

function leavesOf(events: readonly unknown[]): readonly Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (event: unknown, index: number, value: unknown, steps: readonly string[]): void => {
    if (leaves.length >= LEAVES_MAX || steps.length > DEPTH_MAX) return;
    if (isObject(value)) for (const [key, inner] of Object.entries(value)) walk(event, index, inner, [...steps, key]);
    else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      leaves.push({ event, index, steps, value });
  };
  for (const [index, event] of events.entries()) walk(event, index, event, []);
  return leaves;
}

const at = (event: unknown, steps: readonly string[]): unknown => {
  let here = event;
  for (const step of steps) here = isObject(here) ? here[step] : undefined;
  return here;
};
const escaped = (step: string): string => step.replaceAll('~', '~0').replaceAll('/', '~1');
/** Numbers of a list, names of models and other keys that are data stand as `*`. */
const isData = (step: string): boolean => !/^[A-Za-z_]\w{0,40}$/.test(step);
const pointerOf = (steps: readonly string[]): string => steps.map((step) => `/${isData(step) ? '*' : escaped(step)}`).join('');
const hasData = (steps: readonly string[]): boolean => steps.some(isData);
const nameOf = ({ steps }: Leaf): string => steps.findLast((step) => !isData(step)) ?? '';

const typeOf = (event: unknown): string | null => {
  const type = isObject(event) ? event['type'] : undefined;
  return typeof type === 'string' && PLAIN_VALUE.test(type) ? type : null;
};

/** What tells this event from others: its type and role, and those of the objects in it that hold the value. */
function whereOf({ event, steps }: Leaf): Where | undefined {
  const where: Record<string, string> = {};
  for (let depth = 0; depth < steps.length; depth++) {
    const holder = steps.slice(0, depth);
    if (hasData(holder)) break;
    for (const key of depth === 0 ? ['type', 'event', 'kind', 'role'] : ['type', 'role']) {
      const value = at(event, [...holder, key]);
      if (typeof value === 'string' && PLAIN_VALUE.test(value)) where[depth === 0 ? key : pointerOf([...holder, key])] = value;
    }
  }
  return Object.keys(where).length === 0 ? undefined : where;
}

const pickOf = (leaf: Leaf, take?: Pick['take']): Pick => {
  const where = whereOf(leaf);
  return { ...(where === undefined ? {} : { where }), at: pointerOf(leaf.steps), ...(take === undefined ? {} : { take }) };
};

/** The smallest by these numbers, compared in order. */
function best<T>(all: readonly T[], ranks: (one: T) => readonly number[]): T | null {
  return all.toSorted((a, b) => ranks(a).map((rank, n) => rank - (ranks(b)[n] ?? 0)).find((difference) => difference !== 0) ?? 0)[0] ?? null; // prettier-ignore
}

const depthOf = ({ steps }: Leaf): number => steps.length + (hasData(steps) ? 10 : 0);
const isThought = (leaf: Leaf): boolean =>
  /reason|think|thought/i.test(`${leaf.steps.join(' ')} ${Object.values(whereOf(leaf) ?? {}).join(' ')}`);
const isPiece = ({ event }: Leaf): boolean =>
  /delta|chunk|partial/i.test(typeOf(event) ?? '') || (isObject(event) && event['delta'] === true);

/** @param word what the answer holds, and nothing else does */
function answerOf(leaves: readonly Leaf[], word: string): Pick | null {
  const texts = leaves.filter((leaf) => typeof leaf.value === 'string' && !isThought(leaf));
  const whole = texts.filter((leaf) => !isPiece(leaf) && String(leaf.value).includes(word));
  const found = best(whole, (leaf) => [String(leaf.value).trim() === word ? 0 : 1, depthOf(leaf), -leaf.index]);
  if (found !== null) return pickOf(found, hasData(found.steps) ? 'join' : undefined);
  const joined = new Map<string, { readonly leaf: Leaf; text: string }>();
  for (const leaf of texts) {
    const key = JSON.stringify(pickOf(leaf));
    const known = joined.get(key) ?? { leaf, text: '' };
    known.text += String(leaf.value);
    joined.set(key, known);
  }
  const pieces = best([...joined.values()].filter(({ text }) => text.includes(word)), ({ leaf, text }) => [text.trim() === word ? 0 : 1, depthOf(leaf)]); // prettier-ignore
  return pieces === null ? null : pickOf(pieces.leaf, 'join');
}

const NAMES: Readonly<Record<UsageName, RegExp>> = {
  input_tokens: /^(?:input_?tokens?|prompt_?tokens?(?:_?count)?|tokens_?in|input)$/i,
  output_tokens: /^(?:output_?tokens?|completion_?tokens?|candidates_?token_?count|tokens_?out|output)$/i,
  cache_read_tokens: /^(?:cache_?read(?:_?input)?(?:_?tokens?)?|cached(?:_?input)?(?:_?tokens?)?|cached_?content_?token_?count|read)$/i,
  cache_write_tokens: /^(?:cache_?(?:creation|write)(?:_?input)?(?:_?tokens?)?|write)$/i,
  cost_usd: /^(?:total_?)?cost(?:_?usd)?$/i,
  turns: /^(?:num|number_of|n)?_?turns$/i,
};

function usageOf(leaves: readonly Leaf[], last: number, source?: 'report'): Partial<Record<UsageName, Pick>> {
  const numbers = leaves.filter(({ value }) => typeof value === 'number');
  const named = (name: UsageName): readonly Leaf[] =>
    numbers.filter((leaf) => NAMES[name].test(nameOf(leaf)) && (!/read|write/.test(nameOf(leaf)) || /cache/i.test(leaf.steps.join(' '))));
  const ranks = (leaf: Leaf): readonly number[] => [leaf.index === last ? 0 : 1, depthOf(leaf), -leaf.index];
  const input = best(named('input_tokens').filter((one) => named('output_tokens').some((two) => isBeside(one, two))), ranks); // prettier-ignore
  const found: Partial<Record<UsageName, Pick>> = {};
  for (const name of Object.keys(NAMES) as UsageName[]) {
    const isToken = name.endsWith('_tokens');
    if (isToken && input === null) continue;
    const isNear = (leaf: Leaf): boolean => input === null || isBeside(input, leaf) || isBelow(input, leaf);
    const all = named(name).filter((leaf) => (isToken ? isNear(leaf) : name !== 'cost_usd' || isMoney(leaf, input)));
    const leaf = name === 'input_tokens' ? input : best(all, ranks);
    if (leaf === null) continue;
    const isSum = hasData(leaf.steps) || /step/i.test(typeOf(leaf.event) ?? '');
    found[name] = { ...(source === undefined ? {} : { in: source }), ...pickOf(leaf, isSum ? 'sum' : undefined) };
  }
  return found;
}

const parent = ({ steps }: Leaf): string => steps.slice(0, -1).join('\0');
const isBeside = (one: Leaf, two: Leaf): boolean => one.index === two.index && parent(one) === parent(two);
const isBelow = (one: Leaf, two: Leaf): boolean =>
  one.index === two.index && (one.steps.length === 1 || `${parent(two)}\0`.startsWith(`${parent(one)}\0`));

/** `cost` alone may count something else (requests of a plan): it must stand with the tokens or above them. */
const isMoney = (leaf: Leaf, input: Leaf | null): boolean => /usd/i.test(nameOf(leaf)) || (input !== null && isBelow(leaf, input));

function namedText(leaves: readonly Leaf[], name: RegExp): Pick | null {
  const texts = leaves.filter(
    (leaf) => typeof leaf.value === 'string' && leaf.value !== '' && name.test(nameOf(leaf)) && !hasData(leaf.steps),
  );
  const found = best(texts, (leaf) => [leaf.steps.length, leaf.index]);
  return found === null ? null : pickOf(found);
}

const SESSION = /^(?:session|thread|conversation|chat)_?id$/i;

/** @returns null when the answer is nowhere in it */
export function shapeOf(ran: Ran, word: string): Shape | null {
  const { format, events } = eventsIn(ran.stdout);
  const nothing = { end: null, session: null, model: null, usage: {}, inputHolds: 'uncached' } as const;
  const leaves = leavesOf(events);
  const answer = answerOf(leaves, word);
  if (answer === null) return format !== 'json' && ran.stdout.includes(word) ? { format: 'text', answer: {}, ...nothing } : null;
  const report = parseJson(ran.report);
  const usage = { ...usageOf(leavesOf(report === undefined ? [] : [report]), 0, 'report'), ...usageOf(leaves, events.length - 1) };
  return {
    format,
    end: events.length > 1 ? typeOf(events.at(-1)) : null,
    answer,
    session: namedText(leaves, SESSION),
    model: namedText(leaves, /^model(?:_?id)?$/i),
    usage,
    inputHolds: /cached/i.test(usage.cache_read_tokens?.at ?? '') || usage.input_tokens?.in === 'report' ? 'all' : 'uncached',
  };
}

const isFlagged = (event: unknown): Where | null => {
  if (!isObject(event)) return null;
  if (event['is_error'] === true) return { is_error: true };
  if (event['isError'] === true) return { isError: true };
  for (const value of ['error', 'failed', 'failure']) if (event['status'] === value) return { status: value };
  return null;
};
const tellsError = (event: unknown): boolean =>
  isFlagged(event) !== null ||
  /error|fail/i.test(typeOf(event) ?? '') ||
  (isObject(event) && event['error'] !== undefined && event['error'] !== null && event['error'] !== false);

const MESSAGES = ['message', 'error', 'detail', 'reason', 'description', 'result', 'response', 'text', 'content'];

const isStatus = ({ value }: Leaf): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 400 && value < 600;

/** @param ran of a run that was made to fail */
export function errorShapeOf(ran: Ran): ErrorShape {
  const { events } = eventsIn(ran.stdout);
  const index = events.findLastIndex(tellsError);
  const event = events[index];
  const stderr: Pick | null = ran.stderr.trim() === '' ? null : { in: 'stderr' };
  if (event === undefined) return { where: null, if: null, message: stderr, status: null, end: null, code: ran.code };
  const leaves = leavesOf([event]);
  const texts = leaves.filter((leaf) => typeof leaf.value === 'string' && MESSAGES.includes(nameOf(leaf)) && !hasData(leaf.steps));
  const message = best(texts, (leaf) => [/error/i.test(leaf.steps.join(' ')) ? 0 : 1, MESSAGES.indexOf(nameOf(leaf)), leaf.steps.length]);
  const status = leaves.find((leaf) => isStatus(leaf) && /status|code/i.test(nameOf(leaf)) && !hasData(leaf.steps));
  const type = typeOf(event);
  return {
    where: type === null ? null : { type },
    if: isFlagged(event),
    message: message === null ? stderr : { ...(type === null ? {} : { where: { type } }), at: pointerOf(message.steps) },
    status: status === undefined ? null : pointerOf(status.steps),
    end: typeOf(events.at(-1)),
    code: ran.code,
  };
}
