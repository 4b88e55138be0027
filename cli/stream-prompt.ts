/** The first prompt of a work tree of a stream: composed and dropped as `docket add` does, once. */

import path from 'node:path';
import { makeFs } from '#platform/files.ts';
import { makeLayout } from '#spool/layout.ts';
import type { Stream } from '#core/prompt.ts';
import { drop, poke } from './add.ts';
import { compose } from './compose.ts';
import type { Common, Io } from './io.ts';
import { log, openAll, roleNamed, type Opened } from './open.ts';
import { historyOf } from './parts.ts';
import type { WorkedOn } from './work-on.ts';

export type FirstPrompt = {
  readonly feature: string;
  /** Name of the role. */
  readonly role: string;
  readonly stream: Stream;
  readonly title: string;
  /** A series of its own; null: none. */
  readonly name: string | null;
  readonly body: string;
};
/** `path` null: there was one already, so none was dropped. */
export type Dropped = { readonly role: string; readonly path: string | null; readonly daemon: boolean };

const TITLE_LENGTH_MAX = 200;

/** @param root of the new work tree's workspace */
export async function dropFirst(io: Io, common: Common, root: string, wanted: FirstPrompt): Promise<Dropped> {
  const opened = await openAll(io, { ...common, root });
  const role = roleNamed(opened.roles, wanted.role);
  const stem = `${wanted.feature}-${role.name}${wanted.name === null ? '' : `-${wanted.name}`}-r1`;
  if (await isThere(opened, role.folder, role.name, wanted, stem)) return { role: role.name, path: null, daemon: false };
  const given: Io = { ...io, readInput: async () => Promise.resolve(wanted.body) };
  const composed = await compose(given, opened, role, '-', {
    feature: wanted.feature,
    title: wanted.title.slice(0, TITLE_LENGTH_MAX),
    stream: wanted.stream,
    stem,
    ...(wanted.name === null ? {} : { name: wanted.name }),
  });
  const dropped = await drop(io, opened, role, composed);
  return { role: role.name, path: dropped.path, daemon: await poke(opened) };
}

/** In the queue under this name, whatever became of it, or in the history under this identity. */
async function isThere(
  { workspace }: Opened,
  folder: Parameters<ReturnType<typeof makeLayout>['in']>[0],
  role: string,
  { feature, name }: FirstPrompt,
  stem: string,
): Promise<boolean> {
  const fs = makeFs();
  const inbox = makeLayout(workspace.queues).in(folder);
  if ((await fs.facts(inbox)) !== null && (await fs.list(inbox)).some((entry) => entry.name?.startsWith(`${stem}.`) === true)) return true;
  if ((await fs.facts(workspace.history)) === null) return false;
  const history = historyOf(workspace, log);
  try {
    await history.open();
    for await (const { identity } of history.records({ feature, role })) if (identity.name === name) return true;
    return false;
  } finally {
    await history.close();
  }
}

/** The same folder in the new work tree. @param top of the repository that the verb was given in @param root of its workspace */
export const rootIn = ({ record }: WorkedOn, top: string, root: string): string => path.join(record.folder, path.relative(top, root));
