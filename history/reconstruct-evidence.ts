/** What reconstructing and exporting read of an evidence file (core/evidence.ts). The file may be anybody's: every field is looked at. */

import { listIn, numberIn, objectIn, openStatement, textIn, type Json } from './loose-json.ts';

export type EvidenceMaterial = { readonly role: string; readonly name: string; readonly sha256: string };
export type EvidenceCode = {
  readonly repository: string | null;
  readonly baseCommit: string | null;
  readonly headCommit: string | null;
  readonly dirty: boolean | null;
};
export type EvidenceRead = {
  readonly materials: readonly EvidenceMaterial[];
  /** Accepted answers in the brief, and how much of each; nothing: it had none, or a docket before verdicts wrote this. */
  readonly context: readonly { readonly path: string; readonly sha256: string; readonly sizeBytes: number; readonly sentBytes: number }[];
  readonly code: EvidenceCode;
  readonly runner: {
    readonly name: string | null;
    readonly version: string | null;
    readonly programSha256: string | null;
    readonly model: string | null;
  };
  readonly spec: { readonly asked: string | null; readonly used: string | null };
  readonly times: { readonly claimed: string | null; readonly ended: string | null };
  readonly usage: {
    readonly inputTokens: number | null;
    readonly outputTokens: number | null;
    readonly costUsd: number | null;
    readonly estimated: boolean;
  };
  readonly attempts: number;
  readonly failure: string | null;
  /** Files that the run changed, as docket saw them, then as the agent told it. */
  readonly filesChanged: readonly string[];
};

const pathsIn = (items: readonly Json[]): string[] => items.flatMap((item) => textIn(item, 'path') ?? []);

/** Null: it is no evidence. */
export function readEvidenceOf(text: string): EvidenceRead | null {
  const opened = openStatement(text);
  if (opened === null) return null;
  const { predicate } = opened;
  const [code, runner, spec, times, usage] = ['code', 'runner', 'spec', 'times', 'usage'].map((key) => objectIn(predicate, key)) as [Json, Json, Json, Json, Json]; // prettier-ignore
  const attempts = listIn(predicate, 'attempts');
  return {
    materials: listIn(predicate, 'materials').flatMap((one) => {
      const sha256 = textIn(one, 'sha256');
      return sha256 === null ? [] : [{ role: textIn(one, 'role') ?? 'material', name: textIn(one, 'name') ?? '', sha256 }];
    }),
    context: listIn(predicate, 'context').flatMap((one) => {
      const [path, sha256, sizeBytes, sentBytes] = [
        textIn(one, 'path'),
        textIn(one, 'sha256'),
        numberIn(one, 'sizeBytes'),
        numberIn(one, 'sentBytes'),
      ];
      return path === null || sha256 === null || sizeBytes === null || sentBytes === null ? [] : [{ path, sha256, sizeBytes, sentBytes }];
    }),
    code: {
      repository: textIn(code, 'repository'),
      baseCommit: textIn(code, 'baseCommit'),
      headCommit: textIn(code, 'headCommit'),
      dirty: typeof code['dirty'] === 'boolean' ? code['dirty'] : null,
    },
    runner: {
      name: textIn(runner, 'name'),
      version: textIn(runner, 'version'),
      programSha256: textIn(runner, 'programSha256'),
      model: textIn(runner, 'model'),
    },
    spec: { asked: textIn(spec, 'asked'), used: textIn(spec, 'used') },
    times: { claimed: textIn(times, 'claimed'), ended: textIn(times, 'ended') },
    usage: {
      inputTokens: numberIn(usage, 'inputTokens'),
      outputTokens: numberIn(usage, 'outputTokens'),
      costUsd: numberIn(usage, 'costUsd'),
      estimated: usage['estimated'] === true,
    },
    attempts: attempts.length,
    failure: textIn(objectIn(predicate, 'failure'), 'kind'),
    filesChanged: [
      ...new Set([
        ...pathsIn(listIn(predicate, 'filesChanged')),
        ...attempts.flatMap((one) => pathsIn(listIn(objectIn(one, 'acts'), 'diffs'))),
      ]),
    ],
  };
}
