import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import type { GitFacts, Names, QueueFacts, WorktreeFacts } from '#worktrees/cleanup-facts.ts';
import { decideCleanup, REASONS, standing, type ReasonCode } from '#worktrees/decide.ts';

const NONE: Names = { count: 0, first: [] };
const one = (name: string): Names => ({ count: 1, first: [name] });
const GIT: GitFacts = {
  branch: 'feature/FEAT-1',
  head: 'a'.repeat(40),
  isDetached: false,
  changed: NONE,
  untracked: NONE,
  ignored: NONE,
  hidden: NONE,
  nested: NONE,
  inProgress: [],
  base: 'main',
  aheadOfBase: 0,
  behindBase: 0,
  upstream: null,
  unmerged: 0,
  mergedAs: 'ancestor',
  mergedInto: 'refs/heads/main',
  unpushed: null,
  loose: 0,
  stashes: NONE,
  submodules: { count: 0, dirty: NONE, unpushed: NONE },
  committedAt: null,
};
const QUEUES: QueueFacts = { folder: '/w/queues', waiting: NONE, held: NONE, inFlight: NONE, unrecorded: NONE, failed: 0, rejected: 0 };
const FACTS: WorktreeFacts = {
  id: 'FEAT-1',
  folder: '/w',
  stream: 'feature',
  record: null,
  isPrimary: false,
  isRegistered: true,
  hasFolder: true,
  locked: null,
  git: GIT,
  queues: QUEUES,
  daemon: null,
  processes: [],
  unknown: [],
  disk: null,
  activeAt: null,
};
const codesOf = (facts: WorktreeFacts): readonly string[] => decideCleanup(facts).reasons.map(({ code }) => code);
const git = (more: Partial<GitFacts>): WorktreeFacts => ({ ...FACTS, git: { ...GIT, ...more } });
const queues = (more: Partial<QueueFacts>): WorktreeFacts => ({ ...FACTS, queues: { ...QUEUES, ...more } });

const CASES: readonly (readonly [ReasonCode, WorktreeFacts])[] = [
  ['primary', { ...FACTS, isPrimary: true }],
  ['is-base', git({ branch: 'main' })],
  ['not-registered', { ...FACTS, isRegistered: false, git: null }],
  ['no-folder', { ...FACTS, hasFolder: false, git: null }],
  ['unknown', { ...FACTS, unknown: ['git status: bad index'] }],
  ['unknown', { ...FACTS, git: null }],
  ['locked', { ...FACTS, locked: '' }],
  ['in-progress', git({ inProgress: ['a rebase'] })],
  ['uncommitted', git({ changed: one('a') })],
  ['untracked', git({ untracked: one('a') })],
  ['hidden-edit', git({ hidden: one('a') })],
  ['nested-repository', git({ nested: one('a/') })],
  ['unmerged', git({ unmerged: 2, mergedAs: null })],
  ['unmerged', git({ unmerged: 2, mergedAs: null, base: null })],
  ['loose-commits', git({ branch: null, isDetached: true, loose: 1 })],
  ['stashed', git({ stashes: one('stash@{0} WIP on x') })],
  ['submodules', git({ submodules: { count: 1, dirty: NONE, unpushed: NONE } })],
  ['submodule-dirty', git({ submodules: { count: 0, dirty: one('s'), unpushed: NONE } })],
  ['submodule-unpushed', git({ submodules: { count: 0, dirty: NONE, unpushed: one('s') } })],
  ['unrecorded', queues({ unrecorded: one('x') })],
  ['in-flight', queues({ inFlight: one('x') })],
  ['waiting', queues({ waiting: one('x') })],
  ['held', queues({ held: one('x') })],
  ['daemon-up', { ...FACTS, daemon: { pid: null } }],
  ['process', { ...FACTS, processes: [{ pid: 1, name: 'sh' }] }],
];

/** What a person may accept. */
const kept = ({ git: g }: WorktreeFacts): number =>
  g === null ? 1 : g.changed.count + g.untracked.count + g.stashes.count + g.submodules.count + (g.isDetached ? g.loose : g.unmerged);

