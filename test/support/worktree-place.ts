/** The cleanup of a worktree below the command line, so that a test may accept reasons without a terminal and cut it off at each step. */

import { cleanOne, type Cleaned } from '#cli/worktree-cleanup.ts';
import { openPlace, type Place } from '#cli/worktree-look.ts';
import type { RemovePoint } from '#worktrees/remove.ts';
import type { Workshop } from './workshop.ts';

export const placeOf = async ({ app, env }: Workshop): Promise<Place> =>
  openPlace(
    {
      cwd: app,
      env,
      isTerminal: false,
      canAsk: false,
      color: false,
      out: () => undefined,
      err: () => undefined,
      readInput: async () => Promise.resolve(''),
      setExitCode: () => undefined,
    },
    {},
  );

/** Throws `cut off at <point>` where one is named. */
export async function clean(
  shop: Workshop,
  id: string,
  accepted: readonly string[] = [],
  cutAt: RemovePoint | null = null,
): Promise<Cleaned> {
  const place = await placeOf(shop);
  return cleanOne(place, id, { accepted: new Set(accepted), base: null, isDown: false, isDryRun: false }, (point) => {
    if (point === cutAt) throw new Error(`cut off at ${point}`);
  });
}
