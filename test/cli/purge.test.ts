import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { addLog } from '#cli/log.ts';
import { addPurge } from '#cli/purge.ts';
import { remotesOf } from '#cli/purge-words.ts';
import { addShow } from '#cli/show.ts';
import { addVerify } from '#cli/verify.ts';
import type { Failure } from '#core/failure.ts';
import { spellingsOf } from '#history/purge-spellings.ts';
import { makeFs } from '#platform/files.ts';
import { claimPrompt, makeTempWorkspace, promptText, seedJob, type Rooms, type TempWorkspace } from '#test/support/workspace.ts';
import { filesBelow } from '../history/purge-rig.ts';

/** Made of parts: of no kind that a scan would know. */
const secretText = (): string => ['Eva', 'Winter"Garten"', '48'].join(' ');

const traces = (workspace: TempWorkspace, secret: string): string[] => {
  const spellings = spellingsOf(Buffer.from(secret));
  const isHit = (bytes: Buffer): boolean => spellings.some((spelling) => bytes.includes(spelling));
  const found = [...filesBelow(path.dirname(workspace.root))].filter((file) => isHit(readFileSync(file)));
  const git = ['-C', workspace.history, 'cat-file', '--batch-all-objects', '--batch', '--unordered'];
  if (isHit(execFileSync('git', git, { maxBuffer: 1 << 28 }))) found.push('an object of the history');
  return found;
};

async function close({ journal, history }: Rooms): Promise<void> {
  journal.close();
  await history.close();
}

/** A leaked prompt with its answer, a failed job whose journal row and error page tell it, a held file, a log, an archived copy. */
async function leak(t: TestContext, secret: string): Promise<TempWorkspace> {
  const workspace = await makeTempWorkspace(t);
  const rooms = await workspace.rooms();
  await seedJob(rooms, 'leaked', { body: `# Task\n\nWrite to ${secret}.\n` }, { status: 'answered', answer: `Dear ${secret},\n` });
  await seedJob(rooms, 'clean', { revision: 2 }, { status: 'answered', answer: 'nothing in it\n' });
  const failure: Failure = { kind: 'secret-scan-failed', in: 'prompt', reason: `it said ${secret}` };
  await seedJob(rooms, 'broken', { revision: 3 }, { status: 'held', failure });
  await close(rooms);
  const archive = path.join(workspace.queues, '01-architect/archive/2026-10');
  mkdirSync(archive, { recursive: true });
  writeFileSync(path.join(archive, 'raw.txt'), Buffer.from(`raw ${secret}`).toString('base64'));
  const logs = path.join(workspace.queues, '.docket/log');
  mkdirSync(logs, { recursive: true });
  writeFileSync(path.join(logs, 'docket.log'), `${JSON.stringify({ message: `said ${secret}` })}\n`);
  return workspace;
}

