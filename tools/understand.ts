/**
 * What a run of a profile's tool came to. It is a success only when docket did not end it, no rule of the profile tells a failure, the event that ends
 * every run is there, the exit code is one of success, and the answer is not empty: many tools exit 0 on a refusal, a denial, a cut answer or SIGTERM.
 */

import type { Failure } from '#core/failure.ts';
import type { RunOutcome, RunRequest, Usage } from '#core/run.ts';
import {
  acceptAnswer,
  answered,
  decodeUtf8,
  exitFailure,
  failed,
  safeText,
  stderrTail,
  stopFailure,
  type RawRun,
  type RunMeta,
} from './outcome.ts';
import type { ToolProfile } from './profiles.ts';
import { makeProgressReader } from './progress.ts';
import { kindOfWords, readOutput, wordedFailure, type Reading } from './read-output.ts';
import { PLAIN_WORDS } from './words.ts';

/** The run's name in words: the runner, and its command without secrets; values that must not stand in any message. */
export type Named = { readonly name: string; readonly shown: string; readonly secrets: readonly string[] };

const lossy = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : new TextDecoder().decode(bytes));

/** Pure: the same files give the same outcome. What was written before a stop still says what it cost. */
export function understandRun(profile: ToolProfile, named: Named, raw: RawRun, request: RunRequest): RunOutcome {
  const { name, shown } = named;
  const texts = { stdout: lossy(raw.stdout), stderr: lossy(raw.stderr), report: lossy(raw.report) };
  const reading = readOutput(texts, profile.read, raw.exit);
  const soFar = reading.hasEnded ? null : usedSoFar(profile, raw.stdout, request.cwd);
  const meta: RunMeta = {
    usage: soFar?.usage ?? reading.usage,
    model: reading.model ?? soFar?.model ?? request.model,
    sessionId: reading.session,
  };
  const text = decodeUtf8(raw.stdout, name);
  const failure =
    stopFailure(raw, request, shown) ??
    (text.ok ? null : text.error) ??
    toldFailure(reading, named) ??
    endFailure(profile, reading, raw, named);
  if (failure !== null) return failed(failure, meta);
  const accepted = acceptAnswer(reading.answer ?? '', request, name, shown);
  return accepted.ok ? answered(accepted.value, meta) : failed(accepted.error, meta);
}

/** Of a run that did not come to its end: what it had used when it was ended. Null: nothing was told. */
function usedSoFar(
  { progress }: ToolProfile,
  stdout: Uint8Array,
  cwd: string,
): { readonly usage: Usage; readonly model: string | null } | null {
  if (progress === null) return null;
  const reader = makeProgressReader(progress, cwd, () => '');
  reader.feed(stdout);
  const usage = reader.usage();
  return usage.inputTokens === null && usage.outputTokens === null && usage.costUsd === null ? null : { usage, model: reader.model() };
}

const toldFailure = ({ failure, error, resumeAt }: Reading, { name, secrets }: Named): Failure | null =>
  failure === null ? null : wordedFailure(failure, safeText(failure.said ?? error, secrets), resumeAt, name);

/** Without its last event, or with a bad exit code: known words on standard error say more than the code. */
function endFailure(profile: ToolProfile, reading: Reading, raw: RawRun, { name, shown, secrets }: Named): Failure | null {
  const { code } = raw.exit;
  const isGood = code !== null && profile.success.exit.includes(code);
  if (reading.hasEnded) return isGood ? null : exitFailure(raw, shown, secrets);
  if (isGood) return { kind: 'unreadable-answer', runner: name, message: 'it ended well, but its output has no result line' };
  const words = stderrTail(raw.stderr, secrets);
  const kind = kindOfWords(words, [...profile.read.words, ...PLAIN_WORDS]);
  return kind === null
    ? exitFailure(raw, shown, secrets)
    : wordedFailure({ kind, status: null, said: null, message: null }, words, reading.resumeAt, name);
}
