/**
 * Writes the shared part of git's index anew, a piece at a time: what is read of the old one and what came since is never in memory as a whole.
 *   written under a name of our own -> renamed to what its bytes hash to
 * Not synced: it can be made again from the commits. A crash leaves the name of our own, which the next one takes away.
 */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Fs } from '#core/ports.ts';
import { encodeHead } from './index-file.ts';
import { removeLock } from './lock-file.ts';
import { makePlaces, PIECE_BYTES, sharedOnDisk, type Shared } from './shared-index.ts';
import { countOf, piecesOf, type SplitIndex } from './split-index.ts';

const MODE = 0o644;

/** Throws `code: 'EDAMAGED'` when the old one is not what it was; nothing is changed then. */
export async function writeShared(fs: Fs, split: SplitIndex, gitDir: string, stateDir: string): Promise<Shared> {
  const fresh = `${stateDir}/sharedindex.new`;
  await removeLock(fs, fresh);
  const count = countOf(split);
  const places = makePlaces(count);
  const hash = createHash('sha1');
  let waiting: Buffer[] = [encodeHead(count, (split.shared?.isExtended ?? false) || split.own.isExtended)];
  let waitingBytes = 0;
  let isBegun = false;
  const put = async (): Promise<void> => {
    const bytes = Buffer.concat(waiting);
    await (isBegun ? fs.append(fresh, bytes, MODE) : fs.writeDerived(fresh, bytes, MODE));
    isBegun = true;
    waiting = [];
    waitingBytes = 0;
  };
  for (const head of waiting) hash.update(head);
  for await (const piece of piecesOf(split)) {
    places.add(piece);
    hash.update(piece.body);
    waiting.push(piece.body);
    waitingBytes += piece.body.length;
    if (waitingBytes >= PIECE_BYTES) await put();
  }
  const sum = hash.digest();
  waiting.push(sum);
  await put();
  const path = `${gitDir}/sharedindex.${sum.toString('hex')}`;
  await fs.rename(fresh, path);
  return sharedOnDisk(fs, path, sum.toString('hex'), places);
}
