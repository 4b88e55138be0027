/** Which errors of SQLite mean that the file is not what was written. */

const DAMAGED: ReadonlySet<string> = new Set(['SQLITE_NOTADB', 'SQLITE_CORRUPT']);
/** After one of these nothing that was written can be trusted to be there: a sync that failed is not tried again. */
const BROKEN: ReadonlySet<string> = new Set([...DAMAGED, 'SQLITE_IOERR']);

export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
export const isDamage = (error: unknown): boolean => DAMAGED.has(codeOf(error));
export const isBreak = (error: unknown): boolean => BROKEN.has(codeOf(error));
