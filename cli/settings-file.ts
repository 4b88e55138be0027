/** Reads docket.yaml and docket.local.yaml: text in, values by row out, all faults at once with their place. Opens nothing itself. */

import type { Fault } from '#core/fault.ts';
import type { AllowedSecret } from '#core/policy.ts';
import type { SettingKey } from '#core/settings.ts';
import { fault, inOrder, type Place, shown, WHOLE_FILE } from '#prompt-spec/faults.ts';
import { nearest } from '#prompt-spec/nearest.ts';
import { readYaml, type Spot, type YamlRead } from '#prompt-spec/safe-yaml.ts';
import { keysAt, type LaneEntry, type PriceEntry, type RunnerEntry, settingsSchema } from './settings-schema.ts';
import { rowOf, SETTING_KEYS, type SettingAny, type ValueFault } from './settings-values.ts';

/** YAML is parsed whole, so it is bounded. */
export const SETTINGS_FILE_BYTES_MAX = 65_536;

/** A fault and the file, variable or flag it stands in. */
export type SettingsFault = Fault & { readonly file: string };

export type SettingsFile = {
  readonly values: ReadonlyMap<SettingKey, SettingAny>;
  readonly runners: Readonly<Record<string, RunnerEntry>>;
  readonly lanes: Readonly<Record<string, LaneEntry>>;
  /** US dollars a day, by lane. */
  readonly laneBudgets: Readonly<Record<string, number>>;
  readonly allowedSecrets: readonly AllowedSecret[];
  readonly prices: Readonly<Record<string, PriceEntry>>;
  readonly faults: readonly SettingsFault[];
};

const asObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** @param file its name, for the faults. @param isLocal docket.local.yaml: may not change a security row */
export function readSettingsFile(text: string, file: string, isLocal: boolean): SettingsFile {
  const yaml = readYaml(text.startsWith('\uFEFF') ? text.slice(1) : text, 1);
  const faults: Fault[] = yaml.faults.map((one) => ({ ...one, message: one.message.replace('the front matter', 'the file') }));
  const checked = settingsSchema.safeParse(yaml.data);
  const issues = checked.success ? [] : checked.error.issues.flatMap(deepest);
  for (const issue of issues) faults.push(...faultsOf(issue, yaml));
  const values = new Map<SettingKey, SettingAny>();
  const data: Readonly<Record<string, unknown>> = checked.success ? checked.data : {};
  for (const key of SETTING_KEYS) {
    const path = key.split('.');
    const isThere = yaml.spotOf(path) !== null;
    if (isThere && isLocal && rowOf(key).security === true) faults.push(securityFault(key, placeOf(path, yaml)));
    const value = path.reduce<unknown>((at, part) => asObject(at)[part], data);
    if (isThere && value !== undefined) values.set(key, value as SettingAny);
  }
  if (isLocal && yaml.spotOf(ALLOWED) !== null) faults.push(securityFault(ALLOWED.join('.'), placeOf(ALLOWED, yaml)));
  return {
    values,
    runners: asObject(data['runners']) as Record<string, RunnerEntry>,
    lanes: asObject(data['lanes']) as Record<string, LaneEntry>,
    laneBudgets: asObject(asObject(data['budgets'])['lane']) as Record<string, number>,
    allowedSecrets: (asObject(data['policy'])['allow_secrets'] ?? []) as readonly AllowedSecret[],
    prices: asObject(data['prices']) as Record<string, PriceEntry>,
    faults: inOrder(faults).map((one) => ({ ...one, file })),
  };
}

const ALLOWED = ['policy', 'allow_secrets'];

type Issue = {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  readonly params?: unknown;
  readonly issues?: readonly Issue[];
  /** About the key of a map, not its value. */
  readonly isKey?: boolean;
};

/** The issues of a map's keys stand inside the map's issue. */
function deepest(issue: unknown): readonly Issue[] {
  const one = issue as Issue;
  return one.code === 'invalid_key' && one.issues !== undefined
    ? one.issues.map((inner) => ({ ...inner, path: one.path, isKey: true }))
    : [one];
}

function placeOf(path: readonly PropertyKey[], yaml: YamlRead, which: 'key' | 'value' = 'key'): Place {
  for (let length = path.length; length > 0; length--) {
    const spot = yaml.spotOf(path.slice(0, length));
    if (spot !== null) return length === path.length ? spot[which] : spot.key;
  }
  return WHOLE_FILE;
}

function faultsOf(issue: Issue, yaml: YamlRead): readonly Fault[] {
  const field = issue.path.map(String).join('.') || 'file';
  if (issue.code === 'unrecognized_keys') return (issue.keys ?? []).map((key) => unknownKey([...issue.path, key], yaml));
  const words = (issue.params as { readonly words?: ValueFault } | undefined)?.words;
  if (words !== undefined) return [fault(words.code, field, placeOf(issue.path, yaml, 'value'), words)];
  const isKey = issue.isKey === true;
  const spot = yaml.spotOf(issue.path);
  return [
    fault('setting-shape', field, placeOf(issue.path, yaml, isKey ? 'key' : 'value'), {
      message: isKey ? 'this key does not fit' : 'this value does not fit',
      expected: issue.message.replace(/^Invalid (?:input|option): (?:expected )?/, '').replace(/, received .*$/, ''),
      found: isKey ? shown(String(issue.path.at(-1))) : foundAt(spot),
      mend: isKey ? 'rename it' : `change ${field}, see \`docket config\``,
    }),
  ];
}

function foundAt(spot: Spot | null): string {
  if (spot === null || spot.written === 'nothing') return 'nothing';
  return spot.source === '' ? `a ${spot.written}` : shown(spot.source);
}

function unknownKey(path: readonly PropertyKey[], yaml: YamlRead): Fault {
  const key = String(path.at(-1));
  const known = keysAt(path.slice(0, -1));
  const meant = nearest(key, known) ?? (path.length === 1 ? nearest(key, SETTING_KEYS) : null);
  return fault('setting-unknown', path.map(String).join('.'), placeOf(path, yaml), {
    message: 'docket knows no such setting',
    expected: meant === null ? `one of ${known.join(', ')}` : meant.replace('.', ': '),
    found: shown(key),
    mend:
      meant === null
        ? 'remove it; `docket config` lists all settings'
        : `write ${meant.includes('.') ? `\`${meant.replace('.', ': { ')}: … }\`` : meant}`,
  });
}

export const securityFault = (key: string, place: Place): Fault =>
  fault('setting-security', key, place, {
    message: 'this is a security setting: only docket.yaml, which is committed and reviewed, may change it',
    expected: `${key} in docket.yaml`,
    found: key,
    mend: 'move it to docket.yaml',
  });
