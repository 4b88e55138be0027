/** What lies in work/, of the roles whose folders can be used now: one that cannot keeps no other from its jobs. */

import { classifyError } from '#core/disk.ts';
import type { Leftover } from '#core/spool.ts';
import type { Ports } from './ports.ts';

/** `isWhole`: nothing is missing. Throws what concerns all of them. */
export async function soundLeftovers({
  spool,
  roles,
}: Pick<Ports, 'spool' | 'roles'>): Promise<{ readonly found: readonly Leftover[]; readonly isWhole: boolean }> {
  try {
    return { found: await spool.leftovers(), isWhole: true };
  } catch (error) {
    if (classifyError(error) !== 'environment') throw error;
  }
  const found: Leftover[] = [];
  for (const { folder } of roles.values())
    try {
      found.push(...(await spool.leftovers(folder)));
    } catch (error) {
      // The look tells why.
      if (classifyError(error) !== 'environment') throw error;
    }
  return { found, isWhole: false };
}
