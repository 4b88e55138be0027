/**
 * The journal deleted, cut off, overwritten or put back to an older state at random moments, while the daemon works and while it does not: prompts end
 * as if nothing had happened, no tool is started twice, and the verbs answer the same before and after.
 * DOCKET_SEED=<n> repeats a run as far as the machine's timing allows; DOCKET_ROUNDS=<n> makes it longer.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { runCli } from '#test/support/cli.ts';
import { assertVerified, makeRig, promptText, type Daemon, type Rig } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

const SEED = Number(process.env['DOCKET_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env['DOCKET_ROUNDS'] ?? 12);

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const random = randomFrom(SEED);
const below = (limit: number): number => Math.floor(random() * limit);
const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] ?? assert.fail('nothing to choose from');

/** Notes which prompt it was started for, takes a moment, and answers with a text that is never the same. */
const TOOL =
  'brief=$(cat); marker=$(echo "$brief" | grep -o "marker-[0-9]*" | head -1); echo "$marker" >> ../starts; sleep 0.0$(( $$ % 10 )); ' +
  'echo "# Answer"; head -c 16 /dev/urandom | od -An -tx1';
const FAIL = 'brief=$(cat); marker=$(echo "$brief" | grep -o "marker-[0-9]*" | head -1); echo "$marker" >> ../starts; exit 1';

const KINDS = [
  { suffix: 'processed', extra: 'runner: tool\n', agent: 'architect', starts: 1, commits: 2 },
  { suffix: 'processed', extra: 'runner: tool\n', agent: 'architect', starts: 1, commits: 2 },
  { suffix: 'processed', extra: 'runner: offline\n', agent: 'architect', starts: 0, commits: 2 },
  { suffix: 'failed', extra: 'runner: fail\nlimits: { attempts: 1 }\n', agent: 'architect', starts: 1, commits: 2 },
  { suffix: 'rejected', extra: '', agent: 'ui', starts: 0, commits: 0 },
] as const;
type Prompt = { readonly stem: string; readonly kind: (typeof KINDS)[number]; readonly text: string };

const NAMES = ['journal.db', 'journal.db-wal', 'journal.db-shm'] as const;
const stateOf = (rig: Rig): string => path.join(rig.queues, '.docket');
const there = (rig: Rig): readonly string[] => NAMES.map((name) => path.join(stateOf(rig), name)).filter((file) => existsSync(file));

/** An own descriptor each time; this process has no database open meanwhile. */
function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  try {
    writeSync(descriptor, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(descriptor);
  }
}
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));

type Damage = { readonly how: string; readonly act: (rig: Rig) => void };
const DAMAGES: readonly Damage[] = [
  {
    how: 'all deleted',
    act: (rig) => {
      for (const file of there(rig)) rmSync(file);
    },
  },
  {
    how: 'one deleted',
    act: (rig) => {
      rmSync(oneOf(there(rig)));
    },
  },
  {
    how: 'one cut off',
    act: (rig) => {
      const file = oneOf(there(rig));
      truncateSync(file, below(statSync(file).size + 1));
    },
  },
  {
    how: 'one full of noise',
    act: (rig) => {
      const file = oneOf(there(rig));
      overwrite(file, 0, noise(Math.max(1, statSync(file).size)));
    },
  },
  {
    how: 'some bytes overwritten',
    act: (rig) => {
      for (let count = 1 + below(8); count > 0; count--) {
        const file = oneOf(there(rig));
        const { size } = statSync(file);
        if (size > 0) overwrite(file, below(size), noise(1 + below(64)));
      }
    },
  },
  {
    how: 'one bit flipped',
    act: (rig) => {
      const file = path.join(stateOf(rig), 'journal.db');
      const bytes = readFileSync(file);
      const at = below(bytes.length);
      overwrite(file, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << below(8))));
    },
  },
  {
    how: 'an older state put back',
    act: (rig) => {
      const kept = path.join(rig.base, 'kept');
      for (const file of there(rig)) rmSync(file);
      if (!existsSync(kept)) return;
      for (const name of readdirSync(kept)) {
        copyFileSync(path.join(kept, name), path.join(rig.base, 'copy'));
        renameSync(path.join(rig.base, 'copy'), path.join(stateOf(rig), name));
      }
    },
  },
];

/** What an older state is: a copy of the files as they lie, torn or not. */
function keep(rig: Rig): void {
  const kept = path.join(rig.base, 'kept');
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept);
  for (const file of there(rig)) copyFileSync(file, path.join(kept, path.basename(file)));
}

/** Resolves after so many changes of the journal's folder, or when all these prompts have ended. */
async function moment(rig: Rig, changes: number, prompts: readonly Prompt[]): Promise<void> {
  const enough = new AbortController();
  const watcher = watch(stateOf(rig), { signal: enough.signal });
  watcher.on('error', () => undefined);
  const counted = (async (): Promise<void> => {
    for (let seen = 0; seen < changes; seen++) await once(watcher, 'change', { signal: enough.signal });
  })().catch(() => undefined);
  await Promise.race([counted, allEnded(rig, prompts)]);
  enough.abort();
  watcher.close();
}

const allEnded = async (rig: Rig, prompts: readonly Prompt[]): Promise<void> => {
  await Promise.all(prompts.map(async ({ stem, kind }) => rig.ended(stem, kind.suffix)));
};

