/** Agents that enqueue through `docket mcp`: a run of docket, whose prompts get a parent and count as a generation, and the real Claude Code. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { DOCKET, makeRig, ROOT } from '#test/support/rig.ts';
import { withTool } from '#test/support/real-tools.ts';
import { startFakeModel } from '../../support/fake-model.mjs';

const sdk = (name: string): string => JSON.stringify(path.join(ROOT, 'node_modules', '@modelcontextprotocol', 'client', 'dist', name));

test('what a run of docket enqueues gets its job as parent, and one generation more than allowed is refused', async (t) => {
  const rig = makeRig(t);
  const program = path.join(rig.base, 'agent.mjs');
  writeFileSync(
    program,
    `#!${process.execPath}
import { Client } from ${sdk('index.mjs')};
import { StdioClientTransport } from ${sdk('stdio.mjs')};
const client = new Client({ name: 'agent', version: '1.0.0' });
await client.connect(new StdioClientTransport({ command: process.execPath, args: [${JSON.stringify(DOCKET)}, '--root', ${JSON.stringify(rig.root)}, 'mcp'], env: process.env }));
const { content } = await client.callTool({ name: 'enqueue_prompt', arguments: { role: 'ui', feature: 'FEAT-1', name: 'child', prompt: 'Which screens?' } });
console.log('# Enqueued\\n\\n' + content[0].text);
await client.close();
`,
    { mode: 0o755 },
  );
  rig.settings(
    `runner: agent\nemit: { generations: 1 }\nretry: { attempts: 1 }\nrunners:\n  agent: { kind: command, program: ${program}, args: [], output: text }\n`,
  );
  const daemon = await rig.start();
  rig.drop(
    'first.md',
    `---\nfeature: FEAT-1\nagent: architect\nprompt_spec_version: 2.1.0\nrevision: 1\ncreated_at: 2025-12-09T22:37:00+01:00\n---\nDo it.\n`,
  );
  await rig.ended('first');
  const first = rig.evidence('first').predicate.job;
  await rig.ended('FEAT-1-ui-child-r1', 'processed', '03-ui');
  const child = rig.read(path.join(rig.in('03-ui'), 'FEAT-1-ui-child-r1.processed'));
  assert.ok(child.includes(`\nparent: ${first}\n`), child);
  assert.match(rig.read(path.join(rig.out(), 'first_result.md')), /"parent":"[a-z2-7]{16}"/);
  assert.match(rig.read(path.join(rig.out('03-ui'), 'FEAT-1-ui-child-r1_result.md')), /generation 2 .* emit\.generations allows 1/);
  assert.equal(await daemon.stop(), 0);
});

withTool('claude', (bin) => {
  test('the real Claude Code finds the skill and the tools, enqueues a prompt, and reads its answer', async (t) => {
    const dump = mkdtempSync(path.join(tmpdir(), 'docket-model-'));
    const fake = await startFakeModel({ scenario: 'ok', dump });
    t.after(async () => {
      await fake.close();
      rmSync(dump, { recursive: true, force: true });
    });
    const rig = makeRig(t, 'runner: offline\n');
    const daemon = await rig.start();
    assert.equal(rig.run(['skill', 'install', '--for', 'claude']).code, 0);
    const server = { command: process.execPath, args: [DOCKET, '--root', rig.root, 'mcp'] };
    const ask = async (tool: string, input: Readonly<Record<string, unknown>>): Promise<string> => {
      const scenario = `tool=mcp__docket__${tool},args=${encodeURIComponent(JSON.stringify(input))}`;
      const child = spawn(
        path.join(bin, 'claude'),
        [
          '-p',
          'Use docket.',
          '--strict-mcp-config',
          '--mcp-config',
          JSON.stringify({ mcpServers: { docket: server } }),
          '--allowedTools',
          `mcp__docket__${tool}`,
        ],
        {
          cwd: rig.root,
          env: {
            PATH: `${bin}:/usr/bin:/bin`,
            HOME: rig.base,
            ANTHROPIC_API_KEY: 'fake-key-0123456789abcdef',
            ANTHROPIC_BASE_URL: `${fake.url}/s/${scenario}`,
            DISABLE_AUTOUPDATER: '1',
            // The fake model takes a tool that is offered at once; it does not search for one, and does not come back for one that connects late.
            ENABLE_TOOL_SEARCH: 'false',
            MCP_CONNECTION_NONBLOCKING: 'false',
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (said += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      assert.equal(code, 0, said);
      return said;
    };
    const added = await ask('enqueue_prompt', { role: 'architect', feature: 'FEAT-3', prompt: 'List the modules.' });
    assert.match(added, /tool results: 1[\s\S]*architect\/FEAT-3-architect-r1/);
    await rig.ended('FEAT-3-architect-r1');
    assert.match(await ask('get_result', { job: 'architect/FEAT-3-architect-r1', wait_seconds: 10 }), /briefed/);
    assert.match(await ask('validate_prompt', { prompt: 'no header' }), /header-missing/);
    const sent = readdirSync(dump).map((name) => readFileSync(path.join(dump, name), 'utf8'));
    assert.ok(sent.some((text) => text.includes('docket: Hand work to docket, the spooler')));
    assert.match(await ask('enqueue_prompt', { role: 'nobody', prompt: 'x' }), /there is no role/);
    assert.equal(await daemon.stop(), 0);
  });
});
