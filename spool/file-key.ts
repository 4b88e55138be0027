/** A file in one text: device, inode, size, mtime, ctime. It changes when the file does. */

import type { FileFacts } from '#core/ports.ts';

type Numbers = Pick<FileFacts, 'dev' | 'ino' | 'sizeBytes' | 'mtimeNs' | 'ctimeNs'>;

/** To the base 36, because they are short so; joined, not added up: a sum of texts keeps all its parts in memory. */
const joined = (...numbers: (bigint | number)[]): string => numbers.map((number) => number.toString(36)).join('.');
/** Which bytes: device, inode, size, mtime. */
export const contentOf = ({ dev, ino, sizeBytes, mtimeNs }: Numbers): string => joined(dev, ino, sizeBytes, mtimeNs);
/** The same and the ctime, which a rename or chmod changes: what a `Waiting` carries. */
export const keyOf = ({ dev, ino, sizeBytes, mtimeNs, ctimeNs }: Numbers): string => joined(dev, ino, sizeBytes, mtimeNs, ctimeNs);
export const inodeOf = ({ dev, ino }: FileFacts): string => `${joined(dev, ino)}.`;
/** The content of a key. */
export const contentIn = (key: string): string => key.slice(0, key.lastIndexOf('.'));

/** The size in bytes of a key. */
export const sizeIn = (key: string): number => Number.parseInt(key.split('.')[2] ?? '', 36);
