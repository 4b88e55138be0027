/**
 * What the runs under way do, for whoever listens: `docket attach`, `docket logs -f`, the terminal of `docket up`; and for their budget.
 *
 *   begin -> looked at while somebody listens (4 times a second) or its money is watched (once a second), else left alone -> the rest -> end
 *
 * Invariants: nothing here can harm a job: what goes wrong is passed over. A listener gets a bounded number of events for each look, and is told how
 * many it did not get. Everything in an event is clean: no secret that docket knows, nothing that a terminal obeys.
 */

import type { Follower, Look, Step } from '#agents/progress.ts';
import { priced, type PriceTables } from '#core/money.ts';
import type { JobId } from '#core/names.ts';
import type { Clock } from '#core/ports.ts';
import type { Usage } from '#core/run.ts';

/** A line of `docket attach --json`; docs/progress.md tells its fields. */
export type LiveEvent = {
  readonly v: 1;
  /** When it was read, ISO 8601, UTC. */
  readonly at: string;
  readonly job: JobId;
  readonly role: string;
  readonly stem: string;
  readonly attempt: number;
  readonly runner: string;
  /** Since the run's start. */
  readonly elapsed_ms: number;
  /** Output so far. */
  readonly bytes: number;
} & Happening;
type Happening =
  | { readonly event: 'begin' }
  | { readonly event: 'tool'; readonly tool: string; readonly file: string | null }
  | { readonly event: 'file'; readonly file: string }
  | { readonly event: 'text'; readonly text: string; readonly characters: number }
  | {
      readonly event: 'usage';
      readonly input_tokens: number | null;
      readonly output_tokens: number | null;
      readonly cache_read_tokens: number | null;
      readonly cache_write_tokens: number | null;
      readonly cost_usd: number | null;
      /** The price table said what it costs. */
      readonly estimated: boolean;
    }
  /** It wrote, and its output tells nothing. */
  | { readonly event: 'bytes' }
  /** So many events came faster than they are told. */
  | { readonly event: 'more'; readonly skipped: number }
  /** `answered`, `briefed` or the class of its failure: of this attempt, not of the job. */
  | { readonly event: 'end'; readonly outcome: string };

export type BegunRun = {
  readonly job: JobId;
  readonly role: string;
  readonly stem: string;
  readonly attempt: number;
  readonly runner: string;
  /** Asked for; null: the tool's own. */
  readonly model: string | null;
  readonly follower: Follower;
  /** Told at each look what the run has used so far; null: nobody watches its money. */
  readonly onUsage: ((usage: Usage) => Promise<void>) | null;
};
export type Listener = (event: LiveEvent) => void;

export type LiveRuns = {
  /** A run begins, or is taken up. @returns what ends it: called with the attempt's outcome, resolves when all was told */
  begin(run: BegunRun): (outcome: string) => Promise<void>;
  /** Hears of one job, or of all (null): of what runs the begin and its last events at once. @returns what ends it */
  listen(job: JobId | null, listener: Listener): () => void;
};

/** For tests, and a daemon that nobody can listen to. */
export const NO_LIVE_RUNS: LiveRuns = { begin: () => async () => Promise.resolve(), listen: () => () => undefined };

const LOOK_MS = 250;
const MONEY_LOOK_MS = 1_000;
/** A tool that tells nothing is told of at most this often. */
const BYTES_MS = 5_000;
const EVENTS_PER_LOOK_MAX = 20;
const RECENT_MAX = 20;

type Live = {
  readonly run: BegunRun;
  readonly recent: LiveEvent[];
  startedMs: number;
  bytes: number;
  bytesToldMs: number;
  /** Aborted: there is something to do now. */
  wake: AbortController;
  isOver: boolean;
};

