/**
 * Which way a setting loosens security. Only the committed docket.yaml may loosen one; every other source (docket.local.yaml, DOCKET_*, a flag, an edit
 * of docket.yaml that nobody committed) may only make it stricter, and a row with `security` and no order may not be changed there at all.
 * Rows that are not here bound nobody else: pace, places, words (docs/security.md, "Settings").
 */

import { SETTINGS, type SettingKey } from './settings.ts';

/** `higher`: a larger number is looser; `higher, 0 most`: and 0 means none; `more`: each further entry is; a list: strictest choice first. */
export type Looser = 'higher' | 'higher, 0 most' | 'more' | readonly string[];

const LOOSER: Partial<Record<string, Looser | null>> = {
  'policy.push_remotes': 'more',
  'policy.program_change': ['hold', 'ignore'],
  'policy.personal_data': ['hold', 'warn', 'off'],
  'policy.local_runners': ['refuse', 'allow'],
  'signing.mode': ['required', 'off'],
  'tools.sandbox': ['required', 'auto', 'off'],
  'intake.groups': 'more',
  'budgets.feature_usd': 'higher, 0 most',
  'budgets.day_usd': 'higher, 0 most',
  'budgets.reserve': ['cap', 'past'],
  'limits.memory_mb': 'higher, 0 most',
  'limits.processes': 'higher, 0 most',
  'limits.role_rate': 'higher, 0 most',
  'limits.owner_rate': 'higher, 0 most',
  // A text whose scan takes longer is held: neither way lets anything through.
  'limits.secret_scan': null,
  // What holds where role and prompt say nothing; they may say more.
  'limits.timeout': null,
  'limits.idle_timeout': null,
  'limits.turns': null,
  'limits.budget_usd': null,
};

type Value = string | number | boolean | readonly string[];

/** Null: it has no order. Every number of `limits.` is a bound, also one that nobody thought of here. */
export function looserOf(key: SettingKey): Looser | null {
  const known = LOOSER[key];
  if (known !== undefined) return known;
  return key.startsWith('limits.') && typeof SETTINGS[key].default === 'number' ? 'higher' : null;
}

/** Does it bound what others may do? */
export const isSecurity = (key: SettingKey): boolean => isFixed(key) || looserOf(key) !== null;

/** Only docket.yaml may have it at all. */
export const isFixed = (key: SettingKey): boolean => 'security' in SETTINGS[key];

/** Would this value let through what that one does not? Of a row without an order: any other value may. */
export function isLooser(key: SettingKey, value: Value, than: Value): boolean {
  const order = looserOf(key);
  if (order === 'higher') return Number(value) > Number(than);
  if (order === 'higher, 0 most') return upTo(value) > upTo(than);
  if (order === 'more') {
    const allowed = new Set(Array.isArray(than) ? (than as readonly string[]) : []);
    return Array.isArray(value) && (value as readonly string[]).some((one) => !allowed.has(one));
  }
  if (order !== null) return order.indexOf(String(value)) > order.indexOf(String(than));
  return isFixed(key) && JSON.stringify(value) !== JSON.stringify(than);
}

const upTo = (value: Value): number => (Number(value) === 0 ? Number.POSITIVE_INFINITY : Number(value));
