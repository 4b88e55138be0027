/**
 * Single faults of the disk instead of crashes: at every change of a life one call fails, once. ENOSPC: the daemon goes on by itself when there is room
 * again. EIO: it stops at once, because what a failed sync leaves is known to nobody (the kernel drops the bytes and calls them clean); then the
 * process is gone, or the power, and the next life must put it right.
 */

import { cut } from '#test/support/sim-disk.ts';
import { firstWorld, live, worldAfter } from './explore.ts';
import { ELSEWHERE, TAKEN } from './hands.ts';
import type { Scenario } from './scenarios.ts';
import type { World } from './state.ts';

type Fault = { readonly code: 'ENOSPC' | 'EIO'; readonly at: number };

export async function faults(scenario: Scenario): Promise<{ readonly faults: number; readonly bad: readonly string[] }> {
  const bad: string[] = [];
  let tried = 0;
  const start = await firstWorld(scenario);
  for (const code of ['ENOSPC', 'EIO'] as const)
    for (let at = 1; ; at++) {
      const broken = await withFault(scenario, start, { code, at });
      if (broken === null) break;
      const { world, where } = broken;
      const lost = cut(
        world.disk,
        () => false,
        () => 'none',
      );
      for (const [what, next] of [
        ['killed', worldAfter(world, world.disk, false, false)],
        ['the power is lost', worldAfter(world, lost, false, false)],
      ] as const) {
        tried++;
        const { wrong } = await live(scenario, next, 1, {});
        if (wrong[0] !== undefined) bad.push(`${wrong[0]} [${code} at ${where}; ${what}]`);
      }
    }
  return { faults: tried, bad };
}

/** A life in which the call of this number fails. Null: there is no such call. */
async function withFault(
  scenario: Scenario,
  start: World,
  fault: Fault,
): Promise<{ readonly world: World; readonly where: string } | null> {
  let calls = 0;
  const hit: string[] = [];
  let isDead = false;
  const fails = (change: string, file: string): void => {
    if (isDead) throw Object.assign(new Error('the process is gone'), { code: 'EIO' });
    // The hands of others fail on their own account.
    if (file.startsWith(ELSEWHERE) || file.startsWith(TAKEN) || ++calls !== fault.at) return;
    hit.push(`${change} ${file}`);
    throw Object.assign(new Error(`${fault.code}: simulated`), { code: fault.code });
  };
  const { sim, outside } = await live(scenario, start, 0, {
    fails,
    onFatal: () => {
      isDead = true;
    },
  });
  const [where] = hit;
  return where === undefined ? null : { world: { disk: sim.disk(), outside }, where };
}
