/** What the names in one role's work/ speak of (layout.ts): jobs, each with its parts. */

import type { JobId } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { parseWorkName } from './layout.ts';

/** `claimed`, `prompt`, `1_result.md`, and '' for the job's own folder. */
export type WorkNames = ReadonlyMap<JobId, Set<string>>;

/** @param other told each name that is no job's */
export async function workNames(fs: Pick<Fs, 'list'>, work: string, other: (name: string) => void = () => undefined): Promise<WorkNames> {
  const byJob = new Map<JobId, Set<string>>();
  for (const { name } of await fs.list(work)) {
    if (name === null) continue;
    const parsed = parseWorkName(name);
    if (parsed === null) other(name);
    else byJob.set(parsed.id, (byJob.get(parsed.id) ?? new Set()).add(parsed.part));
  }
  return byJob;
}
