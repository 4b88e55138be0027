/**
 * What the output of a run means, by the `read:` rules of its profile. Pure: the same files give the same meaning, so a run that outlived the daemon
 * is understood like any other. Rules are tried in the order: the run's end, the profile's failures, its exit code, its answer (tools/understand.ts).
 */

import type { Failure } from '#core/failure.ts';
import { tokensOf } from '#core/money.ts';
import type { Usage } from '#core/run.ts';
import { eventsOf, fits, pickNumber, pickText, valuesAt, type Events, type Texts } from './read-events.ts';
import { searchText } from './safe-pattern.ts';
import type { FailureRule, PickRule, ReadRules, ResetPick, ToldKind, Where, WordRule } from './profiles.ts';
import { COMMON_WORDS } from './words.ts';

export type Reading = {
  /** False: the event that ends every run of this tool is missing. */
  readonly hasEnded: boolean;
  readonly answer: string | null;
  readonly session: string | null;
  readonly model: string | null;
  readonly usage: Usage;
  /** The tool's own words for what went wrong; empty: it says nothing. */
  readonly error: string;
  /** ISO 8601; null: the tool did not say. */
  readonly resumeAt: string | null;
  readonly failure: Told | null;
};
/** A failure as the rules tell it, before it is worded. */
export type Told = {
  readonly kind: ToldKind;
  readonly status: number | null;
  /** In place of the tool's `error`. */
  readonly said: string | null;
  /** When nothing is said. */
  readonly message: string | null;
};

/** HTTP statuses as every provider means them. 400, 404 (no such model) and the like: the same request can only fail again. */
export function kindOfStatus(status: number): ToldKind {
  if (status === 429 || status === 529) return 'rate-limited';
  if (status === 401 || status === 403) return 'not-logged-in';
  if (status === 413) return 'context-too-long';
  return status >= 500 || status === 408 || status === 409 ? 'provider-error' : 'refused';
}

/** The first known word in a message; null when none is known. */
export const kindOfWords = (message: string, words: readonly WordRule[]): ToldKind | null =>
  words.find(({ match }) => searchText(match, message) !== null)?.kind ?? null;

const statusIn = (message: string): number | null => {
  const found = searchText('\\b([45][0-9]{2})\\b', message);
  return found === null ? null : Number(found);
};

function eventFor(events: Events, where: Where | null): unknown {
  return events.stdout.findLast((event) => fits(event, where));
}

const isSomething = (value: unknown): boolean =>
  value !== '' && value !== false && value !== 0 && !(Array.isArray(value) && value.length === 0);

function told(rule: FailureRule, events: Events, error: string, code: number | null, rules: ReadRules): Told | null {
  if (rule.exit.length > 0 && (code === null || !rule.exit.includes(code))) return null;
  const event = eventFor(events, rule.where);
  if (event === undefined && rule.where !== null) return null;
  if (!fits(event, rule.if)) return null;
  const found = pickText(events, rule.find);
  if (rule.find.length > 0 && found === null) return null;
  if (!rule.has.every((pointer) => valuesAt(event, pointer).some(isSomething))) return null;
  // What was denied is not in the tool's error: it may have ended well, with an answer.
  const instead = rule.kind === 'denied' ? (rule.message ?? found) : null;
  const base = { said: pickText(events, rule.says) ?? instead, message: rule.message };
  if (rule.kind !== null) return { kind: rule.kind, status: null, ...base };
  if (rule.status !== null) {
    const status = Number(valuesAt(event, rule.status)[0] ?? Number.NaN);
    return Number.isInteger(status) && status >= 400 ? { kind: kindOfStatus(status), status, ...base } : null;
  }
  const kind = rule.words ? kindOfWords(error, [...rules.words, ...COMMON_WORDS]) : null;
  return kind === null ? null : { kind, status: kind === 'provider-error' ? statusIn(error) : null, ...base };
}

/** Seconds or milliseconds since 1970; null for what is no sensible time. */
/** Seconds or milliseconds since 1970 as ISO 8601; null: no sensible time. */
export function epochIso(value: number): string | null {
  const ms = value > 1e9 && value < 1e10 ? value * 1_000 : value;
  return ms > 1e12 && ms < 1e13 ? new Date(ms).toISOString() : null;
}

