/** What a key does in a pane that follows a role: a prompt out of the editor into the role's inbox, and words on what awaits a verdict. */

import type { FeatureId } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import { drop, poke } from './add.ts';
import { compose, editText } from './compose.ts';
import { CliError, type Io } from './io.ts';
import type { Opened } from './open.ts';
import { newestEnds, type RoleQueue } from './role-queue.ts';
import { featureOf } from './worktree-feature.ts';

export const KEYS = 'e add a prompt  r review  q quit';

export function reviewHint({ folder }: Pick<Role, 'folder'>, queue: RoleQueue | null): string {
  const count = queue?.to_review ?? null;
  if (count === null)
    return `${queue?.up === true ? 'what awaits a verdict is being counted' : 'what awaits a verdict is counted by the daemon, and none runs'}: \`docket review\` lists it`;
  return count === 0
    ? `nothing of ${folder} awaits a verdict`
    : `${String(count)} of ${folder} ${count === 1 ? 'awaits' : 'await'} a verdict: read and judge with \`docket review\` in a terminal of your own`;
}

/** The editor, then the text into the inbox. Never throws: what is wrong with the text is told, and the text stays where it was written. */
export async function dropEdited(io: Io, opened: Opened, role: Role): Promise<string> {
  let file: string | null = null;
  try {
    const edited = await editText(io, '');
    ({ file } = edited);
    const feature = await featureFor(opened, role);
    const composed = await compose(io, opened, role, undefined, { given: edited.text, ...(feature === null ? {} : { feature }) });
    const dropped = await drop(io, opened, role, composed);
    await edited.remove();
    const isUp = await poke(opened);
    return `dropped ${dropped.path}${isUp ? '' : ', which waits until a daemon runs (docket up --detach)'}`;
  } catch (error) {
    const words =
      error instanceof CliError ? error.message : `nothing was dropped: ${error instanceof Error ? error.message : String(error)}`;
    return file === null ? words : `${words}\nyour text is kept: docket add ${role.name} --feature <id> ${file}`;
  }
}

/** The worktree's feature; else the one that this role worked on last; null: neither is known. */
async function featureFor({ workspace }: Opened, role: Role): Promise<FeatureId | string | null> {
  return (await featureOf(workspace.root)) ?? newestEnds(workspace, role).at(-1)?.feature ?? null;
}
