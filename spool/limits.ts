/** The spool's bounds and waits, from the settings table. */

import type { Owners } from './owner.ts';

export type SpoolSettings = {
  /** Longest prompt that is read; a longer one is refused unread. */
  readonly promptBytes: number;
  /** Longest file that `kept` reads back: the larger of an answer's and a tool's raw output limit. */
  readonly keptBytes: number;
  readonly settleMs: number;
  readonly settleNetworkMs: number;
  /** Whose files are taken; absent or null: nobody asks. */
  readonly owners?: Owners;
  /** Most waiting files of one role that are kept in mind; the others have their turn later. Absent: any number. */
  readonly waitingMax?: number;
};
