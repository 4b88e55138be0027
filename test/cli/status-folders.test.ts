/** `docket status` from names, words and daemons: what is counted, how it is drawn, and when the short way is taken. */

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { quickWords } from '#cli/quick-words.ts';
import { addStatus } from '#cli/status.ts';
import { factsOf } from '#cli/status-ask.ts';
import { statusData, type StatusData, type StatusFacts } from '#cli/status-data.ts';
import { lookAtFolders } from '#cli/status-folders.ts';
import { quickPlace } from '#cli/status-place.ts';
import { quickStatus } from '#cli/status-quick.ts';
import { statusLines } from '#cli/status-words.ts';
import { settingsHash } from '#cli/notify-start.ts';
import { NO_STANDINGS } from '#core/glance.ts';
import type { RoleFolder, RoleName } from '#core/names.ts';
import type { Question } from '#test/support/workspace.ts';
import { makeFs } from '#platform/files.ts';
import { makeTempWorkspace, rememberingIo, seedJob, type TempWorkspace } from '../support/workspace.ts';

const ROLES = ['01-architect', '03-ui'] as RoleFolder[];

async function inFolder(t: Parameters<typeof makeTempWorkspace>[0], names: readonly string[]): Promise<TempWorkspace> {
  const workspace = await makeTempWorkspace(t);
  for (const part of ['in', 'out', 'archive/2026-01']) mkdirSync(path.join(workspace.queues, '01-architect', part), { recursive: true });
  for (const name of names) writeFileSync(path.join(workspace.queues, '01-architect', 'in', name), '');
  return workspace;
}

