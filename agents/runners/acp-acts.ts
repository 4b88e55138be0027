/** What an agent asked and changed, out of the lines of cli/acp-call.ts: for evidence. Pure, and bounded whatever the output holds. */

import { z } from 'zod';
import type { Sha256 } from '#core/names.ts';
import type { FileDiff, ToolActs, ToolAsk } from '#core/run.ts';

const SHOWN_MAX = 100;
const PATHS_MAX = 20;

const word = z.string().transform((text) => text.slice(0, 300));
const Permission = z.object({
  type: z.literal('permission'),
  kind: word,
  title: word,
  paths: z.array(word).transform((paths) => paths.slice(0, PATHS_MAX)),
  decision: z.enum(['allowed', 'rejected']),
  rule: word,
});
const facts = z.object({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .transform((hash) => hash as Sha256),
  sizeBytes: z.int().min(0),
});
const Diff = z.object({ type: z.literal('diff'), path: word, before: facts.nullable(), after: facts, by: z.enum(['agent', 'docket']) });

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** The first of each, rejected ones before allowed ones when there are too many; null: it asked nothing and changed nothing that it told. */
export function actsIn(stdout: string): ToolActs | null {
  const asked: ToolAsk[] = [];
  const diffs: FileDiff[] = [];
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{"type":"permission"') && !line.startsWith('{"type":"diff"')) continue;
    const value = parseLine(line);
    const permission = Permission.safeParse(value);
    const diff = Diff.safeParse(value);
    if (permission.success) {
      const { type: _, ...ask } = permission.data;
      asked.push(ask);
    } else if (diff.success) {
      const { type: _, ...one } = diff.data;
      diffs.push(one);
    }
  }
  if (asked.length === 0 && diffs.length === 0) return null;
  const leftOut = Math.max(0, asked.length - SHOWN_MAX) + Math.max(0, diffs.length - SHOWN_MAX);
  const rejected = asked.filter(({ decision }) => decision === 'rejected').slice(0, SHOWN_MAX);
  const room = SHOWN_MAX - rejected.length;
  const keep = new Set([...rejected, ...asked.filter(({ decision }) => decision === 'allowed').slice(0, room)]);
  return { asked: asked.filter((ask) => keep.has(ask)), diffs: diffs.slice(0, SHOWN_MAX), leftOut };
}
