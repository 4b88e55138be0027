/** What `docket status --all --json` prints, as a schema for programs: schemas/daemons.schema.json is printed from here. */

import { z } from 'zod';
import type { DaemonRow } from './status-all.ts';

const text = z.string();
const count = z.int().min(0).nullable();

const daemonRow: z.ZodType<DaemonRow> = z.looseObject({
  root: text.describe('the folder with docket.yaml'),
  app: text,
  state: z
    .enum(['up', 'silent', 'stopped', 'ended', 'elsewhere'])
    .describe(
      'silent: it has the workspace and does not answer; ended: it died; elsewhere: of another machine that shares the home folder',
    ),
  host: text,
  pid: z.int().min(2).nullable().describe('null: no process of it is known'),
  version: text,
  started_at: z.iso.datetime(),
  stopped_at: z.iso.datetime().nullable().describe('when it ended in order; null: it did not'),
  waiting: count.describe('prompts in the in/ folders; null here and below: nobody can say'),
  in_flight: count,
  running: count,
  to_review: count.describe('newest answers that await a verdict; null: being counted, or no daemon answers'),
  needs_person: count.describe('held, failed, rejected and cancelled prompts'),
  paused: z.array(text),
  faults: z.array(text).describe('for people; the words may change'),
});

export const daemonsSchema = z.looseObject({
  daemons: z.array(daemonRow),
  notes: z.array(text).describe('files of the list that are no entries'),
});

export const daemonsJsonSchema = (): unknown => ({ ...z.toJSONSchema(daemonsSchema), title: 'docket status --all --json' });
