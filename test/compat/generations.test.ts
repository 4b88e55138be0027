/**
 * What an earlier docket left on disk when all its prompts had ended - journal, prompts, out/, history - is read by every later one with the same answers.
 * v1: docket 0.1. v2: jobs in flight in a ledger, the journal in two tables. v3: lanes that remember. (Jobs in flight: test/slow/store/in-flight.test.ts.)
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Journal } from '#core/ports.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { openJournal } from '#store/journal.ts';
import { runCli } from '#test/support/cli.ts';
import { fixturesOf, GENERATIONS, unpack, type Generation } from './unpack.ts';

type Row = Readonly<Record<string, unknown>>;

function folder(t: TestContext): string {
  const made = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-compat-')));
  t.after(() => {
    rmSync(made, { recursive: true, force: true });
  });
  return made;
}

const noMove = (from: string): never => assert.fail(`${from} is understood, so it is not set aside`);
const journalFile = (base: string): string => path.join(base, 'app', 'queues', '.docket', 'journal.db');

function journalOf(t: TestContext, base: string): Journal {
  const journal = openJournal({ path: journalFile(base), openDatabase, clock: makeClock(), log: silentLog(), moveFile: noMove });
  t.after(() => {
    journal.close();
  });
  assert.equal(journal.wasRebuilt, false);
  return journal;
}

/** stem, state, feature, name, revision, attempts */
const ENDED: readonly (readonly unknown[])[] = [
  ['again', 'duplicate', 'FEAT-1', null, 1, 0],
  ['answered', 'answered', 'FEAT-1', null, 1, 1],
  ['briefed', 'briefed', 'FEAT-2', null, 1, 1],
  ['cancelled', 'cancelled', 'FEAT-5', null, 1, 0],
  ['failed', 'failed', 'FEAT-3', null, 1, 2],
  ['rejected', 'rejected', null, null, null, 0],
  ['second', 'answered', 'FEAT-1', 'part-one', 2, 1],
];
const byFirst = (a: readonly unknown[], b: readonly unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);

const STATES: Readonly<Record<Generation, Readonly<Record<string, string>>>> = {
  v1: {
    'at-claimed': 'none',
    'at-read': 'read -',
    'at-submitted': 'submitted -',
    'at-attempt': 'running -',
    'at-spawned': 'running -',
    'at-exit': 'running -',
    'at-ran': 'ran -',
    'at-recorded': 'ran -',
    'at-published': 'ran -',
    'at-renamed': 'ran -',
    'at-done': 'done answered',
    'failed-at-published': 'waiting -',
    'failed-at-recorded': 'waiting -',
    'rejected-at-published': 'read -',
    'rejected-at-read': 'read -',
    'rejected-at-recorded': 'read -',
    'rejected-at-renamed': 'read -',
  },
  v2: {
    'at-submitted': 'submitted -',
    'at-spawned': 'running -',
    'at-ran': 'ran -',
    'at-recorded': 'ran -',
    'at-published': 'ran -',
    'failed-at-recorded': 'waiting -',
    'rejected-at-recorded': 'read -',
  },
  v3: {
    'at-submitted': 'submitted -',
    'at-spawned': 'running -',
    'at-ran': 'ran -',
    'at-recorded': 'ran -',
    'failed-at-recorded': 'waiting -',
  },
};

