/**
 * What the lines of tools/http-call.ts mean.
 *
 *   200, finish stop, text       answered            401, 403          not-logged-in       429       rate-limited, until the headers' reset
 *   finish length                truncated           402, redirect     environment         408, 409, 425, 5xx, network, cut      provider-error
 *   finish refusal               refused             413, 400 context  context-too-long    other 4xx (no such model …)          refused
 *   other finish, no text        no-answer           garbage, no end   unreadable-answer   longer than the limit                output-limit
 */

import { z } from 'zod';
import type { Failure } from '#core/failure.ts';
import type { CallError } from '#tools/http-call.ts';
import { resumeAt } from './http-reset.ts';

const count = z.number().nonnegative().nullable().catch(null);
const word = z.string().nullable().catch(null);

const Head = z.object({ head: z.object({ status: z.number(), headers: z.record(z.string(), z.string()) }) });
const Text = z.object({ text: z.string() });
const End = z.object({
  end: z.object({
    finish: word,
    usage: z.object({
      inputTokens: count,
      outputTokens: count,
      cacheReadTokens: count,
      cacheWriteTokens: count,
      costUsd: count,
      turns: count,
    }),
    model: word,
    id: word,
    error: z
      .object({
        kind: z.enum(['http', 'network', 'cut', 'garbage', 'too-large', 'redirect']),
        type: word,
        message: z.string(),
        resetsAtS: z.number().nullable().catch(null),
      })
      .nullable(),
  }),
});

export type CallOutput = {
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Null: the program did not come to its end. */
  readonly end: z.infer<typeof End>['end'] | null;
};

/** Lines that are none of ours are passed over: only a missing end matters. */
export function readCall(stdout: string): CallOutput {
  let head: z.infer<typeof Head>['head'] | null = null;
  let end: CallOutput['end'] = null;
  const texts: string[] = [];
  for (const line of stdout.split('\n')) {
    if (line === '' || line.startsWith('{"alive"')) continue;
    const value = parseLine(line);
    const text = Text.safeParse(value);
    if (text.success) {
      texts.push(text.data.text);
      continue;
    }
    const asHead = Head.safeParse(value);
    const asEnd = End.safeParse(value);
    if (asHead.success) head = asHead.data.head;
    if (asEnd.success) end = asEnd.data.end;
  }
  return { status: head?.status ?? null, headers: head?.headers ?? {}, text: texts.join(''), end };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

const TOO_LONG =
  /context_length_exceeded|context[ _]length|context window|maximum context|prompt is too long|too many (?:input )?tokens|input is too long|exceeds? the (?:context|available context)/i;
/** Errors inside an answer that began with 200, and what their status would have been. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  authentication_error: 401,
  invalid_api_key: 401,
  permission_error: 403,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  usage_limit_reached: 429,
  insufficient_quota: 429,
  request_too_large: 413,
  overloaded_error: 529,
  api_error: 500,
  server_error: 500,
  timeout_error: 504,
  invalid_request_error: 400,
  not_found_error: 404,
};

export type CallFacts = {
  readonly runner: string;
  /** The address, for words. */
  readonly address: string;
  readonly command: string;
  readonly bytesMax: number;
  /** Wall clock when the answer ended. */
  readonly atMs: number;
};

/**
 * Why a call is no success; null when its text may be an answer.
 * @param message words of the provider, safe to show
 */
export function failureOfCall(output: CallOutput, message: string, facts: CallFacts): Failure | null {
  const { runner } = facts;
  const { end } = output;
  if (end === null) return { kind: 'unreadable-answer', runner, message: 'its output has no end' };
  if (end.error !== null) return ofError(output, end.error, message, facts);
  switch (end.finish) {
    case 'stop':
      return null;
    case 'length':
      return { kind: 'truncated', runner, message: 'the longest answer was reached (raise max_tokens of this runner in docket.yaml)' };
    case 'refusal':
      return { kind: 'refused', runner, message: output.text.trim() === '' ? 'the model refused' : message };
    case 'tool':
      return { kind: 'no-answer', runner, message: 'it asked for a tool, and was offered none' };
    case null:
    default:
      return { kind: 'no-answer', runner, message: `it stopped for a reason that is not known: ${end.finish ?? 'none'}` };
  }
}

function ofError(output: CallOutput, error: CallError, message: string, facts: CallFacts): Failure {
  const { runner, address, command, bytesMax } = facts;
  switch (error.kind) {
    case 'network':
    case 'cut':
      return { kind: 'provider-error', runner, message, status: null };
    case 'garbage':
      return { kind: 'unreadable-answer', runner, message };
    case 'too-large':
      return { kind: 'output-limit', command, limitBytes: bytesMax };
    case 'redirect':
      return { kind: 'environment', what: `runner ${runner}`, path: address, code: 'HTTP_REDIRECT', message };
    case 'http':
    default:
      return ofStatus(output, error, message, facts);
  }
}

function ofStatus({ status: told, headers }: CallOutput, error: CallError, message: string, { runner, address, atMs }: CallFacts): Failure {
  const status = told === 200 ? (STATUS_OF_TYPE[error.type ?? ''] ?? 500) : (told ?? 500);
  if (status === 401 || status === 403) return { kind: 'not-logged-in', runner, message };
  if (status === 402) return { kind: 'environment', what: `runner ${runner}`, path: address, code: 'HTTP_402', message };
  if (status === 429 || status === 529) {
    const saidMs = error.resetsAtS === null ? null : error.resetsAtS * 1_000;
    return { kind: 'rate-limited', runner, message, resumeAt: resumeAt(headers, atMs, saidMs) };
  }
  if (status === 413 || (status < 500 && TOO_LONG.test(`${error.type ?? ''} ${error.message}`)))
    return { kind: 'context-too-long', runner, message };
  if (status >= 500 || status === 408 || status === 409 || status === 425) return { kind: 'provider-error', runner, message, status };
  // 400, 404 (no such model) and the like: the same request can only fail again.
  return { kind: 'refused', runner, message: `status ${String(status)}: ${message}` };
}
