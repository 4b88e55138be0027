import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { JobId } from '#core/names.ts';
import type { JournalJob, Log } from '#core/ports.ts';
import { NO_USAGE, type AttemptRecord } from '#core/run.ts';
import { SETTINGS, type Workspace } from '#core/settings.ts';
import { spendLine, type SpendLine } from '#core/spending.ts';
import { openPurse, type Purse, type Wish } from '#daemon/budget.ts';
import { openReleases, type Releases } from '#daemon/releases.ts';
import { makeSharedMoney, type SharedMoney } from '#daemon/shared-money.ts';
import { makeSharing } from '#daemon/sharing.ts';
import { makeFs } from '#platform/files.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { openShared } from '#store/shared.ts';
import { makeFakeClock, type FakeClock } from '#test/support/fake-clock.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const attempt = (runId: string, costUsd: number | null, more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  n: 1,
  runId,
  startedAt: '2026-11-20T11:00:00.000Z',
  endedAt: '2026-11-20T11:30:00.000Z',
  outcome: 'answered',
  failure: null,
  usage: { ...NO_USAGE, costUsd },
  starts: 1,
  lane: 'l',
  ...more,
});
const line = (one: AttemptRecord, feature = 'F-1'): SpendLine => {
  const read = spendLine(one, { job: 'x', feature, role: 'ui', tool: null, model: null, lane: null });
  assert.ok(read !== null);
  return read;
};
const wish = (job: string, more: Partial<Wish> = {}): Wish =>
  ({ job, feature: 'F-1', role: 'ui', lane: 'l', ownUsd: null, capUsd: 5, file: `ui/${job}.md`, ...more }) as Wish;
const id = (job: string): JobId => job as JobId;

const quiet = (): undefined => undefined;
const silent: Log = { error: quiet, info: quiet, debug: quiet, warn: quiet, with: () => silent };
const NOTHING_RELEASED: Releases = {
  hasJob: () => false,
  hasFile: () => false,
  add: async () => Promise.resolve(),
  take: quiet,
  forget: quiet,
  settled: async () => Promise.resolve(),
};
const releasesAt = async (file: string, clock = makeFakeClock('2026-11-20T12:00:00.000Z')): Promise<Releases> =>
  openReleases({ fs: makeFs(), clock, log: silent }, file);

type Given = {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly history?: readonly SpendLine[];
  readonly journal?: readonly SpendLine[];
  readonly open?: readonly Partial<JournalJob>[];
  readonly releases?: Releases;
  readonly shared?: SharedMoney;
};

async function purseOf({ settings = {}, history = [], journal = [], open = [], ...given }: Given): Promise<{
  readonly purse: Purse;
  readonly clock: FakeClock;
  readonly warned: string[];
}> {
  const clock = makeFakeClock('2026-11-20T12:00:00.000Z');
  const warned: string[] = [];
  const log: Log = { error: quiet, info: quiet, debug: quiet, warn: (text) => void warned.push(text), with: () => log };
  const defaults = Object.fromEntries(Object.entries(SETTINGS).map(([key, { default: value }]) => [key, value]));
  const workspace = { settings: { ...defaults, 'budgets.time_zone': 'UTC', ...settings }, laneBudgets: [] } as unknown as Workspace;
  const purse = await openPurse({
    workspace,
    clock,
    log,
    releases: given.releases ?? NOTHING_RELEASED,
    ...(given.shared === undefined ? {} : { shared: given.shared }),
    journal: { spending: () => [...journal], open: () => open as JournalJob[] },
    history: {
      async *spending() {
        await Promise.resolve();
        yield* history;
      },
    },
  });
  return { purse, clock, warned };
}

test('without a budget nothing is asked and nothing is read', async () => {
  const { purse } = await purseOf({});
  assert.equal(purse.isOn, false);
  assert.equal(purse.take(wish('a')), null);
});

test('what was spent before is known again from the journal and the history, each run once', async () => {
  const known = [line(attempt('r1', 0.4)), line(attempt('r2', 0.3, { outcome: 'agent-failure' }))];
  const { purse } = await purseOf({
    settings: { 'budgets.feature_usd': 1, 'budgets.reserve_usd': 0.1 },
    history: known,
    journal: [...known, line(attempt('r3', 0.1))],
  });
  assert.equal(purse.view()[0]?.spent, 800_000);
  assert.match(purse.take(wish('a', { ownUsd: 0.21 })) ?? '', /the budget of F-1: \$0\.80 spent, of \$1\.00/);
  assert.equal(purse.take(wish('a', { ownUsd: 0.2 })), null);
  assert.match(purse.take(wish('b', { ownUsd: 0.01 })) ?? '', /\$0\.20 reserved by 1 that runs/);
});

test('runs that outlived the daemon before this one are reserved before anything starts', async () => {
  const { purse } = await purseOf({
    settings: { 'budgets.day_usd': 1, 'budgets.reserve_usd': 0.5 },
    open: [
      { id: id('a'), state: 'running', role: 'ui', feature: 'F-1' },
      { id: id('b'), state: 'submitted', role: 'ui', feature: 'F-1' },
    ],
  });
  assert.equal(purse.take(wish('c')), null);
  assert.notEqual(purse.take(wish('d')), null);
  purse.free(id('a'), true);
  assert.equal(purse.take(wish('d')), null);
});

