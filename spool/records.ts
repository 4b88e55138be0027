/**
 * JSON that the spool wrote, read back after a crash. It is ours and private, so a damaged one is a damaged disk; even then nothing
 * throws: it counts as not written, and the step that writes it is done again. Names in it become paths, so they are checked.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Outcome } from '#core/job.ts';
import { OUTCOMES } from '#core/job.ts';
import { isJobId, isSha256, parseRoleFolder, parseRoleName, parseStem } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { codeOf } from './error-code.ts';
import { isPrivateName } from './layout.ts';

/** Far above any record: a failure carries at most the words of a tool. */
const RECORD_BYTES = 4_000_000;

export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isText = (value: unknown): value is string => typeof value === 'string';
export const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
export const isHex = (value: unknown): value is string => isText(value) && /^(?:[0-9a-f]{2})*$/.test(value);
const isPlainName = (value: unknown): value is string => isText(value) && value === path.basename(value) && !value.startsWith('.');

export async function readJson(fs: Fs, file: string): Promise<Json | null> {
  try {
    const { bytes } = await fs.readBounded(file, RECORD_BYTES);
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return isObject(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'EFBIG', 'EINVAL'].includes(codeOf(error))) return null;
    throw error;
  }
}

/** core/job.ts `JobFile` */
export function isJobFile(value: Json): boolean {
  const { id, role, folder, stem, sha256 } = value;
  return (
    value['v'] === 1 &&
    isText(id) &&
    isJobId(id) &&
    isText(role) &&
    parseRoleName(role).ok &&
    isText(folder) &&
    parseRoleFolder(folder).ok &&
    isText(value['originalName']) &&
    isHex(value['originalNameHex']) &&
    isText(stem) &&
    parseStem(stem).ok &&
    (sha256 === null || (isText(sha256) && isSha256(sha256))) &&
    isCount(value['sizeBytes']) &&
    isCount(value['reads']) &&
    isText(value['claimedAt'])
  );
}

/** core/job.ts `FinalChild` */
const isFinalChild = (value: unknown): boolean =>
  isObject(value) &&
  isText(value['folder']) &&
  parseRoleFolder(value['folder']).ok &&
  isText(value['stem']) &&
  parseStem(value['stem']).ok &&
  isText(value['sha256']) &&
  isSha256(value['sha256']);

/** core/job.ts `FinalFile` */
export function isFinalFile(value: Json): boolean {
  const { files, stem, children } = value;
  return (
    value['v'] === 1 &&
    (children === undefined || (Array.isArray(children) && children.every(isFinalChild))) &&
    OUTCOMES.includes(value['outcome'] as Outcome) &&
    isText(stem) &&
    parseStem(stem).ok &&
    isPlainName(value['finished']) &&
    isText(value['decidedAt']) &&
    Array.isArray(files) &&
    files.every(
      (file: unknown) =>
        isObject(file) &&
        isText(file['private']) &&
        isPrivateName(file['private']) &&
        isPlainName(file['public']) &&
        (file['sha256'] === undefined || (isText(file['sha256']) && isSha256(file['sha256']))),
    )
  );
}
