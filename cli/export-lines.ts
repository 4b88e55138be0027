/**
 * A recorded end as a line of another format.
 *
 * in-toto: a line of a bundle (https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md) is a DSSE envelope; of evidence that was not signed
 * the line is the Statement itself, whose file is made again by `JSON.stringify(line, null, 2)` and a newline. Where that would not give the same bytes,
 * it is an envelope without signatures.
 * agent-trace: https://github.com/cursor/agent-trace, schemas/trace-record.json, version 0.1.
 */

import { Buffer } from 'node:buffer';
import type { Digest } from '#core/ports.ts';
import type { ExportedRecord } from '#history/export.ts';
import { readEvidenceOf } from '#history/reconstruct-evidence.ts';
import { VCS_TYPE } from '#platform/git-notes.ts';
import { jsonLine, whatOf } from './export-row.ts';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A line; or why there is none: no such thing is said of this record, or its envelope holds other bytes than the evidence. */
export type Line = { readonly line: string } | { readonly none: 'skipped' | 'differs' };

export function inTotoLine({ evidence }: ExportedRecord): Line {
  if (evidence === null) return { none: 'skipped' };
  if (evidence.envelope !== null) {
    const envelope = parsed(evidence.envelope);
    const payload = isObject(envelope) ? envelope['payload'] : null;
    if (typeof payload !== 'string' || Buffer.from(payload, 'base64').toString('utf8') !== evidence.text) return { none: 'differs' };
    return { line: jsonLine(envelope) };
  }
  const statement = parsed(evidence.text);
  if (`${JSON.stringify(statement, null, 2)}\n` === evidence.text) return { line: jsonLine(statement) };
  return { line: jsonLine({ payloadType: PAYLOAD_TYPE, payload: Buffer.from(evidence.text).toString('base64'), signatures: [] }) };
}

/** A UUID of its own kind (version 8, RFC 9562) for each end: the same export gives the same ids. */
function uuidOf(digest: Digest, text: string): string {
  const hex = digest.sha256(text);
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const isInside = (file: string): boolean => file !== '' && !/^(?:[/\\]|[A-Za-z]:)/.test(file) && !file.split(/[/\\]/).includes('..');

/** Null: it is no answer of a tool, so there is nothing to trace. */
export function agentTraceOf(record: ExportedRecord, digest: Digest): Json | null {
  const { evidence, identity, job, status, trailers } = record;
  if (status !== 'answered' || evidence === null) return null;
  const facts = readEvidenceOf(evidence.text);
  if (facts === null) return null;
  const revision = facts.code.headCommit ?? facts.code.baseCommit ?? trailers['Code-Commit'] ?? null;
  const endedMs = Date.parse(facts.times.ended ?? record.at);
  const { model } = facts.runner;
  const contributor = { type: 'ai', ...(model === null ? {} : { model_id: model.slice(0, 250) }) };
  return {
    version: '0.1',
    id: uuidOf(digest, `docket ${job} ${record.commit}`),
    timestamp: new Date(Number.isNaN(endedMs) ? Date.parse(record.at) : endedMs).toISOString(),
    ...(revision === null ? {} : { vcs: { type: VCS_TYPE, revision } }),
    tool: { name: facts.runner.name ?? 'unknown', version: facts.runner.version ?? 'unknown' },
    // Docket knows which files a run changed, not which lines: no range is made up.
    files: facts.filesChanged
      .filter(isInside)
      .map((file) => ({ path: file, conversations: [{ url: `urn:docket:job:${job}`, contributor, ranges: [] }] })),
    metadata: {
      'dev.docket': {
        job,
        feature: identity.feature,
        role: identity.role,
        name: identity.name,
        revision: identity.revision,
        history_commit: record.commit,
        prompt_sha256: record.promptSha256,
        result_sha256: record.resultSha256,
        evidence_sha256: record.evidenceSha256,
      },
    },
  };
}

/** A line of the note on a commit of the code (refs/notes/docket), and that commit; null: it was made against none. */
export function noteOf(record: ExportedRecord): { readonly commit: string; readonly line: string } | null {
  const { trailers, evidence } = record;
  const commit = (evidence === null ? null : readEvidenceOf(evidence.text)?.code.baseCommit) ?? trailers['Code-Commit'] ?? null;
  if (commit === null || !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit)) return null;
  const line = jsonLine({
    v: 1,
    ...whatOf(record),
    history_commit: record.commit,
  });
  return { commit, line };
}
