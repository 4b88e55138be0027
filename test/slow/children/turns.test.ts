/**
 * One daemon writes at a time, also when the lock fails it. Stopped (SIGSTOP) is not dead: nobody else gets in. And when the kernel lock is really lost while
 * the holder sleeps - its file replaced, another daemon started, worked and ended - the first one wakes up, ends, and changes nothing on disk.
 */

import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { makeKernelLocks } from '#platform/lock.ts';
import { startFakeAgents } from '#test/support/fake-agent.ts';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { obeyingRunner, settingsWith } from '#test/support/rig-runners.ts';
import { onlyLinux, share, until } from './processes.ts';

const ROUNDS = share(8, 60);
const BACKLOG = 30;

const inState = (rig: Rig, name: string): string => path.join(rig.queues, '.docket', name);

/** Really stopped: the signal is only asked for by kill(2). */
async function stopped(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(() => /^\d+ \(.*\) T/s.test(readFileSync(`/proc/${String(pid)}/stat`, 'latin1')));
}

/** Nobody is in the middle of a transaction. */
function isJournalFree(rig: Rig): boolean {
  const journal = new DatabaseSync(inState(rig, 'journal.db'), { timeout: 0 });
  try {
    journal.exec('BEGIN IMMEDIATE; ROLLBACK');
    return true;
  } catch {
    return false;
  } finally {
    journal.close();
  }
}

/**
 * Stopped in the middle of its work, but not while it holds the history's own lock or the journal's: daemons of other queues share the first,
 * and whoever wants one of them then waits until the sleeper is woken or killed, or ends with words, as it should.
 */
async function stoppedSomewhere(rig: Rig, pid: number): Promise<void> {
  for (;;) {
    await pause(Math.random() * 400);
    await stopped(pid);
    const free = makeKernelLocks().tryAcquire(path.join(rig.history, '.git', 'docket', 'lock.db'));
    free?.release();
    if (free !== null && isJournalFree(rig)) return;
    process.kill(pid, 'SIGCONT');
  }
}

/** What a cleaner that knows no mercy does. The control socket goes too: as long as somebody answers there, a second daemon ends by itself. */
function loseLock(rig: Rig): void {
  renameSync(inState(rig, 'lock.db'), inState(rig, 'lock.db.lost'));
  rmSync(inState(rig, 'control.sock'), { force: true });
}

/**
 * Every name below a folder with what tells a change: inode, size, times. Logs may grow, SQLite's shared
 * memory is no file's content, the history's own lock may be asked for by daemons of other queues, and `parsing` is a mark of the process alone.
 */
function picture(folder: string): Map<string, string> {
  const seen = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    // A file that was made and taken away again is none: of a folder its names count.
    if (entry.isDirectory() || /\/\.docket\/log(?:\/|$)|-shm$|\/\.git\/docket\/lock\.db|\/\.docket\/parsing$/.test(file)) continue;
    const { ino, size, mtimeNs, ctimeNs } = lstatSync(file, { bigint: true });
    seen.set(file, [ino, size, mtimeNs, ctimeNs].join(' '));
  }
  return seen;
}

const changed = (before: Map<string, string>, after: Map<string, string>): string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter((file) => before.get(file) !== after.get(file));

test(
  'a holder that is stopped for longer than its visible lock is good for keeps everybody out, and goes on when it is woken',
  onlyLinux,
  async (t) => {
    const rig = makeRig(t);
    const holder = await rig.start();
    await stopped(holder.child.pid ?? 0);
    const hourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(inState(rig, 'daemon.lock'), hourAgo, hourAgo);
    rig.drop('patient.md', promptText());
    for (let n = 0; n < 3; n++) {
      const second = rig.launch();
      assert.equal(await second.exit(), 3);
      assert.match(second.output(), new RegExp(`another daemon holds .*kill -CONT ${String(holder.child.pid)}`));
    }
    assert.ok(readdirSync(rig.in()).includes('patient.md'));
    holder.child.kill('SIGCONT');
    await rig.ended('patient');
    assert.equal(await holder.stop(), 0);
    assertVerified(rig);
  },
);

