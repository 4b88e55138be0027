/** The skill: what it says is true, and it is put where tools look, without touching what is somebody's own. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import { loadSpecs } from '#cli/load.ts';
import { openWorkspace } from '#cli/open.ts';
import { runProgram } from '#cli/program.ts';
import { addSkill } from '#cli/skill.ts';
import { addVerbs } from '#cli/verbs.ts';
import { makeFs } from '#platform/files.ts';
import { addCheck } from '#cli/check.ts';
import { KNOWN_KEYS } from '#prompt-spec/fields.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace, rememberingIo } from '../support/workspace.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const TEXT = readFileSync(path.join(ROOT, 'skills', 'docket', 'SKILL.md'), 'utf8');

describe('skills/docket/SKILL.md', () => {
  test('has the header of an agent skill: its folder as name, and a description', () => {
    const header = /^---\nname: (\S+)\ndescription: (.+)\n---\n/.exec(TEXT);
    assert.equal(header?.[1], 'docket');
    assert.ok((header[2] ?? '').length <= 1_024);
    assert.ok(TEXT.split('\n').length < 500);
  });

  test('its example is a valid prompt, of an installed spec, without a warning', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const example = /```markdown\n([\s\S]*?)```/.exec(TEXT)?.[1] ?? '';
    const file = await workspace.write('example.md', example);
    const { code, data } = await workspace.json(addCheck, 'check', file);
    const [checked] = data as { ok: boolean; warnings: { field: string; code: string }[] }[];
    assert.deepEqual([code, checked?.ok, checked?.warnings], [0, true, []], JSON.stringify(data));
    const asked = /prompt_spec_version: (\S+)/.exec(example)?.[1];
    const specs = await loadSpecs(makeFs(), await openWorkspace(rememberingIo(workspace.root).io, {}));
    assert.ok(specs.ok && specs.value.some(({ version, role }) => version === asked && role === 'architect'));
  });

  test('names only keys, roles and verbs that there are', async () => {
    const keys = [...TEXT.matchAll(/^\| `([a-z_]+)` +\| (?:required|when|one line|answers that|0 to|ISO|ids|for roles)/gm)].map(
      (match) => match[1] ?? '',
    );
    assert.ok(keys.length >= 11);
    for (const key of keys) assert.ok(KNOWN_KEYS.includes(key), key);
    const roles = [...TEXT.matchAll(/^\| `([a-z-]+)` +\| /gm)].map((match) => match[1] ?? '').filter((name) => !keys.includes(name));
    const installed = readdirSync(path.join(ROOT, 'agents')).filter((name) => /^[0-9]{2}-/.test(name));
    assert.deepEqual(roles.toSorted(), installed.map((name) => name.slice(3)).toSorted());
    const program = new Command('docket');
    await addVerbs(program, rememberingIo(ROOT).io, []);
    const verbs = new Set([...TEXT.matchAll(/(?:^|`)docket ([a-z]+)/gm)].map((match) => match[1] ?? ''));
    assert.ok(verbs.size >= 8);
    for (const verb of verbs)
      assert.ok(
        program.commands.some((command) => command.name() === verb),
        verb,
      );
  });
});

const did = (data: unknown): readonly string[] => (data as { files: { did: string }[] }).files.map((one) => one.did);

describe('docket skill install', () => {
  const claude = path.join('.claude', 'skills', 'docket', 'SKILL.md');
  const agents = path.join('.agents', 'skills', 'docket', 'SKILL.md');

  test('writes it once for the project, and again writes nothing', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const first = await workspace.json(addSkill, 'skill', 'install');
    assert.deepEqual([first.code, did(first.data)], [0, ['written', 'written']], first.err);
    for (const file of [claude, agents]) assert.ok(readFileSync(path.join(workspace.root, file), 'utf8').startsWith(TEXT));
    const again = await workspace.json(addSkill, 'skill', 'install', '--project', '--for', 'claude', 'codex', 'agents');
    assert.deepEqual([again.code, did(again.data)], [0, ['unchanged', 'unchanged']]);
  });

  test('what an older docket wrote is brought up to date; what a person changed stays, unless forced', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.run(addSkill, 'skill', 'install', '--for', 'claude');
    const file = path.join(workspace.root, claude);
    const whole = readFileSync(file, 'utf8');
    // The same words, another version's mark: as an older docket left it.
    writeFileSync(file, whole.replace(/written by docket \S+,/, 'written by docket 0.0.1,'));
    assert.deepEqual(did((await workspace.json(addSkill, 'skill', 'install', '--for', 'claude')).data), ['updated']);
    assert.equal(readFileSync(file, 'utf8'), whole);
    for (const mine of [whole.replace('# docket', '# our docket'), `${whole}more\n`, 'mine\n']) {
      writeFileSync(file, mine);
      const kept = await workspace.json(addSkill, 'skill', 'install', '--for', 'claude');
      assert.deepEqual([kept.code, did(kept.data), readFileSync(file, 'utf8')], [1, ['kept'], mine]);
      assert.match(kept.err, /docket skill show.*--force/);
    }
    assert.deepEqual(did((await workspace.json(addSkill, 'skill', 'install', '--for', 'claude', '--force')).data), ['updated']);
    assert.equal(readFileSync(file, 'utf8'), whole);
  });

  test('for the user it goes below the home folder, and needs no workspace', async (t) => {
    const home = await temporaryFolder(t);
    const { io, said } = rememberingIo(home);
    const code = await runProgram(['skill', 'install', '--user', '--for', 'copilot', 'opencode', '--json'], {
      ...io,
      env: { ...io.env, HOME: home },
    });
    assert.equal(code, 0, said().err);
    for (const file of ['.copilot/skills/docket/SKILL.md', '.config/opencode/skills/docket/SKILL.md'])
      assert.ok(existsSync(path.join(home, file)));
  });

  test('a link is not written through, an unknown tool is told', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const elsewhere = await workspace.write('elsewhere.md', 'mine\n');
    mkdirSync(path.dirname(path.join(workspace.root, claude)), { recursive: true });
    symlinkSync(elsewhere, path.join(workspace.root, claude));
    const { code } = await workspace.run(addSkill, 'skill', 'install', '--for', 'claude', '--force');
    assert.deepEqual([code, readFileSync(elsewhere, 'utf8')], [3, 'mine\n']);
    const unknown = await workspace.run(addSkill, 'skill', 'install', '--for', 'nobody');
    assert.deepEqual([unknown.code, /there are: claude, agents, codex/.test(unknown.err)], [2, true]);
    assert.equal((await workspace.run(addSkill, 'skill', 'install', '--user', '--project')).code, 2);
  });

  test('show prints it', async (t) => {
    const workspace = await makeTempWorkspace(t);
    assert.equal((await workspace.run(addSkill, 'skill', 'show')).out, TEXT.trimEnd());
  });
});
