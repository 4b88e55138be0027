/** `docket tool check`: is this profile valid? All faults at once, with line and column. Needs no workspace, and starts nothing. */

import path from 'node:path';
import { parseProfile } from '#agents/profile-file.ts';
import { describeFault } from '#core/fault.ts';
import { printable } from '#core/names.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';

const PROFILE_BYTES_MAX = 65_536;
/** Of a file that nothing reads until a person renames it. */
export const DRAFT = '.yaml.draft';

/** Null: no name of a profile. */
const idIn = (file: string): string | null => /^(.+?)\.ya?ml(?:\.draft)?$/.exec(path.basename(file))?.[1] ?? null;

export async function checkProfile(io: Io, common: Common, file: string): Promise<void> {
  const id = idIn(file);
  if (id === null) throw new CliError(`${printable(file)} is no name of a profile: <id>.yaml or <id>${DRAFT}`, EXIT.wrongUse);
  let text: string;
  try {
    text = new TextDecoder().decode((await makeFs().readBounded(path.resolve(io.cwd, file), PROFILE_BYTES_MAX)).bytes);
  } catch (error) {
    throw new CliError(`${printable(file)} cannot be read: ${error instanceof Error ? error.message : String(error)}`, EXIT.environment);
  }
  const parsed = parseProfile(text, path.basename(file), id, makeDigest());
  const faults = parsed.ok ? [] : parsed.error;
  const words = faults.map((fault) => describeFault(fault).replaceAll(/^/gm, '  '));
  const isActive = file.endsWith('.yaml');
  const next = parsed.ok && !isActive ? `  nothing reads it until it is named ${id}.yaml` : '';
  show(
    io,
    common,
    { file, id, ok: parsed.ok, faults },
    [`${parsed.ok ? paint(io, 'green', 'valid') : paint(io, 'red', 'not valid')}  ${printable(file)}`, ...words, next]
      .filter((line) => line !== '')
      .join('\n'),
  );
  if (!parsed.ok) io.setExitCode(EXIT.notWell);
}
