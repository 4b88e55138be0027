/**
 * The JSON files of a work folder, read back after a crash: origin.json, job.json, final.json (core/job.ts). They are ours, private
 * and written by temporary file and rename, so a damaged one is a damaged disk; even then nothing throws: it counts as not written,
 * and the step that writes it is done again.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { FinalFile, JobFile, Outcome } from '#core/job.ts';
import { OUTCOMES } from '#core/job.ts';
import { isJobId, isSha256, parseRoleFolder, parseRoleName, parseStem, type JobId, type RoleFolder } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { JobPaths } from './layout.ts';
import { codeOf } from './error-code.ts';

/** work/<job>/origin.json: written before the file is taken, because afterwards its name is only here. */
export type OriginFile = {
  readonly v: 1;
  readonly id: JobId;
  readonly folder: RoleFolder;
  /** Raw bytes of the name in in/, hex. */
  readonly nameHex: string;
  /** ISO 8601, UTC. */
  readonly claimedAt: string;
};

/** Far above any record: a failure carries at most the words of a tool. */
const RECORD_BYTES = 4_000_000;

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isHex = (value: unknown): value is string => isText(value) && /^(?:[0-9a-f]{2})*$/.test(value);

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

export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export async function readOrigin(fs: Fs, paths: JobPaths): Promise<OriginFile | null> {
  const value = await readJson(fs, paths.origin);
  const isOurs = value?.['v'] === 1 && isHex(value['nameHex']) && isText(value['claimedAt']);
  return isOurs ? (value as unknown as OriginFile) : null;
}

export async function readJob(fs: Fs, paths: JobPaths): Promise<JobFile | null> {
  const value = await readJson(fs, paths.job);
  return value !== null && isJobFile(value) ? (value as unknown as JobFile) : null;
}

function isJobFile(value: Json): boolean {
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

export async function readFinal(fs: Fs, paths: JobPaths): Promise<FinalFile | null> {
  const value = await readJson(fs, paths.final);
  return value !== null && isFinalFile(value) ? (value as unknown as FinalFile) : null;
}

const isPlainName = (value: unknown): value is string => isText(value) && value === path.basename(value) && !value.startsWith('.');

function isFinalFile(value: Json): boolean {
  const { files, stem } = value;
  return (
    value['v'] === 1 &&
    OUTCOMES.includes(value['outcome'] as Outcome) &&
    isText(stem) &&
    parseStem(stem).ok &&
    isPlainName(value['finished']) &&
    isText(value['decidedAt']) &&
    Array.isArray(files) &&
    files.every(
      (file: unknown) =>
        isObject(file) && isText(file['private']) && /^publish\/[0-9]+-[a-z_.]+$/.test(file['private']) && isPlainName(file['public']),
    )
  );
}
