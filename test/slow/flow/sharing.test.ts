/** Two real daemons of one user: a slot, a provider's limit and a day's money that they share, and one of them killed. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { startFakeAgents } from '#test/support/fake-agent.ts';
import { fakeUrl, KEY, KEY_ENV, withFakeModel } from '#test/support/http-model.ts';
import { makeRig, promptText, type Daemon, type Rig } from '#test/support/rig.ts';
import { obeyingRunner, settingsWith, shellRunner } from '#test/support/rig-runners.ts';

withFakeModel();
const FAST = 'throttle: { shared_poll: 50ms, stagger: 0ms, jitter: 0ms }\n';
const base = mkdtempSync(path.join(tmpdir(), 'docket-sharing-'));
after(() => {
  rmSync(base, { recursive: true, force: true });
});

type Two = { readonly rigs: readonly [Rig, Rig]; readonly daemons: readonly [Daemon, Daemon]; readonly env: Record<string, string> };
let count = 0;
async function two(t: TestContext, settings: string): Promise<Two> {
  const env = { XDG_STATE_HOME: path.join(base, String(++count)), [KEY_ENV]: KEY };
  const rigs = [makeRig(t, settings), makeRig(t, settings)] as const;
  return { rigs, env, daemons: [await rigs[0].start(env), await rigs[1].start(env)] };
}
const drop = (rig: Rig, stem: string, runner: string): void => {
  rig.drop(`${stem}.md`, promptText({ feature: `S-${stem}`, extra: `runner: ${runner}\n` }));
};

test('one slot for two daemons with a backlog: never two runs at the same time, and both come to their end', async (t) => {
  const book = path.join(base, 'book');
  writeFileSync(book, '');
  const script = `echo start >> ${book}; cat > /dev/null; echo end >> ${book}; echo '# Answer'`;
  const { rigs } = await two(t, settingsWith([shellRunner('tool', script, ', lane: heavy')], `lanes: { heavy: { slots: 1 } }\n${FAST}`));
  const stems = Array.from({ length: 5 }, (_, n) => `p${String(n)}`);
  for (const stem of stems) for (const rig of rigs) drop(rig, stem, 'tool');
  for (const rig of rigs) for (const stem of stems) await rig.ended(stem);
  assert.equal(readFileSync(book, 'utf8'), 'start\nend\n'.repeat(10));
});

test('a killed daemon keeps its slot while its run goes on with the keeper, and frees it with the run; why says who has it', async (t) => {
  const agents = await startFakeAgents(mkdtempSync(path.join(base, 'agents-')));
  t.after(async () => agents.close());
  const runner = obeyingRunner('tool', agents).replace('{ kind', '{ lane: heavy, kind');
  const { rigs, daemons } = await two(t, settingsWith([runner], `lanes: { heavy: { slots: 1 } }\n${FAST}`));
  const [a, b] = rigs;
  drop(a, 'first', 'tool');
  const first = await agents.next();
  drop(b, 'second', 'tool');
  const waits = 'waits: the other dockets of this machine use 1 of 1 slots of lane heavy';
  await b.logged(waits);
  const why = await b.docket('why', 'second');
  assert.ok(why.out.includes(waits), why.out);
  assert.ok((await b.docket('status')).out.includes('1 by the other dockets of this machine'));
  await daemons[0].kill();
  assert.ok((await b.docket('why', 'second')).out.includes(waits), 'the run goes on');
  assert.equal(agents.count(), 1);
  await first.tell({ do: 'exit', code: 0 });
  const second = await agents.next();
  await second.tell({ do: 'print', text: '# Answer\n' });
  await second.tell({ do: 'exit', code: 0 });
  await b.ended('second');
});

test('a limit told to one daemon holds the lane of the other, with the same end, before it asks the provider', async (t) => {
  const reset = Math.ceil(Date.now() / 1_000) + 3_000;
  const url = fakeUrl(`usage-limit,reset=${String(reset)}`);
  const runner = `  model: { kind: http, api: anthropic, base_url: ${JSON.stringify(url)}, model: fake-model, key_env: ${KEY_ENV} }\n`;
  const { rigs } = await two(t, settingsWith([runner], FAST));
  const [a, b] = rigs;
  drop(a, 'first', 'model');
  await a.logged('lane model waits until');
  drop(b, 'second', 'model');
  await b.logged('as another docket was told');
  const until = new Date(reset * 1_000).toISOString();
  assert.match((await b.docket('why', 'second')).out, new RegExp(`lane model is held until ${until}`));
});

test('without the folder of the user a daemon says so, and goes on by its own limits', async (t) => {
  const rig = makeRig(t, settingsWith([shellRunner('tool', "cat > /dev/null; echo '# Answer'", ', lane: heavy')]));
  const file = path.join(base, 'no-folder');
  writeFileSync(file, '');
  await rig.start({ XDG_STATE_HOME: file });
  drop(rig, 'one', 'tool');
  await rig.ended('one');
  assert.match(rig.log(), /limits and budgets are not shared with the other dockets of this machine/);
  assert.match((await rig.docket('status')).out, /are not shared with the other dockets of this machine: /);
});
