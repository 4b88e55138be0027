/** The sandbox of a workspace (tools/sandbox.ts): its setting, the places of this machine, and what doctor says of it. */

import path from 'node:path';
import type { RunnerPorts } from '#agents/runner.ts';
import type { Workspace } from '#core/settings.ts';
import { realPath } from '#platform/soft-link.ts';
import { homeFolder, systemFacts, temporaryFolder, userId } from '#platform/system.ts';
import type { Sandbox, SandboxMode } from '#tools/sandbox-places.ts';
import { makeSandbox } from '#tools/sandbox.ts';
import { bad, warn, well, type Check } from './doctor-checks.ts';
import { defaultKeyFile } from './signing.ts';

type Placed = Pick<Workspace, 'settings' | 'root' | 'queues' | 'history' | 'state'>;

/** Where container engines that need no root keep their sockets, in a home. */
const ENGINES = ['.docker/run', '.docker/desktop', '.colima', '.lima', '.rd', '.orbstack/run'] as const;

export const sandboxOf = (workspace: Placed, ports: RunnerPorts): Sandbox =>
  makeSandbox(
    workspace.settings['tools.sandbox'] as SandboxMode,
    {
      platform: systemFacts().platform,
      isRoot: userId() === 0,
      state: workspace.state,
      readOnly: [
        workspace.queues,
        workspace.history,
        ...['docket.yaml', 'docket.local.yaml'].map((name) => path.join(workspace.root, name)),
      ],
      engines: ENGINES.map((name) => path.join(homeFolder(), name)),
      // The key that signs the records: a tool that could read it could sign as docket.
      hidden: [path.dirname(defaultKeyFile())],
      temporary: ['/tmp', temporaryFolder()],
      real: realPath,
    },
    ports,
  );

/** A line of `docket doctor`. */
export async function lookAtSandbox(workspace: Placed, ports: RunnerPorts): Promise<Check> {
  const { mode, look } = sandboxOf(workspace, ports);
  if (mode === 'off')
    return warn('sandbox', 'tools.sandbox is off: a tool can write whatever this account can', 'set tools.sandbox to auto');
  const found = await look();
  if (found.isThere)
    return well(
      'sandbox',
      mode === 'required'
        ? `${found.words}: a tool can write only its worktree and its own state`
        : `${found.words}: the tools docket knows, and runners with sandbox: true, can write only their worktree and their own state`,
    );
  return mode === 'required'
    ? bad('sandbox', `tools.sandbox is required, and there is none: ${found.why}`, 'mend that; until then prompts wait')
    : warn(
        'sandbox',
        `none: ${found.why}; a tool can write whatever this account can`,
        'mend that, or write `tools: { sandbox: off }` to say that it is known',
      );
}
