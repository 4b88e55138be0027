/** Can this workspace share limits and budgets with the other dockets of this machine (docs/sharing.md)? Makes nothing. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import type { OpenDatabase } from '#platform/sqlite.ts';
import { warn, well, wordsOf, type Check } from './doctor-checks.ts';
import type { Io } from './io.ts';
import { connectControl } from './open.ts';
import { LIMITS_FILE } from './shared.ts';
import { userStateFolder } from './user-state.ts';

const CHECK = 'shared limits';
const PRIVATE = 0o077;

export async function lookAtSharing(
  { fs, openDatabase }: { readonly fs: Pick<Fs, 'facts' | 'fileSystem'>; readonly openDatabase: OpenDatabase },
  workspace: Workspace,
  env: Io['env'],
): Promise<readonly Check[]> {
  if (!workspace.settings['throttle.shared']) return [well(CHECK, 'switched off (throttle.shared)')];
  const trouble = await toldTrouble(workspace);
  if (trouble !== null) return [warn(CHECK, `the daemon goes by its own limits: ${trouble}`, `mend it; it asks again every few seconds`)];
  const folder = userStateFolder(env);
  if (folder === null) return [warn(CHECK, 'neither XDG_STATE_HOME nor HOME names a folder', 'set one of them, absolute')];
  const facts = await fs.facts(folder);
  if (facts === null) return [well(CHECK, `${folder} is made at the first start`)];
  if (facts.kind !== 'folder') return [warn(CHECK, `${folder} is no folder`, 'move it away')];
  if ((facts.mode & PRIVATE) !== 0) return [warn(CHECK, `${folder} can be read by others`, `chmod 700 ${folder}`)];
  const place = await fs.fileSystem(folder);
  if (place.network)
    return [
      warn(
        CHECK,
        `${folder} is on a network file system (${place.type}), where locks cannot be trusted`,
        'set XDG_STATE_HOME to a local folder',
      ),
    ];
  const file = path.join(folder, LIMITS_FILE);
  if ((await fs.facts(file)) === null) return [well(CHECK, `${file} is made at the first start`)];
  return [lookInto(openDatabase, file)];
}

/** What a running daemon says of it. */
async function toldTrouble(workspace: Workspace): Promise<string | null> {
  const control = await connectControl(workspace);
  if (control === null) return null;
  try {
    const reply = await control.ask('status');
    return reply.ok && typeof reply['sharing_trouble'] === 'string' ? reply['sharing_trouble'] : null;
  } finally {
    control.close();
  }
}

function lookInto(openDatabase: OpenDatabase, file: string): Check {
  try {
    const database = openDatabase(file, { readOnly: true });
    try {
      const count = (table: string): number => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'] ?? 0);
      return well(CHECK, `${file}: ${String(count('slot'))} slots taken, ${String(count('hold'))} accounts held`);
    } finally {
      database.close();
    }
  } catch (error) {
    return warn(
      CHECK,
      `${file} cannot be used: ${wordsOf(error)}`,
      'move it away while no daemon runs; it is made again, and only holds are forgotten',
    );
  }
}
