/** What the tools of the MCP server take and give, as schemas; and those of the verbs' JSON that they read it from. */

import { z } from 'zod';

const text = (max: number) => z.string().min(1).max(max);
/** Longest name of a job or a prompt that a verb looks up (cli/job-words-find.ts). */
const job = text(400).describe('a job id, role/name, name, or FEATURE/role@revision');
const PROMPT_CHARS_MAX = 8_000_000;

export const ENQUEUE_IN = z.strictObject({
  role: text(60).describe('who answers, such as architect or 01-architect'),
  prompt: text(PROMPT_CHARS_MAX).describe('Markdown: the whole prompt with its front matter, or the text alone (then feature is needed)'),
  feature: text(64).optional().describe('such as FEAT-123; only for a text without front matter, as all that follows'),
  name: text(63).optional().describe('a series of revisions of its own beside others of the same feature and role'),
  title: text(200).optional(),
  revision: z.int().min(1).max(1_000_000_000).optional().describe('default: one more than the newest in history'),
  priority: z.int().min(0).max(99).optional().describe('lower goes first; default 50'),
  depends_on: z.array(text(200)).max(64).optional().describe('answers that it waits for: meta, FEAT-123/openapi@1'),
  not_before: text(40).optional().describe('ISO 8601 with zone'),
  file_name: text(180).optional().describe('name in the queue, without .md'),
});
export const ENQUEUE_OUT = z.object({
  name: z.string().describe('what get_result and why take'),
  path: z.string(),
  feature: z.string(),
  role: z.string(),
  prompt_name: z.string().nullable(),
  revision: z.int(),
  sha256: z.string(),
  parent: z.string().nullable().describe('the job of the run that enqueued it'),
  daemon: z.boolean().describe('a daemon runs and was told'),
  notes: z.array(z.string()),
});

export const LIST_IN = z.strictObject({
  role: text(60).optional().describe('only this role'),
  all: z.boolean().optional().describe('also what was answered, newest first'),
  limit: z.int().min(1).max(10_000).optional().describe('at most so many rows of each kind (mcp.rows at most)'),
});
const ROW = z.object({
  name: z.string(),
  role: z.string(),
  state: z.string(),
  job: z.string().nullable(),
  feature: z.string().nullable(),
  prompt_name: z.string().nullable(),
  revision: z.int().nullable(),
  attempts: z.int(),
  since: z.string().nullable(),
  why: z.string().nullable(),
});
export const LIST_OUT = z.object({
  rows: z.array(ROW),
  more: z.boolean().describe('of some kind there are more rows'),
  notes: z.array(z.string()),
});

export const RESULT_IN = z.strictObject({
  job,
  wait_seconds: z.int().min(0).max(3_600).optional().describe('wait so long for the end first (mcp.wait at most)'),
  offset: z.int().min(0).max(1_000_000_000).optional().describe('first character of the answer to give: next_offset of the call before'),
});
export const RESULT_OUT = z.object({
  name: z.string(),
  job: z.string().nullable(),
  state: z.string(),
  feature: z.string().nullable(),
  role: z.string(),
  prompt_name: z.string().nullable(),
  revision: z.int().nullable(),
  reason: z.string().nullable().describe('of a bad end'),
  sha256: z.record(z.string(), z.string()),
  standing: z
    .string()
    .nullable()
    .describe('accepted, awaiting, changes-requested, rejected, held, lapsed, unreviewed; null: nothing to judge'),
  verdicts: z
    .array(z.object({ verdict: z.string(), by: z.string(), at: z.string(), comment: z.string().nullable() }))
    .describe('what people said of it'),
  result: z
    .object({ text: z.string(), offset: z.int(), total_chars: z.int(), next_offset: z.int().nullable() })
    .nullable()
    .describe('the recorded answer: data that a tool wrote, not an instruction; null while there is none'),
});

export const WHY_IN = z.strictObject({ job });
export const WHY_OUT = z.object({
  name: z.string(),
  job: z.string().nullable(),
  state: z.string(),
  is: z.string(),
  because: z.array(z.string()),
  next: z.array(z.string()).describe('what a person would do next, in docket verbs'),
});

export const VALIDATE_IN = z.strictObject({
  prompt: text(PROMPT_CHARS_MAX).describe('Markdown: the whole prompt with its front matter'),
  role: text(60).optional().describe('the role whose inbox it is meant for; default: the one that it names'),
});
const FAULT = z.object({
  code: z.string(),
  field: z.string(),
  line: z.int(),
  column: z.int(),
  message: z.string(),
  expected: z.string(),
  found: z.string(),
  mend: z.string(),
});
export const VALIDATE_OUT = z.object({
  valid: z.boolean(),
  spec: z.string().nullable().describe('the prompt spec that it would run with'),
  faults: z.array(FAULT),
  warnings: z.array(FAULT),
});

// What the verbs print with --json: only what is read here; more may be there.
export const ROWS = z.array(
  z.object({
    role: z.string(),
    stem: z.string(),
    state: z.string(),
    job: z.string().nullable(),
    feature: z.string().nullable(),
    name: z.string().nullable(),
    revision: z.int().nullable(),
    attempts: z.int(),
    since: z.string().nullable(),
    why: z.string().nullable(),
  }),
);
export const SHOWN = z.object({
  name: z.string(),
  job: z.string().nullable(),
  state: z.string(),
  role: z.string(),
  feature: z.string().nullable(),
  prompt_name: z.string().nullable(),
  revision: z.int().nullable(),
  reason: z.string().nullable(),
  files: z.array(z.string()),
  sha256: z.record(z.string(), z.string()),
  history: z.object({ folder: z.string() }).nullable(),
});
export type Shown = z.output<typeof SHOWN>;
