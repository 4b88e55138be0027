/**
 * A private copy in work/ was written to after the end of its job was decided: found by its hash, said, and never published.
 *
 *   the decided bytes are known (in memory, in history)  -> they are put back
 *   an error page                                        -> it is written again
 *   neither                                              -> the job is held: a person decides
 *
 * Invariant: what is published is what was recorded, or nothing is.
 */

import type { FinalFile } from '#core/job.ts';
import type { JobId } from '#core/names.ts';
import type { Claimed } from '#core/spool.ts';
import type { AlteredCopy } from '#spool/decided-bytes.ts';
import { errorPage } from './error-page.ts';
import type { Ports } from './ports.ts';
import type { Told } from './told-note.ts';

/** @returns the end as it is decided now */
export async function mendAltered(
  ports: Ports,
  claimed: Claimed,
  final: FinalFile,
  told: Told | null,
  altered: AlteredCopy,
): Promise<FinalFile> {
  const { job } = claimed;
  const log = (words: string): void => {
    ports.log.error(`${altered.message}; ${words}; what somebody wrote there is in archive/`, { job: job.id, role: job.role });
  };
  const bytes = await decided(ports, claimed, told, altered);
  if (bytes !== null) {
    log('the decided bytes are put back');
    return ports.spool.putBack(claimed, final, altered.as, bytes);
  }
  if (altered.as === '_error.md' && final.failure !== null) {
    log('the page is written again');
    return ports.spool.putBack(claimed, final, altered.as, errorPage(ports, claimed, final.outcome, final.failure, []));
  }
  log('the job is held');
  await ports.spool.keepAltered(claimed, final);
  const failure = { kind: 'copy-altered', file: `${job.stem}${altered.as}` } as const;
  const held = await ports.spool.decide(claimed, {
    outcome: 'held',
    failure,
    files: [{ as: '_error.md', bytes: errorPage(ports, claimed, 'held', failure, []) }],
  });
  // A part of it is public already, so its end stands: a person puts the rest right.
  if (held.outcome !== 'held') throw altered;
  return held;
}

/** Null: nobody has them. */
async function decided(
  ports: Ports,
  claimed: Claimed,
  told: Told | null,
  { as, expected }: AlteredCopy,
): Promise<Uint8Array | string | null> {
  const isIt = (bytes: Uint8Array | string | null): bytes is Uint8Array | string =>
    bytes !== null && ports.digest.sha256(bytes) === expected;
  const fresh = told === null ? null : as === '_result.md' ? told.answer.result : told.answer.evidence;
  if (isIt(fresh)) return fresh;
  // The page that lists an answer's prompts (daemon/emit.ts).
  const kept = await ports.spool.blob(claimed, expected);
  if (isIt(kept)) return kept;
  const note = await ports.spool.note(claimed);
  const answer = note?.['answer'] as { readonly job?: JobId } | undefined;
  if (answer?.job === undefined) return null;
  for await (const { identity, folder, evidence } of ports.history.records({ job: answer.job })) {
    const recorded = as === '_evidence.json' ? evidence : await ports.history.read(`${folder}/result_v${String(identity.revision)}.md`);
    if (isIt(recorded)) return recorded;
  }
  return null;
}