suite('docket purge', () => {
  test('bytes are gone from the history and every file of the queues, the journal and the log too; verify, show and log say purged', async (t) => {
    const secret = secretText();
    const workspace = await leak(t, secret);
    const file = path.join(path.dirname(workspace.root), 'secret.txt');
    writeFileSync(file, `${secret}\n`);
    const before = traces(workspace, secret);
    for (const part of ['in/leaked.processed', 'leaked_result.md', 'docket.log', 'raw.txt', 'journal.db', 'an object of the history'])
      assert.ok(
        before.some((found) => found.endsWith(part)),
        `${part} in ${before.join()}`,
      );
    const asked = await workspace.run(addPurge, 'purge', '--secret-file', file, '--reason', 'a customer asked for it');
    assert.equal(asked.code, 2);
    assert.match(asked.err, /prompt_v1\.md .*\n[\s\S]*commits get new ids[\s\S]*with --yes/);
    assert.deepEqual(traces(workspace, secret), before, 'nothing was changed');
    const dry = await workspace.run(addPurge, 'purge', '--secret-file', file, '--dry-run');
    assert.deepEqual([dry.code, traces(workspace, secret).length], [0, before.length]);

    const done = await workspace.json(addPurge, 'purge', '--secret-file', file, '--reason', 'a customer asked for it', '--yes');
    assert.equal(done.code, 0, done.err);
    assert.deepEqual(traces(workspace, secret), [file]);
    assert.match(readFileSync(workspace.in('leaked.processed'), 'utf8'), /^docket: purged\n/);
    const verified = await workspace.run(addVerify, 'verify');
    assert.match(verified.out, /2 purged \(tombstones\//);
    assert.ok(!/hash-differs|tombstone-invalid/.test(verified.out), verified.out);
    assert.match((await workspace.run(addShow, 'show', 'architect/leaked')).out, /purged {4}prompt_v1\.md/);
    assert.match((await workspace.run(addLog, 'log')).out, /docket: purged 2 files/);
    assert.match(
      (await workspace.run(addPurge, 'purge', '--secret-file', file, '--reason', 'again', '--yes')).out,
      /nothing here holds it/,
    );
  });

  test('a record: what was recorded of it goes, with its files in the queue', async (t) => {
    const secret = secretText();
    const workspace = await leak(t, secret);
    const done = await workspace.run(addPurge, 'purge', 'architect/leaked', '--reason', 'a mistake', '--yes');
    assert.equal(done.code, 0, done.err);
    assert.match(done.out, /2 files of the queues became placeholders/);
    assert.match(readFileSync(workspace.out('leaked_result.md'), 'utf8'), /why: {7}a mistake/);
    assert.match(readFileSync(workspace.out('clean_result.md'), 'utf8'), /^nothing in it/);
    assert.ok(!/hash-differs|tombstone-invalid|unreadable/.test((await workspace.run(addVerify, 'verify')).out));
  });

  test('what it refuses: no reason, a reason that tells it, too few bytes, nothing named, unknown parts, a job in flight', async (t) => {
    const secret = secretText();
    const workspace = await leak(t, secret);
    const file = path.join(path.dirname(workspace.root), 'secret.txt');
    writeFileSync(file, secret);
    const code = async (...args: string[]): Promise<number> => (await workspace.run(addPurge, 'purge', ...args)).code;
    assert.equal(await code('architect/leaked', '--yes'), 2);
    assert.equal(await code('--reason', 'why', '--yes'), 2);
    assert.equal(await code('--secret-file', file, '--reason', `it was ${secret}`, '--yes'), 2);
    assert.equal(await code('architect/leaked', '--only', 'prompt,all', '--reason', 'why', '--yes'), 2);
    assert.equal(await code('architect/leaked', '--secret-file', file, '--reason', 'why', '--yes'), 2);
    const short = path.join(path.dirname(workspace.root), 'short.txt');
    writeFileSync(short, 'abc\n');
    assert.equal(await code('--secret-file', short, '--reason', 'why', '--yes'), 2);
    assert.equal(await code('architect/broken', '--reason', 'why', '--yes'), 2);
    const second = await makeTempWorkspace(t);
    const rooms = await second.rooms();
    await claimPrompt(rooms, 'running', promptText({ body: `# Task\n\n${secret}\n` }));
    await close(rooms);
    const flight = await second.run(addPurge, 'purge', '--secret-file', file, '--reason', 'why', '--yes');
    assert.equal(flight.code, 3);
    assert.match(flight.err, /a job in flight holds it/);
  });

  test('a daemon that runs keeps its own files: then it must be stopped first', async (t) => {
    const secret = secretText();
    const workspace = await leak(t, secret);
    const file = path.join(path.dirname(workspace.root), 'secret.txt');
    writeFileSync(file, secret);
    await workspace.serve(() => ({ ok: true }));
    const said = await workspace.run(addPurge, 'purge', '--secret-file', file, '--reason', 'why', '--yes');
    assert.equal(said.code, 3);
    assert.match(said.err, /docket down[\s\S]*docket\.log/);
    assert.ok(!existsSync(path.join(workspace.history, 'tombstones')));
  });

  test('prompts that wait are left to their person, and told', async (t) => {
    const secret = secretText();
    const workspace = await makeTempWorkspace(t);
    await close(await workspace.rooms());
    writeFileSync(workspace.in('waiting.md'), `about ${secret}`);
    const file = path.join(path.dirname(workspace.root), 'secret.txt');
    writeFileSync(file, secret);
    const said = await workspace.run(addPurge, 'purge', '--secret-file', file, '--reason', 'why', '--yes');
    assert.equal(said.code, 1);
    assert.match(said.out, /left to you: .*waiting\.md/);
    assert.equal(readFileSync(workspace.in('waiting.md'), 'utf8'), `about ${secret}`);
  });

  test('remotes of the history are named', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await close(await workspace.rooms());
    execFileSync('git', ['-C', workspace.history, 'remote', 'add', 'backup', 'ssh://far/away.git']);
    assert.deepEqual(await remotesOf(makeFs(), workspace.history), ['backup ssh://far/away.git']);
  });
});
