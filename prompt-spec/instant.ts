/**
 * A moment and a length of time as prompts and roles write them. Date.parse alone takes far too much: RFC 2822, 30 February, no zone.
 * Source: ISO 8601-1:2019, extended format; which part of it is taken is decided in SPEC.md ("Times").
 */

import { err, ok, type Result } from '#core/result.ts';

type Instant = { readonly text: string; readonly ms: number };

const EXTENDED = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})$/;
export const INSTANT_PATTERN = EXTENDED.source;

/** `2025-12-09T22:37:00+01:00` -> its text and milliseconds since 1970. The error says what is wrong, as the end of a sentence. */
export function parseInstant(text: string): Result<Instant, string> {
  const parts = EXTENDED.exec(text);
  if (parts === null) return err(whatIsWrong(text));
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (year < 1970) return err('is before 1970');
  if (month < 1 || month > 12) return err(`has no month ${String(month)}`);
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (day < 1 || day > days)
    return err(`names a day that is not in the calendar: month ${String(month)} of ${String(year)} has ${String(days)} days`);
  if (hour > 23) return err('has an hour after 23');
  if (minute > 59) return err('has a minute after 59');
  if (second === 60) return err('is a leap second, which the clock here cannot tell from the next one');
  if (second > 60) return err('has a second after 59');
  const zone = parts[8] ?? '';
  if (zone === '-00:00') return err('has the zone -00:00, which says that the zone is not known');
  if (zone !== 'Z' && (Number(zone.slice(1, 3)) > 14 || Number(zone.slice(4)) > 59))
    return err('has a zone that does not exist (-14:00 to +14:00)');
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? err('is no time') : ok({ text, ms });
}

function whatIsWrong(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?$/.test(text)) return 'has no zone: nobody else can tell which moment it is';
  if (/^\d{8}T\d{4,6}/.test(text)) return 'is in the basic format (without - and :)';
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return 'is a date without a time';
  if (/^\d{4}-\d{2}-\d{2}[ t_]/.test(text)) return 'has no capital T between date and time';
  if (/^\d{4}-?W\d{2}/.test(text)) return 'is a week date';
  if (/\.\d{10,}/.test(text)) return 'has more than nine digits behind the second';
  return 'is not in the form of ISO 8601 that prompts use';
}

const DURATION = /^([1-9][0-9]{0,5})(s|m|h)$/;
export const DURATION_PATTERN = DURATION.source;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION_MS_MAX = 86_400_000;

/** `90s`, `15m`, `2h` -> milliseconds; from one second to one day. */
export function parseDuration(text: string): Result<number, string> {
  const parts = DURATION.exec(text);
  if (parts === null) return err('is no length of time such as 90s, 15m or 2h');
  const ms = Number(parts[1]) * (UNIT_MS[parts[2] ?? ''] ?? 0);
  return ms > DURATION_MS_MAX ? err('is longer than 24h') : ok(ms);
}