test('a run of unknown cost counts as the setting says; one that the provider refused is free', async () => {
  const { purse } = await purseOf({ settings: { 'budgets.day_usd': 10, 'budgets.unknown_usd': 0.7 } });
  purse.ended(wish('a'), attempt('r1', null));
  purse.ended(wish('b'), attempt('r2', null, { outcome: 'provider-limit' }));
  assert.equal(purse.view()[0]?.spent, 700_000);
});

test('who waits is woken when a run ends, and when the day does', async () => {
  const { purse, clock } = await purseOf({ settings: { 'budgets.day_usd': 1, 'budgets.reserve_usd': 0.6 } });
  assert.equal(purse.take(wish('a')), null);
  assert.match(purse.ask(wish('b')) ?? '', /when a run that is under way comes cheaper/);
  let woken = purse.changed(new AbortController().signal);
  purse.ended(wish('a'), attempt('r1', 0.5, { endedAt: clock.now().toISOString() }));
  await woken;
  assert.equal(purse.take(wish('b')), null);
  purse.ended(wish('b'), attempt('r2', 0.5, { endedAt: clock.now().toISOString() }));
  assert.match(purse.shut('ui' as never, 'F-2' as never, 'l', 'ui/c.md') ?? '', /2026-11-21T00:00:00\.000Z, UTC/);
  woken = purse.changed(new AbortController().signal);
  await clock.advance(12 * 3_600_000);
  await woken;
  assert.equal(purse.shut('ui' as never, 'F-2' as never, 'l', 'ui/c.md'), null);
  assert.equal(purse.take(wish('c')), null);
});

test('a person lets one prompt go, in work or still in the folder; its cost counts', async (t) => {
  const releases = await releasesAt(path.join(await temporaryFolder(t), 'released.json'));
  const { purse } = await purseOf({ settings: { 'budgets.day_usd': 1 }, journal: [line(attempt('r1', 1))], releases });
  assert.notEqual(purse.ask(wish('a')), null);
  await purse.letGo({ job: id('a') }, 'ann');
  assert.equal(purse.ask(wish('a')), null);
  assert.equal(purse.take(wish('a')), null);
  assert.notEqual(purse.take(wish('b')), null);
  await purse.letGo({ file: 'ui/b.md' }, 'ann');
  assert.equal(purse.shut('ui' as never, 'F-1' as never, 'l', 'ui/b.md'), null);
  assert.equal(purse.take(wish('b')), null);
  purse.ended(wish('b'), attempt('r2', 0.25));
  assert.equal(purse.view()[0]?.spent, 1_250_000);
  assert.notEqual(purse.take(wish('c', { file: 'ui/b.md' })), null);
});

test('the soft limit is told once, also when it was passed before the start', async () => {
  const { purse, warned } = await purseOf({ settings: { 'budgets.day_usd': 1 }, journal: [line(attempt('r1', 0.9))] });
  assert.deepEqual(warned, ['the budget of the day (2026-11-20): $0.90 spent, of $1.00 (budgets.day_usd): past 80 % (budgets.soft)']);
  purse.ended(wish('a'), attempt('r2', 0.05));
  assert.equal(warned.length, 1);
});

test('what a person released stays released over a restart, until the job has ended', async (t) => {
  const file = path.join(await temporaryFolder(t), 'released.json');
  const [job, other] = ['abcdefghijklmnop', 'abcdefghijklmnoq'];
  const settings = { 'budgets.day_usd': 1 };
  const journal = [line(attempt('r1', 1))];
  const start = async (): Promise<{ readonly purse: Purse; readonly releases: Releases }> => {
    const releases = await releasesAt(file);
    return { ...(await purseOf({ settings, journal, releases })), releases };
  };
  const first = await start();
  await first.purse.letGo({ file: `ui/${job}.md` }, 'ann');
  await first.purse.letGo({ job: id(other) }, 'ann');

  const second = await start();
  assert.equal(second.purse.shut('ui' as never, 'F-1' as never, 'l', `ui/${job}.md`), null);
  assert.equal(second.purse.take(wish(job)), null);
  // The daemon goes away while it runs.
  second.purse.free(id(job), false);
  await second.releases.settled();

  const third = await start();
  assert.notEqual(third.purse.ask(wish('abcdefghijklmnor', { file: `ui/${job}.md` })), null, 'the name is used up');
  assert.equal(third.purse.ask(wish(job)), null);
  third.purse.free(id(job), true);
  await third.releases.settled();

  const fourth = await start();
  assert.notEqual(fourth.purse.ask(wish(job)), null);
  assert.equal(fourth.purse.ask(wish(other)), null);
});

