/**
 * The time of a provider's reset, as providers write it: seconds or milliseconds since 1970, seconds from now (`retry-after`), a length (`12.5s`,
 * `2m30s`: google.rpc.RetryInfo and x-ratelimit-reset-*), ISO 8601, or an HTTP date (RFC 9110, section 10.2.3).
 */

const SECONDS_MIN = 1e9;
const MILLISECONDS_MIN = 1e12;
const MILLISECONDS_MAX = 1e13;
/** More seconds from now than this are no wait. */
const WAIT_SECONDS_MAX = 366 * 86_400;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LENGTH = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[smhd]))+$/;

const isoOf = (ms: number): string => new Date(Math.round(ms)).toISOString();

/** ISO 8601, UTC; null: it means no time. @param nowMs wall clock, for what counts from now */
export function resetInstant(written: unknown, nowMs: number): string | null {
  if (typeof written === 'number') return ofNumber(written, nowMs);
  if (typeof written !== 'string') return null;
  const text = written.trim();
  if (/^\d{1,13}(?:\.\d{1,9})?$/.test(text)) return ofNumber(Number(text), nowMs);
  if (LENGTH.test(text)) {
    let ms = 0;
    for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|[smhd])/g)) ms += Number(amount) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
    return ms <= WAIT_SECONDS_MAX * 1_000 ? isoOf(nowMs + ms) : null;
  }
  if (!/^(?:\d{4}-\d{2}-\d{2}T|[A-Z][a-z]{2}, \d{2} )/.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : isoOf(ms);
}

function ofNumber(value: number, nowMs: number): string | null {
  if (!(value >= 0) || value >= MILLISECONDS_MAX) return null;
  if (value >= MILLISECONDS_MIN) return isoOf(value);
  if (value >= SECONDS_MIN && value < SECONDS_MIN * 10) return isoOf(value * 1_000);
  return value <= WAIT_SECONDS_MAX ? isoOf(nowMs + value * 1_000) : null;
}
