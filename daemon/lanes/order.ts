/**
 * Whose turn it is: priority, which improves by one for each `schedule.aging` of waiting, then who came first. Both sides of a comparison grow older at
 * the same rate, so the order of two never changes while they wait, and a sorted list stays sorted.
 * Invariant: nobody waits for ever behind what comes later: a start is passed by at most the starts of (99 * aging) of arrivals.
 */

/** Lower goes first. @param sinceMs monotonic, when it began to wait @param agingMs 0: waiting improves nothing */
export const orderOf = (priority: number, sinceMs: number, agingMs: number): number =>
  agingMs > 0 ? priority + sinceMs / agingMs : priority;
