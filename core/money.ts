/**
 * Money, as whole micro-dollars (one millionth of a US dollar), and tokens, as every tool counts them in its own way, made comparable.
 *
 * Invariants: sums are sums of whole numbers; what is rounded is rounded up, so that a budget never believes that less was spent;
 * `inputTokens` of a Usage never holds what was read from a cache: each token is counted once.
 */

import { NO_USAGE, type AttemptRecord, type Usage } from './run.ts';

/** A whole number of micro-dollars. */
export type Micros = number;

const MICROS_PER_USD = 1_000_000;
/** More than anybody pays for one run, and small enough that a million of them add up exactly. */
const USD_MAX = 1_000_000_000;
/** What a decimal number may be off by in binary: 0.003621 * 1e6 is 3621.0000000000005. */
const BINARY_SLACK = 1e-6;

/** Null: no amount of money (negative, not finite, or absurd). */
export function microsOf(usd: number): Micros | null {
  if (!Number.isFinite(usd) || usd < 0 || usd > USD_MAX) return null;
  return Math.max(0, Math.ceil(usd * MICROS_PER_USD - BINARY_SLACK));
}

export const usdOf = (micros: Micros): number => micros / MICROS_PER_USD;

/** `$10.00`, `$0.003621`: all digits that there are, at least two behind the point. */
export function showUsd(micros: Micros): string {
  const whole = Math.floor(micros / MICROS_PER_USD);
  const rest = String(micros - whole * MICROS_PER_USD).padStart(6, '0');
  return `$${String(whole)}.${rest.replace(/0{1,4}$/, '')}`;
}

/** A row of the price table. US dollars per million tokens. */
export type Price = {
  /** A model's name; `*` stands for any letters. */
  readonly model: string;
  readonly inputUsd: number;
  readonly outputUsd: number;
  readonly cacheReadUsd: number;
  readonly cacheWriteUsd: number;
  /** Who says so, and of which day it is. */
  readonly source: string;
  readonly asOf: string;
};

/** An earlier table goes before all later ones: the user's own rows before the built-in ones. */
export type PriceTables = readonly (readonly Price[])[];

const matches = (pattern: string, name: string): boolean => {
  const parts = pattern.toLowerCase().split('*');
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
};

const lengthOf = ({ model }: Price): number => model.replaceAll('*', '').length;

/**
 * The row that names the model most exactly; of equals the first. A name with a provider before it (`openai/gpt-5`) is looked up whole, then without.
 */
export function priceOf(tables: PriceTables, model: string): Price | null {
  const whole = model.toLowerCase();
  for (const prices of tables) {
    for (const name of new Set([whole, whole.slice(whole.lastIndexOf('/') + 1)])) {
      let best: Price | null = null;
      for (const price of prices) if (matches(price.model, name) && (best === null || lengthOf(price) > lengthOf(best))) best = price;
      if (best !== null) return best;
    }
  }
  return null;
}

/** Dollars per million tokens are micro-dollars per token; six more digits keep fractions of them whole. */
const part = (tokens: number | null, usdPerMillion: number): bigint =>
  BigInt(Math.round(tokens ?? 0)) * BigInt(Math.round(usdPerMillion * MICROS_PER_USD));

/** What these tokens cost by this row, rounded up; null when nobody counted them. */
export function estimate(usage: Usage, price: Price): Micros | null {
  if (usage.inputTokens === null && usage.outputTokens === null) return null;
  const sum =
    part(usage.inputTokens, price.inputUsd) +
    part(usage.outputTokens, price.outputUsd) +
    part(usage.cacheReadTokens, price.cacheReadUsd) +
    part(usage.cacheWriteTokens, price.cacheWriteUsd);
  const micros = (sum + BigInt(MICROS_PER_USD - 1)) / BigInt(MICROS_PER_USD);
  return micros > BigInt(USD_MAX) * BigInt(MICROS_PER_USD) ? null : Number(micros);
}

/** The usage with its cost: the tool's own word where there is one, else by the price table and marked so, else as it is. */
export function priced(usage: Usage, model: string | null, tables: PriceTables): Usage {
  if (usage.costUsd !== null || model === null) return usage;
  const price = priceOf(tables, model);
  const micros = price === null ? null : estimate(usage, price);
  if (price === null || micros === null) return usage;
  return { ...usage, costUsd: usdOf(micros), estimated: true, price: `${price.model}, ${price.source}, as of ${price.asOf}` };
}

export type RawTokens = {
  readonly input: number | null;
  readonly output: number | null;
  readonly cacheRead: number | null;
  readonly cacheWrite: number | null;
};

const whole = (tokens: number | null): number | null =>
  tokens === null || !Number.isFinite(tokens) || tokens < 0 || tokens > Number.MAX_SAFE_INTEGER ? null : Math.round(tokens);

/**
 * Tokens as a Usage holds them. @param inputHolds `all`: the tool's input contains what the cache gave (OpenAI, Codex, Gemini); `uncached`: it
 * does not (Anthropic, Claude Code)
 */
export function tokensOf(raw: RawTokens, inputHolds: 'all' | 'uncached'): Usage {
  const input = whole(raw.input);
  const cacheRead = whole(raw.cacheRead);
  return {
    ...NO_USAGE,
    inputTokens: input === null || inputHolds === 'uncached' ? input : Math.max(0, input - (cacheRead ?? 0)),
    outputTokens: whole(raw.output),
    cacheReadTokens: cacheRead,
    cacheWriteTokens: whole(raw.cacheWrite),
  };
}

const COUNTS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens', 'turns'] as const;

const add = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
};

/** All attempts of a job together; costs are added as whole micro-dollars. A key that no attempt knows stays null. */
export function sumUsage(usages: readonly Usage[]): Usage {
  const counts = Object.fromEntries(COUNTS.map((key) => [key, add(usages.map((usage) => usage[key]))])) as Record<
    (typeof COUNTS)[number],
    number | null
  >;
  const cost = add(usages.map(({ costUsd }) => (costUsd === null ? null : microsOf(costUsd))));
  const isEstimated = usages.some(({ estimated }) => estimated === true);
  const { turns, ...tokens } = counts;
  return { ...tokens, costUsd: cost === null ? null : usdOf(cost), turns, ...(isEstimated ? { estimated: true as const } : {}) };
}

/** What one attempt cost. `unknownRuns`: so many starts of the tool cost something that nobody told. */
export type Spend = { readonly micros: Micros; readonly isEstimated: boolean; readonly unknownRuns: number };

/** Ends of which the provider says that nothing was done: it asks no money for them. */
const FREE: ReadonlySet<string> = new Set(['provider-limit', 'environment-fault', 'prompt-invalid']);

/** A start that died with its keeper told nothing, so each of them is one more unknown run. */
export function spendOf(attempt: Pick<AttemptRecord, 'outcome' | 'usage' | 'starts'>): Spend {
  const { usage, starts, outcome } = attempt;
  const isEstimated = usage.estimated === true;
  if (starts === 0) return { micros: 0, isEstimated: false, unknownRuns: 0 };
  const micros = usage.costUsd === null ? null : microsOf(usage.costUsd);
  if (micros !== null) return { micros, isEstimated, unknownRuns: starts - 1 };
  return { micros: 0, isEstimated: false, unknownRuns: starts - 1 + (FREE.has(outcome) ? 0 : 1) };
}
