import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { collect, findings, makeRig, submission, value, type Rig } from '#test/history/rig.ts';

const CHILD = path.join(import.meta.dirname, 'writer-child.ts');

type Child = {
  readonly lines: string[];
  readonly ended: Promise<{ code: number | null; words: string }>;
  kill(): void;
  line(): Promise<void>;
};

function start(rig: Rig, prefix: string, count: number, atOnce: number): Child {
  const child = spawn(process.execPath, [CHILD, rig.dir, prefix, String(count), String(atOnce)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, words }));
  return { lines, ended, kill: () => child.kill('SIGKILL'), line: async () => void (await once(reader, 'line')) };
}

const acknowledged = (child: Child): string[] => child.lines.filter((line) => line !== 'open').map((line) => line.slice(0, 40));

test('four processes that write one history at once lose nothing: 4 x 25 prompts are 200 commits', async () => {
  const rig = makeRig();
  try {
    const children = ['A', 'B', 'C', 'D'].map((prefix) => start(rig, prefix, 25, 5));
    for (const child of children) {
      const { code, words } = await child.ended;
      assert.equal(code, 0, words);
      assert.equal(acknowledged(child).length, 50);
    }
    const commits = new Set(rig.git('rev-list', 'main').trim().split('\n'));
    assert.equal(commits.size, 201);
    for (const child of children) for (const commit of acknowledged(child)) assert.ok(commits.has(commit), commit);
    rig.assertClean();
    const history = await rig.open();
    assert.deepEqual(await findings(history), []);
    assert.equal((await collect(history.records({}))).filter(({ filed }) => filed.status === 'answered').length, 100);
  } finally {
    await rig.end();
  }
});

test('a person who commits all the time meanwhile loses nothing either, and docket does not undo their files', async () => {
  const rig = makeRig();
  try {
    const children = ['A', 'B'].map((prefix) => start(rig, prefix, 20, 2));
    await Promise.all(children.map((child) => child.line()));
    const mine: string[] = [];
    const childrenEnded = new AbortController();
    const over = Promise.all(children.map(({ ended }) => ended)).then((all) => {
      childrenEnded.abort();
      return all;
    });
    for (let n = 0; !childrenEnded.signal.aborted; n++) {
      try {
        rig.git('commit', '-q', '--allow-empty', '-m', `mine ${String(n)}`);
        mine.push(`mine ${String(n)}`);
      } catch {
        // docket held a lock: git said so, as it does with any other git.
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { code, words } of await over) assert.equal(code, 0, words);
    const subjects = new Set(rig.git('log', '--format=%s').trim().split('\n'));
    for (const subject of mine) assert.ok(subjects.has(subject), subject);
    assert.equal(rig.git('log', '--format=%s', '--grep', 'Docket-Status: answered').trim().split('\n').length, 40);
    rig.assertClean();
    const history = await rig.open();
    assert.deepEqual(await findings(history), []);
  } finally {
    await rig.end();
  }
});

test('killed at random twenty times, every restart is clean and nothing that was acknowledged is lost', async () => {
  const rig = makeRig();
  try {
    const kept: string[] = [];
    let isLockLeft = 0;
    for (let round = 0; round < 20; round++) {
      const child = start(rig, `R${String(round)}`, 100_000, 1 + (round % 4));
      await child.line();
      // Somewhere in the next writes: after so many acknowledgements and so many turns of this loop.
      for (let n = 0; n <= round % 5; n++) await child.line();
      for (let n = 0; n < (round * 37) % 400; n++) await new Promise((resolve) => setImmediate(resolve));
      child.kill();
      await child.ended;
      kept.push(...acknowledged(child));
      if (existsSync(path.join(rig.dir, '.git/index.lock'))) isLockLeft++;
      const history = await rig.open();
      assert.equal(rig.git('status', '--porcelain'), '', `round ${String(round)}`);
      value(await history.submit(submission({ feature: `AFTER-${String(round)}` })));
      await history.close();
      rig.assertClean();
    }
    const commits = new Set(rig.git('rev-list', 'main').trim().split('\n'));
    for (const commit of kept) assert.ok(commits.has(commit), commit);
    const history = await rig.open();
    assert.deepEqual(await findings(history), []);
    process.stdout.write(`# index.lock was left in ${String(isLockLeft)} of 20 kills, ${String(kept.length)} acknowledged commits\n`);
  } finally {
    await rig.end();
  }
});
