/** Only a commit of docket.yaml loosens a security setting: every row, every other source; and a real repository. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { notesOf } from '#cli/committed.ts';
import { addConfig } from '#cli/config.ts';
import { addDoctor } from '#cli/doctor.ts';
import { loadSettings, variableOf, type SettingsInput } from '#cli/settings.ts';
import { SECURITY_KEYS } from '#cli/settings-strict.ts';
import { rowOf, SETTING_KEYS, showValue, type SettingAny } from '#cli/settings-values.ts';
import { SETTINGS, type SettingKey } from '#core/settings.ts';
import { isFixed, isLooser, isSecurity, looserOf } from '#core/settings-strict.ts';
import { makeTempWorkspace } from '#test/support/workspace.ts';

const NOTHING: SettingsInput = { docketYaml: null, localYaml: null, env: {}, flags: {} };
const yaml = (key: SettingKey, value: SettingAny): string => {
  const [group = '', inner] = key.split('.');
  const said = Array.isArray(value) ? `[${value.join(', ')}]` : typeof value === 'number' ? showValue(rowOf(key), value) : String(value);
  return inner === undefined ? `${group}: ${said}\n` : `${group}: { ${inner}: ${said} }\n`;
};
const text = (key: SettingKey, value: SettingAny): string => (Array.isArray(value) ? value.join(',') : showValue(rowOf(key), value));

/** The strictest and the loosest value of a row, and one between where there is one. */
function ladder(key: SettingKey): { readonly strict: SettingAny; readonly middle: SettingAny; readonly loose: SettingAny } {
  const row = rowOf(key);
  const order = looserOf(key);
  const { min = 0, max = 0 } = row;
  if (order === 'higher') return { strict: min, middle: Math.min(max, Math.max(min, min + 1)), loose: max };
  if (order === 'higher, 0 most') return { strict: 1, middle: 2, loose: 0 };
  if (order === 'more') return { strict: [], middle: ['a'], loose: ['a', 'b'] };
  // No order: any other value may be looser.
  if (order === null && row.unit === 'list') return { strict: [], middle: ['b'], loose: ['b'] };
  if (order === null && row.unit === 'bool') return { strict: false, middle: true, loose: true };
  if (order === null && row.unit === 'text') return { strict: 'a', middle: 'b', loose: 'b' };
  const choices = order ?? row.choices ?? [];
  return { strict: choices[0] ?? '', middle: choices.at(-1) ?? '', loose: choices.at(-1) ?? '' };
}
const others = (key: SettingKey, value: SettingAny): readonly [string, Partial<SettingsInput>][] => [
  ['docket.local.yaml', { localYaml: yaml(key, value) }],
  ['environment', { env: { [variableOf(key)]: text(key, value) } }],
  ['flag', { flags: { [key]: text(key, value) } }],
];

suite('every row of the settings', () => {
  for (const key of SECURITY_KEYS) {
    const { strict, middle, loose } = ladder(key);
    test(`${key} is loosened by docket.yaml alone`, () => {
      const isOne = JSON.stringify(strict) === JSON.stringify(loose);
      if (!isOne) assert.ok(isLooser(key, loose, strict) && !isLooser(key, strict, strict));
      if (!isOne && looserOf(key) !== null) assert.ok(!isLooser(key, strict, loose));
      for (const [source, input] of others(key, loose)) {
        const read = loadSettings({ ...NOTHING, docketYaml: yaml(key, strict), ...input });
        if (isOne && !isFixed(key)) continue;
        assert.ok(!read.ok, source);
        assert.ok(
          read.error.every((fault) => fault.code === 'setting-security' && fault.field === key),
          JSON.stringify(read.error),
        );
      }
    });
    test(`${key} is no looser than what was committed`, () => {
      const load = (
        docketYaml: string,
        committed: NonNullable<SettingsInput['committed']>,
      ): { value: SettingAny; notes: readonly string[] } => {
        const read = loadSettings({ ...NOTHING, docketYaml, committed });
        assert.ok(read.ok);
        return { value: read.value.settings[key], notes: read.value.notes };
      };
      const was = (value: SettingAny): NonNullable<SettingsInput['committed']> => ({ kind: 'text', text: yaml(key, value) });
      if (JSON.stringify(strict) !== JSON.stringify(loose)) {
        const held = load(yaml(key, loose), was(strict));
        assert.deepEqual(held.value, strict);
        assert.match(held.notes.join(), new RegExp(`${key} is .*only a commit loosens it`));
      }
      assert.deepEqual(load(yaml(key, strict), was(middle)).value, looserOf(key) === null ? middle : strict);
      assert.deepEqual(load(yaml(key, loose), was(loose)), { value: loose, notes: [] });
      // Never committed, or outside git: the file holds.
      assert.deepEqual(load(yaml(key, loose), { kind: 'no-repository' }), { value: loose, notes: [] });
      assert.deepEqual(load(yaml(key, loose), { kind: 'absent' }).value, loose);
      const unknown = load(yaml(key, loose), { kind: 'unknown', why: 'no git' });
      assert.ok(!isLooser(key, unknown.value, SETTINGS[key].default));
      assert.match(unknown.notes.join(), /not known \(no git\)/);
    });
    if (!isFixed(key))
      test(`${key} may be made stricter anywhere`, () => {
        for (const [source, input] of others(key, strict)) {
          const read = loadSettings({ ...NOTHING, docketYaml: yaml(key, middle), ...input });
          assert.ok(read.ok, source);
          assert.deepEqual(read.value.settings[key], strict);
        }
      });
  }

  test('every rule of policy and every bound of limits is a security setting, but those that bound nobody', () => {
    const free = SETTING_KEYS.filter((key) => /^(?:policy|limits|signing)\./.test(key) && !isSecurity(key));
    // A default where role and prompt say nothing; a deadline after which a text is held, whichever way it is set.
    // How often a run is looked at early, when all is looked at in the end; which key signs, not whether.
    const known = [
      'limits.timeout',
      'limits.idle_timeout',
      'limits.turns',
      'limits.budget_usd',
      'limits.secret_scan',
      'policy.scope_interval',
      'signing.key',
    ];
    assert.deepEqual(
      free.filter((key) => !known.includes(key)),
      [],
    );
  });
});