const BEGUN: ReadonlySet<unknown> = new Set(['running', 'ran', 'waiting']);
const NOT_BEGUN: ReadonlySet<unknown> = new Set(['claimed', 'read', 'submitted']);

/** What people are told, without what only the journal may know: attempt counts, the moment of a change, and that a job waits between two attempts. */
async function answers(rig: Rig, prompts: readonly Prompt[]): Promise<unknown> {
  const json = async (...args: string[]): Promise<unknown> => {
    const { out, err, code } = await runCli([...args, '--json'], { cwd: rig.root, env: rig.env });
    // A job that was killed between its last rename and the end of its folder has two names for a moment: `show` asks which.
    if (code === 2 && args[0] === 'show' && err.includes('may mean 2 things')) return null;
    assert.ok(code === 0 || code === 1, `docket ${args.join(' ')}: ${err}`);
    return JSON.parse(out);
  };
  const rows = (await json('ls', '--all')) as readonly Readonly<Record<string, unknown>>[];
  const ended = prompts.filter(({ stem, kind }) => existsSync(path.join(rig.in(), `${stem}.${kind.suffix}`)));
  const shown: unknown[] = [];
  for (const { stem, kind } of ended.slice(-4)) {
    const all = (await json('show', stem)) as Readonly<Record<string, unknown>> | null;
    // Nobody but the journal knows job id, claim and hash of a prompt that was never accepted.
    const { job, claimed_at, sha256, ...facts } = all ?? {};
    shown.push(kind.suffix === 'rejected' ? facts : { ...facts, job, claimed_at, sha256 });
  }
  return {
    ls: rows
      // Killed while what is left of an ended job was removed: it is listed twice until the next start, and half of it is gone.
      .filter(({ state, stem }) => state !== 'published' || !ended.some((one) => one.stem === stem))
      .map(({ role, stem, file, state, feature, revision }) => {
        const how = BEGUN.has(state) ? 'begun' : NOT_BEGUN.has(state) ? 'not begun' : state;
        return { role, stem, file, how, feature, revision };
      })
      .toSorted((a, b) => (String(a.stem) < String(b.stem) ? -1 : 1)),
    shown,
    log: await json('log'),
    verify: await json('verify'),
  };
}

test(`a journal that is lost or damaged ${String(ROUNDS)} times at random moments loses no prompt, doubles none, and changes no answer (seed ${String(SEED)})`, async (t) => {
  const rig = makeRig(t);
  rig.settings(settingsWith([shellRunner('tool', TOOL), shellRunner('fail', FAIL)]));
  const prompts: Prompt[] = [];
  const told: string[] = [];
  const drop = (): readonly Prompt[] => {
    const fresh = Array.from({ length: 1 + below(4) }, (): Prompt => {
      const number = prompts.length + 1;
      const kind = oneOf(KINDS);
      const body = `# Task\n\nmarker-${String(number)}\n`;
      const text = promptText({ feature: `FEAT-${String(number)}`, agent: kind.agent, extra: kind.extra, body });
      const prompt = { stem: `p${String(number)}`, kind, text };
      prompts.push(prompt);
      return prompt;
    });
    for (const { stem, text } of fresh) rig.drop(`${stem}.md`, text);
    return fresh;
  };

  let daemon: Daemon = await rig.start();
  for (let round = 1; round <= ROUNDS; round++) {
    const fresh = drop();
    await moment(rig, 1 + below(25), fresh);
    const damage = oneOf(DAMAGES);
    const isRunning = random() < 0.5;
    told.push(`${String(round)}: ${damage.how} ${isRunning ? 'under the running daemon' : 'after a kill'}`);
    t.diagnostic(told.at(-1) ?? '');
    if (isRunning) {
      damage.act(rig);
      // It notices and ends, or does not need what was damaged and goes on.
      const end = await Promise.race([daemon.exit(), allEnded(rig, fresh).then(() => 'went on')]);
      assert.ok(end === 'went on' || end === 3 || end === 'SIGBUS', `${told.at(-1) ?? ''}: ${String(end)}\n${daemon.output()}`);
      if (end === 'went on') await (random() < 0.5 ? daemon.kill() : daemon.stop());
    } else {
      await daemon.kill();
      const before = await answers(rig, prompts);
      damage.act(rig);
      assert.deepEqual(await answers(rig, prompts), before, told.at(-1));
    }
    daemon = await rig.start();
    if (random() < 0.3) keep(rig);
  }
  await allEnded(rig, prompts);
  assert.equal(await daemon.stop(), 0);

  const starts = existsSync(path.join(rig.base, 'starts')) ? rig.read(path.join(rig.base, 'starts')).trim().split('\n') : [];
  const commits = rig.git('log', '--format=%(trailers:key=Docket-Feature,valueonly)').split('\n').filter(Boolean);
  for (const [index, { stem, kind, text }] of prompts.entries()) {
    const number = String(index + 1);
    assert.equal(rig.read(path.join(rig.in(), `${stem}.${kind.suffix}`)), text);
    assert.equal(starts.filter((marker) => marker === `marker-${number}`).length, kind.starts, `${stem} is run as often as it should`);
    assert.equal(commits.filter((feature) => feature === `FEAT-${number}`).length, kind.commits, `${stem} is recorded once`);
  }
  assert.equal(readdirSync(rig.in()).filter((name) => !name.startsWith('.')).length, prompts.length);
  assert.deepEqual(readdirSync(path.join(rig.queues, '01-architect', 'work')), []);
  assertVerified(rig, true);
});
