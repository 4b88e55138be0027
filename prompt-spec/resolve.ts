/**
 * Which installed prompt spec a prompt runs with: the newest that is compatible with the version its author wrote against.
 * Compatible is semver's caret rule (https://semver.org, node-semver "Caret Ranges"); pre-releases only when asked for exactly.
 */

import semver from 'semver';
import type { Fault } from '#core/fault.ts';
import type { RoleName } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { PromptSpec } from '#core/role.ts';
import { fault, type Place, shown, WHOLE_FILE } from './faults.ts';
import { isPrerelease, isVersion } from './version.ts';

/**
 * @param installed all specs of all roles; of two with the same role and version the first one counts (the workspace's own before the package's)
 * @param at where the prompt says it, for the fault; asked only when there is one
 */
export function resolveSpec(
  asked: string,
  role: RoleName,
  installed: readonly PromptSpec[],
  at: () => Place = () => WHOLE_FILE,
): Result<PromptSpec, Fault> {
  const mine = installed.filter((spec) => spec.role === role && isVersion(spec.version));
  const exact = mine.find((spec) => spec.version === asked);
  if (isVersion(asked)) {
    if (exact !== undefined && isPrerelease(asked)) return ok(exact);
    const best = newest(mine.filter((spec) => !isPrerelease(spec.version) && semver.satisfies(spec.version, `^${asked}`)));
    if (best !== null) return ok(best);
  }
  return err(refusal(asked, role, mine, at()));
}

/** What a new prompt of this role asks for: the newest release that is installed; null when there is none. */
export const newestVersion = (role: RoleName, installed: readonly PromptSpec[]): string | null =>
  newest(installed.filter((spec) => spec.role === role && isVersion(spec.version) && !isPrerelease(spec.version)))?.version ?? null;

function newest(specs: readonly PromptSpec[]): PromptSpec | null {
  let best: PromptSpec | null = null;
  for (const spec of specs) if (best === null || semver.gt(spec.version, best.version)) best = spec;
  return best;
}

/** Versions that may replace each other: same MAJOR, and below 1.0.0 the same MINOR (below 0.1.0 none). */
const series = (version: string): string => {
  const { major, minor, patch } = new semver.SemVer(version);
  if (major > 0) return `${String(major)}.x.y`;
  return minor > 0 ? `0.${String(minor)}.x` : `0.0.${String(patch)}`;
};

function refusal(asked: string, role: RoleName, mine: readonly PromptSpec[], at: Place): Fault {
  const field = 'prompt_spec_version';
  const found = shown(asked);
  const versions = [...new Set(mine.map((spec) => spec.version))].toSorted(semver.compare);
  const all = versions.join(', ');
  if (!isVersion(asked)) {
    const words = { message: 'this is no version of three numbers', expected: all, found, mend: 'write the version of a prompt spec' };
    return fault('prompt-spec-version-invalid', field, at, words);
  }
  if (versions.length === 0) {
    const words = {
      message: `no prompt spec is installed for the role ${role}`,
      expected: 'a file prompt-spec/vX.Y.Z/NN_role.md of this role',
      found,
      mend: 'install one, or give the prompt to another role',
    };
    return fault('prompt-spec-version-none', field, at, words);
  }
  const sameSeries = versions.filter((version) => !isPrerelease(version) && series(version) === series(asked));
  const last = sameSeries.at(-1);
  if (last === undefined) {
    const words = {
      message: `no ${series(asked)} prompt spec is installed for the role ${role}`,
      expected: `one that is compatible with an installed version: ${all}`,
      found,
      mend: `write against one of ${all}, or install ${series(asked)}`,
    };
    return fault('prompt-spec-version-major', field, at, words);
  }
  const words = {
    message: `the newest ${series(asked)} prompt spec of the role ${role} is ${last}, which is older`,
    expected: `at most ${last} (installed: ${all})`,
    found,
    mend: `write ${last}, or install a newer prompt spec`,
  };
  return fault('prompt-spec-version-too-new', field, at, words);
}
