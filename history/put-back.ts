/**
 * A commit of somebody's that was made from an index of before docket's last group takes that group's files out of the tip, though they lie in
 * the work tree and nobody meant it. No git can do that since index and branch move together (index-keeper.ts); a docket of before could not
 * prevent it, and a tool that is not git may do so still. Any writer puts them back with its next group.
 * What a person removed is gone from the work tree, too: that is left.
 */

import { Buffer } from 'node:buffer';
import type { Fs } from '#core/ports.ts';
import { makeCommit } from './commit-signature.ts';
import { diffTrees, type FileChange } from './diff.ts';
import { decodeCommit, isOid, oidOf, type Oid } from './objects.ts';
import { newObject, type NewObject } from './pack.ts';
import { BRANCH, isOnMain } from './ref.ts';
import { signerOf, type Repository } from './repository.ts';
import { openSnapshot, type Snapshot } from './snapshot.ts';
import type { Staged } from './stage.ts';

/** So much of the reflog's end is looked at. */
const TAIL_BYTES = 8 * 1024;
const FILE_BYTES_MAX = 1024 * 1024 * 1024;
const SUBJECT = 'docket: put back what a commit made from an older index took away';

/** Moves of the branch, the newest first (gitformat of reflogs: `<old> <new> <who>\t<message>`). */
async function newestMoves(fs: Fs, gitDir: string): Promise<{ readonly from: Oid; readonly to: Oid }[]> {
  let text = '';
  try {
    const file = await fs.openRead(`${gitDir}/logs/${BRANCH}`);
    try {
      text = Buffer.from(await file.readAt(Math.max(0, file.sizeBytes - TAIL_BYTES), TAIL_BYTES)).toString('latin1');
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  }
  const moves = text.split('\n').map((line) => ({ from: line.slice(0, 40), to: line.slice(41, 81) }));
  return moves.filter(({ from, to }) => isOid(from) && isOid(to)).toReversed();
}

const isOurs = (message: string): boolean => /^Docket-/m.test(message) || message.startsWith('docket: ');

/** Id of a file's bytes; null: it is not there, or no file that docket would have written. */
async function fileId(fs: Fs, file: string): Promise<Oid | null> {
  try {
    return oidOf('blob', (await fs.readBounded(file, FILE_BYTES_MAX)).bytes);
  } catch {
    return null;
  }
}

/** What the last group changed and the tip has as it was before, though the files lie in the work tree. Mostly one look at the tip. */
export async function takenAway({ fs, gitDir, dir, store }: Repository, tip: Oid): Promise<FileChange[]> {
  const commitOf = async (oid: Oid): Promise<ReturnType<typeof decodeCommit>> => decodeCommit(await store.readType(oid, 'commit'));
  const { tree, message } = await commitOf(tip);
  if (isOurs(message) || !(await isOnMain(fs, gitDir))) return [];
  let below = tip;
  for (const move of await newestMoves(fs, gitDir)) {
    if (move.to !== below || !(await store.has(move.to)) || !(await store.has(move.from))) return [];
    below = move.from;
    const made = await commitOf(move.to);
    if (!isOurs(made.message)) continue;
    const before = await commitOf(move.from);
    const now = await openSnapshot(store, tree);
    const changes: FileChange[] = [];
    for await (const change of diffTrees(store, before.tree, made.tree)) {
      if ((await fileId(fs, `${dir}/${change.path}`)) === change.to && (await now.file(change.path)) === change.from) changes.push(change);
    }
    return changes;
  }
  return [];
}

/** A commit on the tip. @param at a snapshot of it */
export async function putBack(
  { author, clock, log, signing }: Repository,
  at: Snapshot,
  from: Oid,
  changes: readonly FileChange[],
): Promise<Staged> {
  const signer = await signerOf({ signing: signing ?? null });
  for (const { path, to } of changes) await (to === null ? at.remove(path) : at.put(path, to));
  const objects: NewObject[] = [];
  const tree = at.seal(objects);
  const now = clock.now();
  const commit = newObject(
    'commit',
    makeCommit(signer, { tree, parents: [from], author, authoredAt: now, committedAt: now, message: `${SUBJECT}\n` }),
  );
  objects.push(commit);
  log.warn(`a git commit was made from an index of before: ${String(changes.length)} files it took away are put back`);
  return { tip: commit.oid, tree, subject: SUBJECT, objects, changes, blobs: new Map(), records: [], links: [], settle: [] };
}
