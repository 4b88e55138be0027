/**
 * No paid answer is thrown away, and none is bought twice: counted where it is paid, at the model server, while the daemon is killed again and again
 * at random instants with runs of 0.1 to 2 s under way. The keeper lives through all of it. In the second test it is killed as well.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startFakeModel, type FakeModel } from '../../support/fake-model.mjs';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { settingsWith } from '#test/support/rig-runners.ts';
import { withTool } from '#test/support/real-tools.ts';
import { keepersOf, onlyLinux, processesWith, share } from './processes.ts';

const CLIENT = fileURLToPath(new URL('model-child.ts', import.meta.url));
const KILLS = share(25, 250);
const AT_ONCE = 8;
const SLOTS = 4;
/** Counted from the moment it is up, so that a busy machine has runs under way, too. */
const LONGEST_LIFE_MS = 1_500;
/** The real tool needs seconds. */
const LONGEST_LIFE_WITH_CLAUDE_MS = 8_000;
/** Every fourth one is killed while it starts. */
const LONGEST_START_MS = 600;

type Paid = {
  /** For each daemon. */ readonly env: Record<string, string>;
  readonly longestLifeMs: number;
  readonly rig: Rig;
  readonly model: FakeModel;
  readonly stems: string[];
  readonly drop: () => void;
};

/** @param claude folder of the real Claude Code; null: a small client of the model */
async function makePaid(t: TestContext, claude: string | null = null): Promise<Paid> {
  const model = await startFakeModel();
  t.after(async () => model.close());
  const rig = makeRig(t);
  const runner = `  paid: { kind: command, sandbox: true, program: ${JSON.stringify(process.execPath)}, args: [${JSON.stringify(CLIENT)}], env: { MODEL_URL: ${JSON.stringify(model.url)} } }\n`;
  rig.settings(
    settingsWith(
      claude === null ? [runner] : ['  paid: { kind: claude }\n'],
      `lanes: { paid: { slots: ${String(SLOTS)}, interval_cap: 1000 } }\ntools: { sandbox: auto }\n`,
    ),
  );
  const stems: string[] = [];
  const key = ['fake', 'key', '0123456789abcdef'].join('-');
  return {
    env: claude === null ? {} : { PATH: `${claude}:${process.env['PATH'] ?? ''}`, ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: key },
    longestLifeMs: claude === null ? LONGEST_LIFE_MS : LONGEST_LIFE_WITH_CLAUDE_MS,
    rig,
    model,
    stems,
    drop() {
      const n = stems.length + 1;
      const delayMs = Math.round(100 + Math.random() * 1_900);
      const body = `# Task ${String(n)}\n\n<<fake:delay=${String(delayMs)},id=${String(n)}>>\n`;
      rig.drop(`p${String(n)}.md`, promptText({ feature: `FEAT-${String(n)}`, body, extra: 'runner: paid\n' }));
      stems.push(`p${String(n)}`);
    },
  };
}

/** Stem -> requests that the model server got for it. */
function bought({ model, stems }: Paid): Map<string, number> {
  const counts = new Map(stems.map((stem) => [stem, 0]));
  for (const { scenario } of model.requests) {
    const stem = `p${/id=(\d+)/.exec(String(scenario))?.[1] ?? '?'}`;
    counts.set(stem, (counts.get(stem) ?? 0) + 1);
  }
  return counts;
}

/** Kills the daemon `kills` times with work under way; `also` is called at each kill. Then lets one finish it all. */
async function killLoop(
  { env, rig, stems, drop, longestLifeMs }: Paid,
  kills: number,
  also: (round: number) => void | Promise<void>,
): Promise<void> {
  for (let round = 0; round < kills; round++) {
    const ended = existsSync(rig.in()) ? readdirSync(rig.in()).filter((name) => name.endsWith('.processed')).length : 0;
    for (let open = stems.length - ended; open < AT_ONCE; open++) drop();
    const isYoung = round % 4 === 3;
    const daemon = isYoung ? rig.launch(env) : await rig.start(env);
    await pause(Math.random() * (isYoung ? LONGEST_START_MS : longestLifeMs));
    await also(round);
    await daemon.kill();
  }
  const last = await rig.start(env);
  for (const stem of stems) await rig.ended(stem);
  assert.equal(await last.stop(), 0);
}

async function boughtOnce(paid: Paid, kills: number): Promise<void> {
  const keepers = new Set<number>();
  await killLoop(paid, kills, () => {
    for (const pid of keepersOf(paid.rig)) keepers.add(pid);
  });
  assert.ok(keepers.size > 0, 'nothing was under way at any kill');
  const { rig, stems, model } = paid;
  const wrong = [...bought(paid)].filter(([, count]) => count !== 1);
  assert.deepEqual(wrong, [], 'prompts that were not bought exactly once');
  for (const stem of stems) {
    const { attempts } = rig.evidence(stem).predicate;
    const told = attempts.map(({ starts, outcome }) => ({ starts, outcome }));
    assert.deepEqual(told, [{ starts: 1, outcome: 'answered' }], stem);
  }
  assertVerified(rig, true);
  const counts = [`${String(kills)} kills`, `${String(stems.length)} prompts`, `${String(model.requests.length)} requests`];
  console.log(`${counts.join(', ')}, ${String(keepers.size)} keepers`);
}

test(
  `${String(KILLS)} kills of the daemon with runs under way: each prompt is bought once, and that answer is used`,
  onlyLinux,
  async (t) => {
    await boughtOnce(await makePaid(t), KILLS);
  },
);

withTool('claude', (folder) => {
  const kills = share(4, 25);
  test(`the same with the real Claude Code and ${String(kills)} kills`, onlyLinux, async (t) => {
    await boughtOnce(await makePaid(t, folder), kills);
  });
});

test('the keeper is killed too: its runs are ended and go again, one at a time, and each prompt gets one answer', onlyLinux, async (t) => {
  const kills = share(12, 100);
  const paid = await makePaid(t);
  const { rig, stems, model } = paid;
  let killed = 0;
  await killLoop(paid, kills, async (round) => {
    if (round % 2 !== 0) return;
    // On a busy machine none may have come in the life that chance gave to the daemon; there is work, so one comes.
    while (keepersOf(rig).length === 0) await pause(20);
    for (const pid of keepersOf(rig)) {
      process.kill(pid, 'SIGKILL');
      killed += 1;
    }
  });
  assert.ok(killed > 0, 'no keeper was there to kill');
  const counts = bought(paid);
  for (const stem of stems) {
    const { status, attempts } = rig.evidence(stem).predicate;
    const starts = attempts.reduce((sum, attempt) => sum + attempt.starts, 0);
    const requests = counts.get(stem) ?? 0;
    assert.equal(status, 'answered', stem);
    // A program that was ended before it asked the model is a start, too; a start that evidence does not tell would be a lie.
    assert.ok(requests >= 1 && requests <= starts, `${stem}: ${String(requests)} requests, evidence tells ${String(starts)} starts`);
  }
  assert.deepEqual(processesWith(path.join(rig.queues, '01-architect')), [], 'programs that nobody keeps any more');
  assertVerified(rig, true);
  console.log(
    `killed ${String(kills)} daemons and ${String(killed)} keepers; ${String(stems.length)} prompts, ${String(model.requests.length)} requests`,
  );
});
