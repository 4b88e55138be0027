/**
 * When a limit is over, by what a provider's headers say: seconds, milliseconds, a date, a length of time, RFC 3339 or a moment in seconds or
 * milliseconds. Pure. Sources: RFC 9110 section 10.2.3; docs.anthropic.com/en/api/rate-limits; platform.openai.com/docs/guides/rate-limits.
 */

type Headers = Readonly<Record<string, string>>;

/** A reset further away is a mistake of somebody's. */
const LONGEST_MS = 35 * 86_400_000;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1m30.5s`, `20ms`; null when it is no length of time. */
function spanMs(text: string): number | null {
  if (!/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhd]))+$/.test(text)) return null;
  let sum = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/([0-9.]+)(ms|[smhd])/g)) sum += Number(amount) * (UNIT_MS[unit] ?? 0);
  return sum;
}

/** A plain number is a wait when it is small, else a moment: in seconds, or with three more digits in milliseconds. */
function momentOf(text: string, nowMs: number): number | null {
  const clean = text.trim();
  if (/^[0-9]+(?:\.[0-9]+)?$/.test(clean)) {
    const number = Number(clean);
    if (number < 1e9) return nowMs + number * 1_000;
    return number < 1e12 ? number * 1_000 : number;
  }
  const span = spanMs(clean);
  if (span !== null) return nowMs + span;
  const date = /[a-z]{3}|[0-9]T[0-9]/i.test(clean) ? Date.parse(clean) : Number.NaN;
  return Number.isNaN(date) ? null : date;
}

const isSensible = (atMs: number | null, nowMs: number): atMs is number =>
  atMs !== null && Number.isFinite(atMs) && atMs > nowMs && atMs - nowMs <= LONGEST_MS;

/** Buckets whose reset has a header, and how much of each is left. */
function bucketResets(headers: Headers, nowMs: number): { readonly atMs: number; readonly isEmpty: boolean }[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const bucket = /^(?<head>anthropic-ratelimit|x-ratelimit|ratelimit)(?:-(?<first>[a-z0-9-]+))?-reset(?:-(?<last>[a-z0-9-]+))?$/.exec(
      name,
    )?.groups;
    if (bucket === undefined) return [];
    const atMs = momentOf(value, nowMs);
    if (!isSensible(atMs, nowMs)) return [];
    const { head = '', first, last } = bucket;
    const left = headers[[head, ...(first === undefined ? [] : [first]), 'remaining', ...(last === undefined ? [] : [last])].join('-')];
    const status = first === undefined ? undefined : headers[`${head}-${first}-status`];
    return [{ atMs, isEmpty: left === '0' || status === 'rejected' }];
  });
}

/**
 * @param nowMs wall clock when the answer came: a wait counts from there
 * @param saidMs a moment that the body of the error names
 * @returns ISO 8601; null when nobody said it
 */
export function resumeAt(headers: Headers, nowMs: number, saidMs: number | null): string | null {
  const told = [
    headers['retry-after-ms'] === undefined ? null : momentOf(`${headers['retry-after-ms']}ms`, nowMs),
    headers['retry-after'] === undefined ? null : momentOf(headers['retry-after'], nowMs),
    saidMs,
  ].find((atMs) => isSensible(atMs, nowMs));
  const buckets = bucketResets(headers, nowMs);
  const empty = buckets.filter(({ isEmpty }) => isEmpty).map(({ atMs }) => atMs);
  const others = buckets.map(({ atMs }) => atMs);
  // All that are empty must be filled again; when nobody says which is, the first chance is taken.
  const atMs = told ?? (empty.length > 0 ? Math.max(...empty) : others.length > 0 ? Math.min(...others) : null);
  return atMs === null ? null : new Date(Math.ceil(atMs)).toISOString();
}
