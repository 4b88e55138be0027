/**
 * The profile of an agent that is spoken to over the Agent Client Protocol, made of its profile and its `acp:`. What cli/acp-call.ts writes is the same
 * for every agent, so its `read` rules are here; the words of an agent's errors are its own.
 */

import type { PickRule, ProgressRules, ReadRules, FailureRule, ToldKind, ToolProfile, Where } from './profiles.ts';

export const acpName = (id: string): string => `${id}-acp`;

const END: Where = { type: ['end'] };
const NOTICE: Where = { type: ['notice'] };

const pick = (at: string, more: Partial<PickRule> = {}): PickRule => ({ in: 'stdout', where: END, after: null, at, take: 'last', by: null, match: null, ...more }); // prettier-ignore
const rule = (more: Partial<FailureRule>): FailureRule => ({ where: END, if: null, has: [], find: [], exit: [], says: [], kind: null, status: null, words: false, message: null, ...more }); // prettier-ignore
const stopped = (stop: string, kind: ToldKind, message: string): FailureRule => rule({ if: { stop: [stop] }, kind, message });

const isDenied = { has: ['/denied'], says: [pick('/denied')], kind: 'denied' } as const;

/** Authentication required (the protocol's own code). */
const AUTH_REQUIRED = -32_000;

const FAILURES: readonly FailureRule[] = [
  rule({ if: { '/error/kind': ['protocol'] }, kind: 'unreadable-answer' }),
  rule({ if: { '/error/kind': ['model'] }, kind: 'refused' }),
  rule({ if: { '/error/code': [AUTH_REQUIRED] }, kind: 'not-logged-in' }),
  rule({ if: { '/error/kind': ['agent'] }, words: true }),
  rule({ status: '/error/status' }),
  rule({ if: { '/error/kind': ['agent'] }, kind: 'no-answer' }),
  rule({ find: [pick('/text', { where: NOTICE, match: '^Error: ' })], words: true }),
  rule({ find: [pick('/text', { where: NOTICE, match: '^Error: ' })], kind: 'no-answer' }),
  rule(isDenied),
  stopped('max_tokens', 'truncated', 'the longest answer was reached'),
  stopped('max_turn_requests', 'turn-limit', 'the turn limit was reached'),
  stopped('refusal', 'refused', 'the model refused'),
  stopped('cancelled', 'no-answer', 'it stopped, and nobody had asked it to'),
];

/** The first that finds something counts: the protocol's own place, then where some agents put it. */
const usage = (own: string, meta: string): readonly PickRule[] => [pick(`/usage/${own}`), pick(`/meta/quota/token_count/${meta}`)];

function readRules({ read, acp }: ToolProfile): ReadRules {
  return {
    format: 'lines',
    end: END,
    // What was said before a tool was called is no answer.
    answer: [pick('/text', { where: { type: ['text'] }, after: { type: ['tool'] }, take: 'join' })],
    session: [pick('/id', { where: { type: ['session'] } })],
    model: [pick('/model', { where: { type: ['session'] } })],
    error: [pick('/error/message'), pick('/text', { where: NOTICE })],
    reset: [{ ...pick('/error/message', { match: 'retry after ([0-9]{1,9})s' }), as: 'seconds' }],
    usage: {
      inputTokens: usage('inputTokens', 'input_tokens'),
      outputTokens: usage('outputTokens', 'output_tokens'),
      cacheReadTokens: usage('cachedReadTokens', 'cached_tokens'),
      cacheWriteTokens: [pick('/usage/cachedWriteTokens')],
      costUsd: [pick('/costUsd')],
      turns: [],
    },
    inputHolds: acp?.inputHolds ?? 'uncached',
    failures: [...(acp?.failures ?? []), ...FAILURES],
    words: read.words,
  };
}

const NO_STEPS = { inputTokens: [], outputTokens: [], cacheReadTokens: [], cacheWriteTokens: [], costUsd: [] } as const;
/** What a run that goes on has done so far. Tokens come with its end. */
const PROGRESS: ProgressRules = {
  tool: [pick('/title', { where: { type: ['tool'] } }), pick('/title', { where: { type: ['permission'] } })],
  file: [pick('/paths/*', { where: { type: ['permission'] } }), pick('/path', { where: { type: ['diff'] } })],
  text: [pick('/text', { where: { type: ['text'] } })],
  textIsPieces: true,
  model: [pick('/model', { where: { type: ['session'] } })],
  usage: { by: null, fields: NO_STEPS, inputHolds: 'uncached' },
};

/** Null: the tool does not offer it. */
export function acpProfile(profile: ToolProfile): ToolProfile | null {
  const { acp } = profile;
  if (acp === null) return null;
  return {
    ...profile,
    id: acpName(profile.id),
    program: acp.program ?? profile.program,
    tested: acp.tested,
    args: acp.args,
    prompt: 'stdin',
    guard: [...profile.guard, ...acp.guard],
    access: acp.access,
    // It is asked at each change (tools/acp-policy.ts).
    scope: null,
    withModel: acp.withModel,
    env: { ...profile.env, ...acp.env },
    success: { exit: [0], findingsExit: [] },
    read: readRules(profile),
    progress: PROGRESS,
  };
}
