/**
 * A lane is the schedule of one provider account: its key is `<provider>`, or `<provider>/<account>` where the runner can tell the account.
 * Its states and the only moves between them are the table below: data, printed into docs/state_machine.md (`npm run states`), kept by daemon/lanes/.
 *
 *   open -> held -> probing -> open
 *              \_______/
 *
 * Invariant: a held lane starts nothing, and a probing lane starts exactly one run; what that comes to decides.
 */

export const LANE_STATES = ['open', 'held', 'probing'] as const;
export type LaneState = (typeof LANE_STATES)[number];

export const LANE_MEANS: Readonly<Record<LaneState, string>> = {
  open: 'as many run as its window allows: after a hold 1, then 2, 4, … up to where it was, then one more at a time up to its slots',
  held: 'nothing starts; the hold, its cause and its end are durable in the journal, and `docket status` shows them',
  probing: 'the hold is over, and exactly one run goes to see; the hold stays in the journal until that one was answered',
};

export const LANE_MOVES: readonly { readonly from: LaneState; readonly to: LaneState; readonly when: string }[] = [
  {
    from: 'open',
    to: 'held',
    when: 'the provider refused for a limit; or so many provider errors came in a row; or the environment is at fault',
  },
  {
    from: 'held',
    to: 'held',
    when: 'a run of before the hold says something later; or a fault of the environment is looked at, and is still there',
  },
  { from: 'held', to: 'probing', when: 'the reset has come, or the wait is over (a mended environment was seen); or a person resumed it' },
  { from: 'probing', to: 'probing', when: 'the probe said nothing about the provider (it was cancelled): the next one goes' },
  { from: 'probing', to: 'open', when: 'the probe was answered' },
  {
    from: 'probing',
    to: 'held',
    when: 'the probe met the same: nothing was spent, the next wait is longer unless the provider names its end',
  },
];

const ALLOWED: ReadonlySet<string> = new Set(LANE_MOVES.map(({ from, to }) => `${from} ${to}`));
export const canLaneMove = (from: LaneState, to: LaneState): boolean => ALLOWED.has(`${from} ${to}`);

/** Why a lane is held. `errors`: its circuit is open. */
export const HOLD_CAUSES = ['limit', 'errors', 'environment'] as const;
export type HoldCause = (typeof HOLD_CAUSES)[number];

/** What a lane remembers over a restart, beside its hold. */
export type LaneRecord = {
  readonly lane: string;
  /** Null: it is not held. */
  readonly cause: HoldCause | null;
  /** The runner that found the environment at fault: the one that is looked at again. */
  readonly runner: string | null;
  /** Holds in a row without an answer between them. */
  readonly tries: number;
  /** Runs at the same time, and up to where that doubles. */
  readonly cap: number;
  readonly threshold: number;
  /** The circuit breaker as its library writes it; null: closed, no errors. */
  readonly breaker: unknown;
};

/** `anthropic/1a2b3c4d` -> `anthropic`. */
export const providerOf = (lane: string): string => lane.split('/', 1)[0] ?? lane;

/** `anthropic/1a2b3c4d` -> `1a2b3c4d`; null: the runner cannot tell the account. */
export const accountOf = (lane: string): string | null => lane.split('/')[1] ?? null;

/** Does a name that a person wrote (`anthropic`, `anthropic/1a2b3c4d`) mean this lane? */
export const meansLane = (written: string, lane: string): boolean => written === lane || written === providerOf(lane);

const LANE_NAME = /^[a-z][a-z0-9-]{0,39}(?:\/[0-9a-f]{8})?$/;
export const isLaneName = (text: string): boolean => LANE_NAME.test(text);
