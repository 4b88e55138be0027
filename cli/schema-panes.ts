/** A plan of panes as a schema for programs: schemas/panes.schema.json, what `docket panes --print --json` prints. docs/panes.md. */

import { z } from 'zod';
import type { PanePlan } from '#core/panes.ts';

const index = z.int().min(0).max(5);

const PLAN = z
  .strictObject({
    v: z.literal(1),
    session: z.string().regex(/^[A-Za-z0-9_-]{1,140}$/),
    owner: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('SHA-256 of folder'),
    folder: z.string().max(4_096).describe('the workspace, absolute'),
    feature: z.string().max(64).nullable(),
    windows: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[a-z0-9-]{1,40}$/),
          panes: z
            .array(
              z.strictObject({
                role: z.string().regex(/^[0-9]{2}-[a-z0-9-]+$/),
                title: z.string().max(100),
                mode: z.enum(['follow', 'interactive']).describe("interactive: a person's own session, not recorded"),
                args: z.array(z.string().max(4_096)).min(2).describe('program and arguments; never a shell line'),
              }),
            )
            .min(1)
            .max(6),
          rows: z.array(z.int().min(1).max(2)).min(1).max(3).describe('panes side by side in each row, from above'),
          splits: z
            .array(z.strictObject({ pane: index, from: index, side: z.enum(['right', 'below']) }))
            .max(5)
            .describe('in this order; the first pane is the window itself'),
        }),
      )
      .min(1),
  })
  .describe('docket panes --print --json: what would be opened.');

/** Does not compile while a key is missing above. */
type SameKeys<A, B> = [Exclude<keyof A, keyof B>, Exclude<keyof B, keyof A>] extends [never, never] ? true : never;
const isWhole: readonly [SameKeys<z.infer<typeof PLAN>, PanePlan>] = [true];

export const panesJsonSchema = (): unknown => (isWhole.every(Boolean) ? z.toJSONSchema(PLAN) : {});

/** Is it one, as the schema says? For the test that holds the schema against what is printed. */
export const isPanePlan = (value: unknown): boolean => PLAN.safeParse(value).success;
