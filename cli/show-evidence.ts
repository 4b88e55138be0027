/** What `docket show` reads out of an evidence file (core/evidence.ts). It comes from a folder that others may write to, so every field is looked at. */

import { listIn, numberIn, objectIn, openStatement, textIn, type Json } from '#history/loose-json.ts';

export type EvidenceFacts = {
  readonly job: string | null;
  readonly status: string | null;
  readonly featureName: string | null;
  readonly specAsked: string | null;
  readonly specUsed: string | null;
  readonly runner: string | null;
  readonly runnerVersion: string | null;
  readonly program: string | null;
  readonly command: string | null;
  readonly model: string | null;
  readonly codeCommit: string | null;
  readonly isCodeDirty: boolean | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly costUsd: number | null;
  readonly subjects: readonly { readonly name: string; readonly sha256: string }[];
  readonly attempts: readonly AttemptFacts[];
  readonly claimed: string | null;
  readonly submitted: string | null;
  readonly ended: string | null;
};
export type AttemptFacts = {
  readonly n: number;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly outcome: string;
  /** Kind of the failure; null when it was answered. */
  readonly failure: string | null;
  readonly starts: number;
};

/** Null: this is no evidence of docket's. */
export function readEvidence(text: string): EvidenceFacts | null {
  const opened = openStatement(text);
  if (opened === null) return null;
  const { document, predicate } = opened;
  const [spec, runner, code, usage, times] = ['spec', 'runner', 'code', 'usage', 'times'].map((key) => objectIn(predicate, key)) as [
    Json,
    Json,
    Json,
    Json,
    Json,
  ];
  const dirty = code['dirty'];
  return {
    job: textIn(predicate, 'job'),
    status: textIn(predicate, 'status'),
    featureName: textIn(objectIn(predicate, 'feature'), 'name'),
    specAsked: textIn(spec, 'asked'),
    specUsed: textIn(spec, 'used'),
    runner: textIn(runner, 'name'),
    runnerVersion: textIn(runner, 'version'),
    program: textIn(runner, 'program'),
    command: textIn(runner, 'command'),
    model: textIn(runner, 'model'),
    codeCommit: textIn(code, 'headCommit'),
    isCodeDirty: typeof dirty === 'boolean' ? dirty : null,
    inputTokens: numberIn(usage, 'inputTokens'),
    outputTokens: numberIn(usage, 'outputTokens'),
    costUsd: numberIn(usage, 'costUsd'),
    subjects: listIn(document, 'subject').map((subject) => ({
      name: textIn(subject, 'name') ?? '',
      sha256: textIn(objectIn(subject, 'digest'), 'sha256') ?? '',
    })),
    attempts: listIn(predicate, 'attempts').map((attempt) => ({
      n: numberIn(attempt, 'n') ?? 0,
      startedAt: textIn(attempt, 'startedAt') ?? '',
      endedAt: textIn(attempt, 'endedAt') ?? '',
      outcome: textIn(attempt, 'outcome') ?? '',
      failure: textIn(objectIn(attempt, 'failure'), 'kind'),
      starts: numberIn(attempt, 'starts') ?? 1,
    })),
    claimed: textIn(times, 'claimed'),
    submitted: textIn(times, 'submitted'),
    ended: textIn(times, 'ended'),
  };
}
