/**
 * From a claimed file to bytes that can be trusted to stay: read once, with care, hashed, copied.
 *
 *   claimed -> (synced, read within the limit, hashed) -> prompt (private copy, 0400) -> stem chosen -> job.json
 *
 * Invariant: nothing is parsed here, and job.json counts a reading before anybody else sees the bytes, so a file that crashes a parser
 * is known by its count. Each step finds what an interrupted one left and goes on: reading twice gives the same job.
 */

import { Buffer } from 'node:buffer';
import type { Failure } from '#core/failure.ts';
import type { Fault } from '#core/fault.ts';
import type { JobFile } from '#core/job.ts';
import type { JobId, RoleFolder, Sha256, Stem } from '#core/names.ts';
import type { Claimed } from '#core/spool.ts';
import { PROMPT_ENDING, refusedStem, shownName, stemOfName, type JobPaths } from './layout.ts';
import { codeOf, makeFolderIfMissing, roleOfFolder, unlinkIfThere, type Parts } from './parts.ts';
import { jsonText, readJob, readOrigin } from './records.ts';
import { refusalOf } from './scan.ts';
import { chooseStem } from './stem.ts';

export type ReadResult = { readonly claimed: Claimed; readonly bytes: Uint8Array | null; readonly failure: Failure | null };

type Content = { readonly bytes: Uint8Array; readonly sizeBytes: number } | { readonly fault: Fault; readonly sizeBytes: number };
type Name = { readonly raw: Uint8Array; readonly base: Stem; readonly fault: Fault | null; readonly claimedAt: string | null };

/**
 * Throws ENOENT when there is neither a claimed file nor a whole private copy. A job that was read before keeps its stem and, as long as its private copy is whole,
 * its bytes: what a late writer did to the claimed file since is found by finish().
 */
export async function read(parts: Parts, id: JobId, folder: RoleFolder): Promise<ReadResult> {
  const paths = parts.layout.job(folder, id);
  const before = await readJob(parts.fs, paths);
  const name = await nameOf(parts, id, paths, before);
  const copy = before === null ? null : await wholeCopy(parts, paths, before);
  const content: Content = copy === null ? await contentOf(parts, paths) : { bytes: copy, sizeBytes: copy.length };
  const sha256 = 'bytes' in content ? parts.digest.sha256(content.bytes) : null;
  if (copy === null && 'bytes' in content && sha256 !== null) await copyPrivately(parts, paths, content.bytes, sha256);
  const job: JobFile = {
    v: 1,
    id,
    role: roleOfFolder(parts, folder).name,
    folder,
    originalName: shownName(name.raw),
    originalNameHex: Buffer.from(name.raw).toString('hex'),
    stem: before?.stem ?? (await chooseStem(parts, folder, id, name.base)),
    sha256,
    sizeBytes: content.sizeBytes,
    reads: before === null ? 1 : before.reads + (await countsAgain(parts, paths, id)),
    claimedAt: before?.claimedAt ?? name.claimedAt ?? parts.clock.now().toISOString(),
  };
  await makeFolderIfMissing(parts.fs, paths.publish, 0o700);
  if (before === null || jsonText(before) !== jsonText(job)) await writeJob(parts, paths, job);
  parts.counted.add(id);
  const faults = [name.fault, 'fault' in content ? content.fault : null].filter((fault) => fault !== null);
  const claimed: Claimed = { job, dir: paths.dir };
  if (faults.length > 0 || !('bytes' in content)) return { claimed, bytes: null, failure: { kind: 'prompt-invalid', faults } };
  return { claimed, bytes: content.bytes, failure: null };
}

async function writeJob(parts: Parts, paths: JobPaths, job: JobFile): Promise<void> {
  // Torn or lost it is made again from the claimed file; only what its folder holds must be certain.
  await parts.fs.replace(paths.job, jsonText(job), 'no-second-run');
  await parts.sync(paths.dir, 'safety');
}

async function nameOf(parts: Parts, id: JobId, paths: JobPaths, before: JobFile | null): Promise<Name> {
  const origin = await readOrigin(parts.fs, paths);
  const nameHex = before?.originalNameHex ?? origin?.nameHex;
  if (nameHex === undefined) {
    // The disk lost origin.json: the content is what counts, so it goes on under a name of its own.
    parts.log.warn('the name of a claimed file is lost', { job: id });
    const base = `recovered-${id.slice(0, 8)}` as Stem;
    return { raw: Buffer.from(`${base}${PROMPT_ENDING}`), base, fault: null, claimedAt: null };
  }
  const raw = Buffer.from(nameHex, 'hex');
  const claimedAt = origin?.claimedAt ?? null;
  const { stem, fault } = stemOfName(raw);
  if (stem !== null) return { raw, base: stem, fault: null, claimedAt };
  const words = about(
    'file-name',
    'name',
    'the file name cannot be used',
    fault,
    shownName(raw),
    'give the file a plain name and drop it again',
  );
  return { raw, base: refusedStem(id), fault: words, claimedAt };
}

const about = (code: string, field: string, message: string, expected: string, found: string, mend: string): Fault => ({
  code,
  line: 0,
  column: 0,
  field,
  message,
  expected,
  found,
  mend,
});