describe('names in the folders', () => {
  test('are counted by what they say; what is no prompt is not', async (t) => {
    const workspace = await inFolder(t, [
      'a.md',
      'b.md',
      '.hidden.md',
      '~$c.md',
      'notes.txt',
      'd.processed',
      'ü.processed',
      'e.failed',
      'f.rejected',
      'g.cancelled',
      'h.held',
    ]);
    writeFileSync(workspace.out('h_error.md'), '# h.md: held\n\n**scope** is wide.\n');
    writeFileSync(workspace.in('i.held'), '');
    writeFileSync(path.join(workspace.queues, '01-architect', 'archive', '2026-01', 'old.processed'), '');
    const { counts, failures, faults } = await lookAtFolders(makeFs(), workspace.queues, ROLES);
    assert.deepEqual(counts.get('01-architect' as RoleFolder), {
      waiting: 2,
      ended: { processed: 3, rejected: 1, held: 2, failed: 1, cancelled: 1 },
      onHold: 1,
    });
    assert.deepEqual(counts.get('03-ui' as RoleFolder)?.waiting, 0, 'a folder that is not there');
    assert.deepEqual(faults, []);
    const held = failures.find(({ stem }) => stem === 'h');
    assert.equal(held?.reason, 'scope is wide.');
    assert.deepEqual(
      failures.map(({ stem }) => stem).toSorted(),
      ['e', 'f', 'h'],
      'what is on hold and what a person cancelled is no failure',
    );
  });

  test('of a list of faults the first one is the reason, in one line', async (t) => {
    const workspace = await inFolder(t, ['a.failed', 'b.failed']);
    const page = 'The answer does not keep its contract (docs/contracts.md):\n\n- the answer lacks "## Summary"\n- and more\n';
    writeFileSync(workspace.out('a_error.md'), `# a.md: failed\n\n${page}\n## Attempts\n\n- attempt 1\n`);
    writeFileSync(workspace.out('b_error.md'), '# b.md: failed\n\nIt says:\n\n## Attempts\n\n- attempt 1\n');
    const { failures } = await lookAtFolders(makeFs(), workspace.queues, ROLES);
    const reasonOf = (name: string): string | null | undefined => failures.find(({ stem }) => stem === name)?.reason;
    assert.equal(reasonOf('a'), 'The answer does not keep its contract: the answer lacks "## Summary"');
    assert.equal(reasonOf('b'), 'It says:', 'what stands below the next heading is something else');
  });

  test('that are archived and still stand in in/ are counted once', async (t) => {
    const workspace = await inFolder(t, ['a.processed']);
    const { linkSync } = await import('node:fs');
    linkSync(workspace.in('a.processed'), path.join(workspace.queues, '01-architect', 'archive', '2026-01', 'a.processed'));
    const { counts } = await lookAtFolders(makeFs(), workspace.queues, ROLES);
    assert.equal(counts.get('01-architect' as RoleFolder)?.ended.processed, 1);
  });

  test('a reason that has no room behind the name stands below it', () => {
    const failures = [
      { role: '01-architect' as RoleFolder, stem: 'a', state: 'failed', at: '2026-11-20T12:00:00.000Z', reason: 'short' },
      { role: '01-architect' as RoleFolder, stem: 'b', state: 'failed', at: '2026-11-20T12:00:00.000Z', reason: 'long '.repeat(20) },
    ];
    const facts = plainFacts();
    const data = { ...statusData(facts, { counts: new Map(), failures, faults: [] }) };
    const lines = statusLines(data, facts, { ...plain, columns: 80 });
    const at = lines.indexOf('  2026-11-20 12:00Z  architect/a  failed  short');
    assert.deepEqual(lines.slice(at + 1, at + 3), ['  2026-11-20 12:00Z  architect/b  failed', `    ${'long '.repeat(20).slice(0, 74)}…`]);
  });

  test('of the newest failures five are told, the newest first, and no name reaches the terminal as it is', async (t) => {
    const workspace = await inFolder(t, ['1.failed', '2.failed', '3.failed', '4.failed', '5.failed', '6.failed']);
    const { failures } = await lookAtFolders(makeFs(), workspace.queues, ROLES);
    assert.equal(failures.length, 5);
    const hostile = {
      role: '01-architect' as RoleFolder,
      stem: 'x\u001b[2J',
      state: 'failed',
      at: '2026-11-20T12:00:00.000Z',
      reason: 'y\u0007',
    };
    const facts = plainFacts();
    const data = { ...statusData(facts, { counts: new Map(), failures: [hostile], faults: [] }) };
    // eslint-disable-next-line no-control-regex -- what a terminal obeys
    assert.doesNotMatch(statusLines(data, facts, plain).join('\n'), /\u001b|\u0007/);
  });
});

const plain = { paint: (_style: string, text: string) => text, columns: null };
const STANDINGS = { architect: { ...NO_STANDINGS, awaiting: 12, accepted: 9_000, 'changes-requested': 3, lapsed: 1 } };

const plainFacts = (more: Partial<StatusFacts> = {}): StatusFacts => ({
  ...factsOf(
    {
      ok: true,
      version: '0.1.0',
      started_at: '2026-11-20T10:00:00.000Z',
      workspace: { root: '/w', runner: 'claude', history: '/h' },
      role_facts: [
        { role: '01-architect', name: 'architect', review: 'required' },
        { role: '05-test-review', name: 'test-review', review: 'unreviewed' },
      ],
      standings: STANDINGS,
      in_work: [
        { id: 'a', role: 'architect', state: 'running' },
        { id: 'b', role: 'architect', state: 'submitted' },
      ],
      review_notes: ['role test-review is NOT REVIEWED: its answers count without a verdict'],
      today: {
        day: '2026-11-20',
        runs: 12,
        inputTokens: 120_000,
        outputTokens: 3_000,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        micros: 1_230_000,
        estimatedMicros: 1,
        unknownRuns: 2,
      },
    },
    null,
  ),
  ...more,
});
const COUNTS = new Map([
  [
    '01-architect' as RoleFolder,
    { waiting: 10_000, ended: { processed: 10_000, rejected: 2, held: 4, failed: 1, cancelled: 7 }, onHold: 3 },
  ],
]);
const running = (doing: string): StatusFacts['runningNow'][number] => {
  const event = {
    v: 1,
    at: '',
    job: 'a',
    role: 'architect',
    stem: 'foo',
    attempt: 1,
    runner: 'claude',
    elapsed_ms: 63_000,
    bytes: 9,
  } as const;
  return {
    begin: { ...event, event: 'begin' },
    last: { ...event, event: 'text', text: doing, characters: 3 },
    usage: null,
  } as unknown as StatusFacts['runningNow'][number];
};

