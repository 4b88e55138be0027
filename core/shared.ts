/**
 * What the dockets of one user on one machine tell one another: who uses which slot of an account, until when its provider refuses, what was spent.
 * One table in one file (store/shared.ts is its body); each call is one transaction, so two dockets never both take the last slot. docs/sharing.md.
 *
 *   asked for -> taken -> given back          asked for -> refused, and its docket stands in line -> asked for again -> taken
 *
 * Invariants: a slot counts while the docket that took it lives, or the run in its folder does, whichever is longer; then it is free, whatever ended them.
 * A hold never outlives the reset. Who waits is not passed by who comes later. Everything here can be deleted: only holds and the line start afresh.
 */

import type { Micros } from './money.ts';

export type SlotAsk = {
  /** Which account, as a hash. */
  readonly key: string;
  /** The folder of the run (`work/<job>/a<n>`): the same one asks for the same slot, also after a restart. */
  readonly run: string;
  /** For words: who has it. */
  readonly label: string;
  /** How many may be in use, counted over all dockets, this one included. */
  readonly slots: number;
  /** Starts over all dockets; null: they are not counted. */
  readonly pace: { readonly cap: number; readonly intervalMs: number; readonly staggerMs: number } | null;
  /** It goes alone to see whether a hold is over, whatever still runs of before: of these there is one over all dockets. */
  readonly isProbe: boolean;
  /** For so long it stands in line without asking again. */
  readonly lineMs: number;
};

/** @property used slots by all dockets; `byOthers` of them not by this one; `label` of one of those */
export type SlotAnswer =
  | { readonly is: 'taken' }
  | { readonly is: 'held'; readonly hold: SharedHold }
  | { readonly is: 'full'; readonly used: number; readonly byOthers: number; readonly label: string | null }
  /** Another docket waits for longer. */
  | { readonly is: 'behind' }
  /** A start now would be one too many. */
  | { readonly is: 'early'; readonly waitMs: number };

/** A provider's limit, as a docket heard of it. */
export type SharedHold = { readonly untilMs: number; readonly reason: string; readonly at: string };

/** What a run cost, for the budgets of others. */
export type SharedSpend = {
  readonly runId: string;
  /** Null: its lane takes no part. */
  readonly key: string | null;
  /** The history repository, as a hash: a feature is the same one only in the same history. */
  readonly history: string;
  readonly feature: string;
  readonly role: string;
  /** Wall clock of its end. */
  readonly atMs: number;
  readonly micros: Micros;
  readonly unknownRuns: number;
};
export type SharedReserve = Pick<SharedSpend, 'key' | 'history' | 'feature' | 'micros'> & { readonly run: string };

export type Slots = {
  take(ask: SlotAsk): SlotAnswer;
  /** It runs already: its slot is taken without a question. */
  keep(ask: Pick<SlotAsk, 'key' | 'run' | 'label'>): void;
  /** Of a run that is over. */
  give(run: string): void;
  /** How many are in use; those of processes that are gone are freed first. */
  used(key: string): { readonly all: number; readonly byOthers: number };
  /** Who else has one. */
  othersOf(key: string): readonly string[];
};

export type Shared = Slots & {
  /** The later reset counts. */
  hold(key: string, hold: SharedHold): void;
  /** The provider has answered again, or a person does not want to wait. */
  free(key: string): void;
  /** Null: there is none, or its reset has come. */
  holdOf(key: string): SharedHold | null;
  /** All in it is one transaction; it does not nest. */
  atomically<T>(act: () => T): T;
  spend(spend: SharedSpend): void;
  /** What other dockets wrote down since; `last` is what to ask with next. */
  spentSince(id: number): { readonly last: number; readonly spent: readonly SharedSpend[] };
  reserve(reserve: SharedReserve): void;
  release(run: string): void;
  /** Of runs of other dockets that are under way. */
  reserved(): readonly SharedReserve[];
  close(): void;
};
