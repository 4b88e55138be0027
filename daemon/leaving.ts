/** What ends a job's turn without ending the job. */

import type { SecretScan } from '#core/ports.ts';

/** The daemon is going away: the job stays as it lies in work/ and goes on at the next start. Not a failure. */
export class Leaving extends Error {
  override name = 'Leaving';
  constructor() {
    super('the daemon is stopping; the job goes on at the next start');
  }
}

/**
 * The scan as the flow sees it: one that the stop of the daemon cut short says nothing about the text, so the job leaves undecided. Otherwise it would
 * be held for a scan that failed.
 */
export const scanUnlessLeaving = (secrets: SecretScan, stopping: AbortSignal): SecretScan => ({
  ...secrets,
  async scan(where, text) {
    const scanned = await secrets.scan(where, text);
    if (!scanned.ok && scanned.error.kind === 'secret-scan-failed' && stopping.aborted) throw new Leaving();
    return scanned;
  },
});
