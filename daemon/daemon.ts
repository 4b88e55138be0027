/**
 * The loop: a hint wakes, a tick decides, stop drains.
 *
 * States: starting (rescue) -> running (tick after tick) -> draining (no claims, runs end or are left to the keeper) -> stopped.
 * A tick starts what there is room for and never waits for agents. One crashing prompt never stops the others.
 */

import { classifyError } from '#core/disk.ts';
import { describe } from '#core/failure.ts';
import type { JobId } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { Dependency, Identity } from '#core/prompt.ts';
import type { Outcome } from '#core/job.ts';
import type { Claimed, Leftover } from '#core/spool.ts';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { makeAutoNext } from './auto-next.ts';
import { conclude } from './conclude.ts';
import { makeHint, type Hint } from './hint.ts';
import { makeIntake, type Intake, type Stand } from './intake.ts';
import { makeRoleFaults, type RoleFaults } from './intake-faults.ts';
import { countStart, type StartCount } from './crash-loop.ts';
import { Leaving } from './leaving.ts';
import { makeChildReleases, type ChildReleases } from './emit-release.ts';
import { soundLeftovers } from './leftovers.ts';
import type { Ports } from './ports.ts';
import { processJob } from './process-job.ts';
import { forgetGhosts, jobRow, resume, type Resumed } from './rescue.ts';
import { RETRY_BASE_MS, roundFailed } from './round.ts';
import type { Identities } from './submit.ts';
import type { Task } from './task.ts';
import type { Place } from './schedule.ts';

export type Daemon = {
  readonly hint: Hint;
  readonly intake: Intake;
  /** What keeps roles and jobs from their folders now. */
  readonly faults: RoleFaults;
  /** Takes up what a crash left. */
  rescue(): Promise<number>;
  /** One round: look if it is time, claim what there is room for. Answers how long the loop may sleep, in ms. */
  tick(): Promise<number>;
  /** Ticks until the signal aborts, then returns; jobs may still run. */
  loop(signal: AbortSignal): Promise<void>;
  /** Waits for what runs, at most this long. True: nothing is left running. */
  drain(waitMs: number): Promise<boolean>;
  /** Stops a job that is in work/. False: it is not in this daemon's hands. */
  cancel(id: JobId, by: string): boolean;
  jobs(): readonly {
    readonly id: JobId;
    readonly role: string;
    readonly stem: string;
    /** Null: its end is decided. */ readonly lane: string | null;
  }[];
  /** Resolves when the job has left the daemon, with its end; undefined: not in flight. */
  whenEnded(id: JobId): Promise<Outcome | null> | undefined;
};

type Flight = {
  readonly claimed: Claimed;
  readonly cancel: AbortController;
  readonly ended: Promise<Outcome | null>;
  readonly lane: string | null;
};

/** It will be refused, or has its answer already. */
const NO_PLACE: Place = { begins: () => undefined, leaves: () => undefined };

/** What a person opens next. */
const PAGES: Record<Outcome, string> = {
  answered: '_result.md',
  briefed: '_result.md',
  duplicate: '_duplicate.json',
  rejected: '_error.md',
  held: '_error.md',
  failed: '_error.md',
  cancelled: '_error.md',
};

/** Scans take at most this share of the time, whatever the hints say. */
const SCAN_SHARE = 0.1;
/** A folder that was mended is used again after at most this long. */
const FAULT_RETRY_MS_MAX = 30_000;

