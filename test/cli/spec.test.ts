/** `docket spec new`, `diff` and `check`: versions of prompt specs of one's own. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { addSpec } from '#cli/spec.ts';
import { makeTempWorkspace, type TempWorkspace } from '#test/support/workspace.ts';

const SPEC =
  '---\nrole: scribe\nsummary: Writes things down.\noutput:\n  - heading: "## Summary"\n  - fence: yaml\n    schema: notes.schema.json\n---\n\n# Scribe\n';
const SCHEMA = '{ "type": "object" }\n';
const file = (version: string, name = '06_scribe.md'): string => `prompt-spec/v${version}/${name}`;

/** A workspace with a role's spec 3.0.0 of its own, newer than all that is shipped. */
async function scribes(t: Parameters<typeof makeTempWorkspace>[0]): Promise<TempWorkspace> {
  const workspace = await makeTempWorkspace(t);
  await workspace.write(file('3.0.0'), SPEC);
  await workspace.write(file('3.0.0', 'notes.schema.json'), SCHEMA);
  return workspace;
}
const spec = async (workspace: TempWorkspace, ...args: readonly string[]): ReturnType<TempWorkspace['json']> =>
  workspace.json(addSpec, 'spec', ...args);
const read = (workspace: TempWorkspace, name: string): string => readFileSync(path.join(workspace.root, name), 'utf8');

test('new copies the newest spec of a role with its schema, says what to do, and overwrites nothing', async (t) => {
  const workspace = await scribes(t);
  const made = await spec(workspace, 'new', '--minor', 'scribe');
  assert.equal(made.code, 0, made.err);
  const { version, from, files, todo } = made.data as {
    readonly version: string;
    readonly from: string;
    readonly files: string[];
    readonly todo: string[];
  };
  assert.deepEqual([version, from, files], ['3.1.0', '3.0.0', [file('3.1.0'), file('3.1.0', 'notes.schema.json')]]);
  assert.equal(read(workspace, file('3.1.0')), SPEC);
  assert.equal(read(workspace, file('3.1.0', 'notes.schema.json')), SCHEMA);
  assert.match(todo.join('\n'), /docket spec diff scribe/);

  await workspace.write(file('3.1.1', 'notes.schema.json'), 'mine');
  const again = await workspace.run(addSpec, 'spec', 'new', '--patch', 'scribe');
  assert.equal(again.code, 1);
  assert.match(again.err, /v3\.1\.1\/notes\.schema\.json is there already/);
  assert.equal(read(workspace, file('3.1.1', 'notes.schema.json')), 'mine');
  assert.equal(existsSync(path.join(workspace.root, file('3.1.1'))), false);
});

test('new without a role copies each, in one version above the newest of all', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const made = await spec(workspace, 'new', '--major');
  assert.equal(made.code, 0, made.err);
  const { version } = made.data as { readonly version: string };
  assert.match(version, /^[3-9]\.0\.0$/);
  assert.deepEqual(readdirSync(path.join(workspace.root, 'prompt-spec', `v${version}`)), [
    '00_meta.md',
    '01_architect.md',
    '02_openapi.md',
    '03_ui.md',
    '04_integration.md',
    '05_test-review.md',
    '06_project-from-prd.md',
    '07_fix-from-issues.md',
  ]);
});

test('new wants one step, a role that is there, a version that is not released, and files that are not there', async (t) => {
  const workspace = await scribes(t);
  for (const [args, words] of [
    [['scribe'], /choose one: --major, --minor or --patch/],
    [['--major', '--minor', 'scribe'], /choose one/],
    [['--minor', 'nobody'], /no prompt spec is installed for a role "nobody"/],
  ] as const) {
    const said = await workspace.run(addSpec, 'spec', 'new', ...args);
    assert.equal(said.code, 2);
    assert.match(said.err, words);
  }
  // Two roles with versions of their own: the folder of the next one may be there, the file may not.
  await workspace.write(
    'prompt-spec/v3.0.1/07_other.md',
    SPEC.replace('role: scribe', 'role: other').replace('\n    schema: notes.schema.json', ''),
  );
  assert.equal((await workspace.run(addSpec, 'spec', 'new', '--patch', 'scribe')).code, 0);
  assert.equal(existsSync(path.join(workspace.root, file('3.0.1'))), true);
  await workspace.write('prompt-spec/released.json', JSON.stringify({ format: 1, files: { 'v3.0.2/07_other.md': 'a'.repeat(64) } }));
  const late = await workspace.run(addSpec, 'spec', 'new', '--patch', 'scribe');
  assert.equal(late.code, 1);
  assert.match(late.err, /v3\.0\.2 is released, and takes no new file/);
});

