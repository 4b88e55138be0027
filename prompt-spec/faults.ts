/** How a fault is made in this room: where it is, what was found, made printable and cut short, and never a secret. */

import type { Fault } from '#core/fault.ts';
import { printable } from '#core/names.ts';

/** 1-based; 0 for the whole file. */
export type Place = { readonly line: number; readonly column: number };

export const WHOLE_FILE: Place = { line: 0, column: 0 };

const FOUND_LENGTH_MAX = 60;
/** Long runs that mix letters and digits look like keys and tokens: only their start is shown. */
const TOKEN = /[A-Za-z0-9+/_=-]{24,}/g;
const PASSWORD_IN_URL = /:\/\/[^\s/@]+@/g;

/** Any value as it may stand in an error file: one line, at most 60 characters, tokens and passwords shortened to their start. */
export function shown(text: string): string {
  const start = text.slice(0, 4 * FOUND_LENGTH_MAX);
  const safe = start
    .replace(PASSWORD_IN_URL, '://…@')
    .replace(TOKEN, (run) => (/[0-9]/.test(run) && /[A-Za-z]/.test(run) ? `${run.slice(0, 4)}…` : run));
  const short = printable(safe, FOUND_LENGTH_MAX);
  if (text.length === start.length || short.includes('… (')) return short;
  return `${short.endsWith('…') ? short : `${short}…`} (${String(text.length)} characters)`;
}

export type FaultWords = { readonly message: string; readonly expected: string; readonly found: string; readonly mend: string };

export const fault = (code: string, field: string, place: Place, words: FaultWords): Fault => ({
  code,
  line: place.line,
  column: place.column,
  field,
  ...words,
});

/** Faults in the order a reader meets them. */
export const inOrder = (faults: readonly Fault[]): readonly Fault[] =>
  faults.toSorted((a, b) => a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1));
