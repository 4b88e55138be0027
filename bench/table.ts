/** Rows of the report, printed as one Markdown table: what docs/bench.md holds is what the terminal showed. */

export type Row = {
  readonly what: string;
  readonly docket: string;
  readonly baseline: string;
  /** How many times better docket is; or a bound it stays under. */
  readonly ratio: string;
  readonly expected: string;
};

export const BASELINE = 'shell watcher';
const HEADS: Row = { what: 'measured', docket: 'docket', baseline: BASELINE, ratio: 'ratio', expected: 'expected' };
const KEYS = ['what', 'docket', 'baseline', 'ratio', 'expected'] as const;

export function tableOf(rows: readonly Row[]): string {
  const widths = KEYS.map((key) => Math.max(...[HEADS, ...rows].map((row) => row[key].length)));
  const line = (row: Row): string => `| ${KEYS.map((key, index) => row[key].padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(HEADS), rule, ...rows.map(line)].join('\n');
}

/** The value below which this share of the values lies (nearest rank). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const ms = (value: number): string => (value < 100 ? `${value.toFixed(1)} ms` : `${String(Math.round(value))} ms`);
export const perSecond = (value: number): string => `${value < 100 ? value.toFixed(1) : String(Math.round(value))}/s`;
export const times = (value: number): string => `${value < 10 ? value.toFixed(1) : String(Math.round(value))}x`;
export const megabytes = (bytes: number): string => `${String(Math.round(bytes / 1e6))} MB`;
export const NONE = '-';
