/** What a run does is seen while it goes on, through the real program: attach, logs -f, a budget that ends it, and a release that outlives a restart. */

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { FAKE_AGENT, startFakeAgents, type FakeAgent, type FakeAgents } from '#test/support/fake-agent.ts';
import { DOCKET, makeRig, promptText, type Rig } from '#test/support/rig.ts';

type Event = { readonly event: string; readonly [field: string]: unknown };
type Listening = { readonly child: ChildProcess; next(event: string): Promise<Event>; readonly code: Promise<number | null> };

/** A program in the way of Claude Code that does what the test says. */
async function makeClaude(t: TestContext, rig: Rig): Promise<FakeAgents> {
  const agents = await startFakeAgents(rig.base);
  t.after(async () => agents.close());
  const tool = rig.tool(
    'claude-that-obeys',
    `#!/bin/sh\n[ "$1" = --version ] && { echo 2.1.329; exit 0; }\n[ "$1" = auth ] && { echo '{"loggedIn":true}'; exit 0; }\nexec ${process.execPath} ${FAKE_AGENT} main\n`,
  );
  rig.settings(
    `runner: offline\nintake: { settle: 100ms }\nretry: { base: 10ms, cap: 1s }\nprices:\n  m-1: { input: 1000, output: 1000, source: a test, as_of: 2026-11-20 }\nrunners:\n  one: { kind: claude, program: ${tool}, env: { FAKE_AGENT_SOCKET: ${agents.socketPath} } }\n`,
  );
  return agents;
}

function listen(t: TestContext, rig: Rig, ...args: string[]): Listening {
  const child = spawn(process.execPath, [DOCKET, ...args], { cwd: rig.root, env: rig.env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const events: Event[] = [];
  let wake: (() => void) | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const value = JSON.parse(line) as Event;
    if (typeof value.event === 'string') events.push(value);
    wake?.();
  });
  return {
    child,
    async next(event) {
      for (;;) {
        const index = events.findIndex((one) => one.event === event);
        const [found] = index === -1 ? [] : events.splice(index, 1);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    code: once(child, 'close').then(([code]) => code as number | null),
  };
}

const print = async (agent: FakeAgent, ...events: unknown[]): Promise<void> =>
  agent.tell({ do: 'print', text: events.map((event) => `${JSON.stringify(event)}\n`).join('') });
const message = (content: unknown, input = 10): unknown => ({
  type: 'assistant',
  message: { id: `m${String(input)}`, content: [content], usage: { input_tokens: input, output_tokens: 1 } },
});
const INIT = { type: 'system', subtype: 'init', model: 'm-1' };
const RESULT = {
  type: 'result',
  is_error: false,
  terminal_reason: 'completed',
  stop_reason: 'end_turn',
  result: '# Done',
  total_cost_usd: 0.01,
};

test('attach shows what a run does, through a restart of the daemon, and ends with its outcome; logs -f shows it too', async (t) => {
  const rig = makeRig(t);
  const agents = await makeClaude(t, rig);
  const secret = ['sk', 'ant', 'a'.repeat(30)].join('-');
  const first = await rig.start();
  rig.drop('foo.md', promptText({ extra: 'runner: one\n' }));
  const agent = await agents.next();
  const log = listen(t, rig, 'logs', '-f', '--json');
  assert.equal((await log.next('begin'))['stem'], 'foo');
  await print(agent, INIT, message({ type: 'tool_use', name: 'Write\u001b[2J', input: { file_path: `${rig.root}/src/a.ts` } }));
  const seen = await log.next('tool');
  assert.deepEqual([seen['tool'], seen['file']], [String.raw`Write\u{1b}[2J`, 'src/a.ts']);

  const attached = listen(t, rig, 'attach', 'architect/foo', '--json');
  assert.equal((await attached.next('tool'))['file'], 'src/a.ts');
  await first.kill();
  await rig.start();
  assert.equal((await attached.next('tool'))['file'], 'src/a.ts', 'the next daemon tells it from its beginning');
  await print(agent, message({ type: 'text', text: `the key is ${secret}` }, 200));
  const text = await attached.next('text');
  assert.equal(text['text'], 'the key is [redacted]');
  await print(agent, message({ type: 'text', text: 'later' }, 300));
  for (let input = 0; input !== 510;) input = Number((await attached.next('usage'))['input_tokens']);
  assert.equal((await log.next('tool'))['file'], 'src/a.ts', 'the log listens to the new daemon');
  await print(agent, RESULT);
  await agent.tell({ do: 'exit', code: 0 });
  assert.equal((await attached.next('end'))['outcome'], 'answered');
  assert.equal((await attached.next('outcome'))['outcome'], 'answered');
  assert.equal(await attached.code, 0);
  assert.equal(agents.count(), 1);
  log.child.kill('SIGINT');
  assert.equal(await log.code, 0);

  const again = rig.run(['attach', 'architect/foo']);
  assert.deepEqual([again.code, again.out], [0, 'architect/foo: answered\n']);
});

test('a run that passes its own budget is ended, held, and costs no second attempt, though the daemon dies meanwhile', async (t) => {
  const rig = makeRig(t);
  const agents = await makeClaude(t, rig);
  const first = await rig.start({ DOCKET_CRASH_AT: 'exit' });
  rig.drop('dear.md', promptText({ extra: 'runner: one\nlimits: { budget_usd: 0.5 }\n' }));
  const agent = await agents.next();
  const attached = listen(t, rig, 'attach', 'architect/dear', '--json');
  await print(agent, INIT, message({ type: 'text', text: 'one' }, 400));
  const usage = await attached.next('usage');
  assert.deepEqual([usage['cost_usd'], usage['estimated']], [0.401, true]);
  await print(agent, message({ type: 'text', text: 'two' }, 200));
  await agent.gone;
  await first.exit();
  const daemon = await rig.start();
  assert.equal((await attached.next('end'))['outcome'], 'budget');
  assert.equal(await attached.code, 1);
  await rig.ended('dear', 'held');
  assert.match(rig.log(), /attempt 1 has cost \$0\.602 and is ended: its budget is \$0\.50/);
  assert.match(rig.read(`${rig.out()}/dear_error.md`), /docket ended the run: it had cost more than \$0\.50: .*raise limits\.budget_usd/);
  assert.equal(agents.count(), 1);

  // Paid for all the same: the page says it, and the budgets know it.
  assert.match(rig.read(`${rig.out()}/dear_error.md`), /- attempt 1, .*Z, ~\$0\.602: budget - /);
  assert.equal(await daemon.stop(), 0);
});

test('attach says that there is no such job, and that no daemon runs', (t) => {
  const rig = makeRig(t);
  assert.equal(rig.run(['attach', 'architect/foo']).code, 2);
  rig.drop('foo.md', promptText());
  const { code, err } = rig.run(['attach', 'architect/foo']);
  assert.equal(code, 3, err);
  assert.match(err, /no daemon runs for/);
});
