/** `docket feature`: the chain as a tree, from history and folders alone. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { addApprove, addAskChanges } from '#cli/approve.ts';
import { ON_HOLD, type Revision, type Series } from '#cli/feature-facts.ts';
import { addFeature } from '#cli/feature.ts';
import { treeOf, type Node } from '#cli/feature-tree.ts';
import { addStats } from '#cli/stats.ts';
import type { FeatureId, JobId, PromptName, RoleName } from '#core/names.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { sayClosed } from '../support/verdicts.ts';
import { makeTempWorkspace, promptText, seedJob, type TempWorkspace } from '../support/workspace.ts';

const revision = (n: number, more: Partial<Revision> = {}): Revision => ({
  revision: n,
  job: null,
  state: 'answered',
  standing: 'accepted',
  verdicts: [],
  stale: [],
  at: null,
  micros: 0,
  title: null,
  dependsOn: [],
  parent: null,
  file: null,
  ...more,
});
const series = (role: string, more: Partial<Revision> = {}, name: string | null = null): Series => ({
  feature: 'FEAT-1',
  role: role as RoleName,
  name: name as PromptName | null,
  revisions: [revision(1, more)],
});
const needs = (...roles: string[]): Revision['dependsOn'] =>
  roles.map((role) => ({ feature: 'FEAT-1' as FeatureId, role: role as RoleName, revision: null, name: null }));
const shape = (nodes: readonly Node[]): unknown => nodes.map(({ id, children }) => (children.length === 0 ? id : [id, shape(children)]));
const WAITING = { state: 'waiting', standing: null, file: 'x.md' } as const;

describe('the tree', () => {
  test('each series stands once, below what it waits for longest', () => {
    const all = [
      series('architect'),
      series('openapi', { dependsOn: needs('architect') }),
      series('ui', { dependsOn: needs('architect', 'openapi') }),
    ];
    assert.deepEqual(shape(treeOf({ feature: 'FEAT-1', series: all }, new Map())), [['architect', [['openapi', ['ui']]]]]);
  });

  test('what came out of an answer stands below it, several of one role by their names', () => {
    const all = [
      series('meta', { job: 'aaaaaaaaaaaaaaaa' as JobId, standing: 'awaiting' }),
      series('ui', { parent: 'aaaaaaaaaaaaaaaa', state: ON_HOLD, standing: null, file: 'a.held' }, 'panel'),
      series('ui', { parent: 'aaaaaaaaaaaaaaaa', state: ON_HOLD, standing: null, file: 'b.held' }, 'list'),
    ];
    const tree = treeOf({ feature: 'FEAT-1', series: all }, new Map());
    assert.deepEqual(shape(tree), [['meta', ['ui/panel', 'ui/list']]]);
    assert.deepEqual(tree[0]?.children[0]?.waitsFor, ['the approval of meta@1, which it came out of']);
  });

  test('without depends_on or parent the role before it is what it stands below', () => {
    const next = new Map([['architect' as RoleName, ['openapi' as RoleName]]]);
    assert.deepEqual(shape(treeOf({ feature: 'FEAT-1', series: [series('openapi'), series('architect')] }, next)), [
      ['architect', ['openapi']],
    ]);
  });

  test('a circle is shown, each once', () => {
    const all = [series('ui', { dependsOn: needs('openapi') }), series('openapi', { dependsOn: needs('ui') })];
    assert.deepEqual(shape(treeOf({ feature: 'FEAT-1', series: all }, new Map())), [['ui', ['openapi']]]);
  });

  test('says what is missing: no prompt, no verdict, another feature; an accepted one is not missing', () => {
    const other = { feature: 'FEAT-9' as FeatureId, role: 'ui' as RoleName, revision: 2, name: null };
    const all = [
      series('architect'),
      series('openapi', { standing: 'awaiting' }),
      series('ui', { ...WAITING, dependsOn: [...needs('architect', 'openapi', 'meta'), other] }),
    ];
    const ui = treeOf({ feature: 'FEAT-1', series: all }, new Map())
      .flatMap((node) => [node, ...node.children, ...node.children.flatMap(({ children }) => children)])
      .find(({ id }) => id === 'ui');
    assert.deepEqual(ui?.waitsFor, [
      'openapi, which is awaiting a verdict',
      'meta, which has no prompt yet',
      'FEAT-9/ui@2, of another feature',
    ]);
  });
});

async function place(t: TestContext): Promise<TempWorkspace> {
  const folder = await temporaryFolder(t);
  const keyFile = path.join(folder, 'review_key');
  writeFileSync(keyFile, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
  const workspace = await makeTempWorkspace(t, `runner: offline\nreview:\n  key: ${keyFile}\n`);
  for (const args of [
    ['init', '-q'],
    ['config', 'user.name', 'Ada Example'],
    ['config', 'user.email', 'ada@example.com'],
  ])
    execFileSync('git', ['-C', workspace.root, ...args]);
  return workspace;
}
const usage = { inputTokens: 100, outputTokens: 10, cacheReadTokens: null, cacheWriteTokens: null, costUsd: 0.5, turns: null };
const ANSWER = { status: 'answered', answer: 'Two modules.\n', usage } as const;

/** A design of two revisions, an API that waits to be judged, a screen that waits for it, and a test that failed. */
async function filled(t: TestContext): Promise<TempWorkspace> {
  const workspace = await place(t);
  const rooms = await workspace.rooms();
  const feature = 'FEAT-1-filters';
  await seedJob(rooms, 'a', { feature }, ANSWER);
  assert.equal((await workspace.run(addAskChanges, 'ask-changes', 'FEAT-1/architect', '--comment', 'Name the modules')).code, 0);
  await seedJob(rooms, 'a2', { feature, revision: 2 }, ANSWER);
  assert.equal((await workspace.run(addApprove, 'approve', 'FEAT-1/architect')).code, 0);
  await seedJob(rooms, 'o', { feature, agent: 'openapi', more: 'depends_on: [architect]\n' }, ANSWER);
  await seedJob(
    rooms,
    't',
    { feature, agent: 'test-review' },
    { status: 'failed', failure: { kind: 'no-answer', runner: 'fake', message: 'x' } },
  );
  await workspace.write('queues/03-ui/in/panel.md', promptText({ feature, agent: 'ui', more: 'depends_on: [openapi]\n' }));
  return workspace;
}

