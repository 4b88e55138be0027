import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { SETTINGS } from '#core/settings.ts';
import {
  describeSettings,
  describeSettingsFaults,
  loadSettings,
  type LoadedSettings,
  renderSettingsTable,
  type SettingsInput,
  variableOf,
} from '#cli/settings.ts';
import { readSettingsFile } from '#cli/settings-file.ts';
import { settingsJsonSchema } from '#cli/settings-schema.ts';
import { parseDurationMs, parseSizeBytes, showDuration, showSize } from '#cli/settings-units.ts';
import { rowOf, SETTING_KEYS } from '#cli/settings-values.ts';

const NOTHING: SettingsInput = { docketYaml: null, localYaml: null, env: {}, flags: {} };
const load = (input: Partial<SettingsInput>): LoadedSettings => {
  const loaded = loadSettings({ ...NOTHING, ...input });
  assert.ok(loaded.ok, loaded.ok ? '' : describeSettingsFaults(loaded.error));
  return loaded.value;
};
const seen = (input: SettingsInput): unknown[] => [load(input).settings['retry.base'], load(input).sources['retry.base']];
const faultsOf = (
  input: Partial<SettingsInput>,
): { at: string; code: string; field: string; expected: string; found: string; mend: string }[] => {
  const loaded = loadSettings({ ...NOTHING, ...input });
  assert.ok(!loaded.ok, 'it was taken');
  return loaded.error.map(({ file, line, column, code, field, expected, found, mend }) => ({
    at: `${file}:${String(line)}:${String(column)}`,
    code,
    field,
    expected,
    found,
    mend,
  }));
};

describe('the table of settings', () => {
  test('has a default within its own bounds for every row', () => {
    for (const key of SETTING_KEYS) {
      const row = rowOf(key);
      if (typeof row.default === 'number') assert.ok(row.default >= (row.min ?? 0) && row.default <= (row.max ?? 0), key);
      assert.ok(row.why.length > 10, key);
      if (row.unit === 'choice') assert.ok(row.choices?.includes(String(row.default)), key);
    }
  });

  test('gives the defaults when nothing is set, and says so', () => {
    const { settings, sources, runners, lanes } = load({});
    for (const key of SETTING_KEYS) {
      assert.deepEqual(settings[key], SETTINGS[key].default);
      assert.equal(sources[key], 'default');
    }
    assert.deepEqual([runners, lanes], [[], []]);
  });

  test('is printed for the README with every key, default and reason', () => {
    const table = renderSettingsTable();
    for (const key of SETTING_KEYS) assert.ok(table.includes(`| \`${key}\` `), key);
    assert.match(table, /\| `limits\.prompt_bytes` +\| `600k` +\| 1k to 8M +\|/);
    assert.match(table, /\| `policy\.secrets` .* \(security: only in docket\.yaml\) +\|/);
    assert.equal(
      new Set(
        table
          .trim()
          .split('\n')
          .map((line) => line.replaceAll(String.raw`\|`, '').split('|').length),
      ).size,
      1,
    );
  });
});

describe('precedence', () => {
  test('flag, environment, docket.local.yaml, docket.yaml, default, in this order', () => {
    const full: SettingsInput = {
      docketYaml: 'retry: { base: 1s }\n',
      localYaml: 'retry: { base: 2s }\n',
      env: { DOCKET_RETRY_BASE: '3s' },
      flags: { 'retry.base': '4s' },
    };
    assert.deepEqual(seen(full), [4_000, 'flag']);
    assert.deepEqual(seen({ ...full, flags: { 'retry.base': undefined } }), [3_000, 'environment']);
    assert.deepEqual(seen({ ...full, flags: {}, env: {} }), [2_000, 'docket.local.yaml']);
    assert.deepEqual(seen({ ...full, flags: {}, env: {}, localYaml: null }), [1_000, 'docket.yaml']);
    assert.deepEqual(seen(NOTHING), [2_000, 'default']);
  });

  test('lists and numbers are read from variables', () => {
    const { settings } = load({
      env: { DOCKET_SLOTS: ' 7 ', DOCKET_LIMITS_BUDGET_USD: '0.5', DOCKET_LIMITS_PROMPT_BYTES: '300k', DOCKET_APP: 'my-app' },
    });
    assert.deepEqual(
      [settings.slots, settings['limits.budget_usd'], settings['limits.prompt_bytes'], settings.app],
      [7, 0.5, 300_000, 'my-app'],
    );
  });

  test('every setting has a variable of its own', () => {
    assert.equal(variableOf('limits.idle_timeout'), 'DOCKET_LIMITS_IDLE_TIMEOUT');
    assert.equal(new Set(SETTING_KEYS.map(variableOf)).size, SETTING_KEYS.length);
  });
});

