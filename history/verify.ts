/**
 * Proves the history by computing everything again: objects against their ids, recorded files against the hashes in the trailers of
 * the commits and in the evidence, the chain of records, materials against their names, the work tree against the tip.
 * A submitted prompt without an end is no finding: it may be running. Each thing that differs is one finding; damage never stops it.
 */

import type { Checkpoint, Finding, Trust } from '#core/history.ts';
import { acceptPurged, readTombstones, successorOf } from './purge-verify.ts';
import type { Oid } from './objects.ts';
import type { Repository } from './repository.ts';
import { linesOf, verifyChain } from './verify-chain.ts';
import { verifyAgainst } from './verify-checkpoint.ts';
import { findTip, lookAtTip, takeHashes, verifyEvidence, verifyMaterials, type TipLook } from './verify-files.ts';
import { makeCount } from './verify-finding.ts';
import { verifyObjects } from './verify-objects.ts';
import { verifyRecords } from './verify-records.ts';
import { verifyReviews } from './verify-reviews.ts';
import { verifySignatures } from './verify-signatures.ts';
import { emptySeen, type Seen } from './verify-seen.ts';

export async function* verifyHistory(
  repository: Repository,
  progress: (done: number, total: number) => void,
  trust: Trust,
  against: Checkpoint | null,
): AsyncGenerator<Finding> {
  const count = makeCount(progress);
  const seen = emptySeen();
  // The tip of before the look: what is recorded meanwhile is for the next one.
  const tip = yield* findTip(repository);
  const look = tip === null ? null : lookAtTip(repository, tip, count);
  try {
    yield* verifyObjects(repository, seen, count);
    if (tip !== null && look !== null) yield* verifyTip(repository, tip, look, seen, trust, against);
  } finally {
    await look?.end();
  }
}

async function* verifyTip(
  repository: Repository,
  tip: Oid,
  look: TipLook,
  seen: Seen,
  trust: Trust,
  against: Checkpoint | null,
): AsyncGenerator<Finding> {
  const files = yield* look.files();
  if (files === null) return;
  yield* takeHashes(files, seen);
  const purged = yield* acceptPurged(repository, tip, files, seen.marked, trust);
  yield* look.secondReader();
  const lines = linesOf(seen, tip);
  yield* verifyChain(lines);
  if (against !== null) {
    const tombstones = await readTombstones(repository, tip);
    yield* verifyAgainst(against, lines, (commit) => successorOf(tombstones, commit));
  }
  yield* verifyRecords(seen, tip, files);
  yield* verifyReviews(repository, seen, tip, files, purged, trust);
  yield* verifyEvidence(repository, seen, files, purged);
  yield* verifyMaterials(files);
  const kept = purged.size === 0 ? files : new Map([...files].filter(([path]) => !purged.has(path)));
  const isSigned = seen.isSigned || [...files.keys()].some((path) => path.endsWith('.dsse.json'));
  if (isSigned || trust.signers !== null) yield* verifySignatures(repository, tip, kept, trust, seen.signed);
  yield* look.workTree(files);
}
