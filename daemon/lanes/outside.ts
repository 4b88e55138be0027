/**
 * What a run needs outside of its own daemon before it starts: a slot that the dockets of this machine share, and, when it may write, the work tree for itself.
 *
 *   asked for in a pass -> has all of it -> begins -> gives it back at its end
 *                       -> one thing is missing: what it had goes back at once, and it is asked again after the poll interval
 *
 * Invariants: one run at a time writes in a work tree. Who has the one and lacks the other keeps neither. What cannot be shared now falls back to this
 * daemon's own limits (daemon/sharing.ts), of writers to one in this daemon.
 */

import type { Clock } from '#core/ports.ts';
import type { SharedHold, SlotAnswer } from '#core/shared.ts';
import type { Sharing } from '../sharing.ts';
import type { Lane } from './lane.ts';

export type OutsideAsk = {
  /** Its folder, `work/<job>/a<n>`. */
  readonly run: string;
  /** Who it is, for the words of others. */
  readonly label: string;
  /** It may change files of the work tree. */
  readonly writes: boolean;
  /** What it waits for outside; null: nothing. */
  readonly tell: (words: string | null) => void;
};

export type SharedUse = { readonly used: number; readonly byOthers: number; readonly waits: string | null };

export type Outside = {
  /** A pass begins: what was refused may be asked for again. */
  begins(): void;
  /** Null: it has all it needs. Else when it is worth asking again, in ms. */
  take(lane: Lane, ask: OutsideAsk | undefined): number | null;
  /** The run is over, or another goes first. */
  give(ask: OutsideAsk | undefined): void;
  /** It does not wait any more. */
  leaves(ask: OutsideAsk | undefined): void;
  /** The lane is held for what another docket was told, and that one has found that it is over. */
  isLifted(lane: Lane): boolean;
  /** This lane was told a limit, or (null) that there is none. */
  held(lane: Lane, hold: SharedHold | null): void;
  /** Null: it takes no part. */
  useOf(lane: string): SharedUse | null;
  /** Why nothing is shared, though it should be; null: all is well. */
  trouble(): string | null;
};

export const NOTHING_OUTSIDE: Outside = {
  begins: () => undefined,
  take: () => null,
  give: () => undefined,
  leaves: () => undefined,
  isLifted: () => false,
  held: () => undefined,
  useOf: () => null,
  trouble: () => null,
};

export type OutsideInput = {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly pollMs: number;
  /** Null: switched off. */
  readonly accounts: Sharing | null;
  /** The account behind a lane, as a hash; null: it takes no part. */
  readonly keyOf: (lane: string) => string | null;
  readonly writers: Sharing;
  /** The work tree, for words. */
  readonly code: string;
  /** A limit that another docket was told. */
  readonly onHeld: (lane: Lane, hold: SharedHold) => void;
};

/** There is one work tree in a file of writers. */
const WRITER = 'writer';
/** A place in line stands for so many polls without a question. */
const LINE_POLLS = 4;
const LINE_MS_MIN = 2_000;

function refusalWords(lane: string, answer: Exclude<SlotAnswer, { readonly is: 'taken' | 'held' }>, slots: number): string {
  switch (answer.is) {
    case 'full':
      return `waits: the other dockets of this machine use ${String(answer.byOthers)} of ${String(slots)} slots of lane ${lane}`;
    case 'behind':
      return `waits: another docket of this machine was first to ask for lane ${lane}`;
    case 'early':
      return `waits: the dockets of this machine have started as many in lane ${lane} as throttle.interval_cap and throttle.stagger allow`;
    default:
      return answer satisfies never;
  }
}

