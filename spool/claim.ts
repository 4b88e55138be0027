/**
 * Taking a waiting file by one rename: in/foo.md -> work/<job>.claimed. Whoever comes second finds ENOENT.
 * Invariant: the original name is in the ledger before the file leaves in/, and the file's new place is certain before anything else is
 * written about it. A crash leaves either a line about a file that is still in in/ or a whole claim.
 */

import { Buffer } from 'node:buffer';
import { jobIdFrom, SECRET_NAME, type JobId, type RoleFolder, type RoleName } from '#core/names.ts';
import type { Waiting } from '#core/spool.ts';
import { PROMPT_ENDING, type JobPaths } from './layout.ts';
import type { Line } from './ledger-lines.ts';
import { mustBeHome, ROLE_FAULTS } from './folder-faults.ts';
import { giveBack, isOwed, seenIn, seenOf } from './give-back.ts';
import { codeOf, inBatches, roleOfFolder, type Parts } from './parts.ts';
import { keyOf, sightName } from './settle.ts';

export type Claim = { readonly waiting: Waiting; readonly id: JobId; readonly dir: string };
type Plan = { readonly waiting: Waiting; readonly id: JobId; readonly paths: JobPaths; readonly line: Line };

const AT_ONCE = 64;

/**
 * Entries that are gone, changed or not settled are left out. When some cannot be taken (no permission, no space) the others still are,
 * and the trouble is logged; when none can, its error is thrown. Faults of a role's folders go to `told` instead, where there is one.
 */
export async function claim(
  parts: Parts,
  entries: readonly Waiting[],
  told?: (role: RoleName, error: Error) => void,
): Promise<readonly Claim[]> {
  const troubles: Error[] = [];
  const trouble = (role: RoleName, error: Error): void => {
    if (told !== undefined && ROLE_FAULTS.has(codeOf(error))) told(role, error);
    else troubles.push(error);
  };
  const plans: Plan[] = [];
  const guarded =
    <T, R>(role: (item: T) => RoleName, act: (item: T) => Promise<R | null>) =>
    async (item: T): Promise<R | null> => {
      try {
        return await act(item);
      } catch (error) {
        trouble(role(item), error instanceof Error ? error : new Error(String(error)));
        return null;
      }
    };
  try {
    const looks = inBatches(
      entries,
      AT_ONCE,
      guarded(
        (entry: Waiting) => entry.role,
        (entry) => planFor(parts, entry),
      ),
    );
    plans.push(...present(await looks));
    for (const plan of plans) parts.claiming.add(plan.id);
    const named = await Promise.all(
      foldersOf(plans).map(
        guarded(
          (folder: RoleFolder) => roleOfFolder(parts, folder).name,
          async (folder) => {
            const here = plans.filter((plan) => plan.waiting.folder === folder);
            const lines = here.map((plan) => plan.line);
            await mustBeHome(parts, folder, 'in', 'work');
            await parts.ledgerOf(folder).append(lines, 'safety');
            return here;
          },
        ),
      ),
    );
    const taken = inBatches(
      present(named).flat(),
      AT_ONCE,
      guarded(
        (plan: Plan) => plan.waiting.role,
        (plan) => take(parts, plan),
      ),
    );
    const claims = present(await taken);
    // Before anything is written about the file its place must be certain: a power cut may not take the claim back and leave its records.
    await Promise.all(
      foldersOf(claims).flatMap((folder) => [
        parts.sync(parts.layout.work(folder), 'safety'),
        parts.sync(parts.layout.in(folder), 'no-second-run'),
      ]),
    );
    const [first] = troubles;
    if (first !== undefined) {
      if (claims.length === 0) throw first;
      parts.log.warn('some files could not be claimed', { count: troubles.length, code: codeOf(first) });
    }
    return claims;
  } finally {
    for (const { id } of plans) if (!parts.owed.has(id)) parts.claiming.delete(id);
  }
}

const present = <T>(items: readonly (T | null)[]): T[] => items.filter((item) => item !== null);
const foldersOf = (items: readonly { readonly waiting: Waiting }[]): RoleFolder[] => [...new Set(items.map((item) => item.waiting.folder))];

/** Null when the file is not what was seen. */
async function planFor(parts: Parts, waiting: Waiting): Promise<Plan | null> {
  const entry = parts.layout.entry(waiting.folder, waiting.rawName);
  if (waiting.kind === 'settling' || (await isOwed(parts, entry))) return null;
  const facts = await parts.fs.facts(entry);
  if (facts === null || keyOf(facts) !== waiting.key) {
    parts.sights.byName.delete(sightName(waiting.folder, waiting.rawName));
    return null;
  }
  const id = jobIdFrom(parts.digest.randomBytes(10));
  const isSecret = parts.isSecretName?.(Buffer.from(waiting.rawName).toString('utf8')) === true;
  const name = Buffer.from(isSecret ? `${SECRET_NAME}-${id}${PROMPT_ENDING}` : waiting.rawName).toString('hex');
  const at = parts.clock.now().toISOString();
  // A name that holds a secret is not written down, so nothing could go back under it.
  const line: Line = { do: 'claim', id, name, at, ...(isSecret ? {} : { seen: seenIn(waiting.key) }) };
  return { waiting, id, paths: parts.layout.job(waiting.folder, id), line };
}

async function take(parts: Parts, { waiting, id, paths }: Plan): Promise<Claim | null> {
  const entry = parts.layout.entry(waiting.folder, waiting.rawName);
  try {
    await parts.fs.rename(entry, paths.claimed);
  } catch (error) {
    // Some network file systems answer with an error although the rename happened: the file's place decides.
    if ((await parts.fs.facts(paths.claimed)) === null) {
      parts.ledgerOf(waiting.folder).forget(id);
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  }
  parts.sights.byName.delete(sightName(waiting.folder, waiting.rawName));
  const taken = await parts.fs.facts(paths.claimed);
  const isOther = taken !== null && seenOf(taken) !== seenIn(waiting.key);
  if (isOther && (await giveBack(parts, id, { folder: waiting.folder, claimed: paths.claimed, entry }, taken))) {
    // Not its name, which may hold a secret.
    parts.log.info('a file was changed while it was claimed: it goes back, and waits until it is settled', { role: waiting.role });
    return null;
  }
  return { waiting, id, dir: paths.dir };
}
