/** The outside as the daemon's tools see it: with the account in a lane's name, a sandbox around each run, and no program called that nobody has accepted. */

import type { RunnerPorts } from '#agents/runner.ts';
import type { Workspace } from '#core/settings.ts';
import type { Programs } from '#policy/program.ts';
import { runnerPorts } from './parts.ts';
import { programGate } from './programs.ts';
import { sandboxOf } from './sandbox.ts';
import type { Accounts } from './shared.ts';

export function daemonToolPorts(workspace: Workspace, env: RunnerPorts['env'], programs: Programs, accounts: Accounts): RunnerPorts {
  const ports = runnerPorts(env);
  return {
    ...ports,
    account: accounts.letters,
    sandbox: sandboxOf(workspace, ports),
    ...programGate(workspace, programs, true),
  };
}