/** The next moment after `from` at which a clock on this machine shows this; `Nov 22nd, 2026 9:42 AM` names the day, too. */
function clockIso(text: string, from: Date): string | null {
  const parts = /^(?:([A-Za-z]{3,9} \d{1,2})(?:st|nd|rd|th)?,? (\d{4}),? )?(\d{1,2}):(\d{2})(?: ?([AP])M)?$/i.exec(text.trim());
  if (parts === null) return null;
  const [, day, year, hour = '', minute = '', half] = parts;
  const at = day === undefined ? new Date(from) : new Date(`${day}, ${year ?? ''}`);
  if (Number.isNaN(at.getTime())) return null;
  at.setHours((Number(hour) % (half === undefined ? 24 : 12)) + (half?.toUpperCase() === 'P' ? 12 : 0), Number(minute), 0, 0);
  if (day === undefined && at.getTime() <= from.getTime()) at.setDate(at.getDate() + 1);
  return at.toISOString();
}

const DELAY_MAX_SECONDS = 31 * 86_400;

function resetAt(events: Events, picks: readonly ResetPick[], endedAt: string): string | null {
  const ended = Date.parse(endedAt);
  for (const pick of picks) {
    const text = pickText(events, [pick]);
    if (text === null) continue;
    const seconds = Number(text);
    const iso =
      pick.as === 'epoch'
        ? epochIso(seconds)
        : pick.as === 'seconds'
          ? seconds >= 0 && seconds <= DELAY_MAX_SECONDS && !Number.isNaN(ended)
            ? new Date(ended + seconds * 1_000).toISOString()
            : null
          : pick.as === 'clock'
            ? Number.isNaN(ended)
              ? null
              : clockIso(text, new Date(ended))
            : isoOf(text);
    if (iso !== null) return iso;
  }
  return null;
}

const isoOf = (text: string): string | null =>
  /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : null;

/**
 * @param exit exit code and end (ISO 8601, UTC) of the run
 */
export function readOutput(texts: Texts, rules: ReadRules, exit: { readonly code: number | null; readonly endedAt: string }): Reading {
  const events = eventsOf(texts, rules);
  const error = pickText(events, rules.error) ?? '';
  const number = (picks: readonly PickRule[]): number | null => pickNumber(events, picks);
  const { usage } = rules;
  let failure: Told | null = null;
  for (const rule of rules.failures) failure ??= told(rule, events, error, exit.code, rules);
  return {
    hasEnded: rules.end === null || eventFor(events, rules.end) !== undefined,
    answer: pickText(events, rules.answer),
    session: pickText(events, rules.session),
    model: pickText(events, rules.model),
    usage: {
      ...tokensOf(
        {
          input: number(usage.inputTokens),
          output: number(usage.outputTokens),
          cacheRead: number(usage.cacheReadTokens),
          cacheWrite: number(usage.cacheWriteTokens),
        },
        rules.inputHolds,
      ),
      costUsd: number(usage.costUsd),
      turns: number(usage.turns),
    },
    error,
    resumeAt: resetAt(events, rules.reset, exit.endedAt),
    failure,
  };
}

/** The failure that the rules tell, in docket's words. */
export function wordedFailure({ kind, status, message }: Told, said: string, resumeAt: string | null, runner: string): Failure {
  const words = said === '' ? (message ?? FALLBACK[kind]) : said;
  switch (kind) {
    case 'rate-limited':
      return { kind, runner, message: words, resumeAt };
    case 'provider-error':
      return { kind, runner, message: words, status };
    case 'budget':
      return { kind, message: `${runner} stopped at its budget: ${words} (raise limits.budget_usd)` };
    case 'turn-limit':
    case 'refused':
    case 'context-too-long':
    case 'no-answer':
    case 'truncated':
    case 'denied':
    case 'not-logged-in':
    case 'unreadable-answer':
      return { kind, runner, message: words };
    default:
      return kind satisfies never;
  }
}

const FALLBACK: Readonly<Record<ToldKind, string>> = {
  'rate-limited': 'its limit is reached',
  'provider-error': 'it could not be reached',
  'turn-limit': 'the turn limit was reached',
  refused: 'the model refused',
  'context-too-long': 'the prompt is too long',
  'no-answer': 'it ended with an error',
  truncated: 'the output token limit was reached',
  denied: 'something that the model asked for was not allowed',
  'not-logged-in': 'it says so',
  budget: 'limits.budget_usd was reached',
  'unreadable-answer': 'it ended with an error',
};
