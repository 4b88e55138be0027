/** The form of evidence as a schema, for programs that read it: schemas/evidence.schema.json is printed from here, and a test holds real evidence against it. */

import { z } from 'zod';
import { PREDICATE_TYPE, STATEMENT_TYPE, type Statement } from '#core/evidence.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const instant = z.iso.datetime();
const text = z.string();
const maybe = text.nullable();
const count = z.number().min(0).nullable();

const usage = z.strictObject({
  inputTokens: count.describe('without what a cache gave'),
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count,
  costUsd: count.describe('US dollars'),
  turns: count,
  estimated: z.literal(true).optional().describe('the tool did not say what it cost: costUsd is by the price table'),
  price: text.optional().describe('the row of the price table, its source and its day'),
});
/** One of core/failure.ts; new kinds may come with a minor version. */
const failure = z.looseObject({ kind: text }).nullable();

const textFacts = z.strictObject({ sha256, sizeBytes: z.int().min(0) });
const acts = z.strictObject({
  asked: z.array(
    z.strictObject({
      kind: text.describe('read, edit, delete, move, search, execute, fetch, other …; write: docket was to write the file itself'),
      title: text,
      paths: z.array(text).describe('relative to the working folder where they lie inside'),
      decision: z.enum(['allowed', 'rejected']),
      rule: text.describe('which rule decided'),
    }),
  ),
  diffs: z.array(
    z.strictObject({
      path: text,
      before: textFacts.nullable().describe('null: a new file'),
      after: textFacts,
      by: z.enum(['agent', 'docket']).describe('docket: it wrote the file for the agent'),
    }),
  ),
  leftOut: z.int().min(0).describe('how many more there were'),
});

const attempt = z.strictObject({
  n: z.int().min(1),
  runId: text,
  startedAt: instant,
  endedAt: instant,
  outcome: text.describe('answered, briefed, or the class of the failure'),
  failure,
  usage,
  starts: z.int().min(0).describe('how often the tool was started within this attempt'),
  runner: text.optional().describe('which runner; absent before docket 0.2'),
  instead: maybe.optional().describe('why not the runner the job asked for first; null: it is that one'),
  lane: text.optional().describe('where it ran'),
  model: maybe.optional().describe('what answered'),
  acts: acts.optional().describe('what an agent asked for and changed, and what it was answered (runners of kind acp)'),
  brief: sha256.optional().describe('of the brief of a repair attempt, which is a material; absent: the brief of the job'),
  sandbox: text.optional().describe('what was around the tool, such as bwrap 0.8.0, or none: and why'),
});

const predicate = z.strictObject({
  job: z.string().regex(/^[a-z2-7]{16}$/),
  feature: z.strictObject({ id: text, name: text }),
  role: text,
  name: maybe,
  revision: z.int().min(1),
  status: z.enum(['answered', 'briefed', 'failed', 'cancelled']),
  stem: text,
  spec: z.strictObject({ asked: text, used: text, sha256 }),
  materials: z.array(
    z.strictObject({
      role: z.enum(['prompt-spec', 'role', 'settings', 'brief', 'context']),
      name: text,
      sha256,
      sizeBytes: z.int().min(0),
    }),
  ),
  context: z
    .array(
      z.strictObject({
        path: text.describe('of the answer, in the history'),
        sha256: sha256.describe('of the whole answer, which is a material of role context'),
        sizeBytes: z.int().min(0),
        sentBytes: z.int().min(0).describe('how much of it the brief holds: its beginning'),
        job: z.string().regex(/^[a-z2-7]{16}$/),
        feature: text,
        role: text,
        name: maybe,
        revision: z.int().min(1),
        standing: z.enum(['accepted', 'unreviewed', 'awaiting', 'changes-requested', 'rejected', 'held', 'lapsed']),
        verdicts: z.array(z.strictObject({ path: text, commit: text })).describe('approvals that it had, oldest first'),
      }),
    )
    .optional()
    .describe('accepted answers that stood in the brief, in the order of depends_on; absent: it depends on nothing'),
  runner: z.strictObject({
    name: text,
    kind: z.enum(['offline', 'command', 'claude', 'tool', 'http', 'acp']),
    version: maybe,
    program: maybe,
    programSha256: sha256.nullable(),
    lane: text,
    callsProvider: z.boolean(),
    endpoint: text.optional().describe('address that a runner of kind http calls'),
    profile: z.strictObject({ id: text, sha256 }).optional(),
    hides: z.array(text).optional().describe('kinds of failure that look like an answer when the tool is called in this way'),
    command: maybe,
    model: maybe,
  }),
  account: maybe,
  attempts: z.array(attempt),
  usage,
  sessionId: maybe,
  code: z.strictObject({ repository: maybe, baseCommit: maybe, headCommit: maybe, dirty: z.boolean().nullable() }),
  scope: z
    .unknown()
    .describe('null, or access, files, create (of the prompt), sha256 of the whole declaration, check: changes, or none: and why'),
  filesChanged: z.array(
    z.strictObject({
      path: text.describe('relative to the working folder'),
      change: z.enum(['create', 'modify', 'delete', 'mode']).optional(),
      before: sha256.nullable().optional().describe('null: there was none, or its content was not looked at'),
      sha256: sha256.nullable(),
    }),
  ),
  policy: z.array(
    z.strictObject({
      check: text,
      version: text,
      on: z.enum(['prompt', 'answer']),
      outcome: z.enum(['passed', 'found', 'failed', 'told']),
      allowed: z
        .array(z.strictObject({ fingerprint: text, rule: text, reason: text, by: text }))
        .optional()
        .describe('what looked like a secret and was let pass: by whom and why (policy.allow_secrets)'),
      kinds: z.record(text, z.int().min(1)).optional().describe('personal data by kind, how many'),
    }),
  ),
  outputMisses: z.array(text).nullable(),
  emitted: z
    .array(z.strictObject({ role: text, stem: text, sha256: sha256.describe('of the file, with the line that names its parent') }))
    .optional()
    .describe('prompts that the answer enqueued (docs/emit.md); absent: none'),
  failure,
  daemon: z.strictObject({ version: text, host: text, instance: text }),
  times: z.strictObject({ promptCreated: text, claimed: instant, submitted: instant, ended: instant }),
});

const EVIDENCE_SCHEMA = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z
    .array(z.strictObject({ name: text, digest: z.strictObject({ sha256 }) }))
    .min(1)
    .max(2),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate,
});

/** Does not compile while a key of the predicate is missing here, or one too many. */
type Keys = keyof z.output<typeof predicate>;
type Same = [Exclude<Keys, keyof Statement['predicate']>, Exclude<keyof Statement['predicate'], Keys>] extends [never, never]
  ? string
  : never;
const DESCRIPTION: Same = 'An in-toto Statement v1: out/<name>_evidence.json';

export function evidenceJsonSchema(): unknown {
  const { $schema, ...rest } = z.toJSONSchema(EVIDENCE_SCHEMA, { target: 'draft-2020-12', io: 'input' });
  return {
    $schema,
    $id: 'urn:docket:schema:evidence:v1',
    title: 'Evidence of docket',
    description: DESCRIPTION,
    ...rest,
  };
}