export function makeDaemon(ports: Ports, fatal: (error: unknown) => void): Daemon {
  const { settings } = ports.workspace;
  const hint = makeHint(ports.clock);
  let starts: StartCount | null = null;
  const faults = makeRoleFaults(ports.log);
  const intake = makeIntake(
    ports,
    faults,
    () => (starts?.inARow ?? 1) < settings['limits.parser_reads'],
    () => {
      hint.wake();
    },
  );
  const identities: Identities = new Map();
  const children: ChildReleases = makeChildReleases(ports, ports.acceptance);
  const autoNext =
    ports.nextUp === undefined
      ? null
      : makeAutoNext(ports, ports.nextUp, () => {
          hint.poke();
        });
  const flights = new Map<JobId, Flight>();
  let nextLookMs = 0;
  let lastLookMs = 0;
  let mustLook = true;
  let scanMs = 0;
  let hasLooked = false;
  /** Claimed, but not yet in a flight: more than none between two rounds means that a claim was cut short. */
  let strays = 0;
  /** Roles whose folders could not be used at the start: what an earlier start left in them is not taken up yet. */
  let unready: ReadonlySet<string> = new Set();
  /** Verdicts that were heard of when children were last released (acceptance.news). */
  let releasedNews = 0;

  /** Whoever waits for a place need not wait until this job is published too. */
  const wakingAtLeave = ({ begins, leaves }: Place): Place => ({
    begins,
    leaves: () => {
      leaves();
      hint.wake();
    },
  });

  const fly = (
    claimed: Claimed,
    lane: Stand | null,
    work: (task: Omit<Task, 'bytes' | 'unreadable' | 'lastAttempt'>) => Promise<Outcome>,
  ): void => {
    const cancel = new AbortController();
    const releases: (() => void)[] = [];
    const place = lane === null ? NO_PLACE : wakingAtLeave(ports.lanes.reserve(lane.lane, lane.order));
    releases.push(place.leaves);
    const task = {
      claimed,
      cancel: cancel.signal,
      order: lane?.order ?? 0,
      place,
      onEnd: (release: () => void) => void releases.push(release),
      whenEnded: (id: JobId) => flights.get(id)?.ended,
      cycleOf: (identity: Identity, missing: readonly Dependency[]) => intake.cycleOf(identity, missing),
    };
    const log = ports.log.with({ job: claimed.job.id, role: claimed.job.role });
    const again = async (): Promise<Outcome | null> => {
      for (const release of releases.splice(1)) release();
      const leftover = (await ports.spool.leftovers(claimed.job.folder)).find((candidate) => candidate.id === claimed.job.id);
      return leftover === undefined ? null : takeUp(await resume(ports, leftover), task);
    };
    let isOver = false;
    const run = async (): Promise<Outcome | null> => {
      for (let failures = 0; ; failures++) {
        try {
          const outcome = failures === 0 ? await work(task) : await again();
          told(log, claimed, outcome);
          isOver = true;
          return outcome;
        } catch (error) {
          if (error instanceof Leaving) return null;
          if (classifyError(error) === 'lost-disk') {
            fatal(error);
            return null;
          }
          const isFault = classifyError(error) === 'environment';
          const before = faults.ofJob(claimed.job.id);
          const words = isFault
            ? faults.stumbled(claimed.job.id, claimed.job.role, error)
            : error instanceof Error
              ? (error.stack ?? error.message)
              : String(error);
          if (words !== before) log.error(`${claimed.job.originalName} stays in work/ and goes on later: ${words}`);
          const waitMsMax = Math.min(settings['retry.cap'], isFault ? FAULT_RETRY_MS_MAX : Number.POSITIVE_INFINITY);
          await ports.clock.sleep(Math.min(waitMsMax, RETRY_BASE_MS * 2 ** failures), ports.stopping);
          if (ports.stopping.aborted) return null;
        }
      }
    };
    const ended = run().finally(() => {
      for (const release of releases) release();
      faults.goesOn(claimed.job.id);
      flights.delete(claimed.job.id);
      ports.inFlight(flights.size);
      ports.purse.free(claimed.job.id, isOver);
      hint.wake();
    });
    ended.catch(fatal);
    flights.set(claimed.job.id, { claimed, cancel, ended, lane: lane?.lane ?? null });
    ports.inFlight(flights.size);
  };

  /** `foo.md: answered, out/foo_result.md` */
  const told = (log: Log, claimed: Claimed, outcome: Outcome | null): void => {
    const { originalName, id } = claimed.job;
    const row = ports.journal.job(id);
    const stem = row?.stem ?? claimed.job.stem;
    const page = outcome === null ? '' : `, out/${stem}${PAGES[outcome]}`;
    const fields = {
      stem,
      ...(row === null || row.feature === null ? {} : { feature: row.feature }),
      ...(row === null || row.attempts === 0 ? {} : { attempt: row.attempts }),
    };
    log.info(`${originalName}: ${outcome ?? 'gone'}${page}`, fields);
  };

  const takeUp = async (job: Resumed, task: Omit<Task, 'bytes' | 'unreadable' | 'lastAttempt'>): Promise<Outcome> =>
    job.final === null
      ? processJob(ports, identities, {
          ...task,
          claimed: job.claimed,
          bytes: job.bytes,
          unreadable: job.unreadable,
          lastAttempt: job.lastAttempt,
        })
      : conclude(ports, job.claimed, job.final);

  const claim = async (): Promise<void> => {
    const room = settings['limits.in_flight'] - flights.size;
    if (room <= 0 || intake.takeable() === 0) return;
    const chosen = await intake.next(room);
    if (chosen.length === 0) return;
    const laneBy = new Map(chosen.map((choice) => [choice.waiting.key, choice.stand]));
    const claimed = await ports.spool.claim(
      chosen.map((choice) => choice.waiting),
      (role, error) => {
        faults.refused(role, error);
      },
    );
    for (const { waiting } of claimed) faults.taken(waiting.role);
    for (const entry of claimed) ports.reached('claimed', entry.id);
    strays += claimed.length;
    const tried = await Promise.allSettled(
      claimed.map(async (entry) => ({
        ...(await ports.spool.read(entry.dir, entry.id, entry.waiting.folder)),
        lane: laneBy.get(entry.waiting.key) ?? null,
      })),
    );
    const read = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (read.length > 0) await ports.journal.note(read.map((job) => jobRow(ports, job.claimed)));
    strays -= read.length;
    for (const job of read) {
      ports.reached('read', job.claimed.job.id);
      fly(job.claimed, job.lane, async (task) =>
        processJob(ports, identities, { ...task, bytes: job.bytes, unreadable: job.failure, lastAttempt: 0 }),
      );
    }
    for (const [at, one] of tried.entries()) {
      if (one.status === 'fulfilled') continue;
      if (classifyError(one.reason) !== 'environment') throw one.reason;
      const entry = claimed[at];
      if (entry !== undefined) faults.stumbled(entry.id, entry.waiting.role, one.reason);
    }
  };

  /** Jobs in work/ that nobody has in hand: left by an earlier start, or their claim was cut short by the disk. */
  const gather = async (): Promise<number> => {
    const { found, isWhole } = await soundLeftovers(ports);
    const leftovers = found.filter((leftover) => !flights.has(leftover.id));
    if (isWhole) for (const id of faults.jobs()) if (!flights.has(id) && !leftovers.some((one) => one.id === id)) faults.goesOn(id);
    let left = 0;
    for (const leftover of leftovers) {
      const job = await resumeIfSound(leftover);
      if (job === null) {
        left++;
        continue;
      }
      const { bytes } = job;
      const asked = bytes === null ? null : ports.whileParsing(job.claimed.job.id, () => peekPrompt(bytes));
      const lane = ports.laneOf(job.claimed.job.role, asked?.runner ?? null);
      const order = ports.lanes.orderOf(asked?.priority ?? 0, ports.clock.monotonicMs());
      fly(job.claimed, job.final === null ? { lane, order } : null, async (task) => takeUp(job, task));
    }
    strays = left + (isWhole ? 0 : 1);
    return leftovers.length - left;
  };

  /** Folders that could not be used at the start now can: the start of their roles is made good. */
  const welcome = async (): Promise<void> => {
    const still: ReadonlySet<string> = new Set(ports.spool.unready());
    if (still.size === unready.size) return;
    try {
      await forgetGhosts(ports, await ports.spool.leftovers(), (role) => unready.has(role) && !still.has(role));
      await gather();
      await children.load();
      unready = still;
    } catch (error) {
      // Gone again since the look: the next one tells it, and the other roles do not wait for that.
      if (classifyError(error) !== 'environment') throw error;
    }
  };

  /** Null: its folders cannot be used now; no other job waits for it. */
  const resumeIfSound = async (leftover: Leftover): Promise<Resumed | null> => {
    try {
      const job = await resume(ports, leftover);
      faults.goesOn(leftover.id);
      return job;
    } catch (error) {
      const role = [...ports.roles.values()].find(({ folder }) => folder === leftover.folder);
      if (classifyError(error) !== 'environment' || role === undefined) throw error;
      faults.stumbled(leftover.id, role.name, error);
      return null;
    }
  };

  const look = async (): Promise<void> => {
    await release();
    const startMs = ports.clock.monotonicMs();
    const againMs = await intake.look();
    const endMs = ports.clock.monotonicMs();
    scanMs = endMs - startMs;
    lastLookMs = endMs;
    mustLook = false;
    nextLookMs = endMs + Math.min(ports.scanIntervalMs, againMs ?? Number.POSITIVE_INFINITY);
  };

  /** Before a look, which then finds what was released; and as soon as a verdict may have come, however busy the folders are. */
  const release = async (): Promise<void> => {
    const isNews = releasedNews !== ports.acceptance.news();
    releasedNews = ports.acceptance.news();
    autoNext?.look(isNews);
    if ((await children.look()) > 0) intake.notice(null);
  };

  const survive = async (): Promise<void> => {
    const count = starts;
    starts = null;
    await count?.survived();
  };

  ports.keeper.onTrouble?.((failure) => {
    if (failure.kind !== 'environment') return;
    const flight = [...flights.values()].find(({ claimed }) => failure.path.startsWith(`${claimed.dir}/`));
    if (flight === undefined) return;
    const { id, role } = flight.claimed.job;
    faults.stumbled(id, role, Object.assign(new Error(describe(failure)), { code: failure.code }));
  });

  return {
    hint,
    intake,
    faults,
    async rescue() {
      starts = await countStart(ports);
      if (starts.inARow >= settings['limits.parser_reads'])
        ports.log.error(
          `the last ${String(starts.inARow - 1)} starts died before their first look was done: waiting files are taken unseen, by name`,
        );
      unready = new Set(ports.spool.unready());
      await forgetGhosts(ports, await ports.spool.leftovers(), (role) => !unready.has(role));
      await children.load();
      return gather();
    },
    async tick() {
      if (hint.take()) mustLook = true;
      const nowMs = ports.clock.monotonicMs();
      const isRested = intake.takeable() === 0 || nowMs >= lastLookMs + scanMs / SCAN_SHARE;
      if (nowMs >= nextLookMs || (mustLook && isRested)) await look();
      else if (ports.acceptance.news() !== releasedNews) await release();
      intake.lookAtNews();
      await welcome();
      if (strays > 0) await gather();
      await claim();
      if (!hasLooked && intake.hasLooked()) ports.looked();
      hasLooked ||= intake.hasLooked();
      if (hasLooked && (!intake.hasMore() || (starts?.inARow ?? 0) === 1)) await survive();
      return Math.max(1, nextLookMs - ports.clock.monotonicMs());
    },
    async loop(signal) {
      while (!signal.aborted) {
        let sleepMs = RETRY_BASE_MS;
        try {
          sleepMs = await this.tick();
        } catch (error) {
          // A folder that went away since the last look stops its own role, and no other, once a look has seen it.
          if ((await roundFailed(ports, error, signal)) === 'environment') nextLookMs = 0;
        }
        await hint.nextOr(sleepMs, signal);
      }
    },
    async drain(waitMs) {
      // Who was told to go did not die. A count that cannot be taken away keeps nobody from going.
      await survive().catch(() => undefined);
      const enough = new AbortController();
      const all = Promise.all([...[...flights.values()].map(async (flight) => flight.ended), autoNext?.settled()]).then(() => true);
      const late = ports.clock.sleep(waitMs, enough.signal).then(() => flights.size === 0);
      const isClear = await Promise.race([all, late]);
      enough.abort();
      return isClear;
    },
    cancel(id, by) {
      const flight = flights.get(id);
      flight?.cancel.abort(by);
      return flight !== undefined;
    },
    jobs: () => [...flights.values()].map(({ claimed: { job }, lane }) => ({ id: job.id, role: job.role, stem: job.stem, lane })),
    whenEnded: (id) => flights.get(id)?.ended,
  };
}