export function makeOutside({ pollMs, accounts, keyOf, writers, code, onHeld }: OutsideInput): Outside {
  const lineMs = Math.max(LINE_MS_MIN, LINE_POLLS * pollMs);
  /** Of runs that have begun or are about to: what to tell again when the file was made anew. */
  const mine = new Map<string, { readonly key: string | null; readonly ask: OutsideAsk }>();
  /** Refused in this pass: lane -> when to ask again. */
  const refused = new Map<string, number>();
  let writersWait: { readonly words: string } | null = null;
  const waits = new Map<string, string>();

  /** Runs that are over, while the file could not be told so: else their slots would be taken for as long as this daemon lives. */
  const owed = { accounts: new Set<string>(), writers: new Set<string>() };
  const giveBack = (where: keyof typeof owed, sharing: Sharing | null, run: string): void => {
    if (sharing !== null && sharing.use((shared) => shared.give(run)) === null) owed[where].add(run);
  };

  accounts?.onMended((shared) => {
    for (const run of owed.accounts) shared.give(run);
    owed.accounts.clear();
    for (const [run, { key, ask }] of mine) if (key !== null) shared.keep({ key, run, label: ask.label });
  });
  writers.onMended((shared) => {
    for (const run of owed.writers) shared.give(run);
    owed.writers.clear();
    for (const [run, { ask }] of mine) if (ask.writes) shared.keep({ key: WRITER, run, label: ask.label });
  });

  /** Null: it may write. */
  const writerWords = ({ run, label }: OutsideAsk): string | null => {
    const asked = { key: WRITER, run, label, slots: 1, pace: null, isProbe: false, lineMs };
    const answer = writers.use((shared) => shared.take(asked))?.value;
    const own = [...mine.values()].find(({ ask }) => ask.writes && ask.run !== run)?.ask.label ?? null;
    if (answer === undefined ? own === null : answer.is === 'taken') return null;
    if (answer !== undefined && answer.is !== 'full') return `waits: another docket was first to ask for writing in ${code}`;
    return `waits: ${answer?.label ?? own ?? 'another run'} writes in ${code}, and one run at a time may`;
  };

  const slotAnswer = (lane: Lane, key: string, { run, label }: OutsideAsk): SlotAnswer | null => {
    if (accounts === null) return null;
    const { intervalCap, intervalMs, staggerMs } = lane.settings;
    const isProbe = lane.state() === 'probing';
    const slots = isProbe ? 1 : lane.cap();
    const pace = Number.isFinite(intervalCap) ? { cap: intervalCap, intervalMs, staggerMs } : null;
    return accounts.use((shared) => shared.take({ key, run, label, slots, pace, isProbe, lineMs }))?.value ?? null;
  };

  const give = (ask: OutsideAsk): void => {
    if (!mine.has(ask.run)) return;
    const key = mine.get(ask.run)?.key ?? null;
    mine.delete(ask.run);
    if (key !== null) giveBack('accounts', accounts, ask.run);
    if (ask.writes) giveBack('writers', writers, ask.run);
  };

  return {
    begins() {
      refused.clear();
      writersWait = null;
      waits.clear();
    },
    take(lane, ask) {
      if (ask === undefined) return null;
      const key = accounts === null ? null : keyOf(lane.name);
      const known = key === null ? undefined : refused.get(lane.name);
      if (known !== undefined) {
        ask.tell(waits.get(lane.name) ?? null);
        return known;
      }
      if (ask.writes) {
        writersWait ??= ((words) => (words === null ? null : { words }))(writerWords(ask));
        if (writersWait !== null) {
          ask.tell(writersWait.words);
          return pollMs;
        }
      }
      const answer = key === null ? null : slotAnswer(lane, key, ask);
      if (answer === null || answer.is === 'taken') {
        mine.set(ask.run, { key, ask });
        ask.tell(null);
        return null;
      }
      if (ask.writes) giveBack('writers', writers, ask.run);
      const againMs = answer.is === 'early' ? Math.max(1, Math.min(pollMs, answer.waitMs)) : pollMs;
      refused.set(lane.name, againMs);
      if (answer.is === 'held') {
        ask.tell(null);
        onHeld(lane, answer.hold);
        return againMs;
      }
      const words =
        answer.is === 'full' && lane.state() === 'probing'
          ? `waits: a run of another docket of this machine goes first to see whether lane ${lane.name} works again`
          : refusalWords(lane.name, answer, lane.cap());
      waits.set(lane.name, words);
      ask.tell(words);
      return againMs;
    },
    give(ask) {
      if (ask !== undefined) give(ask);
    },
    leaves(ask) {
      ask?.tell(null);
    },
    isLifted(lane) {
      const key = lane.hold()?.isOthers === true ? keyOf(lane.name) : null;
      if (key === null || accounts === null) return false;
      const answer = accounts.use((shared) => shared.holdOf(key));
      return answer !== null && answer.value === null;
    },
    held(lane, hold) {
      const key = keyOf(lane.name);
      if (key === null) return;
      accounts?.use((shared) => {
        if (hold === null) shared.free(key);
        else shared.hold(key, hold);
      });
    },
    useOf(name) {
      const key = accounts === null ? null : keyOf(name);
      if (key === null) return null;
      const used = accounts?.use((shared) => shared.used(key))?.value;
      return used === undefined ? null : { used: used.all, byOthers: used.byOthers, waits: waits.get(name) ?? null };
    },
    trouble: () => accounts?.trouble() ?? null,
  };
}
