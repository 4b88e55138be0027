/**
 * The settings of a workspace: defaults, docket.yaml, docket.local.yaml, DOCKET_* and flags, merged with their source.
 * Precedence: flag > environment > docket.local.yaml > docket.yaml > default. All faults of all sources are told at once.
 */

import { err, ok, type Result } from '#core/result.ts';
import type {
  CommandProfile,
  HttpProfile,
  LaneSettings,
  SettingKey,
  Settings,
  SettingSource,
  SettingSources,
  Workspace,
} from '#core/settings.ts';
import { isSecurity } from '#core/settings-strict.ts';
import { fault, shown, WHOLE_FILE } from '#prompt-spec/faults.ts';
import { nearest } from '#prompt-spec/nearest.ts';
import { readSettingsFile, securityFault, type SettingsFault, type SettingsFile } from './settings-file.ts';
import { httpProfileOf } from './settings-http.ts';
import { pricesOf } from './settings-prices.ts';
import type { LaneEntry, RunnerEntry } from './settings-schema.ts';
import { type Committed, loosened, loosenedMaps, noteOfKind, stricter } from './settings-strict.ts';
import { isSettingKey, readText, rowOf, SETTING_KEYS, type SettingAny, type SettingRow, showBounds, showValue } from './settings-values.ts';

export type { SettingsFault } from './settings-file.ts';

/** What the settings are read from; a file that is not there is null. */
export type SettingsInput = {
  readonly docketYaml: string | null;
  /** What git says of docket.yaml; absent: nobody asked, it holds as it is. */
  readonly committed?: Committed;
  readonly localYaml: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By key, as text: {'retry.base': '2s'}. */
  readonly flags: Readonly<Record<string, string | undefined>>;
};

export type LoadedSettings = {
  readonly settings: Settings;
  readonly sources: SettingSources;
  readonly runners: readonly CommandProfile[];
  readonly httpRunners: readonly HttpProfile[];
  readonly lanes: readonly LaneSettings[];
  readonly laneBudgets: Workspace['laneBudgets'];
  readonly allowedSecrets: Workspace['allowedSecrets'];
  readonly prices: Workspace['prices'];
  /** What a person should be told of them. */
  readonly notes: readonly string[];
};

/** `retry.base` -> `DOCKET_RETRY_BASE`. */
export const variableOf = (key: SettingKey): string => `DOCKET_${key.toUpperCase().replaceAll('.', '_')}`;
const KEY_OF_VARIABLE: ReadonlyMap<string, SettingKey> = new Map(SETTING_KEYS.map((key) => [variableOf(key), key]));

type Layer = {
  readonly source: SettingSource;
  readonly values: ReadonlyMap<SettingKey, SettingAny>;
  readonly faults: readonly SettingsFault[];
};

/** Values of one source that has only text. `file` of a fault is the variable or the flag. */
function textLayer(source: 'environment' | 'flag', given: readonly (readonly [name: string, key: SettingKey, text: string])[]): Layer {
  const values = new Map<SettingKey, SettingAny>();
  const faults: SettingsFault[] = [];
  for (const [name, key, text] of given) {
    const read = readText(rowOf(key), text);
    if (rowOf(key).security === true) faults.push({ ...securityFault(key, WHOLE_FILE), file: name });
    else if (read.ok) values.set(key, read.value);
    else faults.push({ ...fault(read.error.code, key, WHOLE_FILE, read.error), file: name });
  }
  return { source, values, faults };
}

/** Other DOCKET_ variables exist (docket sets DOCKET_RUN_ID for the programs it starts): only a near miss of a setting is a fault. */
function environmentLayer(env: SettingsInput['env']): Layer {
  const given: [string, SettingKey, string][] = [];
  const faults: SettingsFault[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('DOCKET_') || text === undefined) continue;
    const key = KEY_OF_VARIABLE.get(name);
    const meant = key === undefined ? nearest(name.slice(7), SETTING_KEYS) : null;
    if (key !== undefined) given.push([name, key, text]);
    else if (meant !== null && isSettingKey(meant)) {
      const words = {
        message: 'docket knows no such setting',
        expected: variableOf(meant),
        found: shown(name),
        mend: `name it ${variableOf(meant)}, or unset it`,
      };
      faults.push({ ...fault('setting-unknown', meant, WHOLE_FILE, words), file: name });
    }
  }
  const layer = textLayer('environment', given);
  return { ...layer, faults: [...faults, ...layer.faults] };
}

function flagLayer(flags: SettingsInput['flags']): Layer {
  const given: [string, SettingKey, string][] = [];
  for (const [key, text] of Object.entries(flags)) {
    if (text === undefined) continue;
    if (!isSettingKey(key)) throw new Error(`no setting has the key ${key}`);
    given.push([`--${key}`, key, text]);
  }
  return textLayer('flag', given);
}

const NO_FILE: SettingsFile = { values: new Map(), runners: {}, lanes: {}, laneBudgets: {}, allowedSecrets: [], prices: {}, faults: [] };

