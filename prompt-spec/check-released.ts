/**
 * A released version of the prompt specs never changes: the hashes in prompt-spec/released.json are compared with the files that are there, the schemas
 * beside the specs included.
 * Pure: the command line reads and writes. Paths are relative to the folder prompt-spec: `v2.1.0/01_architect.md`.
 */

import { z } from 'zod';
import type { Fault } from '#core/fault.ts';
import { isSha256, type Sha256 } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import { fault, shown, WHOLE_FILE } from './faults.ts';
import { specFileName } from './spec.ts';
import { isVersion } from './version.ts';

export type Hashes = ReadonlyMap<string, Sha256>;

export const RELEASED_BYTES_MAX = 4_000_000;

/** `v2.2.0/handover.schema.json` belongs to its version as a spec does. */
const schemaVersion = (path: string): string | null => {
  const version = /^v([^/]+)\/[a-z0-9][a-z0-9._-]{0,99}\.json$/.exec(path)?.[1];
  return version !== undefined && isVersion(version) ? version : null;
};
const versionOf = (path: string): string => specFileName(path)?.version ?? schemaVersion(path) ?? '';
const isReleasable = (path: string): boolean => versionOf(path) !== '';

/** Faults: an edited, a lost, or an added file of a released version. A version with no recorded file is a draft and may change. */
export function checkReleased(recorded: Hashes, present: Hashes): readonly Fault[] {
  const released = new Set([...recorded.keys()].map(versionOf));
  const faults: Fault[] = [];
  for (const [path, sha256] of recorded) {
    const now = present.get(path);
    if (now === sha256) continue;
    faults.push(
      now === undefined
        ? releasedFault(path, 'spec-released-missing', 'a file of a released version is gone', sha256, 'no file', 'put it back as it was')
        : releasedFault(
            path,
            'spec-released-changed',
            'a released version was changed',
            sha256,
            now,
            'undo the change and make a new version: docket spec new',
          ),
    );
  }
  for (const [path, sha256] of present) {
    if (recorded.has(path) || !released.has(versionOf(path))) continue;
    faults.push(
      releasedFault(
        path,
        'spec-released-added',
        'a file was added to a released version',
        'no such file',
        sha256,
        'put it into a new version: docket spec new',
      ),
    );
  }
  return faults;
}

const releasedFault = (path: string, code: string, message: string, expected: string, found: string, mend: string): Fault =>
  fault(code, 'file', WHOLE_FILE, { message: `${shown(path)}: ${message}`, expected, found, mend });

const RELEASED_SCHEMA = z.strictObject({ format: z.literal(1), files: z.record(z.string(), z.string()) });

/** The text of released.json: sorted, one line per file, so that a diff shows what changed. Files that are neither prompt specs nor their schemas are left out. */
export function renderReleased(hashes: Hashes): string {
  const files = Object.fromEntries([...hashes].filter(([path]) => isReleasable(path)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ format: 1, files }, null, 2)}\n`;
}

const unreadable = (found: string): Result<never, readonly Fault[]> =>
  err([
    fault('spec-released-unreadable', 'file', WHOLE_FILE, {
      message: 'prompt-spec/released.json cannot be read',
      expected: '{ "format": 1, "files": { "vX.Y.Z/NN_role.md": "<sha256>" } }',
      found: shown(found),
      mend: 'take it from the last release',
    }),
  ]);

export function parseReleased(text: string): Result<Hashes, readonly Fault[]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return unreadable('no JSON');
  }
  const parsed = RELEASED_SCHEMA.safeParse(json);
  if (!parsed.success) return unreadable('another shape');
  const hashes = new Map<string, Sha256>();
  for (const [path, sha256] of Object.entries(parsed.data.files)) {
    if (!isReleasable(path) || !isSha256(sha256)) return unreadable(path);
    hashes.set(path, sha256);
  }
  return ok(hashes);
}
