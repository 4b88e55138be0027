/** The rows of pace: starts and errors of a lane, ageing, and the waits between attempts. */

import { row } from './settings-row.ts';

export const THROTTLE_SETTINGS = {
  'throttle.interval_cap': row<number>({
    default: 30,
    unit: 'count',
    min: 1,
    max: 100_000,
    why: 'starts per interval and lane of tools that call a provider',
  }),
  'throttle.interval': row<number>({ default: 60_000, unit: 'ms', min: 100, max: 86_400_000, why: 'the interval of that cap' }),
  'throttle.stagger': row<number>({
    default: 50,
    unit: 'ms',
    min: 0,
    max: 3_600_000,
    why: 'shortest time between two starts in a lane, so that tools do not all read and write their configuration at once',
  }),
  'throttle.errors': row<number>({
    default: 5,
    unit: 'count',
    min: 1,
    max: 1_000,
    why: 'provider errors in a row that open the circuit of a lane: then one run at a time goes to see, after the waits of retry.base and retry.cap',
  }),
  'throttle.jitter': row<number>({
    default: 5_000,
    unit: 'ms',
    min: 0,
    max: 3_600_000,
    why: "a random wait up to this is added to a provider's reset, so that not everybody comes back in the same moment",
  }),
  'throttle.longest_hold': row<number>({
    default: 691_200_000,
    unit: 'ms',
    min: 1_000,
    max: 31_536_000_000,
    why: 'a reset further away than this is not believed: one run goes to see then',
  }),
  'throttle.shared': row<boolean>({
    default: true,
    unit: 'bool',
    why: "slots, starts per interval, a provider's limits and budgets count over all dockets of this user on this machine that use the same account (docs/sharing.md)",
  }),
  'throttle.shared_poll': row<number>({
    default: 500,
    unit: 'ms',
    min: 50,
    max: 10_000,
    why: "so often a run asks again that waits for another docket's slot, for money that others reserve, or for the one that writes in the same work tree",
  }),
  'schedule.aging': row<number>({
    default: 60_000,
    unit: 'ms',
    min: 0,
    max: 86_400_000,
    why: 'a waiting prompt gains one step of priority in this time, so that none waits for ever; 0: never',
  }),
  'retry.attempts': row<number>({
    default: 3,
    unit: 'count',
    min: 1,
    max: 20,
    why: 'attempts that may be spent on a job, the first included',
  }),
  'retry.base': row<number>({
    default: 2_000,
    unit: 'ms',
    min: 10,
    max: 3_600_000,
    why: 'first back-off, and first wait before a held lane is looked at when nobody said how long; doubles each time, full jitter',
  }),
  'retry.cap': row<number>({
    default: 300_000,
    unit: 'ms',
    min: 10,
    max: 86_400_000,
    why: 'longest back-off, and longest wait between two such looks',
  }),
};
