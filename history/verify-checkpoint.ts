/**
 * Does the history still hold what a checkpoint says? A whole chain alone does not show that all of it was written anew; a checkpoint that a person
 * kept elsewhere does.
 *
 *   commit there, hash there            -> as it was
 *   commit gone, a purge's successor there, hash there -> purged, which is told and is no finding
 *   fewer records than then             -> cut
 *   another hash at that count          -> rewritten
 *   the hash there, the commit not      -> rewritten commits with the same words: what they hold is judged by the rest of verify
 */

import type { Checkpoint, Finding } from '#core/history.ts';
import type { Oid } from './objects.ts';
import { before, type Line } from './verify-chain.ts';
import { finding } from './verify-finding.ts';
import type { SeenCommit } from './verify-seen.ts';

type Place = { readonly line: Line; readonly at: number };

function placeOf(lines: readonly Line[], commit: Oid): Place | null {
  for (const line of lines) {
    const at = line.commits.findIndex(({ oid }) => oid === commit);
    if (at >= 0) return { line, at };
  }
  return null;
}

/** Links at or below a place, along first parents. */
function countTo({ line, at }: Place): number {
  let count = 0;
  for (let here: Place | null = { line, at }; here !== null; here = here.line.from) {
    const { at: upTo, line: of }: Place = here;
    count += of.links.filter((link) => link.at <= upTo).length;
  }
  return count;
}

/** The link at a count along the main line. */
function linkAt(lines: readonly Line[], records: number): SeenCommit | null {
  const [main] = lines;
  return main?.links[records - 1]?.commit ?? null;
}

/** @param successorOf what purges made of a commit; itself when none did */
export function* verifyAgainst(checkpoint: Checkpoint, lines: readonly Line[], successorOf: (commit: Oid) => Oid): Generator<Finding> {
  const { commit, record, records, time } = checkpoint;
  const path = `checkpoint of ${time}`;
  const missed = (detail: string, message: string, expected: string | null, found: string | null): Finding =>
    finding('checkpoint-missed', path, message, expected, found, { detail, commit });
  const successor = successorOf(commit);
  const place = placeOf(lines, successor);
  if (place !== null) {
    const there = before(place.line, place.at + 1, null);
    const count = countTo(place);
    if ((there?.hash ?? null) !== record)
      yield missed('rewritten', `the newest record at commit ${successor} is not the one of then`, record, there?.hash ?? null);
    else if (count !== records)
      yield missed('rewritten', `up to commit ${successor} there is another number of records`, String(records), String(count));
    else if (successor !== commit) {
      const message = `commit ${commit} is ${successor} since a purge: the records up to there are those of then`;
      yield finding('checkpoint-missed', path, message, commit, successor, { detail: 'purged', isNotice: true, commit });
    }
    return;
  }
  const main = lines[0]?.links.length ?? 0;
  if (main < records) {
    const message = `the history had ${String(records)} records and has ${String(main)}: its end was cut off`;
    yield missed('cut', message, String(records), String(main));
    return;
  }
  const there = records === 0 ? null : linkAt(lines, records);
  if ((there?.hash ?? null) === record) {
    const message = `commit ${commit} is not in the history any more; the record at its place says the same, so its commits were made anew, and no tombstone says why`;
    yield missed('commit-gone', message, commit, there?.oid ?? null);
    return;
  }
  const message = `the history was written anew: record ${String(records)} is another one than then (commit ${there?.oid ?? 'none'})`;
  yield missed('rewritten', message, record, there?.hash ?? null);
}
