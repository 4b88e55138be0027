/**
 * What is written down about each worktree that docket made or adopted: `<common git folder>/docket/worktrees/<id>.json`, 0600, and
 * `<id>.removed.json` for one that was cleaned up and can be brought back. The form is checked as it is read: a damaged file is told, never overwritten.
 */

import path from 'node:path';
import { parseFeature, printable, type FeatureId } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { WorktreeRecord, WorktreeSource } from '#core/worktrees.ts';

/** What was cleaned up holds its record, and more. */
const BYTES_MAX = 131_072;

export const recordsFolder = (common: string): string => path.join(common, 'docket', 'worktrees');
/** Names differ in case only on some file systems: the id decides in lower case, as sameFeature does. */
export const recordFile = (common: string, id: FeatureId): string => path.join(recordsFolder(common), `${id.toLowerCase()}.json`);

type RecordFs = Pick<Fs, 'list' | 'facts' | 'readBounded'>;
/** A record, or words why the file is none. */
export type ReadRecord = { readonly file: string; readonly record: Result<WorktreeRecord, string> };

/** All there are, by name of file. */
export async function readRecords(fs: RecordFs, common: string): Promise<readonly ReadRecord[]> {
  const folder = recordsFolder(common);
  if ((await fs.facts(folder))?.kind !== 'folder') return [];
  const names = (await fs.list(folder)).flatMap(({ name }) =>
    name?.endsWith('.json') === true && !name.endsWith('.removed.json') ? [name] : [],
  );
  return Promise.all(
    names.toSorted().map(async (name) => {
      const file = path.join(folder, name);
      return { file, record: await readForm(fs, file, parseRecord) };
    }),
  );
}

/** Null: there is none. */
export async function readRecord(fs: RecordFs, common: string, id: FeatureId): Promise<Result<WorktreeRecord, string> | null> {
  const file = recordFile(common, id);
  return (await fs.facts(file)) === null ? null : readForm(fs, file, parseRecord);
}

/** A file of this folder as its form says; words why it cannot be read, or is none. */
export async function readForm<T>(
  fs: Pick<Fs, 'readBounded'>,
  file: string,
  parse: (text: string) => Result<T, string>,
): Promise<Result<T, string>> {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true }).decode((await fs.readBounded(file, BYTES_MAX)).bytes));
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

export type WriteFs = Pick<Fs, 'makeFolders' | 'replace' | 'syncFolder'>;
/** Durable when it resolves. @param file in the folder of records */
export async function writeForm(fs: WriteFs, file: string, form: unknown): Promise<void> {
  const folder = path.dirname(file);
  await fs.makeFolders(folder, 0o700);
  await fs.replace(file, `${JSON.stringify(form, null, 2)}\n`, 'safety', 0o600);
  await fs.syncFolder(folder, 'safety');
}

/** Durable when it resolves. A record that stands there is replaced: ask readRecord first. */
export const writeRecord = async (fs: WriteFs, common: string, record: WorktreeRecord): Promise<void> =>
  writeForm(fs, recordFile(common, record.id), record);

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

export function parseRecord(text: string): Result<WorktreeRecord, string> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return err('this is no JSON');
  }
  if (typeof data !== 'object' || data === null) return err('this is no JSON object');
  const { v, id, slug, stream, branch, folder, base, baseCommit, createdAt, createdBy, adopted, source } = data as Record<string, unknown>;
  if (v !== 1) return err(`version ${printable(String(v))}, where this docket knows 1`);
  const feature = isText(id) ? parseFeature(id) : null;
  if (feature?.ok !== true || feature.value.id !== id) return err('id is no feature id');
  if (slug !== null && !isText(slug)) return err('slug is no text');
  if (stream !== 'feature' && stream !== 'fix') return err('stream is neither feature nor fix');
  if (!isText(branch) || branch.startsWith('-')) return err('branch is no name of a branch');
  if (!isText(folder) || !path.isAbsolute(folder)) return err('folder is no absolute path');
  if (base !== null && (!isText(base) || base.startsWith('-'))) return err('base is no name of a branch');
  if (!isText(baseCommit) || !COMMIT.test(baseCommit)) return err('baseCommit is no id of a commit');
  if (!isText(createdAt) || Number.isNaN(Date.parse(createdAt))) return err('createdAt is no time');
  if (createdBy !== null && !isText(createdBy)) return err('createdBy is no text');
  if (typeof adopted !== 'boolean') return err('adopted is neither true nor false');
  const from = parseSource(source);
  if (!from.ok) return from;
  return ok({ v, id: feature.value.id, slug, stream, branch, folder, base, baseCommit, createdAt, createdBy, adopted, source: from.value });
}

function parseSource(source: unknown): Result<WorktreeSource | null, string> {
  if (source === null || source === undefined) return ok(null);
  if (typeof source !== 'object') return err('source is no object');
  const { kind, folder, feature, log, number, title } = source as Record<string, unknown>;
  if (kind === 'prd' && isText(folder) && (feature === null || isText(feature))) return ok({ kind, folder, feature });
  if (kind === 'issue' && isText(log) && isText(number) && typeof title === 'string') return ok({ kind, log, number, title });
  return err('source is neither a prd nor an issue');
}
