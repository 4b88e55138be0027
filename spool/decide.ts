/**
 * The end of a job, decided once: private copies of everything that out/ will show, then a line in the ledger, then nothing can change it.
 * Invariant: the line is there <=> all private copies were durable before it, names included. Before it a crash decides nothing.
 */

import type { FinalFile } from '#core/job.ts';
import type { Claimed, Decided } from '#core/spool.ts';
import { decidedBytes } from './decided-bytes.ts';
import { mustBeHome } from './folder-faults.ts';
import { finishedName, type JobPaths } from './layout.ts';
import { codeOf, inBatches, unlinkIfThere, type Parts } from './parts.ts';

/** Private copies of a second decision are numbered from here, so that those of the first stand until it is replaced. */
const SECOND = 100;

/**
 * What was decided before stays decided: a second call answers the first one's end. One exception: `held` replaces another end of
 * which nothing is public yet (the place in history turned out to be taken).
 */
export async function decide(parts: Parts, claimed: Claimed, decided: Decided): Promise<FinalFile> {
  const { fs } = parts;
  const { job } = claimed;
  const paths = parts.layout.job(job.folder, job.id);
  const before = await finalOf(parts, claimed);
  if (before !== null && !(decided.outcome === 'held' && before.outcome !== 'held' && (await isPrivate(parts, paths, before))))
    return before;
  const files = privateFiles(decided, before === null ? 0 : SECOND);
  await inBatches(files, files.length, (file) => writePrivate(parts, paths.own(file.private), file.bytes));
  await parts.sync(parts.layout.work(job.folder), 'safety');
  await mustBeHome(parts, job.folder, 'work');
  const stem = before?.stem ?? job.stem;
  const final: FinalFile = {
    v: 1,
    outcome: decided.outcome,
    stem,
    files: files.map((file) => ({ private: file.private, public: `${stem}${file.as}`, sha256: parts.digest.sha256(file.bytes) })),
    finished: finishedName(stem, decided.outcome),
    decidedAt: parts.clock.now().toISOString(),
    failure: decided.failure,
    ...childrenOf(parts, decided),
  };
  parts.decidedHere.add(job.id);
  const children = (decided.children ?? []).map(({ bytes }) => ({ sha256: parts.digest.sha256(bytes), bytes }));
  const blobs = [...(decided.blobs ?? []), ...children];
  const line = { do: 'final', id: job.id, final, note: decided.note ?? null, blobs: blobs.map((blob) => blob.sha256) } as const;
  await parts.ledgerOf(job.folder).append([line], 'safety', blobs);
  for (const file of before?.files ?? []) await unlinkIfThere(fs, paths.own(file.private));
  return final;
}

/** Prompts that the answer enqueues (enqueue.ts): their bytes go into the ledger with the decision. */
const childrenOf = (parts: Parts, { children = [] }: Decided): Pick<FinalFile, 'children'> =>
  children.length === 0
    ? {}
    : { children: children.map(({ folder, stem, bytes }) => ({ folder, stem, sha256: parts.digest.sha256(bytes) })) };

/** How the job was decided to end; null: not yet. */
export const finalOf = async (parts: Parts, { job }: Claimed): Promise<FinalFile | null> =>
  (await parts.ledgerOf(job.folder).entry(job.id))?.final ?? null;

/** What an interrupted decision left is of no worth. */
async function writePrivate(parts: Parts, file: string, bytes: Uint8Array | string): Promise<void> {
  try {
    await parts.fs.writeNew(file, bytes, 'safety', 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await unlinkIfThere(parts.fs, file);
    await parts.fs.writeNew(file, bytes, 'safety', 0o600);
  }
}

function privateFiles(
  decided: Decided,
  from: number,
): { readonly private: string; readonly as: string; readonly bytes: Uint8Array | string }[] {
  return decided.files.map((file, index) => {
    if (!/^_[a-z]+(?:\.dsse)?\.(?:md|json)$/.test(file.as))
      throw new Error(`a published file is called _something.md or _something.json, not ${file.as}`);
    return { private: `${String(from + index)}${file.as}`, as: file.as, bytes: file.bytes };
  });
}

/** Is every file of this decision still private, under one name only? */
async function isPrivate(parts: Parts, paths: JobPaths, final: FinalFile): Promise<boolean> {
  for (const file of final.files) if ((await parts.fs.facts(paths.own(file.private)))?.nlink !== 1) return false;
  return true;
}

/** When a name turned out to be taken: the new names are durable before they are used. */
export async function writeFinal(parts: Parts, { job }: Claimed, final: FinalFile): Promise<void> {
  const ledger = parts.ledgerOf(job.folder);
  const entry = await ledger.entry(job.id);
  await ledger.append([{ do: 'final', id: job.id, final, note: entry?.note ?? null, blobs: entry?.blobs ?? [] }], 'safety');
}

/** The bytes of a file that is not published yet; null when it is. @param as `_evidence.json` */
export async function privateCopy(parts: Parts, { job }: Claimed, final: FinalFile, as: string): Promise<Uint8Array | null> {
  const file = final.files.find((one) => one.private.endsWith(as));
  return file === undefined ? null : decidedBytes(parts, parts.layout.job(job.folder, job.id), file);
}
