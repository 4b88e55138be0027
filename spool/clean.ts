/**
 * A finished job leaves work/: nothing of it is there any more but the folder of one that started a program. What the attempts of a failed
 * or held one printed is kept in archive/<YYYY-MM>/<job>/; then the folder is renamed away in one step, so recovery never meets half of it, and removed.
 */

import path from 'node:path';
import type { Outcome } from '#core/job.ts';
import type { RoleFolder } from '#core/names.ts';
import type { Claimed } from '#core/spool.ts';
import { codeOf, type Parts } from './parts.ts';
import { finalOf } from './decide.ts';
import { isPrivate } from './finish.ts';

/** Ends after which somebody may want to know what the tool said, because out/ does not show it. */
const KEPT: ReadonlySet<Outcome> = new Set(['failed', 'held']);
/** What a run changed against its scope (daemon/hold-to-scope.ts). */
const CHANGED = /^changes\.(?:json|diff)$|^changed-[0-9]{3}$/;
const RAW_OUTPUT = ['stdout', 'stderr', 'answer'] as const;

export async function clean(parts: Parts, claimed: Claimed): Promise<void> {
  const { fs, layout } = parts;
  const { folder, id } = claimed.job;
  const paths = layout.job(folder, id);
  if ((await fs.facts(paths.dir)) !== null) {
    const final = await finalOf(parts, claimed);
    if (final !== null && KEPT.has(final.outcome)) await keepOutput(parts, claimed, final.decidedAt.slice(0, 7));
    await fs.rename(paths.dir, layout.gone(folder, id));
    // If a power cut undid this rename but not the removals below, what is left would look like a job that never ended.
    await parts.sync(layout.work(folder), 'safety');
    await fs.removeTree(layout.gone(folder, id));
  }
  const ledger = parts.ledgerOf(folder);
  const failure = (await ledger.entry(id))?.final?.failure ?? null;
  ledger.forget(id);
  // The ledger has the prompt's bytes; what nobody may read is not left lying there until it is written anew.
  if (failure !== null && isPrivate(failure)) await ledger.scrub();
  parts.stems.forget(folder, id);
  parts.decidedHere.delete(id);
  parts.counted.delete(id);
}

/** @param month `2026-11`, of the decision: the same after a restart */
async function keepOutput(parts: Parts, claimed: Claimed, month: string): Promise<void> {
  const { fs, layout } = parts;
  const { folder, id } = claimed.job;
  const dir = layout.job(folder, id).dir;
  const target = layout.attempts(folder, month, id);
  for (const n of await attemptNumbers(parts, dir)) {
    const changed = (await fs.list(path.join(dir, `a${String(n)}`))).flatMap(({ name }) =>
      name !== null && CHANGED.test(name) ? [name] : [],
    );
    for (const name of [...RAW_OUTPUT, ...changed]) {
      const from = path.join(dir, `a${String(n)}`, name);
      const facts = await fs.facts(from);
      if (facts === null || facts.kind !== 'file' || facts.sizeBytes === 0) continue;
      await makeTarget(parts, folder, target);
      await fs.rename(from, path.join(target, `a${String(n)}-${name}`));
    }
  }
  if ((await fs.facts(target)) !== null) await parts.sync(target, 'safety');
}

/** archive/<YYYY-MM>/<job>/: its names are certain before anything is moved into it. */
async function makeTarget(parts: Parts, folder: RoleFolder, target: string): Promise<void> {
  await parts.fs.makeFolders(target, 0o700);
  await parts.sync(path.dirname(target), 'safety');
  await parts.sync(parts.layout.archive(folder), 'safety');
}

/** The n of all a<n>/ in a work folder, ascending. */
export async function attemptNumbers(parts: Parts, dir: string): Promise<number[]> {
  try {
    const entries = await parts.fs.list(dir);
    return entries
      .filter((entry) => entry.kind === 'folder' && entry.name !== null && /^a[1-9][0-9]*$/.test(entry.name))
      .map((entry) => Number(entry.name?.slice(1)))
      .toSorted((a, b) => a - b);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
