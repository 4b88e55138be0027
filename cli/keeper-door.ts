/** How the keeper of a workspace is reached: its socket in the state folder; started as a process of its own when there is something for it to do. */

import type { Keeper, Log } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { connectKeeper, keeperProgram, type Turn } from '#tools/keeper-client.ts';
import { clock } from './parts.ts';
import { moduleFile } from './package.ts';

/** @param turn of the daemon: what it must not start any more when the turn is another's; null: nobody else uses this folder (`docket replay`) */
export const connectWorkspaceKeeper = async (workspace: Pick<Workspace, 'state'>, log: Log, turn: Turn | null): Promise<Keeper> =>
  connectKeeper({
    state: workspace.state,
    sockets: makeSockets(),
    clock,
    log,
    fs: makeFs(),
    digest: makeDigest(),
    turn,
    spawnKeeper: async (flags) => {
      await makeProcesses().startDetached(keeperProgram(process.execPath, moduleFile('cli/keeper'), workspace.state, flags));
    },
  });
