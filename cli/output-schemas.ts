/** The JSON Schemas that `output` of roles and prompt specs names, read from beside them. */

import path from 'node:path';
import type { Fault } from '#core/fault.ts';
import type { Fs } from '#core/ports.ts';
import type { OutputCheck } from '#core/role.ts';
import { fault, shown, WHOLE_FILE } from '#prompt-spec/faults.ts';

const SCHEMA_BYTES_MAX = 262_144;

/** @param file the role.yaml or prompt spec, beside which they lie. @returns the checks with the texts of their schemas, and what is wrong with these */
export async function withSchemas(
  fs: Fs,
  file: string,
  checks: readonly OutputCheck[],
): Promise<{ readonly checks: readonly OutputCheck[]; readonly faults: readonly Fault[] }> {
  if (!checks.some((check) => 'fence' in check && check.schema !== undefined)) return { checks, faults: [] };
  // A validator is much code: most verbs, and most workspaces, never need it.
  const { schemaProblem } = await import('#agents/document.ts');
  const faults: Fault[] = [];
  const read: OutputCheck[] = [];
  for (const check of checks) {
    if (!('fence' in check) || check.schema === undefined) {
      read.push(check);
      continue;
    }
    const name = check.schema.file;
    const source = await textOf(fs, path.join(path.dirname(file), name));
    const problem = source === null ? 'there is no such file beside it, or it is too large' : schemaProblem(source);
    if (source === null || problem !== null) {
      const expected = `a JSON Schema (2020-12) of at most ${String(SCHEMA_BYTES_MAX)} bytes`;
      const words = {
        message: `the schema ${shown(name)} cannot be used: ${shown(problem ?? '')}`,
        expected,
        found: shown(name),
        mend: 'mend the file, or its name',
      };
      faults.push(fault('output-schema-invalid', 'output', WHOLE_FILE, words));
    } else read.push({ ...check, schema: { file: name, source } });
  }
  return { checks: read, faults };
}

async function textOf(fs: Fs, file: string): Promise<string | null> {
  if ((await fs.facts(file))?.kind !== 'file') return null;
  return new TextDecoder().decode((await fs.readBounded(file, SCHEMA_BYTES_MAX)).bytes);
}
