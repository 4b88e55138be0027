/** What `docket work-on --json` prints, `fix` and `work-on --prd` with keys of their own beside it: schemas/work-on.schema.json. docs/worktrees.md. */

import { z } from 'zod';

const text = z.string();

export const workOnSchema = z.looseObject({
  v: z.literal(1),
  id: text.describe('feature id'),
  slug: text.nullable(),
  stream: z.enum(['feature', 'fix']),
  branch: text.describe('short name'),
  folder: text.describe('the work tree, absolute'),
  base: text.nullable().describe('the branch that it was begun from; null: begun from a commit'),
  baseCommit: text,
  createdAt: z.iso.datetime(),
  createdBy: text.nullable(),
  adopted: z.boolean().describe('it was there before docket knew it'),
  source: z
    .discriminatedUnion('kind', [
      z.looseObject({ kind: z.literal('prd'), folder: text, feature: text.nullable() }),
      z.looseObject({ kind: z.literal('issue'), log: text, number: text, title: text }),
    ])
    .nullable(),
  root: text.describe('the workspace in it: the folder of docket.yaml'),
  how: z.enum(['made', 'adopted', 'reopened', 'mended']),
  isNew: z.boolean(),
  notes: z.array(text).describe('for people; the words may change'),
  failed: text.nullable().describe('why it is not ready to be worked in; null: it is'),
  pid: z.int().min(2).nullable().describe('of the daemon that was started; null: none was'),
});

export const workOnJsonSchema = (): unknown => ({ ...z.toJSONSchema(workOnSchema), title: 'docket work-on --json' });
