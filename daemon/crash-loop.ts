/**
 * Is docket dying at each start before it has even looked at the folders once? Then a waiting file may be what kills it, and the bounded look
 * at front matter is left out: files are claimed in the order of their names, and the ledger's count of reads finds the one (validate.ts).
 *
 * starts.json: absent -> (start) 1, 2, 3 … -> (first look done) absent
 */

import path from 'node:path';
import type { Ports } from './ports.ts';

const FILE = 'starts.json';
const BYTES_MAX = 64;

export type StartCount = {
  /** This many starts in a row, this one included, did not get through their first look. */
  readonly inARow: number;
  /** The first look is done. */
  survived(): Promise<void>;
};

export async function countStart(ports: Pick<Ports, 'fs' | 'workspace'>): Promise<StartCount> {
  const file = path.join(ports.workspace.state, FILE);
  const before = await ports.fs
    .readBounded(file, BYTES_MAX)
    .then(({ bytes }) => Number(new TextDecoder().decode(bytes)))
    .catch(() => 0);
  const inARow = (Number.isSafeInteger(before) && before > 0 ? before : 0) + 1;
  await ports.fs.replace(file, String(inARow), 'safety');
  return {
    inARow,
    async survived() {
      await ports.fs.removeTree(file);
    },
  };
}