describe('a wrong file', () => {
  test('is told with all its faults, each with its place and how to mend it', () => {
    const text = [
      'app: shop',
      'retri:',
      '  base: 2s',
      'slots: 99',
      'limits:',
      '  timeout: 15',
      '  prompt_bytes: lots',
      'log: { level: loud, keep: 1.5 }',
      '',
    ].join('\n');
    assert.deepEqual(
      faultsOf({ docketYaml: text }).map(({ at, code, field, found }) => [at, code, field, found]),
      [
        ['docket.yaml:2:1', 'setting-unknown', 'retri', 'retri'],
        ['docket.yaml:4:8', 'setting-value', 'slots', '99'],
        ['docket.yaml:6:12', 'setting-value', 'limits.timeout', '15'],
        ['docket.yaml:7:17', 'setting-value', 'limits.prompt_bytes', 'lots'],
        ['docket.yaml:8:15', 'setting-value', 'log.level', 'loud'],
        ['docket.yaml:8:27', 'setting-value', 'log.keep', '1.5'],
      ],
    );
    const [unknown, , duration] = faultsOf({ docketYaml: text });
    assert.equal(unknown?.mend, 'write retry');
    assert.equal(duration?.expected, 'a duration with a unit (ms, s, m, h, d), 1s to 1d');
    assert.match(duration.mend, /`30m`, with its unit/);
  });

  test('a dotted key is shown its nested form', () => {
    assert.equal(faultsOf({ docketYaml: 'retry.cap: 3m\n' })[0]?.mend, 'write `retry: { cap: … }`');
  });

  test('faults of both files, of variables and of flags are told together', () => {
    const faults = faultsOf({
      docketYaml: 'slots: 0\n',
      localYaml: 'slots: x\n',
      env: { DOCKET_SLOTS: '1.5', DOCKET_SLOT: '3' },
      flags: { slots: '65' },
    });
    assert.deepEqual(
      faults.map(({ at }) => at),
      ['docket.yaml:1:8', 'docket.local.yaml:1:8', 'DOCKET_SLOT:0:0', 'DOCKET_SLOTS:0:0', '--slots:0:0'],
    );
  });

  test('YAML that could choose types, refer to itself or hide keys is refused', () => {
    for (const text of [
      'app: !!js/function x\n',
      'app: &a x\nmodel: *a\n',
      'app: x\napp: y\n',
      '[1, 2]\n',
      'app: [\n',
      '__proto__: { app: x }\n',
      'a: 1\n---\nb: 2\n',
    ])
      assert.ok(faultsOf({ docketYaml: text }).length > 0, text);
  });

  test('an empty file, a BOM and CRLF are fine', () => {
    for (const text of ['', '# nothing\n', '\uFEFFslots: 3\r\nretry:\r\n  base: 1s\r\n', 'limits:\nlanes:\nrunners:\n'])
      load({ docketYaml: text });
    assert.equal(load({ docketYaml: '\uFEFFslots: 3\r\n' }).settings.slots, 3);
  });
});

describe('security settings', () => {
  test('may only stand in docket.yaml', () => {
    assert.deepEqual(load({ docketYaml: 'policy: { push_remotes: [origin] }\n' }).settings['policy.push_remotes'], ['origin']);
    for (const input of [
      { localYaml: 'policy: { push_remotes: [origin] }\n' },
      { env: { DOCKET_POLICY_PUSH_REMOTES: 'origin' } },
      { flags: { 'policy.secrets': 'hold' } },
    ])
      assert.deepEqual(
        faultsOf(input).map(({ code }) => code),
        ['setting-security'],
      );
  });

  test('the secret scan has no off', () => {
    assert.equal(faultsOf({ docketYaml: 'policy: { secrets: off }\n' })[0]?.expected, 'one of hold');
  });
});

describe('variables that are no settings', () => {
  test('are left alone unless one is a slip of a setting', () => {
    load({ env: { DOCKET_RUN_ID: 'x', DOCKET_SOMETHING_ELSE_ENTIRELY: '1', PATH: '/bin' } });
    assert.match(faultsOf({ env: { DOCKET_RETRY_BSAE: '1s' } })[0]?.mend ?? '', /DOCKET_RETRY_BASE/);
  });
});

