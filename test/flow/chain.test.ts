/** The chain: what is accepted flows on, and nothing else. One daemon for the whole file; its one tool prints its brief. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertVerified, makeRig, promptText, type Daemon, type Front } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';
import { inHistory, judge, sayClosed, type Said } from '#test/support/verdicts.ts';

const FOLDERS = { meta: '00-meta', architect: '01-architect', openapi: '02-openapi', ui: '03-ui', integration: '04-integration' } as const;
type Name = keyof typeof FOLDERS;

/** The brief without the lines that would make prompts of parts of it. */
const WITHOUT_FENCES = "grep -v '^[~`]'";

describe('the chain of answers', () => {
  const rig = makeRig({ after }, '');
  let daemon: Daemon;
  before(async () => {
    rig.settings(
      settingsWith(
        [shellRunner('copy', WITHOUT_FENCES)],
        // A minute: what goes on before was woken by the verdict.
        'intake: { settle: 100ms, scan_interval: 1m }\ncontext: { bytes: 3000 }\nlimits: { front_matter_bytes: 65536 }\nreview: { unreviewed_roles: [integration] }\n',
      ).replace('intake: { settle: 100ms }\n', ''),
    );
    const role = path.join(rig.root, 'agents/04-integration/role.yaml');
    writeFileSync(role, readFileSync(role, 'utf8').replace('review: required', 'review: none'));
    daemon = await rig.start();
  });

  const drop = (stem: string, role: Name, front: Front): void => {
    rig.drop(`${stem}.md`, promptText({ agent: role, ...front, extra: `runner: copy\n${front.extra ?? ''}` }), FOLDERS[role]);
  };
  const waits = (stem: string, role: Name): boolean => existsSync(path.join(rig.in(FOLDERS[role]), `${stem}.md`));
  const verdict = async (what: string, said?: Said): Promise<string> => inHistory(rig.root, async (history) => judge(history, what, said));
  /** One that waits for nothing has gone through: the folders were looked at. */
  let looks = 0;
  const looked = async (): Promise<void> => {
    const stem = `look-${String(++looks)}`;
    drop(stem, 'openapi', { feature: `LOOK-${String(looks)}` });
    await rig.ended(stem, 'processed', FOLDERS.openapi);
  };
  const why = async (name: string): Promise<string> => (await rig.docket('why', name)).out;

  test('01 sees the answer of 00, 02 the one of 01, each only after its verdict; why says whose verdict is wanted', async () => {
    drop('c-api', 'openapi', { feature: 'CHN-1', body: 'The third.\n', extra: 'depends_on: [architect]\n' });
    drop('b-arch', 'architect', { feature: 'CHN-1', body: 'The second.\n', extra: 'depends_on: [meta]\n' });
    drop('a-meta', 'meta', { feature: 'CHN-1', body: 'The first.\n' });
    await rig.ended('a-meta', 'processed', FOLDERS.meta);
    await looked();
    assert.ok(waits('b-arch', 'architect') && waits('c-api', 'openapi'));
    assert.match(await why('b-arch'), /because {2}CHN-1\/meta@1 awaits a verdict\n {2}next {5}`docket approve CHN-1\/meta@1`/);
    assert.match(
      await why('c-api'),
      /CHN-1\/architect is not answered yet: architect\/b-arch waits, too\n {2}next {5}`docket why architect\/b-arch`/,
    );
    await verdict('CHN-1/meta@1', { verdict: 'changes-requested' });
    assert.match(await why('b-arch'), /changes were requested of CHN-1\/meta@1\n {2}next {5}`docket revise CHN-1\/meta`/);
    await looked();
    assert.ok(waits('b-arch', 'architect'));
    const commit = await verdict('CHN-1/meta@1');
    await rig.ended('b-arch', 'processed', FOLDERS.architect);
    const { context, materials } = rig.evidence('b-arch').predicate;
    const sha256 = createHash('sha256').update(rig.git('show', 'HEAD:CHN-1/00-meta/result_v1.md')).digest('hex');
    assert.deepEqual(
      context?.map((one) => [one.path, one.sha256, one.standing, one.verdicts.at(-1)?.commit]),
      [['CHN-1/00-meta/result_v1.md', sha256, 'accepted', commit]],
    );
    assert.ok(materials.some((one) => one.role === 'context' && one.sha256 === sha256));
    assert.match(await why('b-arch'), /is answered\n.*\n {2}because {2}CHN-1\/architect@1 awaits a verdict/);
    await verdict('CHN-1/architect@1');
    await rig.ended('c-api', 'processed', FOLDERS.openapi);
    assert.match(
      rig.read(path.join(rig.out(FOLDERS.openapi), 'c-api_result.md')),
      /CHN-1\/01-architect\/result_v1\.md \(SHA-256 [0-9a-f]{64}/,
    );
  });

  test('a newer accepted revision makes stale what was made with the one before, all the way down; nothing runs again', async () => {
    drop('a-meta2', 'meta', { feature: 'CHN-1', revision: 2, body: 'Better.\n' });
    await rig.ended('a-meta2', 'processed', FOLDERS.meta);
    assert.doesNotMatch(await why('b-arch'), /stale/);
    await verdict('CHN-1/meta@2');
    assert.match(await why('b-arch'), /it is stale: CHN-1\/meta@2 is accepted now, and it was made with CHN-1\/meta@1/);
    assert.doesNotMatch(await why('b-arch'), /nothing to do/);
    assert.equal((await why('b-arch')).split('docket revise').length, 2, 'one step, said once');
    assert.match(await why('openapi/c-api'), /it is stale: it was made with CHN-1\/architect@1, which is stale itself/);
    await looked();
    assert.equal(
      rig.git('log', '--format=%s', '--grep=Docket-Feature: CHN-1', '--grep=Docket-Role: architect', '--all-match').trim().split('\n')
        .length,
      3,
    );
  });

  test('of answers that are longer than context.bytes the brief holds the beginning and says so; the material is the whole', async () => {
    drop('long', 'meta', { feature: 'CHN-2', body: 'A long line of the answer.\n'.repeat(400) });
    drop('short', 'architect', { feature: 'CHN-2', body: 'Short.\n' });
    drop('reads', 'ui', { feature: 'CHN-2', extra: 'depends_on: [meta, architect]\n' });
    await rig.ended('long', 'processed', FOLDERS.meta);
    await rig.ended('short', 'processed', FOLDERS.architect);
    await verdict('CHN-2/meta@1');
    await verdict('CHN-2/architect@1');
    await rig.ended('reads', 'processed', FOLDERS.ui);
    const { context = [], materials } = rig.evidence('reads', FOLDERS.ui).predicate;
    assert.equal(context.length, 2);
    assert.ok(context.reduce((sum, { sentBytes }) => sum + sentBytes, 0) <= 3_000);
    const brief = rig.read(path.join(rig.out(FOLDERS.ui), 'reads_result.md'));
    for (const { path: where, sha256, sizeBytes, sentBytes } of context) {
      assert.ok(sentBytes < sizeBytes);
      const head = `${where} (SHA-256 ${sha256}; only its first ${String(sentBytes)} of ${String(sizeBytes)} bytes: the rest is left out here)`;
      assert.ok(brief.includes(head), head);
      assert.ok(materials.some((one) => one.role === 'context' && one.sha256 === sha256 && one.sizeBytes === sizeBytes));
    }
  });

  test('a role that the settings list as unreviewed needs no verdict, and the evidence says so', async () => {
    drop('after', 'ui', { feature: 'CHN-3', extra: 'depends_on: [integration]\n' });
    await looked();
    drop('free', 'integration', { feature: 'CHN-3' });
    await rig.ended('after', 'processed', FOLDERS.ui);
    const [used] = rig.evidence('after', FOLDERS.ui).predicate.context ?? [];
    assert.deepEqual([used?.standing, used?.verdicts], ['unreviewed', []]);
  });

  test('one whose header is too long to be looked at is claimed, and waits in work/ for the verdict all the same', async () => {
    const long = `# ${'x'.repeat(90)}\n`.repeat(300);
    drop('deep', 'ui', { feature: 'CHN-6', extra: `${long}depends_on: [architect]\n` });
    drop('up', 'architect', { feature: 'CHN-6' });
    await rig.ended('up');
    await looked();
    await rig.until(rig.in(FOLDERS.ui), () => !waits('deep', 'ui'), 'it is claimed');
    // It looks again by itself.
    let said = '';
    for (let tries = 0; tries < 100 && !said.includes('awaits a verdict'); tries++) said = await why('ui/deep');
    assert.match(said, /is in work\n {2}because {2}it waits: CHN-6\/architect@1 awaits a verdict/);
    assert.equal(existsSync(path.join(rig.out(FOLDERS.ui), 'deep_result.md')), false);
    await verdict('CHN-6/architect@1');
    await rig.ended('deep', 'processed', FOLDERS.ui);
    assert.equal(rig.evidence('deep', FOLDERS.ui).predicate.context?.[0]?.revision, 1);
    drop('deep-cycle', 'ui', { feature: 'CHN-6', revision: 2, extra: `${long}depends_on: [ui@1, integration]\n` });
    drop('deep-other', 'integration', { feature: 'CHN-6', extra: 'depends_on: [FEAT-77/ui, meta]\n' });
    await looked();
    assert.equal((await rig.docket('cancel', 'deep-cycle')).code, 0);
    await rig.ended('deep-cycle', 'cancelled', FOLDERS.ui);
  });

  test('prompts that wait for one another: the one that closes the cycle is rejected, with the cycle, its line and column', async () => {
    drop('cy-ui', 'ui', { feature: 'CHN-4', extra: 'depends_on: [openapi]\n' });
    await looked();
    drop('cy-api', 'openapi', { feature: 'CHN-4', extra: 'depends_on: [meta, ui]\n' });
    await rig.ended('cy-api', 'rejected', FOLDERS.openapi);
    const page = rig.read(path.join(rig.out(FOLDERS.openapi), 'cy-api_error.md'));
    assert.ok(page.includes('CHN-4/openapi -> CHN-4/ui -> CHN-4/openapi'), page);
    assert.match(page, /8.*20|line 8, column 20/);
    assert.ok(waits('cy-ui', 'ui'));
    const long = 'prd-the-sales-of-the-whole-firm';
    drop('cy-long-ui', 'ui', { feature: long, extra: 'name: filter-panel\ndepends_on: [openapi]\n' });
    await looked();
    drop('cy-long-api', 'openapi', { feature: long, extra: `depends_on: [${long}/ui/filter-panel]\n` });
    await rig.ended('cy-long-api', 'rejected', FOLDERS.openapi);
    const whole = `${long}/openapi -> ${long}/ui/filter-panel -> ${long}/openapi`;
    assert.ok(rig.read(path.join(rig.out(FOLDERS.openapi), 'cy-long-api_error.md')).includes(whole), 'nothing of it is cut off');
    drop('cy-self', 'architect', { feature: 'CHN-4', extra: 'depends_on: [architect]\n' });
    await rig.ended('cy-self', 'rejected', FOLDERS.architect);
    assert.ok(rig.read(path.join(rig.out(), 'cy-self_error.md')).includes('CHN-4/architect -> CHN-4/architect'));
    drop('cy-none', 'architect', { feature: 'CHN-4', extra: 'depends_on: [archivist]\n' });
    await rig.ended('cy-none', 'rejected', FOLDERS.architect);
  });

  test('a feature that is closed takes no new prompt, in words, until it is reopened', async () => {
    await inHistory(rig.root, async (history) => sayClosed(history, 'CHN-2', 'closing'));
    drop('late', 'architect', { feature: 'CHN-2', revision: 2 });
    await rig.ended('late', 'rejected', FOLDERS.architect);
    const page = rig.read(path.join(rig.out(), 'late_error.md'));
    assert.match(page, /CHN-2 was closed by Ada Example at 2026-11-20/);
    assert.match(page, /docket reopen CHN-2/);
    await inHistory(rig.root, async (history) => sayClosed(history, 'CHN-2', 'reopening'));
    assert.equal((await rig.docket('retry', 'late')).code, 0);
    await rig.ended('late', 'processed', FOLDERS.architect);
  });

  test('without a daemon why says the same of what waits', async () => {
    drop('off', 'architect', { feature: 'CHN-5', extra: 'depends_on: [FEAT-99/ui/panel@3, CHN-3/ui]\n' });
    await looked();
    const running = await why('off');
    assert.equal(await daemon.stop(), 0);
    for (const words of [
      'no prompt for FEAT-99/ui/panel@3 was dropped yet',
      'CHN-3/ui@1 awaits a verdict',
      '`docket approve CHN-3/ui@1`',
    ]) {
      assert.ok(running.includes(words), running);
      assert.ok((await why('off')).includes(words));
    }
    assertVerified(rig);
  });
});
