import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isSha256, type Sha256 } from '#core/names.ts';
import type { PromptSpec } from '#core/role.ts';
import { checkReleased, parseReleased, renderReleased } from '#prompt-spec/check-released.ts';
import { newestVersion, resolveSpec } from '#prompt-spec/resolve.ts';
import { parseSpec, specFileName } from '#prompt-spec/spec.ts';
import { roleName } from '#test/support/prompts.ts';

const SPEC =
  '---\nrole: architect\nsummary: Decides the structure.\noutput:\n  - heading: "## Decisions"\n  - fence: yaml\n---\n\n# Architect\n';
const FILE = 'prompt-spec/v2.1.0/01_architect.md';

test('a prompt spec is read with its version from the folder and its role from the name', () => {
  const parsed = parseSpec(SPEC, FILE);
  assert.deepEqual(parsed, {
    ok: true,
    value: {
      role: 'architect',
      version: '2.1.0',
      summary: 'Decides the structure.',
      output: [{ heading: '## Decisions' }, { fence: 'yaml' }],
      instructions: '\n# Architect\n',
      file: FILE,
      source: SPEC,
    },
  });
});

for (const [code, text, file] of [
  ['spec-role-differs', SPEC, 'v2.1.0/03_ui.md'],
  ['spec-file-name', SPEC, 'v2.1/01_architect.md'],
  ['spec-file-name', SPEC, 'v2.1.0/architect.md'],
  ['spec-summary-missing', SPEC.replace(/summary.*\n/, ''), FILE],
  ['spec-unknown-key', SPEC.replace('summary', 'sumary: x\nsummary'), FILE],
  ['spec-output-invalid', SPEC.replace('- fence: yaml', '- fence: YAML!'), FILE],
  ['spec-output-invalid', SPEC.replace('"## Decisions"', 'Decisions'), FILE],
  ['spec-body-empty', SPEC.replace('# Architect', ''), FILE],
  ['header-unclosed', '---\nrole: architect\n', FILE],
  ['yaml-tag', SPEC.replace('architect', '!!str architect'), FILE],
] as const) {
  test(`a prompt spec is refused: ${code} in ${file}`, () => {
    const parsed = parseSpec(text, file);
    assert.deepEqual(parsed.ok ? [] : parsed.error.map((fault) => fault.code), [code]);
  });
}

const spec = (version: string, role = 'architect', file = `v${version}/01_${role}.md`): PromptSpec => ({
  role: roleName(role),
  version,
  summary: 's',
  output: [],
  instructions: 'i',
  file,
  source: '',
});
const INSTALLED = ['1.0.0', '2.0.0', '2.1.0', '2.10.3', '2.9.0', '2.11.0-rc.1', '0.2.1', '0.2.4', '0.3.0'].map((version) => spec(version));
const used = (asked: string): string => {
  const resolved = resolveSpec(asked, roleName('architect'), [spec('9.9.9', 'ui'), ...INSTALLED]);
  return resolved.ok ? resolved.value.version : resolved.error.code;
};

for (const [asked, expected] of Object.entries({
  '2.0.0': '2.10.3',
  '2.10.3': '2.10.3',
  '2.11.0-rc.1': '2.11.0-rc.1',
  '2.10.0-beta.1': '2.10.3',
  '2.11.0-rc.0': 'prompt-spec-version-too-new',
  '1.0.0': '1.0.0',
  '1.0.1': 'prompt-spec-version-too-new',
  '3.0.0': 'prompt-spec-version-major',
  '9.9.9': 'prompt-spec-version-major',
  '0.2.0': '0.2.4',
  '0.3.0': '0.3.0',
  '0.1.0': 'prompt-spec-version-major',
  '0.2.9': 'prompt-spec-version-too-new',
  '^2.0.0': 'prompt-spec-version-invalid',
  '': 'prompt-spec-version-invalid',
  ' 2.0.0': 'prompt-spec-version-invalid',
})) {
  test(`a prompt that asks for ${JSON.stringify(asked)} gets ${expected}`, () => assert.equal(used(asked), expected));
}

test('the fault names the versions there are, and the place when it is known', () => {
  const resolved = resolveSpec('3.0.0', roleName('architect'), [spec('2.10.0'), spec('2.9.0')], () => ({ line: 4, column: 22 }));
  assert.ok(!resolved.ok);
  assert.match(resolved.error.expected, /2\.9\.0, 2\.10\.0/);
  assert.deepEqual([resolved.error.line, resolved.error.column], [4, 22]);
  const none = resolveSpec('3.0.0', roleName('ui'), [spec('3.0.0')]);
  assert.equal(none.ok ? '' : none.error.code, 'prompt-spec-version-none');
});

test("the workspace's spec of a version comes before the package's", () => {
  const resolved = resolveSpec('2.1.0', roleName('architect'), [spec('2.1.0', 'architect', 'mine'), spec('2.1.0', 'architect', 'package')]);
  assert.equal(resolved.ok ? resolved.value.file : '', 'mine');
});

test('a new prompt asks for the newest release of its role', () => {
  assert.equal(newestVersion(roleName('architect'), INSTALLED), '2.10.3');
  assert.equal(newestVersion(roleName('ui'), INSTALLED), null);
});

const hash = (letter: string): Sha256 => {
  const text = letter.repeat(64);
  assert.ok(isSha256(text));
  return text;
};
const RECORDED = new Map([
  ['v1.0.0/01_architect.md', hash('a')],
  ['v1.0.0/03_ui.md', hash('b')],
]);

test('an unchanged release and a draft version are fine', () => {
  assert.deepEqual(checkReleased(RECORDED, new Map([...RECORDED, ['v1.1.0/01_architect.md', hash('c')]])), []);
});

test('an edited, a lost and an added file of a release are told', () => {
  const present = new Map([
    ['v1.0.0/01_architect.md', hash('c')],
    ['v1.0.0/02_openapi.md', hash('d')],
  ]);
  assert.deepEqual(
    checkReleased(RECORDED, present).map(({ code }) => code),
    ['spec-released-changed', 'spec-released-missing', 'spec-released-added'],
  );
});

test('released.json is read back as it was written, in the order of its names', () => {
  const text = renderReleased(new Map([['v1.0.0/README.md', hash('e')], ...[...RECORDED].toReversed()]));
  assert.deepEqual(parseReleased(text), { ok: true, value: RECORDED });
  assert.equal(text, renderReleased(RECORDED));
  for (const wrong of ['', '{}', '{"format":1,"files":{"../x":"y"}}', '{"format":1,"files":{"v1.0.0/01_a.md":"short"}}']) {
    assert.equal(parseReleased(wrong).ok, false, wrong);
  }
});

const folder = join(import.meta.dirname, '..', '..', 'prompt-spec');
const shipped = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => specFileName(path) !== null);

test('prompt specs are shipped, in four versions for six roles and one for all eight', () => assert.equal(shipped.length, 32));

for (const path of shipped) {
  test(`the shipped prompt spec ${path} is valid`, () => {
    const parsed = parseSpec(readFileSync(join(folder, path), 'utf8'), path);
    assert.deepEqual(parsed.ok ? [] : parsed.error, []);
  });
}
