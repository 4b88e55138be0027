/**
 * Which errors of SQLite mean that the file is not what was written. A write that failed is none of them (no room, a limit on the size of files, a disk that
 * refuses for a moment): SQLite takes the transaction back whole, and the next one is tried like any other.
 */

const DAMAGED: ReadonlySet<string> = new Set(['SQLITE_NOTADB', 'SQLITE_CORRUPT']);
/** After one of these nothing that was written can be trusted to be there: a sync that failed is not tried again. */
const BROKEN: ReadonlySet<string> = new Set([
  ...DAMAGED,
  'SQLITE_IOERR_READ',
  'SQLITE_IOERR_SHORT_READ',
  'SQLITE_IOERR_FSYNC',
  'SQLITE_IOERR_DIR_FSYNC',
]);

export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
export const isDamage = (error: unknown): boolean => DAMAGED.has(codeOf(error));
export const isBreak = (error: unknown): boolean => BROKEN.has(codeOf(error));
