/**
 * Is the chain whole? Each link must name the link before it: in the repository, in its feature, and a merge the head that it took in.
 * History is seen as lines along first parents: the tip's own, and one for each chain that a merge took in, which begins where it left another.
 *
 *   no trailers (earlier versions) -> the first link with trailers -> trailers for ever
 * Invariant: findings come in the order of the lines, the oldest link of each first, so the first finding is the first break.
 */

import type { Finding } from '#core/history.ts';
import { isSha256 } from '#core/names.ts';
import { BEFORE, BEFORE_IN_FEATURE, BEFORE_THEIRS, NONE } from './chain.ts';
import type { Oid } from './objects.ts';
import { finding } from './verify-finding.ts';
import type { Seen, SeenCommit } from './verify-seen.ts';

export type Placed = { readonly at: number; readonly commit: SeenCommit };
export type Line = {
  /** The oldest first. */
  readonly commits: readonly SeenCommit[];
  /** Where it left another line; null: it goes down to a first commit. */
  readonly from: { readonly line: Line; readonly at: number } | null;
  readonly links: Placed[];
  readonly byFeature: Map<string, Placed[]>;
  /** Its first link with trailers. */
  begins: number;
};

/** Main line first; each line before those that leave it. */
export function linesOf(seen: Seen, tip: Oid): Line[] {
  const places = new Map<Oid, { line: Line; at: number }>();
  const lines: Line[] = [];
  const heads: Oid[] = [tip];
  for (const head of heads) {
    const newestFirst: SeenCommit[] = [];
    let at: Oid | undefined = head;
    while (at !== undefined && !places.has(at)) {
      const commit = seen.commits.get(at);
      if (commit === undefined) break;
      newestFirst.push(commit);
      heads.push(...commit.parents.slice(1));
      [at] = commit.parents;
    }
    if (newestFirst.length === 0) continue;
    const commits = newestFirst.toReversed();
    const line: Line = {
      commits,
      from: at === undefined ? null : (places.get(at) ?? null),
      links: [],
      byFeature: new Map(),
      begins: Number.POSITIVE_INFINITY,
    };
    for (const [position, commit] of commits.entries()) {
      places.set(commit.oid, { line, at: position });
      if (commit.link === null) continue;
      const placed = { at: position, commit };
      line.links.push(placed);
      if (commit.link.before !== undefined) line.begins = Math.min(line.begins, position);
      const { feature } = commit.link;
      if (feature === null) continue;
      const known = line.byFeature.get(feature);
      if (known === undefined) line.byFeature.set(feature, [placed]);
      else known.push(placed);
    }
    lines.push(line);
  }
  return lines;
}

/** The newest of these before a position. */
function newestBefore(links: readonly Placed[], position: number): SeenCommit | null {
  let low = 0;
  let high = links.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((links[middle]?.at ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return links[low - 1]?.commit ?? null;
}

/** Along first parents, across lines. @param feature null: of the repository */
export function before(line: Line, position: number, feature: string | null): SeenCommit | null {
  for (let at: { line: Line; at: number } | null = { line, at: position }; at !== null;) {
    const here: Line = at.line;
    const found = newestBefore(feature === null ? here.links : (here.byFeature.get(feature) ?? []), at.at);
    if (found !== null) return found;
    at = here.from === null ? null : { line: here.from.line, at: here.from.at + 1 };
  }
  return null;
}

function hasBegun(line: Line, position: number): boolean {
  for (let at: { line: Line; at: number } | null = { line, at: position }; at !== null;) {
    const here: Line = at.line;
    if (here.begins < at.at) return true;
    at = here.from === null ? null : { line: here.from.line, at: here.from.at + 1 };
  }
  return false;
}

const placeOf = ({ oid, record, review }: SeenCommit): string =>
  record === null
    ? `${review === null ? '' : `${review.kind} of ${review.feature}, `}commit ${oid}`
    : `${record.identity.feature}/${record.identity.role}${record.identity.name === null ? '' : `/${record.identity.name}`} r${String(record.identity.revision)}`;

export function* verifyChain(lines: readonly Line[]): Generator<Finding> {
  const places = new Map<Oid, { line: Line; at: number }>();
  for (const line of lines) for (const [at, { oid }] of line.commits.entries()) places.set(oid, { line, at });
  for (const line of lines) for (const { at, commit } of line.links) yield* verifyLink(line, at, commit, places);
}

function* verifyLink(
  line: Line,
  position: number,
  commit: SeenCommit,
  places: ReadonlyMap<Oid, { readonly line: Line; readonly at: number }>,
): Generator<Finding> {
  const { oid, link, record, parents } = commit;
  if (link === null) return;
  const more = { commit: oid, ...(record === null ? {} : { job: record.job }) };
  const path = placeOf(commit);
  if (link.before === undefined && link.second === undefined) {
    if (hasBegun(line, position))
      yield finding('chain-broken', path, `commit ${oid} names no record before it, though records before it do`, null, null, {
        ...more,
        detail: 'ended',
      });
    return;
  }
  const [parent] = parents.slice(1);
  const taken = parent === undefined ? undefined : places.get(parent);
  const other = taken === undefined ? null : before(taken.line, taken.at + 1, null);
  const second =
    link.feature === null
      ? { key: BEFORE_THEIRS, detail: 'before-theirs', expected: other }
      : { key: BEFORE_IN_FEATURE, detail: 'before-in-feature', expected: before(line, position, link.feature) };
  const named = [
    { key: BEFORE, detail: 'before', text: link.before, expected: before(line, position, null) },
    { ...second, text: link.second },
  ];
  for (const { key, detail, text, expected } of named) {
    const should = expected?.hash ?? NONE;
    if (text === should) continue;
    const found = text ?? null;
    const stands = expected === null ? 'no record stands before it' : `${placeOf(expected)} (commit ${expected.oid}) stands there`;
    const says =
      found === null
        ? `commit ${oid} lacks ${key}`
        : found === NONE
          ? `commit ${oid} says that nothing was before it (${key}), and ${stands}`
          : isSha256(found)
            ? `commit ${oid} names another record before it (${key}) than the one there: ${stands}, or it was changed, moved or removed`
            : `commit ${oid} has a ${key} that is no hash`;
    yield finding('chain-broken', path, says, should, found, { ...more, detail });
  }
}
