/** The outside as the daemon's tools see it: with the account in a lane's name, a sandbox around each run, and no program called that nobody has accepted. */

import type { RunnerPorts } from '#agents/runner.ts';
import type { Digest, Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import type { Programs } from '#policy/program.ts';
import { accountHash } from './lane-rules.ts';
import { runnerPorts } from './parts.ts';
import { programGate } from './programs.ts';
import { sandboxOf } from './sandbox.ts';

export async function daemonToolPorts(
  workspace: Workspace,
  env: RunnerPorts['env'],
  programs: Programs,
  parts: { readonly fs: Fs; readonly digest: Digest },
): Promise<RunnerPorts> {
  const ports = runnerPorts(env);
  return {
    ...ports,
    account: await accountHash(workspace, parts.fs, parts.digest),
    sandbox: sandboxOf(workspace, ports),
    ...programGate(workspace, programs, true),
  };
}
