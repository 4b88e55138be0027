/** What `docket doctor` looks at, one line each: how it is, what was found, what to do next. A look that breaks is itself a finding. */

import { printable } from '#core/names.ts';

export type State = 'ok' | 'warn' | 'bad';
export type Check = {
  /** Stable name, such as `node` or `runner claude`. */
  readonly check: string;
  readonly state: State;
  readonly found: string;
  /** What to do; null when it is well. */
  readonly next: string | null;
};

const FOUND_LENGTH_MAX = 1_000;
const line = (state: State, check: string, found: string, next: string | null): Check => ({
  check,
  state,
  found: printable(found, FOUND_LENGTH_MAX),
  next: next === null ? null : printable(next, FOUND_LENGTH_MAX),
});

export const well = (check: string, found: string): Check => line('ok', check, found, null);
export const warn = (check: string, found: string, next: string): Check => line('warn', check, found, next);
export const bad = (check: string, found: string, next: string): Check => line('bad', check, found, next);

export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs a look; what it throws becomes a bad line of its own name, and the others go on. */
export async function guarded(check: string, look: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await look();
  } catch (error) {
    return [bad(check, `could not be looked at: ${wordsOf(error)}`, 'mend what the message names, then run `docket doctor` again')];
  }
}

/** `1.4 GB`. */
export function showBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit] ?? ''}`;
}