test(
  `a holder whose lock was lost while it slept in the middle of its work wakes up, ends, and changes nothing (${String(ROUNDS)} times)`,
  onlyLinux,
  async (t) => {
    for (let round = 1; round <= ROUNDS; round++) {
      const rig = makeRig(t);
      const first = await rig.start();
      const stems = Array.from({ length: BACKLOG }, (_, n) => `p${String(n)}`);
      for (const [n, stem] of stems.entries()) rig.drop(`${stem}.md`, promptText({ feature: `FEAT-${String(n + 1)}` }));
      await stoppedSomewhere(rig, first.child.pid ?? 0);
      loseLock(rig);

      const second = await rig.start();
      for (const stem of stems) await rig.ended(stem);
      assert.equal(await second.stop(), 0, second.output());

      const before = [picture(rig.queues), picture(rig.history)] as const;
      first.child.kill('SIGCONT');
      assert.equal(await first.exit(), 3, first.output());
      assert.match(first.output(), /the kernel lock is lost, so nothing more is written/);
      assert.deepEqual(
        [...changed(before[0], picture(rig.queues)), ...changed(before[1], picture(rig.history))],
        [],
        `round ${String(round)}: what the first one wrote after it had lost its lock`,
      );
      const third = await rig.start();
      assert.equal(await third.stop(), 0);
      assert.deepEqual(readdirSync(rig.in()).toSorted(), stems.map((stem) => `${stem}.processed`).toSorted());
      assertVerified(rig, true);
    }
  },
);

test(
  'a holder whose lock was lost while another daemon works ends, and starts no program: what runs is waited for by the other',
  onlyLinux,
  async (t) => {
    const rig = makeRig(t);
    const agents = await startFakeAgents(rig.base);
    t.after(async () => agents.close());
    rig.settings(settingsWith([obeyingRunner('one', agents)]));
    const first = await rig.start();
    rig.drop('foo.md', promptText({ extra: 'runner: one\n' }));
    const agent = await agents.next();
    await stopped(first.child.pid ?? 0);
    loseLock(rig);
    const second = await rig.start();
    rig.drop('bar.md', promptText({ feature: 'FEAT-2', extra: 'runner: one\n' }));
    const other = await agents.next();
    first.child.kill('SIGCONT');
    assert.equal(await first.exit(), 3, first.output());
    for (const one of [agent, other]) {
      await one.tell({ do: 'print', text: '# Answer\n' });
      await one.tell({ do: 'exit', code: 0 });
    }
    await rig.ended('foo');
    await rig.ended('bar');
    assert.equal(agents.count(), 2);
    const status = await rig.docket('status');
    assert.equal(status.code, 0, status.out + status.err);
    assert.equal(await second.stop(), 0);
    assertVerified(rig, true);
  },
);

test(
  'a lock that is lost under a daemon at rest: the next prompt is left where it lies, and nothing else is written',
  onlyLinux,
  async (t) => {
    const rig = makeRig(t);
    const first = await rig.start();
    rig.drop('before.md', promptText());
    await rig.ended('before');
    const work = path.join(rig.queues, '01-architect', 'work');
    await rig.until(work, () => readdirSync(work).length === 0, 'an empty work/');
    renameSync(inState(rig, 'lock.db'), inState(rig, 'lock.db.lost'));
    const history = picture(rig.history);
    rig.drop('after.md', promptText({ feature: 'FEAT-2' }));
    assert.equal(await first.exit(), 3, first.output());
    assert.deepEqual(readdirSync(rig.in()).toSorted(), ['after.md', 'before.processed']);
    assert.deepEqual(readdirSync(path.join(rig.queues, '01-architect', 'work')), []);
    assert.deepEqual(changed(history, picture(rig.history)), []);
    const second = await rig.start();
    await rig.ended('after');
    assert.equal(await second.stop(), 0);
    assertVerified(rig);
  },
);

test('a lock that is lost while a program runs: its answer is left to the next daemon, who buys no other', onlyLinux, async (t) => {
  const rig = makeRig(t);
  const agents = await startFakeAgents(rig.base);
  t.after(async () => agents.close());
  rig.settings(settingsWith([obeyingRunner('one', agents)]));
  const first = await rig.start();
  rig.drop('foo.md', promptText({ extra: 'runner: one\n' }));
  const agent = await agents.next();
  const commits = rig.commits();
  renameSync(inState(rig, 'lock.db'), inState(rig, 'lock.db.lost'));
  await agent.tell({ do: 'print', text: '# Answer\n' });
  await agent.tell({ do: 'exit', code: 0 });
  assert.equal(await first.exit(), 3, first.output());
  assert.equal(rig.commits(), commits);
  const second = await rig.start();
  await rig.ended('foo');
  assert.equal(rig.read(path.join(rig.out(), 'foo_result.md')), '# Answer\n');
  assert.equal(agents.count(), 1);
  assert.equal(await second.stop(), 0);
  assertVerified(rig);
});