async function contentOf(parts: Parts, paths: JobPaths): Promise<Content> {
  const facts = await parts.fs.facts(paths.claimed);
  if (facts === null) throw Object.assign(new Error(`ENOENT: the claimed file is gone, '${paths.claimed}'`), { code: 'ENOENT' });
  const { promptBytes } = parts.settings;
  const refuse = (fault: Fault): Content => ({ fault, sizeBytes: facts.sizeBytes });
  const irregular = (found: string): Content =>
    refuse(about('file-not-regular', 'file', 'this is not a file with text', 'a regular file', found, 'drop the file itself'));
  if (facts.kind !== 'file') return irregular(refusalOf(facts.kind));
  try {
    await parts.fs.syncFile(paths.claimed, 'safety');
    const { bytes } = await parts.fs.readBounded(paths.claimed, promptBytes);
    return { bytes, sizeBytes: bytes.length };
  } catch (error) {
    switch (codeOf(error)) {
      case 'EFBIG': {
        const found = `${String(facts.sizeBytes)} bytes`;
        const mend = 'shorten it, or raise limits.prompt_bytes in docket.yaml';
        return refuse(
          about('file-too-large', 'file', 'the file is too large, it was not read', `at most ${String(promptBytes)} bytes`, found, mend),
        );
      }
      case 'EINVAL':
        return irregular('something else');
      case 'EACCES':
      case 'EPERM': {
        const found = `mode ${facts.mode.toString(8).padStart(4, '0')}, owner ${String(facts.uid)}`;
        return refuse(
          about(
            'file-unreadable',
            'file',
            'docket may not read the file',
            'read permission',
            found,
            'chmod u+r it for the user docket runs as',
          ),
        );
      }
      default:
        throw error;
    }
  }
}

/** work/<job>/prompt: what is validated, sent and hashed from here on, whatever a late writer does to the claimed file. */
async function copyPrivately(parts: Parts, paths: JobPaths, bytes: Uint8Array, sha256: Sha256): Promise<void> {
  try {
    await parts.fs.writeNew(paths.prompt, bytes, 'safety', 0o400);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if ((await hashOfCopy(parts, paths)) === sha256) {
      // Written whole before a crash, but perhaps not synced.
      await parts.fs.syncFile(paths.prompt, 'safety');
      return;
    }
    await unlinkIfThere(parts.fs, paths.prompt);
    await parts.fs.writeNew(paths.prompt, bytes, 'safety', 0o400);
  }
}

async function readCopy(parts: Parts, paths: JobPaths): Promise<Uint8Array | null> {
  try {
    // The limit may have been lowered since the copy was made.
    return (await parts.fs.readBounded(paths.prompt, Math.max(parts.settings.promptBytes, COPY_BYTES_MAX))).bytes;
  } catch (error) {
    if (['ENOENT', 'EFBIG', 'EINVAL', 'EACCES'].includes(codeOf(error))) return null;
    throw error;
  }
}

/** Upper bound of limits.prompt_bytes (core/settings.ts). */
export const COPY_BYTES_MAX = 8_000_000;

async function hashOfCopy(parts: Parts, paths: JobPaths): Promise<Sha256 | null> {
  const bytes = await readCopy(parts, paths);
  return bytes === null ? null : parts.digest.sha256(bytes);
}

/** The private copy, if it is byte for byte what job.json says. */
async function wholeCopy(parts: Parts, paths: JobPaths, job: JobFile): Promise<Uint8Array | null> {
  const bytes = job.sha256 === null ? null : await readCopy(parts, paths);
  return bytes !== null && parts.digest.sha256(bytes) === job.sha256 ? bytes : null;
}

/** Is the private copy there, byte for byte what job.json says? */
export const isCopyWhole = async (parts: Parts, { job }: Claimed): Promise<boolean> =>
  (await wholeCopy(parts, parts.layout.job(job.folder, job.id), job)) !== null;

/** The private copy again, for recovery, counted first like any reading; null when it is missing or differs: read() again then. */
export async function prompt(parts: Parts, claimed: Claimed): Promise<Uint8Array | null> {
  const { job } = claimed;
  const paths = parts.layout.job(job.folder, job.id);
  const bytes = await wholeCopy(parts, paths, job);
  if (bytes === null) return null;
  const more = await countsAgain(parts, paths, job.id);
  const known = (await readJob(parts.fs, paths)) ?? job;
  if (more > 0) await writeJob(parts, paths, { ...known, reads: known.reads + more });
  parts.counted.add(job.id);
  return bytes;
}

/**
 * 1 when another reading is to be counted: once per process, because a process that lives was not crashed by the file, and not at all
 * once a brief, an attempt or a decision shows that the parser got through it.
 */
async function countsAgain(parts: Parts, paths: JobPaths, id: JobId): Promise<0 | 1> {
  if (parts.counted.has(id)) return 0;
  const names = (await parts.fs.list(paths.dir)).map((entry) => entry.name);
  return names.some((name) => name !== null && (/^a[0-9]+$/.test(name) || name === 'brief.md' || name === 'final.json')) ? 0 : 1;
}