describe('the screen', () => {
  test('fits 80 columns with every column in use, and is plain without color', () => {
    const facts = plainFacts({ runningNow: [running('a'.repeat(200))] });
    const data = statusData(facts, {
      counts: COUNTS,
      failures: [
        { role: '01-architect' as RoleFolder, stem: 's', state: 'failed', at: '2026-11-20T12:00:00.000Z', reason: 'r'.repeat(300) },
      ],
      faults: [],
    });
    const lines = statusLines(data, facts, { ...plain, columns: 80 });
    const [table] = lines.join('\n').split('\n\n').slice(1);
    assert.ok(
      (table ?? '').split('\n').every((line) => line.length <= 80),
      table,
    );
    assert.match(table ?? '', /^01-architect +10000 +1 +1 +12 +1 +3 +9000 +3 +1 +2 +1 +7 +10000$/m);
    for (const line of lines.filter((one) => one.startsWith('  '))) if (!/NOT REVIEWED/.test(line)) assert.ok(line.length < 80, line);
    // eslint-disable-next-line no-control-regex -- what a terminal obeys
    assert.doesNotMatch(lines.join('\n'), /\u001b/);
  });

  test('shows what runs, how long and what it does; today; unreviewed roles always', () => {
    const facts = plainFacts({ runningNow: [running('Reading the ticket')] });
    const text = statusLines(statusData(facts, { counts: COUNTS, failures: [], faults: [] }), facts, plain).join('\n');
    assert.match(text, /^ {2}architect\/foo {2}claude {2}1m03s {2}"Reading the ticket"$/m);
    assert.match(text, /^today \(2026-11-20\): 12 runs, 123\.0k tokens, ~\$1\.23 \+ 2 of unknown cost$/m);
    assert.match(text, /role test-review is NOT REVIEWED/);
  });

  test('what is not known yet is said, not shown as nothing', () => {
    const facts = plainFacts({ standings: null, today: null });
    const text = statusLines(statusData(facts, { counts: COUNTS, failures: [], faults: [] }), facts, plain).join('\n');
    assert.match(text, /to review: being counted/);
    assert.match(text, /today: being added up/);
  });
});

