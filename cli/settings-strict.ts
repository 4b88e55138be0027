/**
 * Nobody loosens a security setting but by a commit of docket.yaml.
 *
 *   docket.local.yaml, DOCKET_*, a flag: a looser value is a fault, nothing starts
 *   docket.yaml that differs from HEAD: the stricter value holds, and it is told (docs/decisions/0038)
 *   docket.yaml that was never committed, or lies outside git: it holds as it is
 */

import { SETTINGS, type SettingKey } from '#core/settings.ts';
import { isFixed, isLooser, isSecurity } from '#core/settings-strict.ts';
import { fault, shown, WHOLE_FILE } from '#prompt-spec/faults.ts';
import { type SettingsFault, type SettingsFile } from './settings-file.ts';
import type { RunnerEntry } from './settings-schema.ts';
import { rowOf, SETTING_KEYS, type SettingAny, showValue } from './settings-values.ts';

/** What git says of docket.yaml: its text at HEAD; it is not there; there is no repository; git could not be asked. */
export type Committed =
  | {
      readonly kind: 'text';
      readonly text: string;
      /** Whose form it is, where that is not HEAD's: a branch, a file. */ readonly of?: string;
    }
  | { readonly kind: 'absent' | 'no-repository' }
  | { readonly kind: 'unknown'; readonly why: string };

type Values = ReadonlyMap<SettingKey, SettingAny>;
const valueOf = (values: Values, key: SettingKey): SettingAny => values.get(key) ?? rowOf(key).default;
/** How an edit comes to count. @param of see Committed */
const commitWords = (of: string | undefined): string =>
  of === undefined ? 'commit docket.yaml when it was meant' : `in a work tree that of ${of} counts: bring it there when it was meant`;

/** The file as it holds, and what is to be told about it. @param committed its committed form; null: git could not tell, so a default is as loose as a row may be */
export function stricter(
  shared: SettingsFile,
  committed: SettingsFile | null,
  of?: string,
): { readonly file: SettingsFile; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const COMMIT = commitWords(of);
  const values = new Map(shared.values);
  const before: Values = committed?.values ?? new Map();
  for (const key of SETTING_KEYS) {
    const [now, then] = [valueOf(shared.values, key), valueOf(before, key)];
    if (!isSecurity(key) || !isLooser(key, now, then)) continue;
    values.set(key, then);
    const [said, held] = [now, then].map((one) => showValue(rowOf(key), one) || 'nothing');
    notes.push(
      `${key} is ${held ?? ''}, not ${said ?? ''}: docket.yaml differs from its committed form, and only a commit loosens it (${COMMIT})`,
    );
  }
  const allowedSecrets = shared.allowedSecrets.filter(
    (one) => committed?.allowedSecrets.some((then) => then.fingerprint === one.fingerprint) === true,
  );
  const left = shared.allowedSecrets.length - allowedSecrets.length;
  if (left > 0)
    notes.push(`${String(left)} of policy.allow_secrets count for nothing: they are not in the committed docket.yaml (${COMMIT})`);
  if (committed === null) return { file: { ...shared, values, allowedSecrets }, notes };
  const runners: Record<string, RunnerEntry> = {};
  for (const [name, entry] of Object.entries(shared.runners)) {
    const then = committed.runners[name];
    if (then !== undefined) runners[name] = then;
    if (then === undefined) notes.push(`runner ${name} is left out: it is not in the committed docket.yaml (${COMMIT})`);
    else if (JSON.stringify(then) !== JSON.stringify(entry))
      notes.push(`runner ${name} is as it was committed: docket.yaml changes it (${COMMIT})`);
  }
  const laneBudgets: Record<string, number> = { ...shared.laneBudgets };
  for (const [lane, usd] of Object.entries(committed.laneBudgets)) {
    if (!isLooser('budgets.day_usd', laneBudgets[lane] ?? 0, usd)) continue;
    laneBudgets[lane] = usd;
    notes.push(`budgets.lane.${lane} is ${String(usd)}: only a commit of docket.yaml raises it (${COMMIT})`);
  }
  return { file: { ...shared, values, allowedSecrets, runners, laneBudgets }, notes };
}

