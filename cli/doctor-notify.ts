/** Who is told what, and whether the ways are there. Nothing is sent: `docket notify test` does. */

import type { Workspace } from '#core/settings.ts';
import { warn, well, type Check } from './doctor-checks.ts';
import { planWords } from './notify.ts';
import { notifyPlan } from './notify-ways.ts';
import { clock } from './parts.ts';

export async function lookAtNotify(
  workspace: Pick<Workspace, 'settings' | 'root'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Check[]> {
  const plan = await notifyPlan(workspace, env, clock, () => undefined);
  if (plan.faults.length > 0) return [warn('notices', plan.faults.join('; '), 'mend docket.yaml (docs/glance.md "Notices")')];
  return [well('notices', `${planWords(plan)}; \`docket notify test\` sends one`)];
}