test('a release of a file that never came is forgotten after a week, and one that nobody can read releases nothing', async (t) => {
  const file = path.join(await temporaryFolder(t), 'released.json');
  const clock = makeFakeClock('2026-11-20T12:00:00.000Z');
  await (await releasesAt(file, clock)).add({ file: 'ui/b.md' }, 'ann');
  await clock.advance(6 * 86_400_000);
  assert.equal((await releasesAt(file, clock)).hasFile('ui/b.md'), true);
  await clock.advance(2 * 86_400_000);
  assert.equal((await releasesAt(file, clock)).hasFile('ui/b.md'), false);
  await writeFile(file, '{"v":1,"released":[{"job":"../x","by":"a","at":"2026-11-20T12:00:00Z"}]}');
  assert.equal((await releasesAt(file, clock)).hasJob(id('../x')), false);
});

test('a run that costs more than was thought reserves it while it goes on', async () => {
  const { purse } = await purseOf({ settings: { 'budgets.day_usd': 1, 'budgets.reserve_usd': 0.1 } });
  assert.equal(purse.take(wish('a')), null);
  purse.soFar(id('a'), 50_000);
  assert.equal(purse.view()[0]?.reserved, 100_000);
  purse.soFar(id('a'), 950_000);
  assert.equal(purse.view()[0]?.reserved, 950_000);
  assert.match(purse.ask(wish('b')) ?? '', /\$0\.95 reserved by 1 that runs/);
  purse.ended(wish('a'), attempt('r1', 0.95));
  purse.soFar(id('a'), 990_000);
  assert.deepEqual([purse.view()[0]?.spent, purse.view()[0]?.reserved], [950_000, 0]);
});

const keyOf = (lane: string): string | null => (lane.startsWith('own') ? null : `key of ${lane}`);

/** Two purses over one file, as two dockets of a machine have them. */
async function twoPurses(
  t: TestContext,
  settings: Readonly<Record<string, unknown>>,
  histories = ['h', 'h'],
): Promise<[Purse, Purse, Set<string>]> {
  const folder = await temporaryFolder(t);
  const clock = makeFakeClock('2026-11-20T12:00:00.000Z');
  const dead = new Set<string>();
  const purses = await Promise.all(
    histories.map(async (history, n) => {
      const owner = { pid: n + 2, pidStart: '1', bootId: 'boot', instance: String(n) };
      const parts = { openDatabase, clock, owner, isAlive: (pid: number) => !dead.has(String(pid)), isRunAlive: () => false };
      const sharing = makeSharing({
        clock,
        log: silent,
        what: '',
        open: () => openShared({ ...parts, path: path.join(folder, 'limits-1.db') }),
      });
      t.after(() => {
        sharing.close();
      });
      const shared = makeSharedMoney({ sharing, clock, pollMs: 500, keyOf, lanes: ['l'], budgetLanes: ['l'], history });
      return (await purseOf({ settings: n === 0 ? settings : {}, shared })).purse;
    }),
  );
  return [purses[0] as Purse, purses[1] as Purse, dead];
}

test('a day counts what another docket of the same account spends and reserves, one without a budget too', async (t) => {
  const [a, b] = await twoPurses(t, { 'budgets.day_usd': 1, 'budgets.reserve_usd': 0.4 }, ['mine', 'another']);
  assert.equal(b.isOn, false);
  assert.equal(b.take(wish('b1', { run: '/b/b1', ownUsd: 0.7 })), null);
  assert.match(a.take(wish('a1', { run: '/a/a1' })) ?? '', /\$0\.70 reserved by 1 that runs/);
  b.ended({ job: id('b1'), feature: 'F-1' as never, role: 'ui' as never }, attempt('rb1', 0.65));
  assert.match(a.take(wish('a1', { run: '/a/a1' })) ?? '', /\$0\.65 spent, of \$1\.00/);
  assert.equal(a.take(wish('a2', { run: '/a/a2', ownUsd: 0.35 })), null);
});

test('two dockets never both give the last dollar away, and a killed one reserves nothing', async (t) => {
  const [a, b, dead] = await twoPurses(t, { 'budgets.day_usd': 1 });
  assert.equal(b.take(wish('b1', { run: '/b/b1', ownUsd: 0.9 })), null);
  assert.match(a.take(wish('a1', { run: '/a/a1', ownUsd: 0.2 })) ?? '', /reserved by 1 that runs/);
  dead.add('3');
  assert.equal(a.take(wish('a1', { run: '/a/a1', ownUsd: 0.2 })), null);
});

test('a feature is the same one in the same history only, and a run on another account counts for the history it is in', async (t) => {
  const spends = async (histories: string[], lane: string): Promise<string | null> => {
    const [a, b] = await twoPurses(t, { 'budgets.feature_usd': 1 }, histories);
    b.ended({ job: id('b1'), feature: 'F-1' as never, role: 'ui' as never }, attempt('rb1', 0.9, { lane }));
    return a.take(wish('a1', { run: '/a/a1', ownUsd: 0.2 }));
  };
  assert.match((await spends(['same', 'same'], 'own of b')) ?? '', /the budget of F-1: \$0\.90 spent/);
  assert.equal(await spends(['mine', 'another'], 'l'), null);
});
