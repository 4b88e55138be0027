/**
 * The lines that cli/acp-call.ts writes, each a JSON object with a `type`, written when it is known:
 *
 *   agent -> session -> text, notice, tool, failed-tool, permission, diff, alive as often as something comes -> end
 *
 * `end` is the last one, and missing only when the agent went away before its answer was whole. tools/acp-read.ts says what they mean.
 */

import type { FileDiff, ToolAsk } from '#core/run.ts';
import type { ScopeRules } from '#core/scope.ts';

export type AcpEnd = {
  readonly type: 'end';
  /** Of the protocol: end_turn, max_tokens, max_turn_requests, refusal, cancelled; null: there was an error. */
  readonly stop: string | null;
  /** `agent`: its own error; `protocol`: it speaks another version; `model`: it does not offer the model that was asked for. */
  readonly error: { readonly kind: 'agent' | 'protocol' | 'model'; readonly code: number | null; readonly status: number | null; readonly message: string } | null;
  readonly usage: unknown;
  readonly costUsd: number | null;
  /** The protocol leaves it to the agent what stands here; some tell their tokens. */
  readonly meta: unknown;
  /** What was rejected so that the answer lacks it: a write, or the last thing it asked before it fell silent; empty: nothing. */
  readonly denied: string;
}; // prettier-ignore

export type AcpLine =
  | { readonly type: 'agent'; readonly name: string | null; readonly version: string | null; readonly protocol: number }
  | { readonly type: 'session'; readonly id: string; readonly model: string | null }
  | { readonly type: 'text'; readonly text: string }
  /** The agent's own words among those of the model, as its profile knows them. */
  | { readonly type: 'notice'; readonly text: string }
  | { readonly type: 'tool'; readonly kind: string; readonly title: string }
  | { readonly type: 'failed-tool'; readonly kind: string; readonly said: string }
  | ({ readonly type: 'permission' } & ToolAsk)
  | ({ readonly type: 'diff' } & FileDiff)
  /** Thoughts, plans and progress: what they say is kept by nobody. */
  | { readonly type: 'alive' }
  | AcpEnd;

/** What the program is told in its one argument; the prompt comes on standard input, the environment is the agent's. */
export type AcpCall = {
  readonly v: 1;
  /** Absolute. */
  readonly program: string;
  readonly args: readonly string[];
  readonly access: 'read-only' | 'worktree';
  readonly execute: boolean;
  /** `_meta` of session/new. */
  readonly sessionMeta: Readonly<Record<string, unknown>>;
  /** Does docket offer to read and write files for it? */
  readonly files: boolean;
  /** Patterns (tools/safe-pattern.ts): a piece of text that fits one is no word of the model. */
  readonly notices: readonly string[];
  /** What it may change. */
  readonly scope?: ScopeRules;
  /** Asked for over the protocol; null: its arguments say it, or nobody does. */
  readonly model: string | null;
};
