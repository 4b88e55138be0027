/** Whether a runner's program may be called (policy.program_change), for the daemon and for those who only look. */

import type { RunnerPorts } from '#agents/runner.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { makePrograms, mayCall, type Programs } from '#policy/program.ts';
import { clock } from './parts.ts';
import { programsFile } from './places.ts';

export const programsOf = (workspace: Pick<Workspace, 'state'>, fs = makeFs()): Programs => makePrograms(fs, programsFile(workspace.state));

/** For `RunnerPorts`; empty when the setting says that changes are nobody's business. */
export function programGate(workspace: Pick<Workspace, 'settings'>, programs: Programs, remembers: boolean): Pick<RunnerPorts, 'mayCall'> {
  if (workspace.settings['policy.program_change'] !== 'hold') return {};
  const gate = { programs, now: () => clock.now(), remembers };
  return { mayCall: async (runner, facts) => mayCall(gate, runner, facts) };
}
