/**
 * The order of the log and what each commit is about, in a few bytes: `<git folder>/docket/log-index`. With it the log of one feature, role or job reads
 * only the commits that may be meant. It says nothing by itself: every commit it names is read and looked at, and what came after it is walked.
 *
 *   none, torn, or of commits that are not below the tip -> all is walked, and it is written anew -> used -> some thousand commits later written anew
 * Invariant: rows 0..n are the whole walk from `tip` (record-index.ts), the oldest first. It may be deleted at any time. Not synced: a torn one is
 * known by its checksum.
 *
 * Form: `DKLOG1\0\0`, crc32 of the rest, number of rows (both big-endian), tip (20 bytes), then rows of 32 bytes: commit (20 bytes), crc32 of the
 * feature's key, of the role and of the job.
 */

import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Fs } from '#core/ports.ts';
import type { Oid } from './objects.ts';

const MAGIC = Buffer.from('DKLOG1\0\0', 'latin1');
const HEAD_BYTES = MAGIC.length + 4 + 4 + 20;
const ROW_BYTES = 32;
/** 8 million commits. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;
const NAME = 'log-index';

export type LogWords = { readonly feature: string; readonly role: string; readonly job: string };
export type LogIndex = { readonly tip: Oid; readonly rows: Buffer };

/** A row of the index. */
export function rowFor(oid: Oid, { feature, role, job }: LogWords): Buffer {
  const row = Buffer.alloc(ROW_BYTES);
  row.write(oid, 0, 'hex');
  row.writeUInt32BE(crc32(feature), 20);
  row.writeUInt32BE(crc32(role), 24);
  row.writeUInt32BE(crc32(job), 28);
  return row;
}

/** Commits that may be meant, newest first: those with other words never come, a few of them may. Undefined: any. */
export function* maybe({ rows }: LogIndex, wanted: { readonly [Key in keyof LogWords]?: string | undefined }): Generator<Oid> {
  const keys = [wanted.feature, wanted.role, wanted.job].map((word) => (word === undefined ? null : crc32(word)));
  for (let at = rows.length - ROW_BYTES; at >= 0; at -= ROW_BYTES)
    if (keys.every((key, index) => key === null || rows.readUInt32BE(at + 20 + 4 * index) === key)) yield rows.toString('hex', at, at + 20);
}

/** Null: there is none that can be used. */
export async function readLogIndex(fs: Fs, stateDir: string): Promise<LogIndex | null> {
  let file: Buffer;
  try {
    const { bytes } = await fs.readBounded(`${stateDir}/${NAME}`, FILE_BYTES_MAX);
    file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch {
    return null;
  }
  if (file.length < HEAD_BYTES || !file.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const rows = file.subarray(HEAD_BYTES);
  if (crc32(file.subarray(MAGIC.length + 4)) !== file.readUInt32BE(MAGIC.length)) return null;
  if (rows.length !== file.readUInt32BE(MAGIC.length + 4) * ROW_BYTES) return null;
  return { tip: file.toString('hex', MAGIC.length + 8, HEAD_BYTES), rows };
}

/** What cannot be written (a full disk, a history that may only be read) is made again by the next who looks. @param rows the oldest first */
export async function writeLogIndex(fs: Fs, stateDir: string, tip: Oid, rows: readonly Buffer[]): Promise<void> {
  const size = rows.reduce((sum, { length }) => sum + length, 0);
  if (size + HEAD_BYTES > FILE_BYTES_MAX) return;
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32BE(size / ROW_BYTES, MAGIC.length + 4);
  head.write(tip, MAGIC.length + 8, 'hex');
  const file = Buffer.concat([head, ...rows]);
  file.writeUInt32BE(crc32(file.subarray(MAGIC.length + 4)), MAGIC.length);
  // Two that write at once get in each other's way, and a crash leaves it: then it goes, and the next one writes.
  const draft = `${stateDir}/${NAME}.new`;
  try {
    await fs.writeDerived(draft, file, 0o600);
    await fs.rename(draft, `${stateDir}/${NAME}`);
  } catch {
    await fs.unlink(draft).catch(() => undefined);
  }
}