/** Faults of a source that may only be stricter than docket.yaml. @param source the file, or the variable or flag of a key */
export function loosened(values: Values, base: Values, source: (key: SettingKey) => string): readonly SettingsFault[] {
  const faults: SettingsFault[] = [];
  for (const [key, value] of values) {
    const than = valueOf(base, key);
    if (isFixed(key) || !isSecurity(key) || !isLooser(key, value, than)) continue;
    const words = {
      message: 'this would loosen a security setting: only docket.yaml, which is committed and reviewed, may do that',
      expected: `${showValue(rowOf(key), than)} as in docket.yaml, or stricter`,
      found: shown(showValue(rowOf(key), value)),
      mend: 'change docket.yaml, or take this out',
    };
    faults.push({ ...fault('setting-security', key, WHOLE_FILE, words), file: source(key) });
  }
  return faults;
}

/** What docket.local.yaml may not do to runners and to the budgets of lanes. */
export function loosenedMaps(local: SettingsFile, shared: SettingsFile, file: string): readonly SettingsFault[] {
  const faults: SettingsFault[] = [];
  const refuse = (field: string, message: string, expected: string, mend: string): void => {
    faults.push({ ...fault('setting-security', field, WHOLE_FILE, { message, expected, found: field, mend }), file });
  };
  const isRefused = valueOf(shared.values, 'policy.local_runners') === 'refuse';
  for (const [name, entry] of Object.entries(local.runners)) {
    const own = shared.runners[name];
    if (isRefused)
      refuse(
        `runners.${name}`,
        'policy.local_runners of docket.yaml is refuse',
        'no runners here',
        'move it to docket.yaml, and commit that',
      );
    else if (own !== undefined)
      for (const field of widened(entry, own))
        refuse(
          `runners.${name}.${field}`,
          'this would widen a runner of docket.yaml',
          `${field} as in docket.yaml, or less`,
          'give the runner a name of its own',
        );
  }
  for (const [lane, usd] of Object.entries(local.laneBudgets)) {
    const own = shared.laneBudgets[lane];
    if (own !== undefined && isLooser('budgets.day_usd', usd, own))
      refuse(`budgets.lane.${lane}`, 'this would loosen a budget of docket.yaml', `${String(own)} or less`, 'change docket.yaml');
  }
  return faults;
}

const isMore = (now: readonly string[], then: readonly string[]): boolean => now.some((one) => !then.includes(one));

/** Fields by which a runner would be given, could write or could send more than its own entry lets it. Program and arguments are a matter of the machine. */
function widened(entry: RunnerEntry, own: RunnerEntry): string[] {
  const fields: [string, boolean][] = [
    ['kind', entry.kind !== own.kind],
    ['pass_env', isMore(entry.pass_env, own.pass_env)],
    ['env', isMore(Object.keys(entry.env), Object.keys(own.env))],
    ['writes', isMore(entry.writes, own.writes)],
    ['sandbox', own.sandbox && !entry.sandbox],
    ['base_url', entry.base_url !== own.base_url],
    ['key_env', entry.key_env !== own.key_env],
  ];
  return fields.flatMap(([field, isWider]) => (isWider ? [field] : []));
}

/** What a person should know who reads the settings of a workspace whose docket.yaml nobody reviewed. */
export function noteOfKind(committed: Committed): readonly string[] {
  if (committed.kind === 'absent') return ['docket.yaml is not committed yet, so whoever may write to it decides: commit it'];
  if (committed.kind === 'unknown')
    return [`the committed form of docket.yaml is not known (${committed.why}): security settings are no looser than their defaults`];
  return [];
}

export const SECURITY_KEYS: readonly SettingKey[] = (Object.keys(SETTINGS) as SettingKey[]).filter(isSecurity);
