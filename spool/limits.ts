/** The spool's bounds and waits, from the settings table. */

export type SpoolSettings = {
  /** Longest prompt that is read; a longer one is refused unread. */
  readonly promptBytes: number;
  /** Longest file that `kept` reads back: the larger of an answer's and a tool's raw output limit. */
  readonly keptBytes: number;
  readonly settleMs: number;
  readonly settleNetworkMs: number;
};
