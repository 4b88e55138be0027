/** What `docket verify --json` prints, and a checkpoint, as schemas for programs: schemas/verify.schema.json and schemas/checkpoint.schema.json are printed from here. */

import { z } from 'zod';
import type { Finding } from '#core/history.ts';

const text = z.string();
const commit = z.string().regex(/^[0-9a-f]{40}$/);
const count = z.int().min(0);

const WHAT = [
  'hash-differs',
  'missing',
  'unreadable',
  'unexpected',
  'object-damaged',
  'recorded-twice',
  'signature-missing',
  'signature-invalid',
  'signer-unknown',
  'chain-broken',
  'checkpoint-missed',
  'incomplete',
  'tombstone-invalid',
] as const satisfies readonly Finding['what'][];
/** Does not compile while a code is missing above. */
type Missing = Exclude<Finding['what'], (typeof WHAT)[number]>;
const ALL: Missing extends never ? typeof WHAT : never = WHAT;

const checkpointSchema = z.strictObject({
  v: z.literal(1),
  history: text.describe("name of the history's folder, for people"),
  commit: commit.describe('the commit that main named'),
  record: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .describe("SHA-256 of the newest record's message; null: there was none"),
  records: count.describe('records and merges along first parents'),
  time: z.iso.datetime(),
});

const finding = z.looseObject({
  what: z.enum(ALL).describe('stable; new codes may come with a minor version'),
  detail: text.optional().describe('a stable word that says more (docs/verifying.md)'),
  path: text.describe('in the history, absolute in the queues, or the record as feature/role r1'),
  expected: text.nullable(),
  found: text.nullable(),
  message: text.describe('for people; its words may change'),
  commit: text.optional(),
  job: text.optional(),
  isNotice: z.boolean().optional(),
});

export const verifySchema = z.looseObject({
  ok: z.boolean(),
  checked: z.record(z.string(), count),
  against: z.looseObject({ file: text, checkpoint: checkpointSchema, said: z.array(text) }).nullable(),
  signatures: z
    .looseObject({ commits: z.object({ signed: count, unsigned: count }), envelopes: count, keys: z.array(text).describe('fingerprints') })
    .nullable()
    .describe('null: nothing is signed. Whether they are good, the findings say'),
  purged: z
    .array(z.looseObject({ path: text, sha256: text, reason: text, person: text, at: z.iso.datetime(), tombstone: text }))
    .describe('no findings: what a person took out of the history (docs/purging.md)'),
  first: finding.nullable().describe('the first of findings'),
  findings: z.array(finding),
  notices: z.array(finding).describe('worth telling, and not a reason for exit code 1'),
});

export const verifyJsonSchema = (): unknown => ({ ...z.toJSONSchema(verifySchema), title: 'docket verify --json' });
export const checkpointJsonSchema = (): unknown => ({ ...z.toJSONSchema(checkpointSchema), title: 'docket checkpoint' });
