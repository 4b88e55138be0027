/** What an error of the system means for the job it hit. Codes are those of errno(3). */

const FULL_OR_FORBIDDEN = new Set([
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EACCES',
  'EPERM',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
  'ELOCKED',
  'EBUSY',
  'ENOENT',
  'ENOTDIR',
  'EXDEV',
  'ESTALE',
  'ETIMEDOUT',
  'ENOTCONN',
  'EHOSTDOWN',
  'ELOOP',
  'ENOMEDIUM',
  // The key that signs records cannot be used (core/signing.ts).
  'ESIGN',
]);

/**
 * `lost-disk`: a sync failed; what was written may be gone without a trace, so the daemon stops at once and recovers at the next start.
 * `environment`: heals by itself or by a person; the job waits in work/, no attempt is spent.
 * `bug`: anything else.
 */
export function classifyError(error: unknown): 'lost-disk' | 'environment' | 'bug' {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EIO' || code === 'ENXIO') return 'lost-disk';
  return FULL_OR_FORBIDDEN.has(code) ? 'environment' : 'bug';
}
