/** One setting's value: read from YAML, from a DOCKET_* variable or from a flag, checked against its row of core/settings.ts, and shown again. */

import { err, ok, type Result, unreachable } from '#core/result.ts';
import { SETTINGS, type SettingKey } from '#core/settings.ts';
import { shown } from '#prompt-spec/faults.ts';
import { parseDurationMs, parseSizeBytes, showDuration, showSize } from './settings-units.ts';

/** The rows without their literal types. */
export type SettingRow = {
  readonly default: string | number | boolean | readonly string[];
  readonly unit: 'ms' | 'bytes' | 'count' | 'usd' | 'text' | 'bool' | 'choice' | 'list';
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  readonly security?: true;
  readonly why: string;
};
export type SettingAny = SettingRow['default'];

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];
export const rowOf = (key: SettingKey): SettingRow => SETTINGS[key];
export const isSettingKey = (key: string): key is SettingKey => Object.hasOwn(SETTINGS, key);

/** What is wrong with a value; the words of a fault. */
export type ValueFault = {
  readonly code: string;
  readonly message: string;
  readonly expected: string;
  readonly found: string;
  readonly mend: string;
};

const TEXT_LENGTH_MAX = 4_096;
// oxlint-disable-next-line no-control-regex -- these are the characters that must not pass
const CONTROL = /[\u0000-\u001f\u007f]/;

/** A count may have decimals only where its smallest value has; an amount of money always. */
const takesDecimals = (row: SettingRow): boolean => row.unit === 'usd' || (row.min !== undefined && !Number.isInteger(row.min));

export function showValue(row: SettingRow, value: SettingAny): string {
  if (typeof value === 'number') return row.unit === 'ms' ? showDuration(value) : row.unit === 'bytes' ? showSize(value) : String(value);
  return typeof value === 'object' ? value.join(', ') : String(value);
}

/** `10ms to 1h`, `hold`, ''. */
export function showBounds(row: SettingRow): string {
  if (row.choices !== undefined) return row.choices.join(', ');
  return row.min === undefined || row.max === undefined ? '' : `${showValue(row, row.min)} to ${showValue(row, row.max)}`;
}

function expectedOf(row: SettingRow): string {
  const bounds = showBounds(row);
  switch (row.unit) {
    case 'ms':
      return `a duration with a unit (ms, s, m, h, d), ${bounds}`;
    case 'bytes':
      return `a size (bytes, or k, M, G), ${bounds}`;
    case 'count':
      return `a ${takesDecimals(row) ? '' : 'whole '}number, ${bounds}`;
    case 'usd':
      return `an amount in US dollars, ${bounds}`;
    case 'choice':
      return `one of ${bounds}`;
    case 'bool':
      return 'true or false';
    case 'list':
      return 'a list of texts';
    case 'text':
      return `a text of at most ${String(TEXT_LENGTH_MAX)} printable characters`;
    default:
      return unreachable(row.unit);
  }
}

const describeFound = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${String(value.length)}`;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? shown(String(value)) : 'a mapping';
};

const refused = (row: SettingRow, value: unknown, message: string, mend: string): Result<never, ValueFault> =>
  err({ code: 'setting-value', message, expected: expectedOf(row), found: describeFound(value), mend });

const isPlainText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= TEXT_LENGTH_MAX && !CONTROL.test(value);

function numberOf(row: SettingRow, value: unknown): number | null {
  if (row.unit === 'count' || row.unit === 'usd') return typeof value === 'number' ? value : null;
  if (row.unit === 'ms') return typeof value === 'string' ? parseDurationMs(value.trim()) : value === 0 ? 0 : null;
  return typeof value === 'number' ? value : typeof value === 'string' ? parseSizeBytes(value.trim()) : null;
}

/** A value as YAML gives it: text, number, truth value, list. */
export function readValue(row: SettingRow, value: unknown): Result<SettingAny, ValueFault> {
  const example = `write it as in \`${row.unit === 'list' ? '[a, b]' : showValue(row, row.default)}\`${row.unit === 'ms' ? ', with its unit' : ''}`;
  switch (row.unit) {
    case 'ms':
    case 'bytes':
    case 'usd':
    case 'count': {
      const read = numberOf(row, value);
      if (read === null || !Number.isFinite(read)) return refused(row, value, 'this is not such a value', example);
      if (!takesDecimals(row) && !Number.isInteger(read)) return refused(row, value, 'this number has decimals', 'write a whole number');
      if (read < (row.min ?? 0) || read > (row.max ?? Number.MAX_SAFE_INTEGER))
        return refused(row, value, 'this is out of bounds', `take one from ${showBounds(row)}`);
      return ok(read);
    }
    case 'choice':
      return typeof value === 'string' && row.choices?.includes(value) === true
        ? ok(value)
        : refused(row, value, 'this is none of the choices', `take one of ${showBounds(row)}`);
    case 'bool':
      return typeof value === 'boolean' ? ok(value) : refused(row, value, 'this is no truth value', 'write true or false');
    case 'list':
      return Array.isArray(value) && value.every(isPlainText) ? ok(value) : refused(row, value, 'this is no list of texts', example);
    case 'text':
      return isPlainText(value) ? ok(value.trim()) : refused(row, value, 'this is no text', 'put it in quotes');
    default:
      return unreachable(row.unit);
  }
}

/** A value as a variable or a flag gives it: always text; lists have commas. */
export function readText(row: SettingRow, text: string): Result<SettingAny, ValueFault> {
  const clean = text.trim();
  switch (row.unit) {
    case 'usd':
    case 'count':
      return readValue(row, /^-?[0-9]+(?:\.[0-9]+)?$/.test(clean) ? Number(clean) : clean);
    case 'bool':
      return readValue(row, clean === 'true' ? true : clean === 'false' ? false : clean);
    case 'list':
      return readValue(row, clean === '' ? [] : clean.split(',').map((part) => part.trim()));
    case 'ms':
    case 'bytes':
    case 'choice':
    case 'text':
      return readValue(row, clean);
    default:
      return unreachable(row.unit);
  }
}
