/**
 * What a run leaves in its folder a<n>/, and when it may be believed.
 *
 *   stdout stderr   made by the keeper, 0600            run.json    before "go"
 *   tmp/            TMPDIR of the run, removed at its end    exit.json   the commit point: only after both outputs are on disk
 *
 * Invariant: an exit.json whose sizes and hashes do not match the files beside it counts as none (a power cut may leave that).
 */

import path from 'node:path';
import type { Digest, Fs } from '#core/ports.ts';
import type { ExitFile, RunFile, StopReason } from '#core/run.ts';

export const NAMES = { run: 'run.json', exit: 'exit.json', stdout: 'stdout', stderr: 'stderr', tmp: 'tmp' } as const;

const JSON_BYTES_MAX = 65_536;
const STOP_REASONS: ReadonlySet<unknown> = new Set<StopReason | null>([
  'timeout',
  'idle',
  'output-limit',
  'memory-limit',
  'process-limit',
  'cancelled',
  'budget',
  'keeper-lost',
  null,
]);

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const areTexts = (value: Fields, keys: readonly string[]): boolean => keys.every((key) => typeof value[key] === 'string');
const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string';

const isOutput = (value: unknown): boolean =>
  isFields(value) &&
  Number.isSafeInteger(value['sizeBytes']) &&
  typeof value['sha256'] === 'string' &&
  /^[0-9a-f]{64}$/.test(value['sha256']);

export const isRunFile = (value: unknown): value is RunFile =>
  isFields(value) &&
  value['v'] === 1 &&
  areTexts(value, ['runId', 'token', 'pidStart', 'bootId', 'startedAt', 'deadline', 'shown']) &&
  Number.isSafeInteger(value['pid']) &&
  Number(value['pid']) > 1 &&
  (value['sandbox'] === undefined || typeof value['sandbox'] === 'string');

export const isExitFile = (value: unknown): value is ExitFile =>
  isFields(value) &&
  value['v'] === 1 &&
  areTexts(value, ['runId', 'token', 'startedAt', 'endedAt']) &&
  (value['code'] === null || Number.isSafeInteger(value['code'])) &&
  isTextOrNull(value['signal']) &&
  STOP_REASONS.has(value['stopped']) &&
  isOutput(value['stdout']) &&
  isOutput(value['stderr']);

type ReadFs = Pick<Fs, 'facts' | 'readBounded'>;

async function readJson(file: string, fs: ReadFs): Promise<unknown> {
  if ((await fs.facts(file)) === null) return null;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode((await fs.readBounded(file, JSON_BYTES_MAX)).bytes));
  } catch (error) {
    // Torn by a power cut, or not ours: as good as not there. A disk that fails is another matter.
    if (error instanceof SyntaxError || error instanceof TypeError || codeOf(error) === 'EFBIG' || codeOf(error) === 'EINVAL') return null;
    throw error;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error ? (error as { readonly code?: unknown }).code : undefined);

/** a<n>/run.json; null when there is none, or none that can be read. Throws on a disk error. */
export async function readRun(dir: string, fs: ReadFs): Promise<RunFile | null> {
  const value = await readJson(path.join(dir, NAMES.run), fs);
  return isRunFile(value) ? value : null;
}

async function matches(file: string, expected: ExitFile['stdout'], fs: ReadFs, digest: Pick<Digest, 'sha256'>): Promise<boolean> {
  const facts = await fs.facts(file);
  if (facts?.kind !== 'file' || facts.sizeBytes !== expected.sizeBytes) return false;
  const { bytes } = await fs.readBounded(file, expected.sizeBytes);
  return digest.sha256(bytes) === expected.sha256;
}

/** a<n>/exit.json; null unless both outputs are there with the sizes and hashes it names. Throws on a disk error. */
export async function readExit(dir: string, fs: ReadFs, digest: Pick<Digest, 'sha256'>): Promise<ExitFile | null> {
  const value = await readJson(path.join(dir, NAMES.exit), fs);
  if (!isExitFile(value)) return null;
  const areBoth =
    (await matches(path.join(dir, NAMES.stdout), value.stdout, fs, digest)) &&
    (await matches(path.join(dir, NAMES.stderr), value.stderr, fs, digest));
  return areBoth ? value : null;
}
