/** prompt-spec/vX.Y.Z/NN_role.md -> core/role.ts PromptSpec: the versioned instructions of a role, and what a right answer must contain. */

import { z } from 'zod';
import type { Fault } from '#core/fault.ts';
import { parseRoleName } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { PromptSpec } from '#core/role.ts';
import { fault, shown, WHOLE_FILE } from './faults.ts';
import { readHeader, splitFences } from './front-matter.ts';
import { must, OUTPUT_SCHEMA, OUTPUT_WORDS, readShape, through } from './shape.ts';
import { isVersion } from './version.ts';

const SIZE_MAX = 600_000;
const HEADER_BYTES_MAX = 16_384;

const WORDS = {
  role: "the role's name, the same as in the file name",
  summary: 'one line of text: what the role does in this version',
  output: OUTPUT_WORDS,
} as const;

export const SPEC_SCHEMA = z.strictObject({
  role: z
    .string()
    .meta({ description: WORDS.role })
    .transform(through(must(parseRoleName))),
  summary: z.string().trim().min(1).max(500).meta({ description: WORDS.summary }),
  output: OUTPUT_SCHEMA.meta({ description: WORDS.output }),
});

/** `…/v2.1.0/01_architect.md` -> `2.1.0` and `architect`. Null for every other file: folders hold more than specs. */
export function specFileName(path: string): { readonly version: string; readonly role: string } | null {
  const parts = /(?:^|[/\\])v([^/\\]+)[/\\][0-9]{2}_([^/\\]+)\.md$/.exec(path);
  const [, version = '', role = ''] = parts ?? [];
  return parts !== null && isVersion(version) && parseRoleName(role).ok ? { version, role } : null;
}

/** @param file its path, at least the last folder and the name */
export function parseSpec(source: string, file: string): Result<PromptSpec, readonly Fault[]> {
  const named = specFileName(file);
  if (named === null) return refuse('spec-file-name', 'name', file, 'vX.Y.Z/NN_role.md', file);
  if (source.length > SIZE_MAX)
    return refuse('spec-too-large', 'file', file, `at most ${String(SIZE_MAX)} characters`, String(source.length));
  const parts = splitFences(source);
  if (!parts.ok) return parts;
  const front = readHeader(parts.value, HEADER_BYTES_MAX);
  if (!front.ok) return front;
  const read = readShape(front.value, SPEC_SCHEMA, { kind: 'spec', file, words: WORDS });
  if (!read.ok) return read;
  const { role, summary, output } = read.value;
  if (role !== named.role) return refuse('spec-role-differs', 'role', file, named.role, role);
  if (front.value.body.trim() === '') return refuse('spec-body-empty', 'body', file, 'instructions below the front matter', 'nothing');
  return ok({ role, version: named.version, summary, output, instructions: front.value.body, file, source });
}

const refuse = (code: string, field: string, file: string, expected: string, found: string): Result<never, readonly Fault[]> =>
  err([
    fault(code, field, WHOLE_FILE, {
      message: `${file} cannot be a prompt spec`,
      expected,
      found: shown(found),
      mend: 'mend the file, or its name',
    }),
  ]);
