/**
 * Notices for people: an answer awaits a verdict, a prompt failed, a budget is reached. By the terminal's bell, the desktop, a program, a web address.
 *
 *   quiet -> something happens: told at once -> gathering (notify.window) -> what came is told together, as one -> gathering … -> nothing came: quiet
 *
 * Invariants: a notice holds names and numbers, never what a prompt, an answer or a comment says; nothing here keeps a job waiting or ends the daemon;
 * what is gathered is bounded, and each way has at most one notice on its way and one behind it: what comes meanwhile is counted.
 */

import type { Outcome } from '#core/job.ts';
import type { FeatureId, JobId } from '#core/names.ts';
import type { Clock, JournalChange, JournalJob, Log } from '#core/ports.ts';
import type { Purse } from './budget.ts';

export const NOTICE_KINDS = ['review', 'failed', 'budget'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];
const EVENTS = { review: 'review-wanted', failed: 'failed', budget: 'budget-reached', test: 'test' } as const;

/** One job that a notice is about. */
export type Noticed = {
  readonly feature: string | null;
  readonly role: string | null;
  readonly name: string | null;
  readonly revision: number | null;
  readonly state: string;
  readonly job: string | null;
};

/** The JSON that a program gets on standard input and an address by POST: docs/glance.md. */
export type Notice = {
  readonly v: 1;
  readonly event: (typeof EVENTS)[keyof typeof EVENTS];
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly host: string;
  /** How often it happened; `jobs` names the first of them. */
  readonly count: number;
  readonly jobs: readonly Noticed[];
};

/** A way to a person: resolves when it is told, rejects with words when it is not. */
export type NoticeWay = { readonly name: string; readonly tell: (notice: Notice, signal: AbortSignal) => Promise<void> };

export type Notify = {
  tell(kind: NoticeKind, about: Noticed): void;
  /** One of kind `test`, by every way, at once. Words for each: null when it is told. */
  test(): Promise<readonly { readonly way: string; readonly fault: string | null }[]>;
  readonly close: () => Promise<void>;
};

export type NotifyPorts = {
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  readonly host: string;
  readonly on: readonly NoticeKind[];
  readonly windowMs: number;
  readonly ways: readonly NoticeWay[];
};

/** A notice names at most so many jobs. */
const JOBS_MAX = 10;

type Gathered = { count: number; jobs: Noticed[] };

const joined = (before: Notice | undefined, notice: Notice): Notice =>
  before === undefined
    ? notice
    : { ...notice, count: before.count + notice.count, jobs: [...before.jobs, ...notice.jobs].slice(0, JOBS_MAX) };

