/**
 * The commit message: one subject for people, then trailers for programs (`git log --format=%(trailers)`, `git interpret-trailers --parse`).
 * Invariant: a value is one line without control characters, so that no value can look like another trailer.
 */

import type { JobId, Sha256 } from '#core/names.ts';
import { isJobId, isSha256, parseFeature, parsePromptName, parseRoleName, printable } from '#core/names.ts';
import type { RecordStatus } from '#core/history.ts';
import type { Identity } from '#core/prompt.ts';

export type RecordFacts = {
  readonly job: JobId;
  readonly identity: Identity;
  readonly status: RecordStatus;
  readonly promptSha256: Sha256;
  readonly resultSha256: Sha256 | null;
  readonly evidenceSha256: Sha256 | null;
};

/** Hashes of the records before this one, as of when it is written (chain.ts); null: there is none. */
export type Before = { readonly inRepository: Sha256 | null; readonly inFeature: Sha256 | null };

export type MessageFacts = RecordFacts & {
  readonly specVersion: string;
  readonly codeCommit: string | null;
  readonly runner: string;
  readonly model: string | null;
};

const VALUE_LENGTH_MAX = 300;
const STATUSES: ReadonlySet<string> = new Set(['submitted', 'answered', 'briefed', 'failed', 'cancelled']);

/** Nearly every value: nothing in it can be anything but itself. */
const PLAIN_VALUE = /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/;

const safeValue = (text: string): string =>
  text.length <= VALUE_LENGTH_MAX && PLAIN_VALUE.test(text) ? text : printable(text, VALUE_LENGTH_MAX).replaceAll(/\s+/g, ' ').trim();

/** @returns subject, blank line, trailers, each line ended */
export function commitMessage(facts: MessageFacts, before: Before): string {
  const { feature, role, name, revision } = facts.identity;
  const trailers: [string, string | null][] = [
    ['Docket-Job', facts.job],
    ['Docket-Feature', feature],
    ['Docket-Role', role],
    ['Docket-Revision', String(revision)],
    ['Docket-Name', name],
    ['Prompt-Spec', facts.specVersion],
    ['Prompt-SHA256', facts.promptSha256],
    ['Result-SHA256', facts.resultSha256],
    ['Evidence-SHA256', facts.evidenceSha256],
    ['Code-Commit', facts.codeCommit],
    ['Runner', facts.runner],
    ['Model', facts.model],
    ['Docket-Before', before.inRepository ?? 'none'],
    ['Docket-Before-In-Feature', before.inFeature ?? 'none'],
    ['Docket-Status', facts.status],
  ];
  const series = name === null ? role : `${role}/${name}`;
  return `ai(${feature}): ${series} r${String(revision)} ${facts.status}\n\n${trailerLines(trailers)}`;
}

/** A line for each trailer that has a value. */
export const trailerLines = (trailers: readonly (readonly [string, string | null])[]): string =>
  trailers
    .flatMap(([key, value]) => {
      const safe = value === null ? '' : safeValue(value);
      return safe === '' ? [] : [`${key}: ${safe}\n`];
    })
    .join('');

/** Subject, and the trailers of the last paragraph; the first of two equal keys counts. */
export function parseMessage(message: string): { subject: string; trailers: Record<string, string> } {
  const paragraphs = message.trimEnd().split(/\n\n+/);
  const subject = (paragraphs[0] ?? '').split('\n').join(' ');
  const trailers: Record<string, string> = {};
  if (paragraphs.length < 2) return { subject, trailers };
  for (const line of (paragraphs.at(-1) ?? '').split('\n')) {
    const parts = /^([A-Za-z][A-Za-z0-9-]*): (.*)$/.exec(line);
    if (parts?.[1] !== undefined) trailers[parts[1]] ??= parts[2] ?? '';
  }
  return { subject, trailers };
}

/** What a commit of docket says of itself; null for every other commit. */
export function parseRecord(trailers: Readonly<Record<string, string>>): RecordFacts | null {
  const job = trailers['Docket-Job'] ?? '';
  const feature = parseFeature(trailers['Docket-Feature'] ?? '');
  const role = parseRoleName(trailers['Docket-Role'] ?? '');
  const revision = trailers['Docket-Revision'] ?? '';
  const nameText = trailers['Docket-Name'];
  const name = nameText === undefined ? null : parsePromptName(nameText);
  const status = trailers['Docket-Status'] ?? '';
  const promptSha256 = trailers['Prompt-SHA256'] ?? '';
  if (!isJobId(job) || !feature.ok || !role.ok || !/^[1-9][0-9]{0,8}$/.test(revision)) return null;
  if (name?.ok === false || !STATUSES.has(status) || !isSha256(promptSha256)) return null;
  return {
    job,
    identity: { feature: feature.value.id, role: role.value, name: name === null ? null : name.value, revision: Number(revision) },
    status: status as RecordStatus,
    promptSha256,
    resultSha256: hashOrNull(trailers['Result-SHA256']),
    evidenceSha256: hashOrNull(trailers['Evidence-SHA256']),
  };
}

export const hashOrNull = (text: string | undefined): Sha256 | null => (text !== undefined && isSha256(text) ? text : null);
