/** What a prompt waits for: `[feature/]role[@revision]`, or `feature/role/name[@revision]` for a prompt with a name of its own. */

import { type FeatureId, parseFeature, parsePromptName, parseRoleName, type PromptName, type RoleName } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';

/** `feature` null: the feature of the prompt that waits. */
export type WrittenDependency = {
  readonly feature: FeatureId | null;
  readonly role: RoleName;
  readonly name: PromptName | null;
  readonly revision: number | null;
};

export const REVISION_MAX = 1_000_000_000;

export function parseDependency(text: string): Result<WrittenDependency, string> {
  const form = /^([^@]{1,160})(?:@([1-9][0-9]{0,9}))?$/.exec(text);
  const parts = form?.[1]?.split('/') ?? [];
  if (form === null || parts.length > 3) return err('is not of the form role, feature/role or feature/role@revision');
  const revision = form[2] === undefined ? null : Number(form[2]);
  if (revision !== null && revision > REVISION_MAX) return err(`has a revision above ${String(REVISION_MAX)}`);
  const [featureText, roleText, nameText] = parts.length === 1 ? [null, parts[0], null] : [parts[0] ?? '', parts[1], parts[2] ?? null];
  const role = parseRoleName(roleText ?? '');
  if (!role.ok) return err(`has no role where one is expected (${role.error})`);
  const feature = featureText === null ? null : parseFeature(featureText);
  if (feature?.ok === false) return err(`names no feature before the slash (${feature.error})`);
  const name = nameText === null ? null : parsePromptName(nameText);
  if (name?.ok === false) return err(`has a wrong name behind the role (${name.error})`);
  return ok({ feature: feature === null ? null : feature.value.id, role: role.value, name: name === null ? null : name.value, revision });
}