export function makeNotify(ports: NotifyPorts): Notify {
  const { clock, log, ways } = ports;
  const stop = new AbortController();
  const isOver = (): boolean => stop.signal.aborted;
  /** Kinds that were told of a moment ago, with what came since. */
  const gathering = new Map<NoticeKind, Gathered>();
  const waiting = new Set<Promise<void>>();
  const lanes = ways.map((way) => ({ way, isBusy: false, next: new Map<Notice['event'], Notice>() }));

  const noticeOf = (kind: NoticeKind | 'test', { count, jobs }: Gathered): Notice => ({
    v: 1,
    event: EVENTS[kind],
    at: clock.now().toISOString(),
    host: ports.host,
    count,
    jobs,
  });
  const keep = (work: Promise<void>): void => {
    const mine = work.finally(() => waiting.delete(mine));
    waiting.add(mine);
  };

  async function run(lane: (typeof lanes)[number]): Promise<void> {
    lane.isBusy = true;
    for (;;) {
      const first = lane.next.entries().next();
      if (first.done === true || isOver()) break;
      const [event, notice] = first.value;
      lane.next.delete(event);
      try {
        await lane.way.tell(notice, stop.signal);
      } catch (error) {
        if (!isOver())
          log.warn(`a notice (${event}) was not told by ${lane.way.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    lane.isBusy = false;
  }
  function send(notice: Notice): void {
    for (const lane of lanes) {
      lane.next.set(notice.event, joined(lane.next.get(notice.event), notice));
      if (!lane.isBusy) keep(run(lane));
    }
  }
  async function gather(kind: NoticeKind): Promise<void> {
    for (;;) {
      await clock.sleep(ports.windowMs, stop.signal);
      const gathered = gathering.get(kind);
      if (isOver() || gathered === undefined || gathered.count === 0) break;
      gathering.set(kind, { count: 0, jobs: [] });
      send(noticeOf(kind, gathered));
    }
    gathering.delete(kind);
  }

  return {
    tell(kind, about) {
      if (!ports.on.includes(kind) || isOver()) return;
      const gathered = gathering.get(kind);
      if (gathered !== undefined) {
        gathered.count++;
        if (gathered.jobs.length < JOBS_MAX) gathered.jobs.push(about);
        return;
      }
      gathering.set(kind, { count: 0, jobs: [] });
      send(noticeOf(kind, { count: 1, jobs: [about] }));
      keep(gather(kind));
    },
    async test() {
      const notice = noticeOf('test', { count: 1, jobs: [] });
      return Promise.all(
        ways.map(async (way) => ({
          way: way.name,
          fault: await way.tell(notice, stop.signal).then(
            () => null,
            (error: unknown) => (error instanceof Error ? error.message : String(error)),
          ),
        })),
      );
    },
    async close() {
      stop.abort();
      await Promise.all(waiting);
    },
  };
}

/** For people: a title and a line. */
export function noticeWords(notice: Notice): { readonly title: string; readonly body: string } {
  const title = {
    'review-wanted': 'docket: an answer awaits your verdict',
    failed: 'docket: a prompt needs you',
    'budget-reached': 'docket: a budget is reached',
    test: 'docket: a test of notices',
  }[notice.event];
  const [first] = notice.jobs;
  const what = first === undefined ? `on ${notice.host}` : `${nameOf(first)}: ${first.state}`;
  return { title, body: notice.count > 1 ? `${what}, and ${String(notice.count - 1)} more` : what };
}

const nameOf = ({ feature, role, name, revision }: Noticed): string =>
  `${[feature, role, name].filter((part) => part !== null).join('/')}${revision === null ? '' : `@${String(revision)}`}`;

const BAD: readonly Outcome[] = ['failed', 'held', 'rejected'];

const noticed = (job: JournalJob | null, state: string, id: string): Noticed => ({
  feature: job?.feature ?? null,
  role: job?.role ?? null,
  name: job?.name ?? null,
  revision: job?.revision ?? null,
  state,
  job: id,
});

/** What these changes of the journal are worth telling. @param jobOf as it was before they were made */
export function tellChanges(
  notify: Notify,
  changes: readonly JournalChange[],
  jobOf: (id: JobId) => JournalJob | null,
  isReviewed: (role: string) => boolean,
): void {
  for (const change of changes) {
    if (change.do === 'event' && change.kind === 'budget' && change.job !== null)
      notify.tell('budget', noticed(jobOf(change.job as JobId), 'waits for money', change.job));
    if (change.do !== 'move' || change.to !== 'done' || change.outcome === undefined) continue;
    if (BAD.includes(change.outcome)) notify.tell('failed', noticed(jobOf(change.id), change.outcome, change.id));
    else if (change.outcome === 'answered') {
      const job = jobOf(change.id);
      if (job !== null && isReviewed(job.role)) notify.tell('review', noticed(job, 'awaiting', change.id));
    }
  }
}

/** The same purse; a file in in/ that it keeps shut is told once for each role, feature and lane, until one of them may go again. */
export function tellingPurse(purse: Purse, notify: Notify): Purse {
  if (!purse.isOn) return purse;
  const told = new Set<string>();
  return {
    ...purse,
    shut(role, feature: FeatureId, lane, file) {
      const words = purse.shut(role, feature, lane, file);
      const key = `${role} ${feature} ${lane}`;
      if (words === null) told.delete(key);
      else if (!told.has(key)) {
        told.add(key);
        notify.tell('budget', { feature, role, name: null, revision: null, state: 'waits for money', job: null });
      }
      return words;
    },
  };
}
