/** A recorded end as one flat row: the columns of `docket export --format csv`, the keys of its JSON lines (schemas/export.schema.json). */

import { printable } from '#core/names.ts';
import type { ExportedRecord } from '#history/export.ts';
import { readEvidenceOf } from '#history/reconstruct-evidence.ts';

export const COLUMNS = [
  'commit',
  'at',
  'job',
  'feature',
  'role',
  'name',
  'revision',
  'status',
  'prompt_sha256',
  'result_sha256',
  'evidence_sha256',
  'evidence_path',
  'signed',
  'gap',
  'spec_asked',
  'spec_used',
  'runner',
  'runner_version',
  'program_sha256',
  'model',
  'code_commit',
  'code_dirty',
  'claimed_at',
  'ended_at',
  'attempts',
  'failure',
  'input_tokens',
  'output_tokens',
  'cost_usd',
  'cost_estimated',
] as const;
export type Column = (typeof COLUMNS)[number];
export type Row = Readonly<Record<Column, string | number | boolean | null>>;

/** Which record it is, and of which bytes. */
export const whatOf = (record: ExportedRecord) => ({
  at: record.at,
  job: record.job,
  feature: record.identity.feature,
  role: record.identity.role,
  name: record.identity.name,
  revision: record.identity.revision,
  status: record.status,
  prompt_sha256: record.promptSha256,
  result_sha256: record.resultSha256,
  evidence_sha256: record.evidenceSha256,
});

export function rowOf(record: ExportedRecord): Row {
  const { trailers, evidence } = record;
  const facts = evidence === null ? null : readEvidenceOf(evidence.text);
  return {
    commit: record.commit,
    ...whatOf(record),
    evidence_path: evidence?.path ?? null,
    signed: evidence === null ? null : evidence.envelope !== null,
    gap: record.gap,
    spec_asked: facts?.spec.asked ?? null,
    spec_used: facts?.spec.used ?? trailers['Prompt-Spec'] ?? null,
    runner: facts?.runner.name ?? trailers['Runner'] ?? null,
    runner_version: facts?.runner.version ?? null,
    program_sha256: facts?.runner.programSha256 ?? null,
    model: facts?.runner.model ?? trailers['Model'] ?? null,
    code_commit: facts?.code.baseCommit ?? trailers['Code-Commit'] ?? null,
    code_dirty: facts?.code.dirty ?? null,
    claimed_at: facts?.times.claimed ?? null,
    ended_at: facts?.times.ended ?? null,
    attempts: facts?.attempts ?? null,
    failure: facts?.failure ?? null,
    input_tokens: facts?.usage.inputTokens ?? null,
    output_tokens: facts?.usage.outputTokens ?? null,
    cost_usd: facts?.usage.costUsd ?? null,
    cost_estimated: typeof facts?.usage.costUsd === 'number' ? facts.usage.estimated : null,
  };
}

/** Control, invisible and direction-changing characters, which JSON leaves as they are: the same value, harmless on a terminal. */
// eslint-disable-next-line no-control-regex -- that is what is looked for
const WILD = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g;

/** One line of JSON. */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(value).replaceAll(WILD, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);

const CELL_MAX = 32_000;

/**
 * A cell by RFC 4180. Spreadsheets take what begins with = + - @ (also in full width) for a formula: it gets an apostrophe before it. What would
 * end a line or steer a terminal becomes an escape in words (`\n`).
 */
export function csvCell(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const shown = printable(value, CELL_MAX);
  const safe = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(shown) || /^[\t\r\n]/.test(value) ? `'${shown}` : shown;
  return /[",;]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csvHeader = COLUMNS.join(',');
export const csvLine = (row: Row): string => COLUMNS.map((column) => csvCell(row[column])).join(',');