export function makeLiveRuns(ports: { readonly clock: Clock; readonly prices: PriceTables }): LiveRuns {
  const { clock, prices } = ports;
  const lives = new Map<JobId, Live>();
  const listeners = new Set<{ readonly job: JobId | null; readonly listener: Listener }>();
  const isHeard = (job: JobId): boolean => [...listeners].some((one) => one.job === null || one.job === job);
  const hear = (listener: Listener, event: LiveEvent): void => {
    try {
      listener(event);
    } catch {
      // A listener that is gone.
    }
  };
  const wakeUp = (live: Live): void => {
    // With a reason: without one Node makes an exception with a stack.
    live.wake.abort('news');
  };

  function eventOf({ run, startedMs, bytes }: Live, happening: Happening): LiveEvent {
    const now = clock.now();
    const { job, role, stem, attempt, runner } = run;
    const elapsed = Math.max(0, now.getTime() - startedMs);
    return { v: 1, at: now.toISOString(), job, role, stem, attempt, runner, elapsed_ms: elapsed, bytes, ...happening };
  }
  const tell = (live: Live, happening: Happening): void => {
    const event = eventOf(live, happening);
    if (happening.event !== 'begin') live.recent.push(event);
    if (live.recent.length > RECENT_MAX) live.recent.shift();
    for (const { job, listener } of listeners) if (job === null || job === event.job) hear(listener, event);
  };

  function happeningOf(step: Step, live: Live): Happening {
    switch (step.kind) {
      case 'tool':
        return { event: 'tool', tool: step.tool, file: step.file };
      case 'file':
        return { event: 'file', file: step.file };
      case 'text':
        return { event: 'text', text: step.text, characters: step.characters };
      case 'usage':
        return usageEvent(priced(step.usage, live.run.follower.model() ?? live.run.model, prices));
      default:
        return step satisfies never;
    }
  }

  function digest(live: Live, { steps, bytes }: Look): void {
    const nowMs = clock.monotonicMs();
    const hasGrown = bytes !== live.bytes;
    live.bytes = bytes;
    const usages = steps.filter(({ kind }) => kind === 'usage');
    const others = steps.filter(({ kind }) => kind !== 'usage');
    const told = others.slice(-EVENTS_PER_LOOK_MAX);
    if (told.length < others.length) tell(live, { event: 'more', skipped: others.length - told.length });
    // Of the tokens only the last word counts.
    for (const step of [...told, ...usages.slice(-1)]) tell(live, happeningOf(step, live));
    if (steps.length > 0) live.bytesToldMs = nowMs;
    else if (hasGrown && nowMs - live.bytesToldMs >= BYTES_MS) {
      live.bytesToldMs = nowMs;
      tell(live, { event: 'bytes' });
    }
  }

  async function look(live: Live): Promise<void> {
    const { follower, onUsage } = live.run;
    digest(live, await follower.look());
    await onUsage?.(follower.usage());
  }

  async function follow(live: Live): Promise<void> {
    const { job, onUsage, follower } = live.run;
    for (let isKnown = false; !live.isOver;) {
      if (live.wake.signal.aborted) live.wake = new AbortController();
      if (!isKnown) {
        const known = await follower.run();
        isKnown = known !== null;
        if (known !== null) live.startedMs = Date.parse(known.startedAt);
      }
      const heard = isHeard(job);
      if (heard || onUsage !== null) await look(live);
      await pause(live.wake.signal, heard ? LOOK_MS : onUsage === null ? null : MONEY_LOOK_MS);
    }
  }
  /** @param ms null: until it is woken */
  const pause = async (signal: AbortSignal, ms: number | null): Promise<void> =>
    ms === null && !signal.aborted
      ? new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            resolve();
          });
        })
      : clock.sleep(ms ?? 0, signal);

  return {
    begin(run) {
      const nowMs = clock.monotonicMs();
      const startedMs = clock.now().getTime();
      const live: Live = { run, recent: [], startedMs, bytes: 0, bytesToldMs: nowMs, wake: new AbortController(), isOver: false };
      lives.set(run.job, live);
      tell(live, { event: 'begin' });
      const followed = follow(live).catch(() => undefined);
      return async (outcome) => {
        live.isOver = true;
        wakeUp(live);
        await followed;
        if (isHeard(run.job)) digest(live, await run.follower.finish().catch(() => ({ steps: [], bytes: live.bytes })));
        tell(live, { event: 'end', outcome });
        if (lives.get(run.job) === live) lives.delete(run.job);
      };
    },
    listen(job, listener) {
      const one = { job, listener };
      for (const live of lives.values()) {
        if (job !== null && live.run.job !== job) continue;
        for (const event of [eventOf(live, { event: 'begin' }), ...live.recent]) hear(listener, event);
      }
      listeners.add(one);
      for (const live of lives.values()) if (job === null || live.run.job === job) wakeUp(live);
      return () => {
        listeners.delete(one);
      };
    },
  };
}

function usageEvent(usage: Usage): Happening {
  return {
    event: 'usage',
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    cost_usd: usage.costUsd,
    estimated: usage.estimated === true,
  };
}
