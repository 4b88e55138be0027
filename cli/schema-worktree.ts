/** What `docket worktree list --json` and `status --json` print, as a schema for programs: schemas/worktree.schema.json. docs/worktree-cleanup.md. */

import { z } from 'zod';
import { REASONS, type ReasonCode } from '#worktrees/decide.ts';

const text = z.string().nullable();
const count = z.number().int().min(0);
const some = count.nullable().describe('null: git was not asked, or did not say');

const reason = z.strictObject({
  code: z.enum(Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]]).describe('stable'),
  words: z.string(),
  mend: z.string().describe('what takes it away'),
  can_accept: z.boolean().describe('a person at a terminal may say --accept'),
});

const WORKTREE = z.strictObject({
  id: text.describe('feature id; null: it has no record, and neither folder nor branch says one'),
  folder: z.string(),
  stream: z.enum(['feature', 'fix']).nullable(),
  branch: text.describe('short name; null: detached'),
  head: text,
  detached: z.boolean(),
  registered: z.boolean().describe('git knows it'),
  there: z.boolean().describe('its folder is there'),
  locked: text.describe('the reason, maybe empty; null: it is not'),
  base: text.describe('the branch that it goes back to'),
  ahead: some,
  behind: some,
  unmerged: some.describe('commits that the base has in no way'),
  merged_as: z.enum(['ancestor', 'rebased', 'squashed']).nullable(),
  unpushed: some.describe('commits that no remote has; null: there is no remote'),
  upstream: z.strictObject({ name: z.string(), ahead: count, behind: count }).nullable(),
  changed: some,
  untracked: some,
  ignored: some,
  in_progress: z.array(z.string()),
  stashes: some,
  submodules: some,
  queues: z
    .strictObject({ folder: z.string(), waiting: count, held: count, in_flight: count, unrecorded: count, failed: count, rejected: count })
    .nullable(),
  daemon: z.strictObject({ pid: count.nullable() }).nullable().describe('null: none runs'),
  processes: z
    .array(z.strictObject({ pid: count, name: z.string() }))
    .nullable()
    .describe('with their current folder inside; null: this system does not tell'),
  disk: z.strictObject({ bytes: count, files: count, whole: z.boolean() }).nullable(),
  active_at: text.describe('newest commit, prompt or edit, ISO 8601'),
  recorded: z.boolean().describe('docket has a record of it'),
  cleanup: z.strictObject({ allowed: z.boolean(), reasons: z.array(reason), notes: z.array(z.string()) }),
});

const LIST = z
  .strictObject({ worktrees: z.array(WORKTREE) })
  .describe(
    'docket worktree list --json, docket worktree status --json: every worktree there is a trace of, the primary checkout left out.',
  );

export const worktreeJsonSchema = (): unknown => z.toJSONSchema(LIST, { target: 'draft-2020-12' });

/** Throws when what a verb prints is not what the schema says: for tests. */
export const parseWorktrees = (data: unknown): z.infer<typeof LIST> => LIST.parse(data);
