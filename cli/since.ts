/** `--since` of the verbs that add up: a day of the calendar that the budgets have, or a time back from now. */

import { makeCalendar, type Calendar } from '#core/day.ts';
import { printable } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { CliError, EXIT } from './io.ts';
import { clock } from './parts.ts';
import { parseDurationMs } from './settings-units.ts';

/** Throws CliError 2 for a time zone that nobody knows. */
export function calendarOf({ settings }: Pick<Workspace, 'settings'>): Calendar {
  const zone = settings['budgets.time_zone'];
  try {
    return makeCalendar(zone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CliError(`budgets.time_zone: ${error.message} (write it as in Europe/Berlin)`, EXIT.wrongUse);
  }
}

const DAY_MS = 86_400_000;

/** The first moment of a day of the calendar, or a time back from now. */
export function sinceOf(given: string, calendar: Calendar): number {
  const backMs = parseDurationMs(given);
  if (backMs !== null) return clock.now().getTime() - backMs;
  const noonMs = /^\d{4}-\d{2}-\d{2}$/.test(given) ? Date.parse(`${given}T12:00:00Z`) : Number.NaN;
  if (Number.isNaN(noonMs) || new Date(noonMs).toISOString().slice(0, 10) !== given)
    throw new CliError(
      `--since takes a day such as 2026-11-20, or a time such as 7d or 12h; got ${JSON.stringify(printable(given))}`,
      EXIT.wrongUse,
    );
  for (let atMs = noonMs - 2 * DAY_MS; atMs < noonMs + 2 * DAY_MS; atMs = calendar.endOfDayMs(atMs))
    if (calendar.dayOf(atMs) >= given) return atMs;
  return noonMs;
}
