/**
 * `docket tool probe` with each real tool and nothing but its help: does the profile that it drafts answer a prompt? The model server joins the two words
 * that a probe asks for, and knows no model whose name says so. What the test gives away is where the tool finds its model, nothing of how it is called.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startFakeModel } from '../../support/fake-model.mjs';
import { toolFolder } from '#test/support/real-tools.ts';
import { assertVerified, DOCKET, makeRig, promptText, type Ran, type Rig } from '#test/support/rig.ts';
import { settingsWith } from '#test/support/rig-runners.ts';
import { stagedEnv } from '#test/support/staged-tools.ts';
import { STAGING } from '#test/support/tool-stage.ts';
import { TABLE_TOOLS, type TableTool } from '#test/support/tool-table.ts';

/**
 * Gemini CLI takes another address for its model only with a settings file ("Invalid auth method selected"), which lies in the home of the person.
 * With a key alone and its own service it needs none.
 */
const SETTINGS = { gemini: { '.gemini/settings.json': '{"security":{"auth":{"selectedType":"gemini-api-key"}}}' } } as const;
const settingsOf = (tool: TableTool): Readonly<Record<string, string>> => (tool === 'gemini' ? SETTINGS.gemini : {});

const LONGEST_MS = 180_000;

async function docket(rig: Rig, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const child = spawn(process.execPath, [DOCKET, ...args], { cwd: rig.root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said };
}

for (const tool of TABLE_TOOLS) {
  const bin = toolFolder(tool);
  const skip = bin === null ? `NOT RUN: ${tool} is not installed (npm install in test/tools)` : false;
  test(`${tool}: a probe drafts a profile that answers a prompt`, { skip }, async (t) => {
    const fake = await startFakeModel({ scenario: 'join' });
    t.after(async () => fake.close());
    const rig = makeRig(t);
    const id = `probed-${tool}`;
    rig.settings(settingsWith([`  other: { kind: command, program: /bin/true }\n`], `model: ${STAGING[tool].model}\n`));
    const env: Record<string, string> = { ...rig.env, ...stagedEnv([tool], bin ?? '', fake.url, rig.base) };
    const own = Object.entries(settingsOf(tool));
    for (const [name, content] of own) {
      mkdirSync(path.dirname(path.join(rig.base, name)), { recursive: true });
      writeFileSync(path.join(rig.base, name), content);
    }
    if (own.length > 0) env['HOME'] = rig.base;
    const login = own.length > 0 ? ['--own-login'] : [];
    const staged = (STAGING[tool].args?.(fake.url) ?? []).flatMap((argument) => [`--arg=${argument}`]);
    const probed = await docket(
      rig,
      ['tool', 'probe', tool, '--id', id, '--model', STAGING[tool].model, '--yes', '--json', ...login, ...staged],
      env,
    );
    const draft = path.join(rig.root, 'agents', 'tools', `${id}.yaml.draft`);
    assert.equal(probed.code, 0, probed.out + probed.err);
    const told = JSON.parse(probed.out) as Readonly<Record<string, unknown>>;
    t.diagnostic(
      `${tool}: ${String((told['trials'] as readonly unknown[]).length)} tries, an error is ${String(told['reads_error'])}, tells ${String(told['usage'])}`,
    );
    assert.equal(told['reads_answer'], true);
    assert.notEqual(told['reads_error'], 'answered', 'an error is told from an answer');
    assert.equal((await docket(rig, ['tool', 'check', draft], env)).code, 0);
    assert.ok(!(await docket(rig, ['tool', 'list'], env)).out.includes(id), 'a draft is not active');

    renameSync(draft, draft.replace('.draft', ''));
    const daemon = await rig.start(env);
    rig.drop('one.md', promptText({ body: '# Task\n\n<<fake:ok>>\n', extra: `runner: ${id}\n` }));
    await rig.until(rig.in(), () => existsSync(path.join(rig.in(), 'one.processed')), 'the answer', LONGEST_MS);
    const { status, runner, attempts } = rig.evidence('one').predicate;
    assert.deepEqual([status, runner.name, attempts.length], ['answered', id, 1]);
    assert.match(rig.read(path.join(rig.out(), 'one_result.md')), /# Fake answer/);
    assert.equal(await daemon.stop(), 0);
    assertVerified(rig);
  });
}
