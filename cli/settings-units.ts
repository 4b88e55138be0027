/** Durations and sizes as people write them in docket.yaml, and back: `15m`, `1.5h`, `250ms`; `600k`, `16M`, `64KiB`, `1000`. */

/** Longest unit first, for the way back. */
const DURATION_MS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];
const SIZE_BYTES: readonly (readonly [string, number])[] = [
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
];
const BINARY_BYTES: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

export const DURATION_FORM = '^(?:0|[0-9]{1,9}(?:\\.[0-9]{1,3})?\\s?(?:ms|s|m|h|d))$';
export const SIZE_FORM = '^[0-9]{1,12}(?:\\.[0-9]{1,3})?\\s?(?:[kKMmGg](?:i?[bB])?|[bB])?$';
const DURATION = new RegExp(DURATION_FORM);
const SIZE = new RegExp(SIZE_FORM);

/** Milliseconds, rounded; null when it is no duration. A number without a unit is none, except 0. */
export function parseDurationMs(text: string): number | null {
  if (!DURATION.test(text)) return null;
  const unit = /[a-z]+$/.exec(text)?.[0] ?? 'ms';
  const factor = DURATION_MS.find(([name]) => name === unit)?.[1];
  return factor === undefined ? null : Math.round(Number.parseFloat(text) * factor);
}

/** Bytes, rounded; null when it is no size. k, M and G are 1000s, Ki, Mi and Gi 1024s. */
export function parseSizeBytes(text: string): number | null {
  if (!SIZE.test(text)) return null;
  const unit = /[a-z]*$/i.exec(text)?.[0].toLowerCase().replace(/b$/, '') ?? '';
  const factor = unit.endsWith('i') ? BINARY_BYTES[unit.slice(0, 1)] : (SIZE_BYTES.find(([name]) => name.toLowerCase() === unit)?.[1] ?? 1);
  return factor === undefined ? null : Math.round(Number.parseFloat(text) * factor);
}

/** The shortest exact form: 1800000 -> `30m`, 1500 -> `1500ms`, 0 -> `0`. */
export function showDuration(ms: number): string {
  if (ms === 0) return '0';
  const [unit, factor] = DURATION_MS.find(([, one]) => ms % one === 0) ?? ['ms', 1];
  return `${String(ms / factor)}${unit}`;
}

/** The shortest exact form: 600000 -> `600k`, 16384 -> `16384`. */
export function showSize(bytes: number): string {
  const [unit, factor] = SIZE_BYTES.find(([, one]) => bytes !== 0 && bytes % one === 0) ?? ['', 1];
  return `${String(bytes / factor)}${unit}`;
}
