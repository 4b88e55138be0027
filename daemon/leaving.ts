/** What ends a job's turn without ending the job. */

/** The daemon is going away: the job stays as it lies in work/ and goes on at the next start. Not a failure. */
export class Leaving extends Error {
  override name = 'Leaving';
  constructor() {
    super('the daemon is stopping; the job goes on at the next start');
  }
}
