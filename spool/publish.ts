/**
 * Publishing: every private copy that is still there goes to out/, in the order of the decision (evidence first, result last).
 *
 *   private copy there -> linked (both names) -> out/ synced -> private name removed
 *
 * Invariant: private copy gone <=> published. out/ is never asked whether something was published, because whoever consumes results takes
 * them away. A name in out/ is never replaced: when it is taken, what is not yet published gets the next stem, in the ledger first.
 */

import path from 'node:path';
import type { FinalFile } from '#core/job.ts';
import type { Stem } from '#core/names.ts';
import type { Claimed } from '#core/spool.ts';
import { finalOf, writeFinal } from './decide.ts';
import { decidedBytes } from './decided-bytes.ts';
import { mustBeHome } from './folder-faults.ts';
import { finishedName, partOfPrivate } from './layout.ts';
import { unlinkIfThere, type Parts } from './parts.ts';
import { isSameFile, linkTo, renameIfFree } from './place.ts';
import { chooseStem } from './stem.ts';

type Published = FinalFile['files'][number];

export async function publish(parts: Parts, claimed: Claimed, given: FinalFile): Promise<FinalFile> {
  const { fs } = parts;
  const { folder, id } = claimed.job;
  const paths = parts.layout.job(folder, id);
  await mustBeHome(parts, folder, 'work', 'out');
  // The caller's may be older than an interrupted publishing that had to take other names.
  let final = (await finalOf(parts, claimed)) ?? given;
  // Only at the first try of the process that wrote the private copies is a second link certainly not our own.
  const isFirstTry = parts.decidedHere.has(id);
  // All of them before the first is public: a job that must be held is held whole.
  for (const file of final.files) await decidedBytes(parts, paths, file);
  parts.decidedHere.delete(id);
  const linked: string[] = [];
  for (let index = 0; index < final.files.length;) {
    const file = final.files[index];
    if (file === undefined) break;
    const done = await put(parts, claimed, file, isFirstTry);
    if (done === 'taken' || done === 'no-links') {
      final = await renamed(parts, claimed, final, index, done === 'no-links' || carriesId(final.files, index, id));
      continue;
    }
    if (done === 'linked') linked.push(paths.own(file.private));
    index++;
  }
  await parts.sync(parts.layout.out(folder), 'safety');
  await mustBeHome(parts, folder, 'work');
  // finish() syncs work/: until then a power cut may bring a private copy back, which is then found to be published.
  for (const file of linked) await unlinkIfThere(fs, file);
  return final;
}

const carriesId = (files: readonly Published[], index: number, id: string): boolean => files[index]?.public.includes(`.${id}_`) === true;

/** `linked`: the private name is still to be removed. `done`: nothing is left to do. */
async function put(
  parts: Parts,
  claimed: Claimed,
  file: Published,
  isFirstTry: boolean,
): Promise<'linked' | 'done' | 'taken' | 'no-links'> {
  const { fs } = parts;
  const { folder, id } = claimed.job;
  const from = parts.layout.job(folder, id).own(file.private);
  const to = path.join(parts.layout.out(folder), file.public);
  const facts = await fs.facts(from);
  if (facts === null) return 'done';
  if (facts.nlink > 1 && !isFirstTry && !(await isSameFile(fs, from, to))) {
    // Linked before a crash, and its reader moved it on since: publishing it again would be the second time.
    parts.log.warn('a published file was taken from out/ before publishing was complete', { job: id, file: file.public });
    return 'linked';
  }
  if (file.public.includes(`.${id}_`)) {
    const answer = await renameIfFree(fs, from, to);
    return answer === 'taken' ? 'taken' : 'done';
  }
  if (parts.linkless.has(folder)) return 'no-links';
  const answer = await linkTo(fs, from, to);
  if (answer === 'gone') return 'done';
  return answer === 'linked' || answer === 'already' ? 'linked' : answer;
}

/** Other names for file `from` and all behind it, and for the finished input; durable before they are used. */
async function renamed(parts: Parts, claimed: Claimed, final: FinalFile, from: number, withId: boolean): Promise<FinalFile> {
  const { folder, id } = claimed.job;
  const isFirstWithId = withId && !carriesId(final.files, from, id);
  const stem = isFirstWithId ? final.stem : await nextStem(parts, claimed, final.stem);
  const start = withId ? `${stem}.${id}` : stem;
  const files = final.files.map((file, index) => (index < from ? file : { ...file, public: `${start}${partOfPrivate(file.private)}` }));
  const next: FinalFile = { ...final, stem, files, finished: finishedName(stem, final.outcome) };
  parts.log.info('a name in out/ is taken or cannot be linked: another is used', { job: id, role: claimed.job.role, stem: start, folder });
  await writeFinal(parts, claimed, next);
  return next;
}

/** The next free stem after the one a job has: `foo` -> `foo~2` … */
export const nextStem = async (parts: Parts, claimed: Claimed, stem: Stem): Promise<Stem> => {
  const { base, n } = seriesOf(stem, claimed.job.stem);
  return chooseStem(parts, claimed.job.folder, claimed.job.id, base, n + 1);
};

/** A job that already moved on from its first stem counts on from there. */
function seriesOf(stem: Stem, first: Stem): { readonly base: Stem; readonly n: number } {
  const number = /^(.+)~([0-9]+)$/.exec(stem);
  if (stem === first || number === null) return { base: stem, n: 1 };
  return { base: number[1] as Stem, n: Number(number[2]) };
}
