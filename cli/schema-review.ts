/** Verdict, closing and promotion as schemas for programs: schemas/verdict.schema.json, closing.schema.json and promotion.schema.json are printed from here. docs/formats.md "Verdicts". */

import { z } from 'zod';
import { LEVELS } from '#core/levels.ts';
import { VERDICTS, type Closing, type Promotion, type Verdict } from '#core/verdict.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const commit = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);
const text = z.string();
const revision = z.int().min(1).max(999_999_999);
const instant = z.iso.datetime().describe('UTC');
const person = z
  .strictObject({ name: text.min(1).max(200), email: text.min(1).max(320) })
  .describe('user.name and user.email of git, where the verdict was given');
const comment = text.max(1_000_000).nullable();
const signature = z
  .strictObject({
    key: text.max(200).describe('fingerprint, as OpenSSH prints it'),
    sshsig: text.max(4_000).describe('SSH signature, namespace docket-verdict'),
  })
  .nullable()
  .describe('over the same object with signature null, as JSON with sorted keys and no spaces; null: it is not signed');

const VERDICT = z
  .strictObject({
    v: z.literal(1),
    kind: z.literal('verdict'),
    job: z.string().regex(/^[a-z2-7]{16}$/),
    feature: text.describe('as its folder is called'),
    role: text,
    name: text.nullable().describe('of a prompt with a series of its own'),
    revision,
    verdict: z.enum(VERDICTS),
    result_sha256: sha256.describe('the answer that it is about: of any other bytes it says nothing'),
    evidence_sha256: sha256,
    code: z.strictObject({
      head: commit.nullable().describe('of the code; null: there is no repository'),
      files: z
        .array(z.strictObject({ path: text.max(4_096), sha256: sha256.nullable().describe('null: deleted') }))
        .max(20_000)
        .describe('those that the run changed, as they were when they were judged'),
    }),
    by: person,
    at: instant,
    comment,
    how: z.enum(['terminal', 'key']).describe('how it is known that a person gave it'),
    signature,
  })
  .describe('review_vN.json beside result_vN.md in the history, and review_vN_2.json …: a person’s verdict on one answer.');

const CLOSING = z
  .strictObject({
    v: z.literal(1),
    kind: z.enum(['closing', 'reopening']),
    feature: text,
    merged: z
      .strictObject({ commit, isThere: z.boolean().describe('did the code repository have it?') })
      .nullable()
      .describe('of a closing: the commit that the feature was merged with'),
    by: person,
    at: instant,
    comment,
    verdicts: z
      .array(
        z.strictObject({
          path: text.max(4_096),
          role: text,
          name: text.nullable(),
          revision,
          verdict: z.enum(VERDICTS),
          result_sha256: sha256,
          by: person,
          at: instant,
        }),
      )
      .max(20_000)
      .describe('all about the feature’s records, oldest first'),
    signature,
  })
  .describe('closing.json in the feature’s folder of the history, reopening.json, closing_2.json …');

const PROMOTION = z
  .strictObject({
    v: z.literal(1),
    kind: z.literal('promotion'),
    feature: text,
    capability: text.max(200).nullable().describe('a row of the feature’s document, by id or name; null: the feature itself, or an issue'),
    from: z.enum([...LEVELS, 'open']),
    to: z.enum([...LEVELS, 'resolved']),
    where: text.max(200).describe('where it was seen'),
    evidence: z.strictObject({
      reference: text.max(2_000).describe('an address, or the name of a file'),
      sha256: sha256.nullable().describe('of the file; null: an address'),
    }),
    by: person,
    at: instant,
    comment,
    signature,
  })
  .describe('promotion.json in the feature’s folder of the history, promotion_2.json …: a person’s word about production.');

/** Do not compile while a key is missing above. */
type SameKeys<A, B> = [Exclude<keyof A, keyof B>, Exclude<keyof B, keyof A>] extends [never, never] ? true : never;
const isWhole: readonly [
  SameKeys<z.infer<typeof VERDICT>, Verdict>,
  SameKeys<z.infer<typeof CLOSING>, Closing>,
  SameKeys<z.infer<typeof PROMOTION>, Promotion>,
] = [true, true, true];

export const reviewJsonSchemas = (): readonly { readonly name: string; readonly text: string }[] =>
  isWhole.every(Boolean)
    ? [
        { name: 'verdict.schema.json', text: `${JSON.stringify(z.toJSONSchema(VERDICT), null, 2)}\n` },
        { name: 'closing.schema.json', text: `${JSON.stringify(z.toJSONSchema(CLOSING), null, 2)}\n` },
        { name: 'promotion.schema.json', text: `${JSON.stringify(z.toJSONSchema(PROMOTION), null, 2)}\n` },
      ]
    : [];

/** Is it one, as the schema says? For the test that holds the schema against what is written. */
export const isOfSchema = (value: { readonly kind: string }): boolean =>
  (value.kind === 'verdict' ? VERDICT : value.kind === 'promotion' ? PROMOTION : CLOSING).safeParse(value).success;
