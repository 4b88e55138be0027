/** Does what orphans.ts found to be mendable. Each mend is one command of git about one worktree, or one file of docket's own. Who calls holds the repository's lock. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { unreachable } from '#core/result.ts';
import { writeRecord } from './records.ts';
import { fillEmpty } from './mend.ts';
import { askLine, gitWords, type RepositoryFacts } from './repository.ts';
import type { Orphan } from './orphans.ts';
import { finishRemoval, type RemovePorts } from './remove.ts';

export type RepairPorts = RemovePorts & { readonly fs: RemovePorts['fs'] & Pick<Fs, 'rename' | 'realPath'>; readonly time: string };
export type Mended = { readonly orphan: Orphan; /** Null: it is done. */ readonly failed: string | null };

/** Null where there is nothing to do about it but to read it. */
export async function repair(ports: RepairPorts, repository: RepositoryFacts, orphan: Orphan): Promise<Mended | null> {
  const { git, fs, primary, common } = ports;
  const { by } = orphan;
  if (by === null) return null;
  const done = (answer: { readonly code: number; readonly stdout: string; readonly stderr: string }): Mended => ({
    orphan,
    failed: answer.code === 0 ? null : gitWords(answer),
  });
  switch (by.do) {
    case 'relink': {
      const answer = await git(primary, ['worktree', 'repair', '--', by.folder]);
      const { record } = by.entry;
      // Of a `.git` file that is gone git says that it cannot be read, and makes it again all the same: its effect counts.
      const found = await askLine(git, by.folder, ['rev-parse', '--path-format=absolute', '--git-common-dir']);
      if (found === null || (await fs.realPath(found)) !== common) return { orphan, failed: gitWords(answer) };
      await fillEmpty(git, by.folder);
      if (record !== null && record.folder !== by.folder) await writeRecord(fs, common, { ...record, folder: by.folder });
      return { orphan, failed: null };
    }
    case 'drop':
      return done(await git(primary, ['worktree', 'remove', '--', by.folder]));
    case 'follow':
      if (by.entry.record !== null) await writeRecord(fs, common, { ...by.entry.record, folder: by.folder });
      return { orphan, failed: null };
    case 'set-aside':
      await fs.rename(by.file, `${by.file}.lost-${ports.time}`);
      await fs.syncFolder(path.dirname(by.file), 'safety');
      return { orphan, failed: null };
    case 'finish': {
      const isRegistered = repository.worktrees.some((one) => one.folder === by.removal.record.folder);
      const finished = await finishRemoval(ports, by.removal, isRegistered);
      return { orphan, failed: finished.ok ? null : finished.error };
    }
    default:
      return unreachable(by);
  }
}
