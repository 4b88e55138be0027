/**
 * What every program runner decides the same way: a run that docket ended, an exit code, an answer that is empty, too long or not UTF-8.
 * A run is a success only when it ended by itself with exit code 0 AND left a non-empty answer; some tools exit 0 after SIGTERM.
 */

import type { Failure } from '#core/failure.ts';
import { microsOf, showUsd } from '#core/money.ts';
import { printable } from '#core/names.ts';
import { err, ok, unreachable, type Result } from '#core/result.ts';
import { NO_USAGE, type ExitFile, type RunOutcome, type RunRequest, type StopReason, type Usage } from '#core/run.ts';

const STDERR_SHOWN = 600;

/** What a run left on disk, checked against the hashes of its exit.json. */
export type RawRun = {
  readonly exit: ExitFile;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** The file REPORT beside them, where the tool was told to write one. No hash vouches for it: only usage is read from it. */
  readonly report?: Uint8Array;
};

export type RunMeta = { readonly usage: Usage; readonly model: string | null; readonly sessionId: string | null };
export const NO_META: RunMeta = { usage: NO_USAGE, model: null, sessionId: null };

export const failed = (failure: Failure, meta: RunMeta = NO_META): RunOutcome => ({ ok: false, failure, ...meta });
export const answered = (answer: string, meta: RunMeta = NO_META): RunOutcome => ({ ok: true, status: 'answered', answer, ...meta });
export const briefed = (answer: string): RunOutcome => ({ ok: true, status: 'briefed', answer, ...NO_META });

/** A message of a tool as it may stand in evidence: printable, short, without the values of secret variables. */
export function safeText(text: string, secrets: readonly string[], maxLength = STDERR_SHOWN): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '(secret)');
  return printable(clean.trim(), maxLength);
}

/** The end of standard error, where tools say what went wrong. */
export function stderrTail(stderr: Uint8Array, secrets: readonly string[]): string {
  let text = new TextDecoder().decode(stderr);
  for (const secret of secrets) text = text.replaceAll(secret, '(secret)');
  return printable(text.trim().slice(-STDERR_SHOWN), STDERR_SHOWN);
}

function stoppedBy(reason: StopReason, request: RunRequest, shown: string): Failure {
  const { limits, roleFile } = request;
  switch (reason) {
    case 'timeout':
      return { kind: 'timeout', command: shown, limitMs: limits.timeoutMs, roleFile };
    case 'idle':
      return { kind: 'idle', command: shown, limitMs: limits.idleMs, roleFile };
    case 'output-limit':
      return { kind: 'output-limit', command: shown, limitBytes: limits.outputBytes };
    case 'memory-limit':
      return { kind: 'memory-limit', command: shown, limitMb: limits.memoryMb ?? 0 };
    case 'process-limit':
      return { kind: 'process-limit', command: shown, limit: limits.processes ?? 0 };
    case 'cancelled':
      return { kind: 'cancelled', by: 'a stop request' };
    case 'budget':
      return {
        kind: 'budget',
        message: `docket ended the run: it had cost more than ${showUsd(microsOf(limits.budgetUsd) ?? 0)}: ${shown} (raise limits.budget_usd in docket.yaml, then \`docket retry\`; or in the prompt, with \`revision\`)`,
      };
    case 'keeper-lost':
      return { kind: 'interrupted', message: `the process that watched it was stopped: ${shown}` };
    default:
      return unreachable(reason);
  }
}

/** The failure of a run that docket ended or that outran its output limit; null for one that ended by itself. */
export function stopFailure(raw: RawRun, request: RunRequest, shown: string): Failure | null {
  if (raw.exit.stopped !== null) return stoppedBy(raw.exit.stopped, request, shown);
  const bytes = raw.exit.stdout.sizeBytes + raw.exit.stderr.sizeBytes;
  // A fast writer may end between two looks of the keeper.
  return bytes > request.limits.outputBytes ? { kind: 'output-limit', command: shown, limitBytes: request.limits.outputBytes } : null;
}

export const exitFailure = (raw: RawRun, shown: string, secrets: readonly string[]): Failure => ({
  kind: 'exit-code',
  command: shown,
  code: raw.exit.code,
  signal: raw.exit.signal,
  stderr: stderrTail(raw.stderr, secrets),
});

/** Standard output as text; `unreadable-answer` when it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, runner: string): Result<string, Failure> {
  try {
    return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return err({ kind: 'unreadable-answer', runner, message: 'its output is not valid UTF-8' });
  }
}

/** An answer that may be filed: not empty, not longer than `limits.answer_bytes`, well-formed. */
export function acceptAnswer(answer: string, request: RunRequest, runner: string, shown: string): Result<string, Failure> {
  if (answer.trim() === '') return err({ kind: 'no-answer', runner, message: 'it ended well and said nothing' });
  if (!answer.isWellFormed())
    return err({ kind: 'unreadable-answer', runner, message: 'its answer holds half of a surrogate pair, which is no text' });
  if (Buffer.byteLength(answer) > request.limits.answerBytes)
    return err({ kind: 'output-limit', command: shown, limitBytes: request.limits.answerBytes });
  return ok(answer);
}

/** Secret values among the variables that a program is given: they are taken out of every message. */
export const secretValues = (env: Readonly<Record<string, string | undefined>>, names: readonly string[]): string[] =>
  names
    .filter((name) => /KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|AUTH/i.test(name))
    .map((name) => env[name] ?? '')
    .filter((value) => value.length >= 6);