describe('runners and lanes', () => {
  test('become profiles and schedules with their defaults filled in', () => {
    const { runners, lanes } = load({
      docketYaml: [
        'slots: 3',
        'runners:',
        '  local-ai: { program: my-ai, args: [--model, "{model}", "{prompt_file}"], output: json, answer_field: message.content, pass_env: [MY_KEY], env: { MODE: x }, lane: box }',
        '  claude-work: { kind: claude, program: /opt/claude }',
        'lanes:',
        '  box: { slots: 1, interval: 10s }',
        '  free: {}',
        '',
      ].join('\n'),
      localYaml: 'runners:\n  claude-work: { kind: claude }\n',
    });
    assert.deepEqual(runners, [
      {
        name: 'local-ai',
        kind: 'command',
        program: 'my-ai',
        args: ['--model', '{model}', '{prompt_file}'],
        output: 'json',
        answerField: 'message.content',
        writes: [],
        sandbox: false,
        passEnv: ['MY_KEY'],
        env: { MODE: 'x' },
        lane: 'box',
      },
      {
        name: 'claude-work',
        kind: 'claude',
        program: '',
        args: [],
        output: 'text',
        answerField: null,
        writes: [],
        sandbox: false,
        passEnv: [],
        env: {},
        lane: null,
      },
    ]);
    assert.deepEqual(lanes, [
      { name: 'box', slots: 1, intervalCap: 30, intervalMs: 10_000, staggerMs: 50 },
      { name: 'free', slots: 3, intervalCap: 30, intervalMs: 60_000, staggerMs: 50 },
    ]);
  });

  test('are refused with the place when they are not usable', () => {
    const wrong: Readonly<Record<string, RegExp>> = {
      'runners: { auto: { program: x } }': /offline and auto/,
      'runners: { Big: { program: x } }': /lower-case/,
      'runners: { x: {} }': /names its program/,
      'runners: { x: { program: ./x } }': /absolute path/,
      'runners: { x: { program: x, output: json } }': /answer_field/,
      'runners: { x: { program: x, args: --model } }': /array/,
      'runners: { x: { program: x, args: ["{promt_file}"] } }': /\{prompt_file\}/,
      'runners: { x: { program: x, env: { API_KEY: abc } } }': /pass_env/,
      'runners: { x: { programm: x, program: y } }': /program/,
      'lanes: { x: { slots: 0 } }': /1 to 64/,
      'lanes: { x: { interval: 5 } }': /duration/,
    };
    for (const [text, expected] of Object.entries(wrong)) {
      const [first] = faultsOf({ docketYaml: `${text}\n` });
      assert.match(first?.expected ?? '', expected, text);
      assert.match(first?.at ?? '', /^docket\.yaml:1:[1-9]/, text);
    }
  });

  test('a secret in env is not repeated in the fault', () => {
    const [first] = faultsOf({ docketYaml: 'runners: { x: { program: x, env: { MY_TOKEN: abc-123-xyz } } }\n' });
    assert.equal(first?.found, 'MY_TOKEN');
  });
});

test('durations and sizes are read and shown in their shortest form', () => {
  const durations: readonly (readonly [string, number | null])[] = [
    ['15m', 900_000], ['1.5h', 5_400_000], ['250ms', 250], ['0', 0], ['2 d', 172_800_000], ['5', null], ['-1s', null], ['1 week', null], ['1h30m', null], ['', null],
  ]; // prettier-ignore
  for (const [text, ms] of durations) assert.equal(parseDurationMs(text), ms, text);
  const sizes: readonly (readonly [string, number | null])[] = [
    ['600k', 600_000], ['600KB', 600_000], ['16MiB', 16_777_216], ['64Ki', null], ['64KiB', 65_536], ['1.5G', 1.5e9], ['1000', 1_000], ['12b', 12], ['1T', null], ['k', null],
  ]; // prettier-ignore
  for (const [text, bytes] of sizes) assert.equal(parseSizeBytes(text), bytes, text);
  for (const ms of [0, 1, 250, 1_000, 1_500, 60_000, 5_400_000, 86_400_000]) assert.equal(parseDurationMs(showDuration(ms)), ms);
  for (const bytes of [0, 1, 16_384, 600_000, 16_000_000, 1e9]) assert.equal(parseSizeBytes(showSize(bytes)), bytes);
});

test('docket config tells the value, where it came from, its bounds and its reason', () => {
  const lines = describeSettings(load({ docketYaml: 'limits: { timeout: 90m }\npolicy: { push_remotes: [a, b] }\n' }));
  assert.deepEqual(
    lines.find((line) => line.key === 'limits.timeout'),
    {
      key: 'limits.timeout',
      value: '90m',
      source: 'docket.yaml',
      default: '30m',
      bounds: '1s to 1d',
      unit: 'ms',
      variable: 'DOCKET_LIMITS_TIMEOUT',
      security: false,
      why: SETTINGS['limits.timeout'].why,
    },
  );
  assert.equal(lines.find((line) => line.key === 'policy.push_remotes')?.value, 'a, b');
});

test('the JSON Schema says the same as the loader', () => {
  const validate = new Ajv2020({ strict: false }).compile(settingsJsonSchema() as object);
  const texts = [
    'slots: 3',
    'slots: 99',
    'retri: {}',
    'retry: { base: 2s }',
    'retry: { base: 2 }',
    'limits: { prompt_bytes: 300k }',
    'policy: { secrets: off }',
    'runners: { x: { program: y } }',
    'runners: { x: { prog: y } }',
    'lanes: { x: { slots: 0 } }',
  ];
  for (const text of texts) {
    const object = JSON.parse(
      text
        .replaceAll(/([a-z_]+)(?=[:])/g, '"$1"')
        .replace(/^/, '{')
        .replace(/$/, '}')
        .replaceAll(/: (?!["{0-9])([0-9a-z]+)/g, ': "$1"')
        .replaceAll(/: ([0-9]+[a-z]+)/g, ': "$1"'),
    ) as unknown;
    assert.equal(validate(object), readSettingsFile(`${text}\n`, 'docket.yaml', false).faults.length === 0, text);
  }
});
