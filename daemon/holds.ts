/**
 * Prompts that a person holds (`docket hold`): one small file for each, queues/.docket/holds/<hash>.json, so that two persons never overwrite each other's word.
 * The prompt itself lies in in/ as `<stem>.held`; the file here says who wants it so, and keeps an approval from releasing it.
 *
 * Invariant: a word counts for the prompt that it was given about: of another parent, it is somebody else's of the same name, and counts for nothing.
 */

import path from 'node:path';
import type { JobId, RoleName, Stem } from '#core/names.ts';
import type { Digest, Fs } from '#core/ports.ts';
import type { Hold } from './held.ts';

export type HeldName = { readonly role: RoleName; readonly stem: Stem; readonly parent: JobId | null };

type HoldFs = Pick<Fs, 'readBounded' | 'replace' | 'unlink' | 'makeFolders' | 'syncFolder'>;
type HoldPorts = { readonly fs: HoldFs; readonly digest: Pick<Digest, 'sha256'>; /** Absolute: `queues/.docket` */ readonly state: string };

/** Longest comment of a hold, in characters. */
const COMMENT_MAX = 2_000;
const BYTES_MAX = 20_000;

const folderOf = (state: string): string => path.join(state, 'holds');
const fileOf = ({ digest, state }: HoldPorts, { role, stem }: HeldName): string =>
  path.join(folderOf(state), `${digest.sha256(`${role}/${stem}`).slice(0, 32)}.json`);

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null);

/** Null: nobody holds it, or what stands there is not understood. */
export async function holdOf(ports: HoldPorts, held: HeldName): Promise<Hold | null> {
  try {
    const { bytes } = await ports.fs.readBounded(fileOf(ports, held), BYTES_MAX);
    const { v, role, stem, parent, by, at, comment } = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>>;
    if (v !== 1 || role !== held.role || stem !== held.stem || parent !== held.parent) return null;
    if (typeof by !== 'string' || typeof at !== 'string') return null;
    return { by, at, comment: typeof comment === 'string' ? comment : null };
  } catch (error) {
    if (error instanceof SyntaxError || ['ENOENT', 'ENOTDIR', 'EFBIG', 'EINVAL'].includes(String(codeOf(error)))) return null;
    throw error;
  }
}

/** Durable when it resolves. */
export async function setHold(ports: HoldPorts, held: HeldName, hold: Hold): Promise<void> {
  await ports.fs.makeFolders(folderOf(ports.state), 0o700);
  const { role, stem, parent } = held;
  const comment = hold.comment === null ? null : hold.comment.slice(0, COMMENT_MAX);
  await ports.fs.replace(
    fileOf(ports, held),
    `${JSON.stringify({ v: 1, role, stem, parent, ...hold, comment }, null, 2)}\n`,
    'safety',
    0o600,
  );
  await ports.fs.syncFolder(folderOf(ports.state), 'safety');
}

export async function clearHold(ports: HoldPorts, held: HeldName): Promise<void> {
  try {
    await ports.fs.unlink(fileOf(ports, held));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
