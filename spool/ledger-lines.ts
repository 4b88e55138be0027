/**
 * The lines of a ledger (ledger.ts): how they are written and what is believed when they are read back.
 *
 *   <crc32 of the JSON, 8 hex digits> <JSON>\n
 *
 * Invariant: a line is whole and its checksum right, or it counts as not written. Nothing here throws on what a disk may have done to a file.
 */

import { Buffer, isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { FinalFile, JobFile } from '#core/job.ts';
import { isJobId, isSha256, type JobId, type Sha256 } from '#core/names.ts';
import { isCount, isFinalFile, isHex, isJobFile, isObject, isText, type Json } from './records.ts';

/** Bytes as JSON: text stays text, it is nearly always one. */
export type Packed = { readonly text: string } | { readonly base64: string };

export type Line =
  /**
   * The file's name in in/ (raw bytes, hex): written before the file is taken, because afterwards its name is only here. `at`: ISO 8601, UTC.
   * `seen`: which bytes were meant (give-back.ts); older lines have none.
   */
  | { readonly do: 'claim'; readonly id: JobId; readonly name: string; readonly at: string; readonly seen?: string }
  /** What was read. `bytes` null: refused unread, or too long for a line; then work/<job>.prompt has them. */
  | { readonly do: 'read'; readonly job: JobFile; readonly bytes: Packed | null }
  /** Read once more after a crash. */
  | { readonly do: 'count'; readonly id: JobId; readonly reads: number }
  /** Something that ends refer to by its hash. */
  | { readonly do: 'blob'; readonly sha256: Sha256; readonly bytes: Packed }
  /** The end is decided. A later one replaces it. `note` is the daemon's own. */
  | { readonly do: 'final'; readonly id: JobId; readonly final: FinalFile; readonly note: Json | null; readonly blobs: readonly Sha256[] }
  /** The children of the final lie beside their names in in/, durable. `homes`: which folder in/ of each role was (its inode, as text). */
  | { readonly do: 'staged'; readonly id: JobId; readonly homes: Readonly<Record<string, string>> };

/** Where a line stands in its file, newline included. */
export type Span = { readonly offset: number; readonly length: number };

const CRC_DIGITS = 8;
const NEWLINE = 0x0a;

export function pack(bytes: Uint8Array): Packed {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { text: buffer.toString('utf8') } : { base64: buffer.toString('base64') };
}

export const unpack = (packed: Packed): Buffer => ('text' in packed ? Buffer.from(packed.text) : Buffer.from(packed.base64, 'base64'));

const checksum = (json: Uint8Array): string => crc32(json).toString(16).padStart(CRC_DIGITS, '0');

export function encodeLine(line: Line): Buffer {
  const json = Buffer.from(JSON.stringify(line));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.of(NEWLINE)]);
}

/** All lines that can be believed, in order, and how many could not. */
export function decodeLines(bytes: Uint8Array): {
  readonly lines: readonly { readonly line: Line; readonly span: Span }[];
  readonly damaged: number;
} {
  const lines: { line: Line; span: Span }[] = [];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let damaged = 0;
  for (let offset = 0; offset < buffer.length;) {
    const end = buffer.indexOf(NEWLINE, offset);
    const next = end === -1 ? buffer.length : end + 1;
    // A line without its newline may be the start of a longer one.
    const line = end === -1 ? null : decodeLine(buffer.subarray(offset, end));
    if (line !== null) lines.push({ line, span: { offset, length: next - offset } });
    else if (end !== offset) damaged++;
    offset = next;
  }
  return { lines, damaged };
}

function decodeLine(bytes: Buffer): Line | null {
  const json = bytes.subarray(CRC_DIGITS + 1);
  if (bytes.length <= CRC_DIGITS || bytes.toString('latin1', 0, CRC_DIGITS) !== checksum(json)) return null;
  try {
    const value: unknown = JSON.parse(json.toString('utf8'));
    return isObject(value) && isLine(value) ? (value as unknown as Line) : null;
  } catch {
    return null;
  }
}

const isPacked = (value: unknown): boolean => isObject(value) && (isText(value['text']) || isText(value['base64']));
const isId = (value: unknown): boolean => isText(value) && isJobId(value);
const isHash = (value: unknown): boolean => isText(value) && isSha256(value);

function isLine(value: Json): boolean {
  switch (value['do']) {
    case 'claim':
      return isId(value['id']) && isHex(value['name']) && isText(value['at']) && (value['seen'] === undefined || isText(value['seen']));
    case 'read':
      return isObject(value['job']) && isJobFile(value['job']) && (value['bytes'] === null || isPacked(value['bytes']));
    case 'count':
      return isId(value['id']) && isCount(value['reads']);
    case 'blob':
      return isHash(value['sha256']) && isPacked(value['bytes']);
    case 'final': {
      const { final, note, blobs } = value;
      const isNote = note === null || isObject(note);
      return isId(value['id']) && isObject(final) && isFinalFile(final) && isNote && Array.isArray(blobs) && blobs.every(isHash);
    }
    case 'staged':
      return isId(value['id']) && isObject(value['homes']) && Object.values(value['homes']).every(isText);
    default:
      return false;
  }
}
