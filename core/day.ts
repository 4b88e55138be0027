/** Days as people of a time zone count them. Rules of time zones: the IANA database that the runtime carries (ECMA-402). */

export type Calendar = {
  /** `2026-11-20` */
  dayOf(atMs: number): string;
  /** The first moment of the next day. A day with a change of the clock has 23 or 25 hours. */
  endOfDayMs(atMs: number): number;
  /** The zone's name; the system's own when none was given. */
  readonly zone: string;
};

/** Longer than any day. */
const LONGEST_DAY_MS = 27 * 3_600_000;

/** @param zone such as `Europe/Berlin`; empty: the system's. Throws RangeError for a zone that nobody knows. */
export function makeCalendar(zone: string): Calendar {
  const format = new Intl.DateTimeFormat('en-CA', {
    ...(zone === '' ? {} : { timeZone: zone }),
    calendar: 'iso8601',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const askedDayOf = (atMs: number): string => {
    const parts = format.formatToParts(atMs);
    const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
    return `${of('year')}-${of('month')}-${of('day')}`;
  };
  // Within one second it is one day in every zone, and a backlog asks hundreds of times in each.
  let last = { second: Number.NaN, day: '' };
  const dayOf = (atMs: number): string => {
    const second = Math.floor(atMs / 1000);
    if (second !== last.second) last = { second, day: askedDayOf(atMs) };
    return last.day;
  };
  return {
    zone: format.resolvedOptions().timeZone,
    dayOf,
    endOfDayMs(atMs) {
      const day = dayOf(atMs);
      let before = Math.floor(atMs);
      let after = before + LONGEST_DAY_MS;
      while (after - before > 1) {
        const middle = Math.floor((before + after) / 2);
        if (dayOf(middle) === day) before = middle;
        else after = middle;
      }
      return after;
    },
  };
}
