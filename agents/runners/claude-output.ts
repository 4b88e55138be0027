/**
 * What Claude Code's `stream-json` output means. Its last line of type `result` decides; `subtype` says "success" on API errors too,
 * so `is_error`, `api_error_status`, `terminal_reason` and `stop_reason` are read instead. Seen with versions 2.1.320 to 2.1.329:
 *
 *   ok               is_error false, terminal_reason completed, stop_reason end_turn
 *   401, 403, 429 …  is_error true, api_error_status, terminal_reason api_error
 *   cut connection   is_error true, api_error_status null, terminal_reason api_error
 *   max tokens       is_error true, api_error max_output_tokens
 *   refusal          is_error true, stop_reason refusal
 *   too long         terminal_reason prompt_too_long      turns   max_turns      budget   budget_exhausted
 */

import { z } from 'zod';
import type { Failure } from '#core/failure.ts';
import { resetInstant } from '#core/reset.ts';
import { NO_USAGE, type Usage } from '#core/run.ts';

const count = z.number().nonnegative().nullish().catch(null);
const word = z.string().nullish().catch(null);

const Result = z.looseObject({
  type: z.literal('result'),
  subtype: word,
  is_error: z.boolean(),
  result: word,
  errors: z.array(z.string()).nullish().catch(null),
  api_error_status: count,
  api_error: word,
  terminal_reason: word,
  stop_reason: word,
  session_id: word,
  num_turns: count,
  total_cost_usd: count,
  usage: z
    .looseObject({ input_tokens: count, output_tokens: count, cache_read_input_tokens: count, cache_creation_input_tokens: count })
    .nullish()
    .catch(null),
  modelUsage: z
    .record(z.string(), z.looseObject({ outputTokens: count }))
    .nullish()
    .catch(null),
});
export type ClaudeResult = z.infer<typeof Result>;

const RateLimit = z.looseObject({
  type: z.literal('rate_limit_event'),
  rate_limit_info: z.looseObject({ status: z.string(), resetsAt: z.number().nullish() }),
});

export type ClaudeOutput = {
  readonly result: ClaudeResult | null;
  /** ISO 8601; null: the tool did not say. */
  readonly limitResetsAt: string | null;
  readonly model: string | null;
};

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Seconds or milliseconds since 1970 as ISO 8601; null for what is no sensible time. */
const isoOf = (epoch: number): string | null => (epoch > 1e9 ? resetInstant(epoch, 0) : null);

/** The model that wrote most of it: a run may use a small one for side work. */
function mainModel(result: ClaudeResult | null): string | null {
  const models = Object.entries(result?.modelUsage ?? {});
  return models.toSorted(([, a], [, b]) => (b.outputTokens ?? 0) - (a.outputTokens ?? 0))[0]?.[0] ?? null;
}

/** Lines that are no JSON are passed over: only a missing result matters. */
export function readOutput(stdout: string): ClaudeOutput {
  let result: ClaudeResult | null = null;
  let resetsAt: string | null = null;
  for (const line of stdout.split('\n')) {
    // Only two kinds of line matter; the others may be large.
    if (!line.includes('"result"') && !line.includes('"rate_limit_event"')) continue;
    const value = parseLine(line);
    const asResult = Result.safeParse(value);
    if (asResult.success) result = asResult.data;
    const asLimit = RateLimit.safeParse(value);
    if (asLimit.success && asLimit.data.rate_limit_info.status === 'rejected')
      resetsAt = isoOf(asLimit.data.rate_limit_info.resetsAt ?? Number.NaN);
  }
  return { result, limitResetsAt: resetsAt, model: mainModel(result) };
}

export function usageOf(result: ClaudeResult | null): Usage {
  if (result === null) return NO_USAGE;
  return {
    inputTokens: result.usage?.input_tokens ?? null,
    outputTokens: result.usage?.output_tokens ?? null,
    cacheReadTokens: result.usage?.cache_read_input_tokens ?? null,
    cacheWriteTokens: result.usage?.cache_creation_input_tokens ?? null,
    costUsd: result.total_cost_usd ?? null,
    turns: result.num_turns ?? null,
  };
}

export const messageOf = (result: ClaudeResult): string =>
  [result.result ?? '', ...(result.errors ?? [])].filter((text) => text !== '').join('; ');

const LOGGED_OUT = /invalid api key|\/login|not logged in|failed to authenticate|oauth token (?:has )?expired/i;
const AT_LIMIT = /usage limit|rate limit|hit your .{0,20}limit/i;
const NETWORK = /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|connection|network|socket|fetch failed|timed out/i;

/** `Claude AI usage limit reached|1795170000`: older versions wrote the time behind a bar. */
const barredReset = (message: string): string | null => isoOf(Number(/\|(\d{10})\b/.exec(message)?.[1] ?? Number.NaN));

function byStatus(status: number, message: string, runner: string, resumeAt: string | null): Failure {
  if (status === 429) return { kind: 'rate-limited', runner, message, resumeAt };
  if (status === 401 || status === 403) return { kind: 'not-logged-in', runner, message };
  if (status === 413) return { kind: 'context-too-long', runner, message };
  if (status >= 500 || status === 408 || status === 409) return { kind: 'provider-error', runner, message, status };
  // 400, 404 (no such model) and the like: the same request can only fail again.
  return { kind: 'refused', runner, message };
}

/**
 * Why a run with a result line is no success; null when it is one.
 * @param message the result's text, already safe to show
 */
export function failureOf(output: ClaudeOutput, message: string, runner: string): Failure | null {
  const { result } = output;
  if (result === null) return null;
  const resumeAt = output.limitResetsAt ?? barredReset(message);
  const said = (fallback: string): string => (message === '' ? fallback : message);
  switch (result.terminal_reason) {
    case 'max_turns':
      return { kind: 'turn-limit', runner, message: said('the turn limit was reached') };
    case 'budget_exhausted':
      return {
        kind: 'budget',
        message: `${runner} stopped at its budget: ${said('limits.budget_usd was reached')} (raise limits.budget_usd)`,
      };
    case 'prompt_too_long':
      return { kind: 'context-too-long', runner, message: said('the prompt is too long') };
    case null:
    case undefined:
    default:
  }
  if (result.stop_reason === 'refusal') return { kind: 'refused', runner, message: said('the model refused') };
  if (result.api_error === 'max_output_tokens' || result.stop_reason === 'max_tokens')
    return { kind: 'truncated', runner, message: said('the output token limit was reached') };
  if (!result.is_error) return null;
  if (typeof result.api_error_status === 'number') return byStatus(result.api_error_status, message, runner, resumeAt);
  if (LOGGED_OUT.test(message)) return { kind: 'not-logged-in', runner, message };
  if (AT_LIMIT.test(message)) return { kind: 'rate-limited', runner, message, resumeAt };
  if (result.terminal_reason === 'api_error' || NETWORK.test(message)) return { kind: 'provider-error', runner, message, status: null };
  return { kind: 'no-answer', runner, message: said(result.subtype ?? 'it ended with an error') };
}

/** A run without a result line: what standard error says of it, when that is one of the known reasons. */
export function failureOfWords(words: string, runner: string): Failure | null {
  if (LOGGED_OUT.test(words)) return { kind: 'not-logged-in', runner, message: words };
  if (AT_LIMIT.test(words)) return { kind: 'rate-limited', runner, message: words, resumeAt: barredReset(words) };
  return null;
}