for (const generation of GENERATIONS) {
  test(`the journal of ${generation} holds the same jobs and attempts`, (t) => {
    const base = folder(t);
    unpack(generation, 'ended', base);
    const journal = journalOf(t, base);
    const jobs = journal.recent(100);
    const facts = jobs.map((job) => [job.stem, job.outcome, job.feature, job.name, job.revision, job.attempts]).toSorted(byFirst);
    assert.deepEqual(facts, ENDED);
    assert.ok(jobs.every((job) => job.state === 'done'));
    assert.deepEqual(journal.open(), []);
    const failed = jobs.find((job) => job.stem === 'failed');
    assert.ok(failed !== undefined);
    assert.deepEqual(
      journal.attempts(failed.id).map(({ n, outcome, starts, spent, failure }) => [n, outcome, starts, spent, failure?.kind]),
      [
        [1, 'agent-failure', 1, true, 'exit-code'],
        [2, 'agent-failure', 1, true, 'exit-code'],
      ],
    );
    assert.match(failed.reason ?? '', /exit code 1/);
  });

  test(`the journals of ${generation} that a crash left, write-ahead log and all, hold the job at its state`, (t) => {
    const states = new Map<string, string>();
    for (const name of fixturesOf(generation).filter((one) => one.includes('at-'))) {
      const base = path.join(folder(t));
      unpack(generation, name, base);
      const [job] = journalOf(t, base).recent(2);
      states.set(name, job === undefined ? 'none' : `${job.state} ${job.outcome ?? '-'}`);
    }
    assert.deepEqual(Object.fromEntries(states), STATES[generation]);
  });

  test(`ls, show, why, log and verify answer for a workspace of ${generation} as ${generation} did`, async (t) => {
    const base = folder(t);
    unpack(generation, 'ended', base);
    const cwd = path.join(base, 'app');
    const json = async (...args: string[]): Promise<unknown> => {
      const { code, out, err } = await runCli([...args, '--json'], { cwd });
      assert.equal(code, args[0] === 'why' ? 1 : 0, err);
      return JSON.parse(out);
    };
    const rows = (await json('ls', '--all')) as readonly Row[];
    assert.deepEqual(
      rows.map(({ stem, state, feature, name, revision, attempts }) => [stem, state, feature, name, revision, attempts]).toSorted(byFirst),
      ENDED,
    );
    const log = (await json('log')) as readonly { readonly commit: string; readonly subject: string }[];
    assert.deepEqual(
      log.map(({ subject }) => subject),
      [
        'ai(FEAT-5): architect r1 cancelled',
        'ai(FEAT-5): architect r1 submitted',
        'ai(FEAT-3): architect r1 failed',
        'ai(FEAT-3): architect r1 submitted',
        'ai(FEAT-2): architect r1 briefed',
        'ai(FEAT-2): architect r1 submitted',
        'ai(FEAT-1): architect/part-one r2 answered',
        'ai(FEAT-1): architect/part-one r2 submitted',
        'ai(FEAT-1): architect r1 answered',
        'ai(FEAT-1): architect r1 submitted',
        'docket: a history begins',
      ],
    );
    const shown = (await json('show', 'answered')) as Row;
    const sha256 = (file: string): string => makeDigest().sha256(readFileSync(path.join(cwd, 'queues', '01-architect', file)));
    assert.deepEqual(shown['sha256'], {
      prompt: sha256('in/answered.processed'),
      result: sha256('out/answered_result.md'),
      evidence: sha256('out/answered_evidence.json'),
    });
    assert.match(String(((await json('why', 'rejected')) as Row)['is']), /is not valid; nothing was sent anywhere/);
    const verified = (await json('verify')) as { readonly ok: boolean; readonly checked: Row };
    assert.equal(verified.ok, true);
    assert.equal(verified.checked['inputs'], 7);
    assert.equal(verified.checked['evidence'], 5);
  });

  test(`a prompt that ${generation} accepted is valid for ever`, async (t) => {
    const base = folder(t);
    unpack(generation, 'ended', base);
    const history = path.join(base, 'app-ai-history');
    const prompts = readdirSync(history, { recursive: true, encoding: 'utf8' }).filter((name) => /\/prompt_v[0-9]+\.md$/.test(name));
    assert.equal(prompts.length, 5);
    for (const name of prompts) {
      const { code, out, err } = await runCli(['check', path.join(history, name)], { cwd: path.join(base, 'app') });
      assert.equal(code, 0, `${name}: ${readFileSync(path.join(history, name), 'utf8')}\n${out}${err}`);
    }
  });
}
