/**
 * What is still to be done for a work tree: `<common git folder>/docket/worktrees/<id>.todo`, written before the first step, changed before the next one,
 * removed after the last. A command that was killed leaves it, and the next one goes on from there.
 *
 *   adding -> (git worktree add, the record) -> preparing -> (queues, files, folders, commands) -> removed
 */

import path from 'node:path';
import type { FeatureId } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import { parseRecord, recordsFolder } from './records.ts';

const BYTES_MAX = 65_536;

export type Todo = { readonly step: 'adding' | 'preparing'; /** as it is to be */ readonly record: WorktreeRecord };

export const todoFile = (common: string, id: FeatureId): string => path.join(recordsFolder(common), `${id.toLowerCase()}.todo`);

/** Null: nothing is left to do. One that cannot be read says nothing: what is there is looked at anyway. */
export async function readTodo(fs: Pick<Fs, 'facts' | 'readBounded'>, common: string, id: FeatureId): Promise<Todo | null> {
  const file = todoFile(common, id);
  if ((await fs.facts(file)) === null) return null;
  try {
    const data: unknown = JSON.parse(new TextDecoder().decode((await fs.readBounded(file, BYTES_MAX)).bytes));
    if (typeof data !== 'object' || data === null || !('record' in data) || !('step' in data)) return null;
    const record = parseRecord(JSON.stringify(data.record));
    return record.ok && (data.step === 'adding' || data.step === 'preparing') ? { step: data.step, record: record.value } : null;
  } catch {
    return null;
  }
}

export async function writeTodo(fs: Pick<Fs, 'makeFolders' | 'replace' | 'syncFolder'>, common: string, todo: Todo): Promise<void> {
  await fs.makeFolders(recordsFolder(common), 0o700);
  await fs.replace(todoFile(common, todo.record.id), `${JSON.stringify({ v: 1, ...todo }, null, 2)}\n`, 'safety', 0o600);
  await fs.syncFolder(recordsFolder(common), 'safety');
}

export async function removeTodo(fs: Pick<Fs, 'facts' | 'unlink'>, common: string, id: FeatureId): Promise<void> {
  const file = todoFile(common, id);
  if ((await fs.facts(file)) !== null) await fs.unlink(file);
}
