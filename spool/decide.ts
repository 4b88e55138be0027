/**
 * The end of a job, decided once: private copies of everything that out/ will show, then final.json, then nothing can change it.
 * Invariant: final.json is there <=> all private copies were durable before it, names included. Before it a crash decides nothing.
 */

import path from 'node:path';
import type { FinalFile } from '#core/job.ts';
import type { Claimed, Decided } from '#core/spool.ts';
import { finishedName, type JobPaths } from './layout.ts';
import { inBatches, unlinkIfThere, type Parts } from './parts.ts';
import { jsonText, readFinal } from './records.ts';

/** Private copies of a second decision are numbered from here, so that those of the first stand until it is replaced. */
const SECOND = 100;

/**
 * What was decided before stays decided: a second call answers the first one's final.json. One exception: `held` replaces another end of
 * which nothing is public yet (the place in history turned out to be taken).
 */
export async function decide(parts: Parts, claimed: Claimed, decided: Decided): Promise<FinalFile> {
  const { fs } = parts;
  const { job } = claimed;
  const paths = parts.layout.job(job.folder, job.id);
  const before = await readFinal(fs, paths);
  if (before !== null && !(decided.outcome === 'held' && before.outcome !== 'held' && (await isPrivate(parts, paths, before))))
    return before;
  const files = privateFiles(decided, before === null ? 0 : SECOND);
  await makePublishFolder(parts, paths);
  for (const file of files) await unlinkIfThere(fs, path.join(paths.dir, file.private));
  await inBatches(files, files.length, (file) => fs.writeNew(path.join(paths.dir, file.private), file.bytes, 'safety', 0o600));
  await parts.sync(paths.publish, 'safety');
  const stem = before?.stem ?? job.stem;
  const final: FinalFile = {
    v: 1,
    outcome: decided.outcome,
    stem,
    files: files.map((file) => ({ private: file.private, public: `${stem}${file.as}` })),
    finished: finishedName(stem, decided.outcome),
    decidedAt: parts.clock.now().toISOString(),
    failure: decided.failure,
  };
  parts.decidedHere.add(job.id);
  await writeFinal(parts, claimed, final);
  for (const file of before?.files ?? []) await unlinkIfThere(fs, path.join(paths.dir, file.private));
  return final;
}

/**
 * read() made it, so it lies in work/<job>/ for good. If it could vanish in a power cut that final.json survives, its files would seem
 * to be published.
 */
async function makePublishFolder(parts: Parts, paths: JobPaths): Promise<void> {
  if ((await parts.fs.facts(paths.publish)) !== null) return;
  await parts.fs.makeFolder(paths.publish, 0o700);
  await parts.sync(paths.dir, 'safety');
}

function privateFiles(
  decided: Decided,
  from: number,
): { readonly private: string; readonly as: string; readonly bytes: Uint8Array | string }[] {
  return decided.files.map((file, index) => {
    if (!/^_[a-z]+\.(?:md|json)$/.test(file.as))
      throw new Error(`a published file is called _something.md or _something.json, not ${file.as}`);
    return { private: `publish/${String(from + index)}-${file.as}`, as: file.as, bytes: file.bytes };
  });
}

/** Is every file of this decision still private, under one name only? */
async function isPrivate(parts: Parts, paths: JobPaths, final: FinalFile): Promise<boolean> {
  for (const file of final.files) if ((await parts.fs.facts(path.join(paths.dir, file.private)))?.nlink !== 1) return false;
  return true;
}

/** Also when a name turned out to be taken: the new names are durable before they are used. */
export async function writeFinal(parts: Parts, claimed: Claimed, final: FinalFile): Promise<void> {
  const paths = parts.layout.job(claimed.job.folder, claimed.job.id);
  await parts.fs.replace(paths.final, jsonText(final), 'safety');
  await parts.sync(paths.dir, 'safety');
}