suite('what stands against a cleanup', () => {
  test('is nothing where all is merged, recorded and quiet', () => {
    assert.deepEqual(decideCleanup(FACTS), { isAllowed: true, reasons: [], notes: [] });
    assert.equal(decideCleanup({ ...FACTS, queues: null, processes: null }).isAllowed, true);
  });

  test('is each of these alone, with words and a way to mend it', () => {
    for (const [code, facts] of CASES) {
      assert.deepEqual(codesOf(facts), [code]);
      for (const { words, mend } of decideCleanup(facts).reasons) assert.ok(words.length > 5 && mend.length > 5, code);
    }
    const record = { branch: 'feature/FEAT-2' } as NonNullable<WorktreeFacts['record']>;
    assert.deepEqual(codesOf({ ...FACTS, record }), ['other-branch']);
    assert.deepEqual(new Set([...CASES.map(([code]) => code), 'other-branch']), new Set(Object.keys(REASONS)));
  });

  test('a person may accept only what is kept, and an uncommitted file only where there is a commit to keep it on', () => {
    const all = new Set<string>(Object.keys(REASONS));
    for (const [code, facts] of CASES) assert.equal(standing(decideCleanup(facts), all).length === 0, REASONS[code], code);
    assert.equal(standing(decideCleanup(git({ changed: one('a'), head: null })), all).length, 1);
  });

  test('whatever the facts: allowed means that nothing exists only there', () => {
    // Mostly quiet, so that some of them are allowed.
    const names = fc.oneof(
      { weight: 12, arbitrary: fc.constant(NONE) },
      fc.array(fc.string(), { minLength: 1, maxLength: 3 }).map((first) => ({ count: first.length, first })),
    );
    const few = fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.constantFrom(1, 7));
    const rarely = fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, fc.constant(true));
    const gitFacts: fc.Arbitrary<GitFacts> = fc.record({
      branch: fc.constantFrom('feature/FEAT-1', 'main', null),
      head: fc.constantFrom('a'.repeat(40), null),
      isDetached: rarely,
      changed: names,
      untracked: names,
      ignored: names,
      hidden: names,
      nested: names,
      inProgress: fc.constantFrom<readonly string[]>([], [], ['a merge']),
      base: fc.constantFrom('main', null),
      aheadOfBase: few,
      behindBase: few,
      upstream: fc.constant(null),
      unmerged: few,
      mergedAs: fc.constantFrom('ancestor' as const, 'squashed' as const, null),
      mergedInto: fc.constant(null),
      unpushed: fc.constantFrom(0, 3, null),
      loose: few,
      stashes: names,
      submodules: fc.record({ count: few, dirty: names, unpushed: names }),
      committedAt: fc.constant(null),
    });
    const facts: fc.Arbitrary<WorktreeFacts> = fc.record({
      id: fc.constant('FEAT-1'),
      folder: fc.string(),
      stream: fc.constant(null),
      record: fc.constantFrom(null, { branch: 'feature/FEAT-1' } as NonNullable<WorktreeFacts['record']>),
      isPrimary: rarely,
      isRegistered: rarely.map((is) => !is),
      hasFolder: rarely.map((is) => !is),
      locked: fc.constantFrom(null, null, 'why'),
      git: fc.option(gitFacts, { freq: 12 }),
      queues: fc.option(
        fc.record({ folder: fc.string(), waiting: names, held: names, inFlight: names, unrecorded: names, failed: few, rejected: few }),
      ),
      daemon: fc.constantFrom(null, null, { pid: 4 }),
      processes: fc.constantFrom(null, [], [], [{ pid: 1, name: 'vi' }]),
      unknown: fc.constantFrom<readonly string[]>([], [], ['?']),
      disk: fc.constant(null),
      activeAt: fc.constant(null),
    });
    const ALONE: readonly ((facts: WorktreeFacts) => number)[] = [
      ({ git: g }) =>
        g === null ? 1 : g.hidden.count + g.nested.count + g.inProgress.length + g.submodules.dirty.count + g.submodules.unpushed.count,
      ({ queues: q }) => (q === null ? 0 : q.unrecorded.count + q.waiting.count + q.held.count + q.inFlight.count),
      ({ unknown, processes, daemon, locked }) =>
        unknown.length + (processes?.length ?? 0) + (daemon === null ? 0 : 1) + (locked === null ? 0 : 1),
    ];
    let allowed = 0;
    fc.assert(
      fc.property(facts, fc.subarray(Object.keys(REASONS)), (given, accepted) => {
        const decision = decideCleanup(given);
        assert.equal(decision.isAllowed, decision.reasons.length === 0);
        if (decision.isAllowed) allowed++;
        if (decision.isAllowed) for (const count of [...ALONE, kept]) assert.equal(count(given), 0);
        // Whatever a person accepts: what nothing keeps stands against it.
        if (standing(decision, new Set(accepted)).length === 0) for (const count of ALONE) assert.equal(count(given), 0);
      }),
      { numRuns: 3_000, examples: [[FACTS, []]] },
    );
    assert.ok(allowed > 50, String(allowed));
  });
});
