/**
 * Which program of each runner was accepted, in queues/.docket/programs.json (policy.program_change: hold).
 *
 *   not known -> accepted (the first one seen) -> another file under the same name: held -> accepted by a person
 *
 * Invariant: only the first look and a person's word write here; a file that cannot be understood accepts nothing.
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import { isSha256, type Sha256 } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';

export type SeenProgram = { readonly program: string; readonly sha256: Sha256; readonly version: string | null };
export type AcceptedProgram = SeenProgram & { readonly runner: string; readonly by: string; /** ISO 8601, UTC */ readonly at: string };

type ProgramFs = Pick<Fs, 'facts' | 'readBounded' | 'replace' | 'syncFolder'>;

export type Programs = {
  /** Null: none was seen yet. Throws with words when the file is none of ours. */
  of(runner: string): Promise<AcceptedProgram | null>;
  /** Durable when it resolves. */
  accept(accepted: AcceptedProgram): Promise<void>;
};

const SIZE_MAX = 1_000_000;
/** By whom the first one of a runner was accepted. */
export const FIRST_SEEN = 'docket, as the first one seen';

const isText = (value: unknown): value is string => typeof value === 'string';

function acceptedOf(value: unknown): AcceptedProgram | null {
  if (typeof value !== 'object' || value === null) return null;
  const { runner, program, sha256, version, by, at } = value as Readonly<Record<string, unknown>>;
  if (!isText(runner) || !isText(program) || !isText(sha256) || !isSha256(sha256) || !isText(by) || !isText(at)) return null;
  return version === null || isText(version) ? { runner, program, sha256, version, by, at } : null;
}

/** Null: it is not such a file. */
function parse(text: string): readonly AcceptedProgram[] | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof data !== 'object' || data === null || !('v' in data) || data.v !== 1 || !('programs' in data) || !Array.isArray(data.programs))
    return null;
  const programs = data.programs.map(acceptedOf);
  return programs.every((one) => one !== null) ? programs : null;
}

/** Read anew each time: a person may have accepted one while no daemon ran. @param file absolute */
export function makePrograms(fs: ProgramFs, file: string): Programs {
  let writing = Promise.resolve();
  const read = async (): Promise<readonly AcceptedProgram[]> => {
    if ((await fs.facts(file)) === null) return [];
    const programs = parse(new TextDecoder().decode((await fs.readBounded(file, SIZE_MAX)).bytes));
    if (programs === null)
      throw new Error(
        `${file} does not say which programs were accepted in a form that docket knows: mend it, or remove it (then the next ones seen are)`,
      );
    return programs;
  };
  /** One after the other. */
  const write = async (accepted: AcceptedProgram, before: Promise<void>): Promise<void> => {
    await before;
    const others = (await read()).filter(({ runner }) => runner !== accepted.runner);
    await fs.replace(file, `${JSON.stringify({ v: 1, programs: [...others, accepted] }, null, 2)}\n`, 'safety');
    await fs.syncFolder(path.dirname(file), 'safety');
  };
  return {
    of: async (runner) => (await read()).find((one) => one.runner === runner) ?? null,
    async accept(accepted) {
      const turn = write(accepted, writing);
      writing = turn.catch(() => undefined);
      return turn;
    },
  };
}

const SHOWN = 12;
const shown = ({ program, sha256, version }: SeenProgram): string =>
  `${program}${version === null ? '' : ` ${version}`} (sha256 ${sha256.slice(0, SHOWN)}…)`;

/** For people: what was accepted, and what is there now. */
export const changeWords = (accepted: AcceptedProgram, seen: SeenProgram): string =>
  `accepted was ${shown(accepted)}, by ${accepted.by} at ${accepted.at}; there is now ${shown(seen)}`;

export const isSame = (accepted: AcceptedProgram, seen: SeenProgram): boolean =>
  accepted.program === seen.program && accepted.sha256 === seen.sha256;

/** Starts the failure's words; `docket accept` finds the lanes by it. */
export const changedProgram = (runner: string): string => `the program of ${runner} has changed`;

export type ProgramGate = {
  readonly programs: Programs;
  readonly now: () => Date;
  /** False: a look that writes nothing (doctor). */
  readonly remembers: boolean;
};

/** Null: this program may be called. Its version may be unknown: one that was not accepted is not even asked for it. */
export async function mayCall(
  { programs, now, remembers }: ProgramGate,
  runner: string,
  facts: { readonly program: string | null; readonly programSha256: Sha256 | null; readonly version: string | null },
): Promise<Failure | null> {
  const { program, programSha256: sha256, version } = facts;
  if (program === null) return null;
  const fault = (what: string, message: string): Failure => ({
    kind: 'environment',
    what,
    path: program,
    code: 'PROGRAM_CHANGED',
    message,
  });
  const of = `the program of ${runner}`;
  if (sha256 === null) return fault(of, 'it could not be read, so nobody knows whether it is the one that was accepted');
  const seen = { program, sha256, version };
  try {
    const accepted = await programs.of(runner);
    if (accepted !== null && !isSame(accepted, seen))
      return fault(
        changedProgram(runner),
        `${changeWords(accepted, seen)} (\`docket accept ${runner}\` when that is well; policy.program_change)`,
      );
    const isNews = accepted === null || (accepted.version === null && version !== null);
    const by = { by: accepted?.by ?? FIRST_SEEN, at: accepted?.at ?? now().toISOString() };
    if (isNews && remembers) await programs.accept({ runner, ...seen, ...by });
    return null;
  } catch (error) {
    return fault(of, `nobody knows whether it was accepted: ${error instanceof Error ? error.message : String(error)}`);
  }
}
