/**
 * What the records say of time and quality: evidence and verdicts alone, so the same with the journal deleted. Pure but for the reading.
 *
 *   waiting   from the claim until the first attempt began, and between attempts; how long a file lay in in/ before it was claimed is not recorded
 *   running   the attempts
 *   review    from the end of the run until a person's first verdict: time that went by, not time that somebody worked
 *   lead      from the claim until the verdict that made it accepted
 */

import type { Micros } from '#core/money.ts';
import type { RoleName } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import { isAccepted, type Standing } from '#core/verdict.ts';
import { listIn, objectIn, openStatement, textIn, type Json } from '#history/loose-json.ts';
import { spendLinesOf } from '#history/spending.ts';
import type { Sources } from './job-words-sources.ts';
import { reviewItems } from './reviews.ts';

/** One recorded end of a prompt. */
export type Fact = {
  readonly identity: Identity;
  readonly status: string;
  readonly standing: Standing | null;
  readonly endedMs: number;
  readonly waitingMs: number;
  readonly runningMs: number;
  /** Null: nobody judged it. */
  readonly reviewMs: number | null;
  /** Null: it is not accepted, or nobody had to say so. */
  readonly leadMs: number | null;
  /** The first word of a person; null: none yet. */
  readonly firstVerdict: string | null;
  readonly attempts: number;
  readonly contractFailures: number;
  readonly micros: Micros;
  readonly unknownRuns: number;
};

const timeIn = (of: Json, key: string): number => Date.parse(textIn(of, key) ?? '');
const span = (fromMs: number, toMs: number): number => (Number.isNaN(toMs - fromMs) ? 0 : Math.max(0, toMs - fromMs));

/** Records that ended then or later; the offline runner's are none. @param feature null: all */
export async function statsFacts(sources: Sources, feature: string | null, sinceMs: number | null): Promise<readonly Fact[]> {
  const history = await sources.history();
  if (history === null) return [];
  const filter = feature === null ? {} : { feature };
  const items = new Map((await reviewItems(sources, filter)).map((item) => [identityKey(item.identity), item]));
  const facts: Fact[] = [];
  for await (const { identity, filed, evidence } of history.records(filter)) {
    const predicate = evidence === null ? null : (openStatement(evidence)?.predicate ?? null);
    if (predicate === null || evidence === null || filed.status === 'briefed' || filed.status === 'submitted') continue;
    const times = objectIn(predicate, 'times');
    const endedMs = timeIn(times, 'ended');
    if (Number.isNaN(endedMs) || (sinceMs !== null && endedMs < sinceMs)) continue;
    const item = items.get(identityKey(identity));
    const said = (item?.verdicts ?? []).map(({ verdict }) => verdict).filter((one) => one.result_sha256 === filed.resultSha256);
    const attempts = listIn(predicate, 'attempts');
    const runningMs = attempts.reduce((sum, one) => sum + span(timeIn(one, 'startedAt'), timeIn(one, 'endedAt')), 0);
    const claimedMs = timeIn(times, 'claimed');
    const lastMs = Math.max(...attempts.map((one) => timeIn(one, 'endedAt')), Number.NEGATIVE_INFINITY);
    const [first] = said;
    const standing = item?.standing ?? null;
    const approvals = said.filter(({ verdict }) => verdict === 'approved');
    const acceptedAt = standing === 'accepted' ? approvals.at((item?.rule.reviewers ?? 1) - 1)?.at : undefined;
    const spend = spendLinesOf(evidence);
    facts.push({
      identity,
      status: filed.status,
      standing,
      endedMs,
      waitingMs: Number.isFinite(lastMs) ? Math.max(0, span(claimedMs, lastMs) - runningMs) : 0,
      runningMs,
      reviewMs: first === undefined ? null : span(endedMs, Date.parse(first.at)),
      leadMs: acceptedAt === undefined ? null : span(claimedMs, Date.parse(acceptedAt)),
      firstVerdict: first?.verdict ?? null,
      attempts: attempts.length,
      contractFailures: attempts.filter((one) => textIn(objectIn(one, 'failure'), 'kind') === 'contract').length,
      micros: spend.reduce((sum, one) => sum + one.spend.micros, 0),
      unknownRuns: spend.reduce((sum, one) => sum + one.spend.unknownRuns, 0),
    });
  }
  return facts;
}

export type Spread = { readonly count: number; readonly median: number; readonly p90: number; readonly total: number };

/** Null: there is none. Nearest rank. */
export function spreadOf(values: readonly number[]): Spread | null {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return sorted.length === 0
    ? null
    : { count: sorted.length, median: at(0.5), p90: at(0.9), total: sorted.reduce((sum, value) => sum + value, 0) };
}

export type Quality = {
  /** Prompts that ended, revisions each for itself. */
  readonly ended: number;
  readonly answered: number;
  readonly accepted: number;
  /** Series of which a person has judged the first revision, and those of them that were approved with the first word. */
  readonly judged: number;
  readonly firstPass: number;
  readonly retries: number;
  readonly contractFailures: number;
  readonly failed: number;
  /** Series, and revisions of them all. */
  readonly series: number;
  readonly revisions: number;
};

export function qualityOf(facts: readonly Fact[]): Quality {
  const series = [...Map.groupBy(facts, ({ identity }) => identityKey({ ...identity, revision: 0 })).values()];
  const firsts = series.flatMap((all) =>
    all.filter(({ identity }) => identity.revision === Math.min(...all.map((one) => one.identity.revision))),
  );
  const judged = firsts.filter(({ firstVerdict }) => firstVerdict !== null);
  return {
    ended: facts.length,
    answered: facts.filter(({ status }) => status === 'answered').length,
    accepted: facts.filter(({ standing }) => standing !== null && isAccepted(standing)).length,
    judged: judged.length,
    firstPass: judged.filter(({ firstVerdict }) => firstVerdict === 'approved').length,
    retries: facts.reduce((sum, { attempts }) => sum + Math.max(0, attempts - 1), 0),
    contractFailures: facts.reduce((sum, one) => sum + one.contractFailures, 0),
    failed: facts.filter(({ status }) => status === 'failed').length,
    series: series.length,
    revisions: facts.length,
  };
}

export const rolesIn = (facts: readonly Fact[]): readonly RoleName[] => [...new Set(facts.map(({ identity }) => identity.role))];