const runner = (more: string): string => `runners:\n  one: { program: my-ai, pass_env: [A]${more} }\n`;
const faults = (docketYaml: string, localYaml: string): string[] => {
  const read = loadSettings({ ...NOTHING, docketYaml, localYaml });
  return read.ok ? [] : read.error.map(({ field }) => field);
};
const budget = (usd: number): string => `budgets: { lane: { anthropic: ${String(usd)} } }\n`;

suite('runners and budgets of lanes', () => {
  test('docket.local.yaml may not widen a runner of docket.yaml', () => {
    assert.deepEqual(faults(runner(', sandbox: true'), runner('')), ['runners.one.sandbox']);
    assert.deepEqual(faults(runner(''), runner(', writes: [~/x]')), ['runners.one.writes']);
    assert.deepEqual(faults(runner(''), 'runners:\n  one: { program: my-ai, pass_env: [A, B], env: { C: d } }\n'), [
      'runners.one.pass_env',
      'runners.one.env',
    ]);
    assert.deepEqual(faults(runner(''), 'runners:\n  one: { program: /opt/my-ai, args: [--fast] }\n'), []);
    assert.deepEqual(faults(runner(''), 'runners:\n  mine: { program: my-ai, pass_env: [B] }\n'), []);
    assert.deepEqual(faults('policy: { local_runners: refuse }\n', 'runners:\n  mine: { program: my-ai }\n'), ['runners.mine']);
  });
  test('nor raise the budget of a lane', () => {
    assert.deepEqual(faults(budget(5), budget(6)), ['budgets.lane.anthropic']);
    assert.deepEqual(faults(budget(5), budget(0)), ['budgets.lane.anthropic']);
    assert.deepEqual(faults(budget(5), budget(4)), []);
  });
  test('a runner that nobody committed is left out, and a changed one is as it was committed', () => {
    const read = loadSettings({
      ...NOTHING,
      docketYaml: 'runners:\n  one: { program: evil }\n  two: { program: evil }\nbudgets: { lane: { a: 9 } }\n',
      committed: { kind: 'text', text: 'runners:\n  one: { program: good }\nbudgets: { lane: { a: 5 } }\n' },
    });
    assert.ok(read.ok);
    assert.deepEqual(
      read.value.runners.map(({ name, program }) => [name, program]),
      [['one', 'good']],
    );
    assert.deepEqual(read.value.laneBudgets, [{ lane: 'a', dayUsd: 5 }]);
    assert.deepEqual(
      read.value.notes.map((note) => /^(?:runner \w+|budgets\.lane\.a)/.exec(note)?.[0]),
      ['runner one', 'runner two', 'budgets.lane.a'],
    );
  });
});

test('in a real repository an edit of docket.yaml loosens nothing before it is committed, and config and doctor say so', async (t) => {
  const workspace = await makeTempWorkspace(t, 'runner: offline\ntools: { sandbox: required }\n');
  const { root } = workspace;
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { encoding: 'utf8', stdio: 'pipe' });
  const sandbox = async (): Promise<{ value: string | undefined; notes: readonly string[] }> => {
    const { data } = await workspace.json(addConfig, 'config', 'tools');
    const { settings, notes } = data as { settings: { key: string; value: string }[]; notes: string[] };
    return { value: settings.find(({ key }) => key === 'tools.sandbox')?.value, notes };
  };
  assert.deepEqual(await sandbox(), { value: 'required', notes: [] });
  git('init', '-q');
  assert.match((await sandbox()).notes.join(), /not committed yet/);
  git('add', 'docket.yaml');
  git('commit', '-qm', 'settings');
  assert.deepEqual(await sandbox(), { value: 'required', notes: [] });
  writeFileSync(path.join(root, 'docket.yaml'), 'app: app\nrunner: offline\n');
  const edited = await sandbox();
  assert.equal(edited.value, 'required');
  assert.match(edited.notes.join(), /tools\.sandbox is required, not auto/);
  const { data } = await workspace.json(addDoctor, 'doctor');
  const { checks } = data as { checks: { check: string; state: string; found: string }[] };
  assert.deepEqual(
    checks.filter(({ check }) => check === 'settings').map(({ state }) => state),
    ['warn'],
  );
  git('commit', '-qam', 'auto');
  assert.deepEqual(await sandbox(), { value: 'auto', notes: [] });
  appendFileSync(path.join(root, 'docket.yaml'), 'limits: { prompt_bytes: 2k }\n');
  assert.deepEqual((await sandbox()).notes, []);

  // Roles and profiles of the workspace's own hold as they are, and are told.
  await workspace.write('agents/tools/mine.yaml', 'x');
  const told = await notesOf({ root });
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /not as they were committed: agents\/tools\/mine\.yaml/);
  git('add', 'agents');
  git('commit', '-qm', 'a profile');
  assert.deepEqual(await notesOf({ root }), []);
});
