/** The files that a run changed: as the commit had them that it began with, against as they lie in the code now. Reads only. */

import path from 'node:path';
import type { AskProgram, Digest, Fs } from '#core/ports.ts';
import { changedPaths } from '#history/code-now.ts';
import { listIn, objectIn, openStatement, textIn } from '#history/loose-json.ts';
import { codeOf } from '#platform/files.ts';
import { gitBlob } from '#platform/git-blob.ts';

/** More are named, not compared. */
const FILES_MAX = 100;
const FILE_BYTES_MAX = 1_000_000;

export type ChangedFile = {
  readonly path: string;
  /** create, modify, delete, mode. */
  readonly change: string;
  /** What a reviewer should know before reading the diff; empty: nothing. */
  readonly notes: readonly string[];
  /** Null: it could not be had, and the notes say why. */
  readonly texts: { readonly before: string; readonly after: string } | null;
};

type Ports = { readonly ask: AskProgram; readonly fs: Pick<Fs, 'readBounded'>; readonly digest: Pick<Digest, 'sha256'> };

/** @param folder of the code */
export async function changedFiles({ ask, fs, digest }: Ports, folder: string, evidence: string): Promise<readonly ChangedFile[]> {
  const predicate = openStatement(evidence)?.predicate ?? {};
  const commit = textIn(objectIn(predicate, 'code'), 'headCommit') ?? '';
  const inside = new Set(changedPaths(evidence));
  const files: ChangedFile[] = [];
  for (const one of listIn(predicate, 'filesChanged')) {
    const file = textIn(one, 'path') ?? '';
    const change = textIn(one, 'change') ?? '';
    if (!inside.has(file))
      files.push({ path: file, change, notes: ['it lies outside of the working folder: look at it there'], texts: null });
    else if (files.length >= FILES_MAX) files.push({ path: file, change, notes: [], texts: null });
    else {
      const now = await readNow(fs, path.join(folder, file));
      const then = await gitBlob(ask, folder, commit, file);
      const notes: string[] = [];
      const left = textIn(one, 'sha256');
      if (typeof now === 'string') notes.push(now);
      else if ((now === null ? null : digest.sha256(now)) !== left && (left !== null || change === 'delete'))
        notes.push('changed since the run: it is not as the run left it');
      const before = textIn(one, 'before');
      if (then !== null && before !== null && digest.sha256(then) !== before)
        notes.push('it was not as in the commit when the run began: the diff shows older changes too');
      if (then === null && change !== 'create')
        notes.push(`git has no text of it in ${commit === '' ? 'any commit' : commit.slice(0, 12)}`);
      const after = typeof now === 'string' ? null : new TextDecoder().decode(now ?? new Uint8Array());
      const isText = after !== null && (then !== null || change === 'create') && !`${then ?? ''}${after}`.includes('\0');
      if (after !== null && !isText && `${then ?? ''}${after}`.includes('\0')) notes.push('it is no text');
      files.push({ path: file, change, notes, texts: isText ? { before: then ?? '', after } : null });
    }
  }
  return files;
}

/** Null: there is none. A text: why it cannot be read. */
async function readNow(fs: Pick<Fs, 'readBounded'>, file: string): Promise<Uint8Array | string | null> {
  try {
    return (await fs.readBounded(file, FILE_BYTES_MAX)).bytes;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    return code === 'EFBIG' ? `it is larger than ${String(FILE_BYTES_MAX)} bytes` : `it cannot be read now (${code})`;
  }
}