export function loadSettings(input: SettingsInput): Result<LoadedSettings, readonly SettingsFault[]> {
  const written = input.docketYaml === null ? NO_FILE : readSettingsFile(input.docketYaml, 'docket.yaml', false);
  const { file: shared, notes } = asCommitted(written, input.committed ?? { kind: 'no-repository' });
  const local = input.localYaml === null ? NO_FILE : readSettingsFile(input.localYaml, 'docket.local.yaml', true);
  const layers: readonly Layer[] = [
    { ...shared, source: 'docket.yaml' },
    { ...local, source: 'docket.local.yaml' },
    environmentLayer(input.env),
    flagLayer(input.flags),
  ];
  const faults = [
    ...layers.flatMap((layer) => layer.faults),
    ...loosened(local.values, shared.values, () => 'docket.local.yaml'),
    ...loosenedMaps(local, shared, 'docket.local.yaml'),
    ...layers
      .slice(2)
      .flatMap(({ source, values }) => loosened(values, shared.values, (key) => (source === 'flag' ? `--${key}` : variableOf(key)))),
  ];
  if (faults.length > 0) return err(faults);

  const settings: Record<string, SettingAny> = {};
  const sources: Record<string, SettingSource> = {};
  for (const key of SETTING_KEYS) {
    const layer = layers.findLast((one) => one.values.has(key));
    settings[key] = layer?.values.get(key) ?? rowOf(key).default;
    sources[key] = layer?.source ?? 'default';
  }
  const merged = settings as unknown as Settings;
  const entries = Object.entries({ ...shared.runners, ...local.runners });
  return ok({
    settings: merged,
    sources: sources as unknown as SettingSources,
    runners: entries.flatMap(([name, entry]) => (entry.kind === 'http' ? [] : [profileOf(name, entry, entry.kind)])),
    httpRunners: entries.flatMap(([name, entry]) => httpProfileOf(name, entry) ?? []),
    lanes: Object.entries({ ...shared.lanes, ...local.lanes }).map(([name, entry]) => laneOf(name, entry, merged)),
    laneBudgets: Object.entries({ ...shared.laneBudgets, ...local.laneBudgets }).map(([lane, dayUsd]) => ({ lane, dayUsd })),
    allowedSecrets: shared.allowedSecrets,
    prices: pricesOf({ ...shared.prices, ...local.prices }),
    notes,
  });
}

/** docket.yaml as it holds: no looser than what was committed. A committed form that this version cannot read says nothing, so the defaults bound it. */
function asCommitted(written: SettingsFile, committed: Committed): { readonly file: SettingsFile; readonly notes: readonly string[] } {
  const notes = noteOfKind(committed);
  if (committed.kind === 'absent' || committed.kind === 'no-repository') return { file: written, notes };
  const before = committed.kind === 'text' ? readSettingsFile(committed.text, 'docket.yaml', false) : null;
  const held = stricter(
    written,
    before === null || before.faults.length > 0 ? null : before,
    committed.kind === 'text' ? committed.of : undefined,
  );
  return { file: held.file, notes: [...notes, ...held.notes] };
}

const profileOf = (name: string, entry: RunnerEntry, kind: CommandProfile['kind']): CommandProfile => ({
  name,
  kind,
  program: entry.program ?? '',
  args: entry.args,
  output: entry.output,
  answerField: entry.answer_field ?? null,
  passEnv: entry.pass_env,
  env: entry.env,
  lane: entry.lane ?? null,
  writes: entry.writes,
  sandbox: entry.sandbox,
});

const laneOf = (name: string, entry: LaneEntry, settings: Settings): LaneSettings => ({
  name,
  slots: entry.slots ?? settings.slots,
  intervalCap: entry.interval_cap ?? settings['throttle.interval_cap'],
  intervalMs: entry.interval ?? settings['throttle.interval'],
  staggerMs: entry.stagger ?? settings['throttle.stagger'],
});

/** One line of `docket config`: everything as text, in the form that docket.yaml takes. */
export type SettingLine = {
  readonly key: SettingKey;
  readonly value: string;
  readonly source: SettingSource;
  readonly default: string;
  readonly bounds: string;
  readonly unit: SettingRow['unit'];
  readonly variable: string;
  readonly security: boolean;
  readonly why: string;
};

export const describeSettings = (workspace: Pick<Workspace, 'settings' | 'sources'>): readonly SettingLine[] =>
  SETTING_KEYS.map((key) => ({
    key,
    value: showValue(rowOf(key), workspace.settings[key]),
    source: workspace.sources[key],
    default: showValue(rowOf(key), rowOf(key).default),
    bounds: showBounds(rowOf(key)),
    unit: rowOf(key).unit,
    variable: variableOf(key),
    security: isSecurity(key),
    why: rowOf(key).why,
  }));

const quoted = (text: string): string => (text === '' ? '' : `\`${text}\``);

/** The table of all settings in Markdown, for the README; columns as wide as oxfmt makes them. */
export function renderSettingsTable(): string {
  const rows = SETTING_KEYS.map((key) => {
    const row = rowOf(key);
    const note = row.security === true ? ' (security: only in docket.yaml)' : isSecurity(key) ? ' (security: elsewhere only stricter)' : '';
    return [quoted(key), quoted(showValue(row, row.default)), showBounds(row), `${row.why.replaceAll('<', '&lt;')}${note}`];
  });
  const cells = [['setting', 'default', 'bounds', 'what it is, and why'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string => `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line), ''].join('\n');
}

/** All faults for a terminal: file and place, then what was expected, found, and how to mend it. */
export const describeSettingsFaults = (faults: readonly SettingsFault[]): string =>
  faults
    .map((one) =>
      [
        `${one.file}${one.line > 0 ? ` line ${String(one.line)}, column ${String(one.column)}` : ''}: ${one.field}: ${one.message}`,
        `  expected: ${one.expected}`,
        `  found:    ${one.found}`,
        `  mend:     ${one.mend}`,
      ].join('\n'),
    )
    .join('\n');
