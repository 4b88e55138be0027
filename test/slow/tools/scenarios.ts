/** One real tool through the contract and the table of scenarios, against the fake model on loopback. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runnerContract } from '#test/contracts/runner.ts';
import { makeRig } from '#test/keeper/rig.ts';
import { profileOf } from '#test/support/profiles.ts';
import { withTool } from '#test/support/real-tools.ts';
import { makeRequest, makeRunnerPorts } from '#test/support/runner-parts.ts';
import { cellOf, TABLE, type TableTool } from '#test/support/tool-table.ts';
import { openStage, plain, type Stage } from '#test/support/tool-stage.ts';

/** These tools take seconds of one core; more at once would only wait for each other. */
const AT_ONCE = 2;
/** Whoever is to hang is not waited for long. */
const HANGS_MS = 12_000;

export const BRIEF =
  '# Brief\n\n@inside.txt (@inside.txt) me@inside.txt @/etc/hostname @~/.bashrc @generalist\n/cost\n/help\n!ls\n#memory\n$(ls) `ls`\n\ttab é 👍 "q" <b>&amp;</b>\n\nlast line of the brief';

/** A project that would have each of these tools run a command, as far as their documentation tells how. */
export function hookedProject(file: string): Readonly<Record<string, string>> {
  const command = `touch ${file}`;
  const hook = [{ matcher: '*', hooks: [{ type: 'command', command }] }];
  const hooks = { SessionStart: hook, UserPromptSubmit: hook, BeforeAgent: hook, BeforeModel: hook, Stop: hook };
  const settings = JSON.stringify({
    hooks,
    hooksConfig: { enabled: true },
    tools: { enableHooks: true },
    mcpServers: { bad: { command: 'touch', args: [file] } },
  });
  const plugin = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(file)}, '');\nexport const Bad = async () => ({});\n`;
  return {
    '.claude/settings.json': settings,
    '.gemini/settings.json': settings,
    '.qwen/settings.json': settings,
    '.mcp.json': JSON.stringify({ mcpServers: { bad: { command: 'touch', args: [file] } } }),
    '.codex/config.toml': `[[hooks.SessionStart]]\ncommand = ${JSON.stringify(command)}\n[mcp_servers.bad]\ncommand = "touch"\nargs = [${JSON.stringify(file)}]\n`,
    '.codex/hooks.json': JSON.stringify({ hooks }),
    '.cline/plugins/bad.js': plugin,
    '.clinerules/rules.md': 'PROJECT-MARK',
    '.opencode/plugin/bad.js': plugin,
    '.opencode/plugins/bad.js': plugin,
    'opencode.json': JSON.stringify({
      instructions: ['rules.md'],
      mcp: { bad: { type: 'local', command: ['touch', file], enabled: true } },
    }),
    'rules.md': 'PROJECT-MARK',
    '.github/hooks/bad.json': JSON.stringify({
      version: 1,
      hooks: { sessionStart: [{ type: 'command', bash: command }], userPromptSubmitted: [{ type: 'command', bash: command }] },
    }),
    '.github/copilot-instructions.md': 'PROJECT-MARK',
  };
}

/** What the profile's guard keeps from it is not there. */
const withoutGuarded = (tool: TableTool, project: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(project).filter(([name]) => !profileOf(tool).guard.includes(name.split('/')[0] ?? '')));

/** @param outputFor what the tool would print for an answer */
export function realTool(tool: TableTool, outputFor: (answer: string) => string): void {
  withTool(tool, (bin) => {
    let stage: Stage;
    before(async () => {
      stage = await openStage(tool, bin);
    });
    after(async () => stage.close());

    runnerContract({
      name: `the real ${tool}`,
      outputFor,
      make: async (rig, ports) => Promise.resolve(stage.runner(rig, { ...ports, env: { ...ports.env, ...stage.env(rig) } })),
      model: () => stage.modelName,
      makeMissing: null,
    });

    describe(`the real ${tool}`, { concurrency: AT_ONCE }, () => {
      test('neither the prompt nor the project makes it act: mentions, commands, hooks, plugins and settings', async (t) => {
        const hooked = path.join(stage.outside, 'hooked');
        const { outcome, requests, given } = await stage.run(t, 'ok', {
          brief: BRIEF,
          project: withoutGuarded(tool, hookedProject(hooked)),
        });
        assert.ok(outcome.ok, JSON.stringify(outcome).slice(0, 800));
        const sent = requests.filter((request) => request.includes('last line of the brief'));
        assert.ok(sent.length > 0);
        // What it was given arrives as it is; what it was given is the brief, but for backslashes where it would act on a mention.
        for (const request of sent) assert.ok(request.includes(JSON.stringify(given).slice(1, -1)), given);
        assert.equal(plain(given), BRIEF);
        assert.ok(!requests.some((request) => request.includes('INSIDE-MARK')), 'a file that was mentioned was sent along');
        assert.ok(!requests.some((request) => request.includes('PROJECT-MARK')), 'settings of the project were sent along');
        assert.ok(!existsSync(hooked), 'a hook of the project ran');
      });

      if (profileOf(tool).guard.length > 0)
        test('a project that would make it run code is not given to it', async (t) => {
          for (const name of profileOf(tool).guard) {
            const rig = await makeRig(t);
            const request = await makeRequest(rig.folder, 'a1');
            await writeFile(path.join(request.cwd, name), '{}');
            const plan = await stage.runner(rig, makeRunnerPorts(stage.env(rig))).plan({ ...request, model: stage.modelName });
            assert.ok(!plan.ok && plan.error.kind === 'environment' && plan.error.code === 'PROJECT_CODE', name);
          }
        });

      for (const row of TABLE) {
        const cell = cellOf(row, tool);
        test(`${row.title}: ${cell}`, async (t) => {
          const outside = path.join(stage.outside, 'made.md');
          const scenario = row.scenario.replace('{outside}', encodeURIComponent(outside));
          const limits = { ...(cell === 'timeout' ? { timeoutMs: HANGS_MS } : {}), ...row.options?.limits };
          const { outcome, starts, sandbox } = await stage.run(t, scenario, { ...row.options, limits });
          assert.equal(outcome.ok ? 'answered' : outcome.failure.kind, cell.replace('*', ''), JSON.stringify(outcome).slice(0, 800));
          assert.equal(starts, 1);
          if (cell === 'denied' || sandbox?.startsWith('bwrap') === true) assert.ok(!existsSync(outside));
          if (row.scenario === 'ok') assert.ok((outcome.usage.inputTokens ?? 0) > 0 && (outcome.usage.outputTokens ?? 0) > 0);
          if (row.scenario === 'size=2m' && cell === 'answered') assert.ok(outcome.ok && Buffer.byteLength(outcome.answer) >= 2_000_000);
        });
      }
    });
  });
}
