/** The feature that a workspace is for: that of the worktree it lies in, as its record says. */

import path from 'node:path';
import type { FeatureId } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { readRecords } from '#worktrees/records.ts';
import { findRepository } from './workspace.ts';

/** Null: it lies in no worktree that docket made, or none of the records can be read. */
export async function featureOf(root: string): Promise<FeatureId | null> {
  const fs = makeFs();
  const repository = await findRepository(fs, root);
  if (repository === null) return null;
  const records = await readRecords(fs, path.join(repository.main, '.git')).catch(() => []);
  return records.flatMap(({ record }) => (record.ok && record.value.folder === repository.top ? [record.value.id] : []))[0] ?? null;
}