describe('docket feature', () => {
  test('shows revisions, verdicts with who and when, what waits for what, and the cost', async (t) => {
    const workspace = await filled(t);
    const { code, out } = await workspace.run(addFeature, 'feature', 'feat-1');
    assert.equal(code, 0);
    assert.match(out, /^FEAT-1-filters {2}open {2}\$1\.50$/m);
    assert.match(out, /architect@2 {2}accepted .*\$1\.00/);
    assert.match(out, /approved by Ada Example, \d{4}-\d{2}-\d{2} \d{2}:\d{2}/);
    assert.match(out, /@1: changes requested \(changes-requested by Ada Example, .*: Name the modules\)/);
    assert.match(out, /openapi@1 {2}awaits a verdict/);
    assert.match(out, /ui@1 {2}waiting/);
    assert.match(out, /waits for openapi, which is awaiting a verdict/);
    assert.match(out, /test-review@1 {2}failed/);
  });

  test('names the roles that come next, of a closed feature none', async (t) => {
    const workspace = await place(t);
    const { history, ...rooms } = await workspace.rooms();
    await seedJob({ history, ...rooms }, 'a', {}, ANSWER);
    assert.equal((await workspace.run(addApprove, 'approve', 'FEAT-1/architect')).code, 0);
    const next = async (): Promise<unknown> =>
      ((await workspace.json(addFeature, 'feature', 'FEAT-1')).data as { readonly next_without_prompt: unknown }).next_without_prompt;
    assert.deepEqual(await next(), ['openapi', 'ui']);
    await sayClosed(history, 'FEAT-1', 'closing');
    assert.deepEqual(await next(), []);
    assert.doesNotMatch((await workspace.run(addFeature, 'feature', 'FEAT-1')).out, /docket next/);
  });

  test('is the same with the journal deleted; --json has the tree', async (t) => {
    const workspace = await filled(t);
    const before = await workspace.json(addFeature, 'feature', 'FEAT-1');
    const stats = await workspace.json(addStats, 'stats');
    (await workspace.rooms()).journal.close();
    for (const name of ['journal.db', 'journal.db-wal', 'journal.db-shm', 'board.json'])
      rmSync(path.join(workspace.queues, '.docket', name), { force: true });
    assert.deepEqual(await workspace.json(addFeature, 'feature', 'FEAT-1'), before);
    assert.deepEqual(await workspace.json(addStats, 'stats'), stats);
    type Tree = { readonly id: string; readonly children: readonly Tree[]; readonly waits_for: readonly string[] };
    const { tree, state } = before.data as { readonly tree: readonly Tree[]; readonly state: string };
    assert.equal(state, 'open');
    const ids = (nodes: readonly Tree[]): string[] => nodes.flatMap(({ id, children }) => [id, ...ids(children)]);
    assert.deepEqual(ids(tree).toSorted(), ['architect', 'openapi', 'test-review', 'ui']);
  });

  test('without a name a line for each feature; an unknown one names the nearest', async (t) => {
    const workspace = await filled(t);
    const { features } = (await workspace.json(addFeature, 'feature')).data as { readonly features: readonly Record<string, unknown>[] };
    assert.deepEqual(features, [
      {
        feature: 'FEAT-1-filters',
        state: 'open',
        series: 4,
        accepted: 1,
        awaiting: 1,
        waiting: 1,
        needs_person: 1,
        stale: 0,
        cost_usd: 1.5,
      },
    ]);
    const unknown = await workspace.run(addFeature, 'feature', 'FEAT-2');
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /nothing is known of FEAT-2; did you mean FEAT-1\?/);
    assert.equal((await workspace.run(addFeature, 'feature', '../x')).code, 2);
  });
});
