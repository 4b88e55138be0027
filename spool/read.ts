/**
 * From a claimed file to bytes that can be trusted to stay: read once, with care, hashed, copied.
 *
 *   claimed -> (read within the limit, hashed) -> stem chosen -> a line of the ledger with the bytes; long ones in work/<job>.prompt (0400)
 *
 * Invariant: nothing is parsed here, and the ledger counts a reading before anybody else sees the bytes, so a file that crashes a parser
 * is known by its count. Each step finds what an interrupted one left and goes on: reading twice gives the same job.
 */

import { Buffer } from 'node:buffer';
import type { Failure } from '#core/failure.ts';
import type { Fault } from '#core/fault.ts';
import type { JobFile } from '#core/job.ts';
import type { JobId, RoleFolder, Sha256, Stem } from '#core/names.ts';
import type { Claimed } from '#core/spool.ts';
import { PROMPT_ENDING, refusedStem, shownName, stemOfName, type JobPaths } from './layout.ts';
import { mayDrop, wordsOfOwner } from './owner.ts';
import { pack } from './ledger-lines.ts';
import type { Entry } from './ledger.ts';
import { codeOf, roleOfFolder, unlinkIfThere, type Parts } from './parts.ts';
import { endReopening } from './reopen.ts';
import { refusalOf } from './scan.ts';
import { chooseStem } from './stem.ts';

export type ReadResult = { readonly claimed: Claimed; readonly bytes: Uint8Array | null; readonly failure: Failure | null };

type Content = { readonly bytes: Uint8Array; readonly sizeBytes: number } | { readonly fault: Fault; readonly sizeBytes: number };
type Name = {
  readonly raw: Uint8Array;
  readonly base: Stem;
  readonly stated: Sha256 | null;
  readonly fault: Fault | null;
  readonly claimedAt: string | null;
};

/**
 * Throws ENOENT when there is neither a claimed file nor a whole private copy. A job that was read before keeps its stem and, as long as its private copy is whole,
 * its bytes: what a late writer did to the claimed file since is found by finish().
 */
export async function read(parts: Parts, id: JobId, folder: RoleFolder): Promise<ReadResult> {
  const paths = parts.layout.job(folder, id);
  const ledger = parts.ledgerOf(folder);
  const entry = await ledger.entry(id);
  const before = entry?.job ?? null;
  const name = nameOf(parts, id, entry);
  await endReopening(parts, folder, id, name.base);
  const copy = before === null ? null : await wholeCopy(parts, before);
  const content: Content = copy === null ? await contentOf(parts, paths) : { bytes: copy, sizeBytes: copy.length };
  const bytes = 'bytes' in content ? content.bytes : null;
  const sha256 = bytes === null ? null : parts.digest.sha256(bytes);
  const isLong = content.sizeBytes > LINE_BYTES;
  if (copy === null && bytes !== null && sha256 !== null && isLong) await copyPrivately(parts, paths, folder, bytes, sha256);
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
    reads: before === null ? 1 : before.reads + countsAgain(parts, id),
    claimedAt: before?.claimedAt ?? name.claimedAt ?? parts.clock.now().toISOString(),
  };
  // What is sent from here on are these bytes, whatever becomes of the file.
  if (before === null || copy === null)
    await ledger.append([{ do: 'read', job, bytes: bytes === null || isLong ? null : pack(bytes) }], 'safety');
  else if (before.reads !== job.reads) await ledger.append([{ do: 'count', id, reads: job.reads }], 'safety');
  parts.counted.add(id);
  const faults = [name.fault, 'fault' in content ? content.fault : statedFault(name, sha256)].filter((fault) => fault !== null);
  const claimed: Claimed = { job, dir: paths.dir };
  if (faults.length > 0 || bytes === null) return { claimed, bytes: null, failure: { kind: 'prompt-invalid', faults } };
  return { claimed, bytes, failure: null };
}

function nameOf(parts: Parts, id: JobId, entry: Entry | null): Name {
  const nameHex = entry?.job?.originalNameHex ?? entry?.claim?.nameHex;
  if (nameHex === undefined) {
    // The disk lost the ledger's line: the content is what counts, so it goes on under a name of its own.
    parts.log.warn('the name of a claimed file is lost', { job: id });
    const base = `recovered-${id.slice(0, 8)}` as Stem;
    return { raw: Buffer.from(`${base}${PROMPT_ENDING}`), base, stated: null, fault: null, claimedAt: null };
  }
  const raw = Buffer.from(nameHex, 'hex');
  const claimedAt = entry?.claim?.at ?? null;
  const { stem, stated, fault } = stemOfName(raw);
  if (stem !== null) return { raw, base: stem, stated, fault: null, claimedAt };
  const words = about(
    'file-name',
    'name',
    'the file name cannot be used',
    fault,
    shownName(raw),
    'give the file a plain name and drop it again',
  );
  return { raw, base: refusedStem(id), stated, fault: words, claimedAt };
}

