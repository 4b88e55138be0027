/**
 * Words in which tools and providers tell of a failure, for tools that have nothing better to offer. In this order: "usage limit" may come with a 429,
 * and a provider that is overloaded may say so with a 500. Searched only in the message of a run that has failed, never in an answer.
 */

import type { WordRule } from './profiles.ts';

/** Also searched in standard error, where a number may be the line of a stack trace. */
export const PLAIN_WORDS: readonly WordRule[] = [
  { match: 'prompt is too long|context.length|context window|too large to send|context.?overflow|maximum context', kind: 'context-too-long' },
  { match: 'usage limit|rate.?limit|hit your .{0,20}limit|too many requests|quota exceeded|exceeded your .{0,20}quota', kind: 'rate-limited' },
  { match: 'invalid api key|/login|not logged in|failed to authenticate|oauth token|unauthenticated|unauthorized|authentication failed', kind: 'not-logged-in' },
]; // prettier-ignore

const NUMBERED_WORDS: readonly WordRule[] = [
  { match: '\\b413\\b', kind: 'context-too-long' },
  { match: '\\b429\\b|quota', kind: 'rate-limited' },
  { match: '\\b40[13]\\b|forbidden|authentication|api.?key', kind: 'not-logged-in' },
  { match: 'max_output_tokens|output token', kind: 'truncated' },
  { match: 'content.?filter|policy violation', kind: 'refused' },
  { match: '\\b529\\b|overloaded', kind: 'rate-limited' },
  { match: 'high demand|\\b50[0-9]\\b|internal server', kind: 'provider-error' },
  { match: 'empty response|no response was returned', kind: 'no-answer' },
  { match: 'not valid json|incomplete json|non-SSE response', kind: 'provider-error' },
  { match: 'model not found|no such model|model .{0,60} does not exist|\\b40[04]\\b|invalid.?request', kind: 'refused' },
  { match: 'ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|connection|connect error|network|socket|fetch failed|timed out|stream (?:disconnected|closed|ended)', kind: 'provider-error' },
]; // prettier-ignore

export const COMMON_WORDS: readonly WordRule[] = [...PLAIN_WORDS, ...NUMBERED_WORDS];
