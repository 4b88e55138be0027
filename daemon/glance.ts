/**
 * What a running daemon adds to `docket status`, in one answer: what its roles ask of reviewers and how their newest answers stand, what runs and what it is
 * doing, what today cost. The folders are counted by whoever asks: their names are the truth.
 *
 * Invariants: nobody asks, nothing is done but adding up costs; an answer never waits longer than WAIT_MS for what takes long (null then: not known yet).
 */

import { isUnreviewed, reviewNotes, type RoleFacts, type StandingCounts, type Today } from '#core/glance.ts';
import type { RoleName } from '#core/names.ts';
import type { Clock, Journal, Log } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { SpendLine } from '#core/spending.ts';
import type { Board } from './board.ts';
import type { LiveEvent, LiveRuns } from './live-runs.ts';
import type { Tally } from './tally.ts';

export type GlancePorts = {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Pick<Journal, 'open' | 'job'>;
  readonly live: LiveRuns;
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly listed: readonly string[];
  readonly board: Board;
  readonly tally: Tally;
  /** What the runs of today cost that ended before this start. */
  readonly spentBefore: (since: string) => Promise<readonly SpendLine[]>;
  /** Facts of the workspace as this daemon loaded them. */
  readonly workspace: Readonly<Record<string, unknown>>;
};

/** A run under way: how it began, the last it did, the last it said of its tokens. */
export type RunningNow = { readonly begin: LiveEvent; readonly last: LiveEvent | null; readonly usage: LiveEvent | null };

export type GlanceAnswer = {
  readonly workspace: Readonly<Record<string, unknown>>;
  readonly role_facts: readonly RoleFacts[];
  readonly review_notes: readonly string[];
  /** By role name; null: they are being counted. */
  readonly standings: Readonly<Record<string, StandingCounts>> | null;
  readonly running_now: readonly RunningNow[];
  /** Jobs in its hands by role name and state. */
  readonly in_work: readonly { readonly id: string; readonly role: string; readonly state: string }[];
  /** Null: it is being added up. */
  readonly today: Today | null;
};

/** What the first look of all takes longer than this. */
const WAIT_MS = 60;
/** Runs that nobody looked at tell what they do within this time. */
const LOOK_MS = 25;

export function makeGlance(ports: GlancePorts): () => Promise<GlanceAnswer> {
  const { clock, live, tally, board } = ports;
  let before: Promise<void> | null = null;
  let isFilled = false;

  const fill = async (): Promise<void> => {
    try {
      for (const line of await ports.spentBefore(tally.since())) tally.charge(line);
      isFilled = true;
    } catch (error) {
      ports.log.warn(`what today cost could not be added up: ${error instanceof Error ? error.message : String(error)}`);
      before = null;
    }
  };
  async function standings(): Promise<Readonly<Record<string, StandingCounts>> | null> {
    try {
      return Object.fromEntries(await board.standings());
    } catch (error) {
      ports.log.warn(`how answers stand could not be counted: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
  async function unlessLong<T>(work: Promise<T>): Promise<T | null> {
    const over = new AbortController();
    const late = async (): Promise<null> => {
      await clock.sleep(WAIT_MS, over.signal);
      return null;
    };
    const first = await Promise.race([work, late()]);
    over.abort();
    return first;
  }
  async function runs(hasRuns: boolean): Promise<readonly RunningNow[]> {
    if (!hasRuns) return [];
    const seen = new Map<string, { begin: LiveEvent; last: LiveEvent | null; usage: LiveEvent | null }>();
    const stop = live.listen(null, (event) => {
      const run = seen.get(event.job);
      if (event.event === 'begin') seen.set(event.job, { begin: event, last: null, usage: null });
      else if (event.event === 'end') seen.delete(event.job);
      else if (run !== undefined && event.event === 'usage') run.usage = event;
      else if (run !== undefined && event.event !== 'more') run.last = event;
    });
    await clock.sleep(LOOK_MS);
    stop();
    return [...seen.values()];
  }

  return async () => {
    before ??= fill();
    const inWork = ports.journal.open().map(({ id, role, state }) => ({ id, role, state }));
    const [running, counted] = await Promise.all([
      runs(inWork.some(({ state }) => state === 'running')),
      unlessLong(standings()),
      unlessLong(before),
    ]);
    return {
      workspace: ports.workspace,
      role_facts: [...ports.roles.values()].map((role) => ({
        role: role.folder,
        name: role.name,
        review: isUnreviewed(role, ports.listed) ? 'unreviewed' : 'required',
      })),
      review_notes: reviewNotes([...ports.roles.values()], ports.listed),
      standings: counted,
      running_now: running,
      in_work: inWork,
      today: isFilled ? tally.today() : null,
    };
  };
}