/** Who states what the file holds is told when it holds something else. */
const statedFault = ({ stated }: Name, sha256: Sha256 | null): Fault | null =>
  stated === null || sha256 === null || stated === sha256
    ? null
    : about(
        'file-sha256',
        'name',
        'the file does not hold what its name states',
        `content with SHA-256 ${stated}`,
        `content with SHA-256 ${sha256}`,
        'drop it again as it was made, or without .sha256-… in its name when the change was meant',
      );

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
  const { owners } = parts.settings;
  if (!mayDrop(owners, facts))
    return refuse(
      about(
        'file-owner',
        'file',
        'the file belongs to somebody who may not drop prompts here, it was not read',
        wordsOfOwner(owners),
        `a file of user ${String(facts.uid)}, group ${String(facts.gid)}`,
        'let the user of docket drop it, or name the group in intake.groups of docket.yaml',
      ),
    );
  try {
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

/** Longer prompts get a file of their own, so that the ledger stays short. */
export const LINE_BYTES = 64 * 1024;

/** work/<job>.prompt */
export async function copyPrivately(parts: Parts, paths: JobPaths, folder: RoleFolder, bytes: Uint8Array, sha256: Sha256): Promise<void> {
  try {
    await parts.fs.writeNew(paths.prompt, bytes, 'safety', 0o400);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const there = await readCopy(parts, paths);
    // Written whole before a crash, but perhaps not synced.
    if (there !== null && parts.digest.sha256(there) === sha256) await parts.fs.syncFile(paths.prompt, 'safety');
    else {
      await unlinkIfThere(parts.fs, paths.prompt);
      await parts.fs.writeNew(paths.prompt, bytes, 'safety', 0o400);
    }
  }
  await parts.sync(parts.layout.work(folder), 'safety');
}

const readCopy = async (parts: Parts, paths: JobPaths): Promise<Uint8Array | null> => readPrompt(parts, paths.prompt);

/** A private copy; null when it is not there or cannot be one. */
export async function readPrompt(parts: Parts, file: string): Promise<Uint8Array | null> {
  try {
    // The limit may have been lowered since the copy was made.
    return (await parts.fs.readBounded(file, Math.max(parts.settings.promptBytes, COPY_BYTES_MAX))).bytes;
  } catch (error) {
    if (['ENOENT', 'EFBIG', 'EINVAL', 'EACCES'].includes(codeOf(error))) return null;
    throw error;
  }
}

/** Upper bound of limits.prompt_bytes (core/settings.ts). */
export const COPY_BYTES_MAX = 8_000_000;

/** The private copy, if it is byte for byte what was read and hashed. */
export async function wholeCopy(parts: Parts, job: JobFile): Promise<Uint8Array | null> {
  if (job.sha256 === null) return null;
  const bytes = (await parts.ledgerOf(job.folder).promptOf(job.id)) ?? (await readCopy(parts, parts.layout.job(job.folder, job.id)));
  return bytes !== null && parts.digest.sha256(bytes) === job.sha256 ? bytes : null;
}

/** The private copy again, for recovery, counted first like any reading; null when it is missing or differs: read() again then. */
export async function prompt(parts: Parts, { job }: Claimed): Promise<Uint8Array | null> {
  const bytes = await wholeCopy(parts, job);
  if (bytes === null) return null;
  const ledger = parts.ledgerOf(job.folder);
  const entry = await ledger.entry(job.id);
  const more = countsAgain(parts, job.id);
  if (more > 0) await ledger.append([{ do: 'count', id: job.id, reads: (entry?.job ?? job).reads + more }], 'safety');
  parts.counted.add(job.id);
  return bytes;
}

/**
 * 1 when another reading is to be counted: the process before died while it parsed this very content (daemon/parse.ts). Once per process, because one that
 * lives was not crashed by it.
 */
const countsAgain = (parts: Parts, id: JobId): 0 | 1 => (parts.suspect === id && !parts.counted.has(id) ? 1 : 0);