test('diff shows the lines and says what kind of change it is; bigger than the version says is exit code 1', async (t) => {
  const workspace = await scribes(t);
  await workspace.write(file('3.1.0'), SPEC.replace('heading: "## Summary"', 'heading: "## Abstract"'));
  await workspace.write(file('3.1.0', 'notes.schema.json'), SCHEMA);
  const { code, data } = await spec(workspace, 'diff', 'scribe');
  assert.equal(code, 1);
  const { ok, roles, rules } = data as {
    readonly ok: boolean;
    readonly roles: readonly Record<string, unknown>[];
    readonly rules: readonly string[];
  };
  assert.equal(ok, false);
  assert.deepEqual(
    roles.map(({ diff: _diff, ...rest }) => rest),
    [
      {
        role: 'scribe',
        from: '3.0.0',
        to: '3.1.0',
        said: 'minor',
        found: 'major',
        changes: [
          { step: 'major', words: 'the check heading "## Summary" is gone or renamed' },
          { step: 'minor', words: 'the check heading "## Abstract" is new' },
        ],
      },
    ],
  );
  assert.match(
    String(roles[0]?.['diff']),
    /^--- v3\.0\.0\/scribe\n\+\+\+ v3\.1\.0\/scribe\n[\s\S]*-  - heading: "## Summary"\n\+  - heading: "## Abstract"\n/,
  );
  assert.match(rules.join('\n'), /^MAJOR: an output check is removed/);
  const plain = await workspace.run(addSpec, 'spec', 'diff', '3.0.0', '3.1.0', 'scribe');
  assert.match(
    plain.out,
    /^scribe: 3\.0\.0 -> 3\.1\.0\na MAJOR change: the versions say MINOR \(`docket spec new --major`\)\n {2}MAJOR the check/,
  );
  assert.equal((await spec(workspace, 'diff', '9.9.9')).code, 2);
  assert.equal((await spec(workspace, 'diff', 'scribe', 'ui')).code, 2);
});

test('check fails on a draft that says less than it changed, and records no such version; a released one is only told', async (t) => {
  const workspace = await scribes(t);
  const release = await workspace.run(addSpec, 'spec', 'check', '--release');
  assert.equal(release.code, 0, release.err);
  assert.match(read(workspace, 'prompt-spec/released.json'), /"v3\.0\.0\/notes\.schema\.json": "[0-9a-f]{64}"/);
  await workspace.write(file('3.0.1'), SPEC.replace('\n    schema: notes.schema.json', ''));
  const draft = await workspace.run(addSpec, 'spec', 'check');
  assert.equal(draft.code, 1);
  assert.match(draft.out, /scribe 3\.0\.1 says PATCH, and against 3\.0\.0 it is a MAJOR change: the check fence yaml is weaker/);
  const refused = await workspace.run(addSpec, 'spec', 'check', '--release');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /nothing was recorded: scribe 3\.0\.1 says PATCH/);

  await workspace.write(file('3.0.0', 'notes.schema.json'), '{ "type": "array" }\n');
  const changed = await workspace.run(addSpec, 'spec', 'check');
  assert.match(changed.out, /v3\.0\.0\/notes\.schema\.json: a released version was changed/);
});

test('a schema that is not there, or is none, is a fault of the file that names it', async (t) => {
  const workspace = await scribes(t);
  await workspace.write(file('3.0.0', 'notes.schema.json'), '{ "type": "objekt" }');
  const bad = await workspace.run(addSpec, 'spec', 'check');
  assert.equal(bad.code, 3);
  assert.match(bad.err, /the schema notes\.schema\.json cannot be used: schema is invalid/);
});
