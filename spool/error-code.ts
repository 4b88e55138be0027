/** What the system said: ENOENT, EEXIST, ENOSPC … */

/** The `code` of anything thrown; empty text when it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
