/** How the keeper of a workspace is reached: its socket in the state folder, started as a process of its own when nobody answers. */

import type { Keeper, Log } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeProcesses } from '#platform/process.ts';
import { makeSockets } from '#platform/socket.ts';
import { connectKeeper } from '#tools/keeper-client.ts';
import { clock } from './parts.ts';
import { moduleFile } from './package.ts';
import { keeperOutputFile } from './places.ts';

/** Of our own environment the keeper gets nothing but what Node needs: each run brings its own. */
const keeperEnv = (env: Readonly<Record<string, string | undefined>>): Record<string, string> => ({
  PATH: env['PATH'] ?? '/usr/bin:/bin',
  ...(env['HOME'] === undefined ? {} : { HOME: env['HOME'] }),
});

export async function connectWorkspaceKeeper(workspace: Workspace, log: Log, env: Readonly<Record<string, string | undefined>>): Promise<Keeper> {
  const processes = makeProcesses();
  return connectKeeper({
    state: workspace.state,
    sockets: makeSockets(),
    clock,
    log,
    fs: makeFs(),
    digest: makeDigest(),
    processes,
    spawnKeeper: async () => {
      await processes.startDetached({
        program: process.execPath,
        args: [moduleFile('cli/keeper'), workspace.state],
        env: keeperEnv(env),
        cwd: workspace.state,
        outputPath: keeperOutputFile(workspace.state),
      });
    },
  });
}