describe('the short way', () => {
  test('is taken for a plain status only', () => {
    assert.deepEqual(quickWords(['status']), { json: false, root: null });
    assert.deepEqual(quickWords(['--root', '/x', 'status', '--json']), { json: true, root: '/x' });
    for (const other of [[], ['ls'], ['status', '--watch'], ['status', '-h'], ['status', 'status'], ['--root'], ['help', 'status']])
      assert.equal(quickWords(other), null, other.join(' '));
  });

  test('is left wherever the whole loader could find another place: a queues setting, a variable', async (t) => {
    const workspace = await makeTempWorkspace(t, 'runner: offline\n# queues: elsewhere\n');
    mkdirSync(path.join(workspace.queues, 'deep'), { recursive: true });
    const place = async (env = {}, cwd = workspace.root): Promise<string | null> =>
      (await quickPlace(makeFs(), cwd, null, env))?.queues ?? null;
    assert.equal(await place(), workspace.queues);
    assert.equal(await place({}, path.join(workspace.queues, 'deep')), workspace.queues, 'from below');
    assert.equal(await place({ DOCKET_QUEUES: '/x' }), null);
    await workspace.write('docket.local.yaml', 'queues: other\n');
    assert.equal(await place(), null);
  });

  test('asks the daemon that runs with these very settings; of one that began with others only the verb itself speaks', async (t) => {
    const workspace = await makeTempWorkspace(t);
    mkdirSync(workspace.queues, { recursive: true });
    const sha256 = await settingsHash(makeFs(), workspace.root);
    const facts = { root: workspace.root, queues: workspace.queues, history: '/h', runner: 'offline', settings_sha256: sha256 };
    const { asked } = await workspace.serve(({ op }: Question) => ({
      ok: op === 'glance',
      workspace: facts,
      role_facts: [],
      in_work: [],
      standings: {},
    }));
    const { io, said } = rememberingIo(workspace.root);
    assert.equal(await quickStatus(io, { json: true, root: null }), true);
    assert.equal((JSON.parse(said().out) as StatusData).up, true);
    await workspace.write('docket.yaml', 'app: app\nrunner: offline\nslots: 3\n');
    const before = rememberingIo(workspace.root);
    assert.equal(await quickStatus(before.io, { json: false, root: null }), false);
    assert.equal(before.said().out, '');
    const { out } = await workspace.run(addStatus, 'status');
    assert.match(out, /docket\.yaml or docket\.local\.yaml has changed since the daemon started/);
    assert.ok(asked.every(({ op }) => op === 'glance'));
  });

  test('a daemon of an older docket is asked what it knows, and that it counts no reviews is said', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.serve(({ op }: Question) =>
      op === 'status' ? { ok: true, version: '0.0.9', lanes: [], in_flight: [] } : { ok: false, error: `unknown question ${op}` },
    );
    const { code, out } = await workspace.run(addStatus, 'status');
    assert.equal(code, 0);
    assert.match(out, /docket 0\.0\.9/);
    assert.match(out, /started by an older docket, which counts no reviews/);
  });
});

describe('without a daemon', () => {
  test('the same is told with the journal deleted: counts, reviews, failures, money of today', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const usage = { inputTokens: 100, outputTokens: 10, cacheReadTokens: null, cacheWriteTokens: null, costUsd: 0.5, turns: null };
    await seedJob(rooms, 'a', { feature: 'F-1' }, { status: 'answered', answer: 'x', usage });
    await seedJob(
      rooms,
      'b',
      { feature: 'F-2' },
      { status: 'failed', failure: { kind: 'no-answer', runner: 'fake', message: 'x' }, usage },
    );
    rooms.journal.close();
    type Shown = StatusData & { readonly today: { readonly runs: number; readonly cost_usd: number } };
    const look = async (): Promise<unknown> => {
      const { data } = await workspace.json(addStatus, 'status');
      const { roles, failures, today } = data as Shown;
      const row = roles.find(({ role }) => role === '01-architect');
      return {
        processed: row?.processed,
        failed: row?.failed,
        awaiting: row?.standings?.awaiting,
        failures: failures.map(({ stem }) => stem),
        today,
      };
    };
    const before = (await look()) as { readonly awaiting: number; readonly today: { readonly runs: number } };
    assert.deepEqual([before.awaiting, before.today.runs], [1, 2]);
    for (const name of ['journal.db', 'journal.db-wal', 'journal.db-shm', 'board.json'])
      rmSync(path.join(workspace.queues, '.docket', name), { force: true });
    assert.deepEqual(await look(), before);
  });

  test('fields of earlier versions are all there', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.rooms();
    const data = (await workspace.json(addStatus, 'status')).data as Record<string, unknown> & {
      readonly roles: readonly Record<string, unknown>[];
    };
    for (const key of [
      'up',
      'daemon',
      'root',
      'runner',
      'history',
      'roles',
      'lanes',
      'paused',
      'holds',
      'circuits',
      'budgets',
      'faults',
      'waits_for_money',
    ])
      assert.ok(key in data, key);
    for (const key of ['role', 'waiting', 'in_flight', 'processed', 'needs_person']) assert.ok(key in (data.roles[0] ?? {}), key);
    assert.equal(new Set(data.roles.map((row) => row['role'] as RoleName)).size, 8);
  });
});
