/** What `docket export` prints, as schemas: its own JSON lines, and the record of agent-trace 0.1 that it writes (a subset of that project's schema). */

import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string().nullable();
const count = z.number().int().min(0).nullable();

export const EXPORT_ROW = z
  .strictObject({
    commit: z
      .string()
      .regex(/^[0-9a-f]{40}$/)
      .describe('the commit of the history that recorded this end'),
    at: z.string().describe('ISO 8601, UTC'),
    job: z.string().regex(/^[a-z2-7]{16}$/),
    feature: z.string(),
    role: z.string(),
    name: text.describe('of a prompt with a series of its own'),
    revision: z.number().int().min(1),
    status: z.enum(['submitted', 'answered', 'briefed', 'failed', 'cancelled']).describe('submitted: no end is recorded yet'),
    prompt_sha256: sha256,
    result_sha256: sha256.nullable(),
    evidence_sha256: sha256.nullable(),
    evidence_path: text.describe('in the history'),
    signed: z.boolean().nullable().describe('there is a DSSE envelope beside the evidence; whether it is right is for `docket verify`'),
    gap: z.enum(['missing', 'purged']).nullable().describe('the evidence that the commit states is not in the history'),
    spec_asked: text,
    spec_used: text,
    runner: text,
    runner_version: text,
    program_sha256: sha256.nullable(),
    model: text,
    code_commit: text,
    code_dirty: z.boolean().nullable(),
    claimed_at: text,
    ended_at: text,
    attempts: count,
    failure: text.describe('kind of the failure that ended it'),
    input_tokens: z.number().nullable(),
    output_tokens: z.number().nullable(),
    cost_usd: z.number().nullable(),
    cost_estimated: z.boolean().nullable(),
  })
  .describe('One line of `docket export --format jsonl`: an end that the history recorded.');

const contributor = z.strictObject({ type: z.enum(['human', 'ai', 'mixed', 'unknown']), model_id: z.string().max(250).optional() });
const range = z.strictObject({ start_line: z.number().int().min(1), end_line: z.number().int().min(1), content_hash: z.string().optional(), contributor: contributor.optional() }); // prettier-ignore

export const AGENT_TRACE = z
  .strictObject({
    version: z.string().regex(/^[0-9]+\.[0-9]+$/),
    id: z.uuid(),
    timestamp: z.iso.datetime(),
    vcs: z.strictObject({ type: z.string().regex(/^(?:git|jj|hg|svn)$/), revision: z.string() }).optional(),
    tool: z.strictObject({ name: z.string(), version: z.string() }).optional(),
    files: z.array(
      z.strictObject({
        path: z.string(),
        conversations: z.array(z.strictObject({ url: z.url().optional(), contributor: contributor.optional(), ranges: z.array(range) })),
      }),
    ),
    metadata: z.record(z.string(), z.unknown()).optional(),
  })
  .describe('One line of `docket export --format agent-trace`: https://github.com/cursor/agent-trace, trace-record.json, version 0.1.');

export const exportJsonSchemas = (): readonly { readonly name: string; readonly text: string }[] =>
  [
    { name: 'export.schema.json', schema: EXPORT_ROW },
    { name: 'agent-trace.schema.json', schema: AGENT_TRACE },
  ].map(({ name, schema }) => ({ name, text: `${JSON.stringify(z.toJSONSchema(schema), null, 2)}\n` }));
