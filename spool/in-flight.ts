/** Jobs in work/ as people list them, from names and the ledger alone: also while the daemon writes there, so everything may be gone a moment later. */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { JobState, JobView } from '#core/job.ts';
import type { JobId } from '#core/names.ts';
import { attemptNumbers } from './clean.ts';
import { CLAIMED, PROMPT_ENDING, shownName } from './layout.ts';
import { readLedger, type Entry } from './ledger.ts';
import { codeOf, type Parts, type SpoolRole } from './parts.ts';
import { workNames, type WorkNames } from './work-names.ts';

const NOTHING = { feature: null, revision: null, name: null, attempts: 0, why: null } as const;

export async function inFlightViews(parts: Parts, role: SpoolRole): Promise<JobView[]> {
  const names = await namesByJob(parts, role);
  if (names.size === 0) return [];
  const ledger = await readLedger(parts.fs, parts.layout.ledger(role.folder));
  const views: JobView[] = [];
  for (const [id, own] of names) {
    const view = await viewOf(parts, role, id, own, ledger.get(id));
    if (view !== null) views.push(view);
  }
  return views;
}

/** A folder that is not there has no entries: `ls` works before the first start. */
async function namesByJob(parts: Parts, role: SpoolRole): Promise<WorkNames> {
  try {
    return await workNames(parts.fs, parts.layout.work(role.folder));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return new Map();
    throw error;
  }
}

async function viewOf(
  parts: Parts,
  role: SpoolRole,
  id: JobId,
  names: ReadonlySet<string>,
  entry: Entry | undefined,
): Promise<JobView | null> {
  const paths = parts.layout.job(role.folder, id);
  const base = { ...NOTHING, id, role: role.name };
  const { job = null, final = null, claim = null } = entry ?? {};
  if (job === null) {
    if (!names.has(CLAIMED)) return null;
    const stem = claim === null ? id : shownName(Buffer.from(claim.nameHex, 'hex')).slice(0, -PROMPT_ENDING.length);
    return { ...base, stem, state: 'claimed', since: claim?.at ?? null };
  }
  const attempts = names.has('') ? await attemptNumbers(parts, paths.dir) : [];
  const last = attempts.at(-1);
  let state: JobState = 'read';
  if (final !== null) state = final.files.some((file) => names.has(file.private)) ? 'recorded' : 'published';
  else if (last !== undefined) {
    const hasExited = (await parts.fs.facts(path.join(paths.dir, `a${String(last)}`, 'exit.json'))) !== null;
    state = hasExited ? 'ran' : 'running';
  }
  return { ...base, stem: final?.stem ?? job.stem, state, attempts: attempts.length, since: job.claimedAt };
}
