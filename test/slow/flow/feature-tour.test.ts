/**
 * A new user's path, with the real Claude Code: one ticket -> meta -> approve -> architect -> approve -> openapi (its broken document is repaired once) -> ui,
 * integration, test-review; two features at once, and the daemon killed in the middle of a run. What the model was asked is counted at the model.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeFeatureModel } from '#test/support/feature-model.ts';
import { startFakeModel } from '../../support/fake-model.mjs';
import { toolFolder } from '#test/support/real-tools.ts';
import { assertVerified, makeRig, type Rig } from '#test/support/rig.ts';
import { makeKey } from '#test/support/signing.ts';

const FEATURES = ['FEAT-1', 'FEAT-2'] as const;
const CHAIN = [
  ['01-architect', 'architect'],
  ['02-openapi', 'openapi'],
  ['03-ui', 'ui'],
  ['04-integration', 'integration'],
  ['05-test-review', 'test-review'],
] as const;
const LONGEST_MS = 120_000;

const ticket = (feature: string): string =>
  `---\nfeature: ${feature}\nagent: meta\nprompt_spec_version: 2.1.0\nrevision: 1\ncreated_at: 2026-03-02T09:00:00+01:00\n---\n## Goal\n\nFilter the list of users.\n`;

/** A repository with an identity, and a key whose holder may give verdicts. */
function repository(t: TestContext, more: string): Rig {
  const rig = makeRig(t, undefined, { contract: true });
  const { file } = makeKey(rig.base, 'review_key');
  rig.settings(`runner: claude\nreview: { key: ${JSON.stringify(file)} }\nretry: { base: 10ms, cap: 1s }\n${more}`);
  const git = (...args: readonly string[]): void => {
    assert.equal(spawnSync('git', ['-C', rig.root, ...args], { env: rig.env }).status, 0, args.join(' '));
  };
  writeFileSync(path.join(rig.base, '.gitconfig'), '[user]\n\tname = Ada Example\n\temail = ada@example.com\n');
  writeFileSync(path.join(rig.root, '.gitignore'), 'queues/\n');
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-qm', 'first');
  return rig;
}

test('a ticket becomes a chain of reviewed results, two features at once, over a kill of the daemon', async (t) => {
  const bin = toolFolder('claude');
  if (bin === null) {
    t.skip('NOT RUN: claude is not installed (npm install in test/tools)');
    return;
  }
  const model = makeFeatureModel();
  const fake = await startFakeModel({ answer: model.answer });
  t.after(async () => fake.close());
  const rig = repository(t, '');
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    ANTHROPIC_BASE_URL: fake.url,
    ANTHROPIC_API_KEY: ['fake', 'key', '0123456789abcdef'].join('-'),
  };
  const ended = async (folder: string, stem: string): Promise<void> => {
    const file = path.join(rig.in(folder), `${stem}.processed`);
    await rig.until(rig.in(folder), () => existsSync(file), file, LONGEST_MS);
  };
  const approve = (answer: string): void => {
    const { code, out, err } = rig.run(['approve', answer, '--comment', `as agreed for ${answer}`]);
    assert.equal(code, 0, out + err);
  };
  const asked = (feature: string, role: string): number => model.asked.filter((one) => one.feature === feature && one.role === role).length;

  let daemon = await rig.start(env);
  for (const feature of FEATURES) rig.drop(`${feature}.md`, ticket(feature), '00-meta');
  for (const feature of FEATURES) await ended('00-meta', feature);
  for (const [folder, role] of CHAIN)
    assert.deepEqual(
      readdirSync(rig.in(folder)).toSorted(),
      FEATURES.map((feature) => `${feature}-${role}.held`),
    );
  assert.equal(model.asked.length, 2, 'nothing but the meta agent was asked');

  for (const feature of FEATURES) approve(`${feature}/meta`);
  for (const [at, [folder, role]] of CHAIN.entries()) {
    if (at === 1) {
      // In the middle of the runs of both features.
      await Promise.all(FEATURES.map(async (feature) => model.whenAsked(feature, role)));
      await daemon.kill();
      daemon = await rig.start(env);
    }
    for (const feature of FEATURES) await ended(folder, `${feature}-${role}`);
    const later = CHAIN[at + 1]?.[1];
    if (later !== undefined)
      for (const feature of FEATURES) assert.equal(asked(feature, later), 0, `${later} ran before ${role} was approved`);
    for (const feature of FEATURES) approve(`${feature}/${role}`);
  }

  for (const feature of FEATURES) {
    assert.equal(asked(feature, 'openapi'), 2, 'a broken document, and its repair');
    for (const role of ['meta', 'architect', 'ui', 'integration', 'test-review']) assert.equal(asked(feature, role), 1, role);
    const brief = (role: string): string => model.asked.findLast((one) => one.feature === feature && one.role === role)?.brief ?? '';
    assert.match(brief('openapi'), new RegExp(`Unique words: ${feature}-architect-said`));
    assert.match(brief('openapi'), /## What was wrong with your last answer[\s\S]*version/);
    assert.match(brief('integration'), new RegExp(`${feature}-openapi-said[\\s\\S]*${feature}-ui-said`));
    const { predicate } = rig.evidence(`${feature}-openapi`, '02-openapi');
    assert.deepEqual(predicate.attempts.map(({ outcome }) => outcome), ['agent-failure', 'answered']); // prettier-ignore
  }
  const status = rig.run(['status', '--json']);
  assert.equal(status.code, 0, status.err);
  const tree = rig.run(['feature', 'FEAT-1']);
  assert.equal(tree.code, 0, tree.err);
  for (const [, role] of CHAIN) assert.match(tree.out, new RegExp(role));
  const head = spawnSync('git', ['-C', rig.root, 'rev-parse', 'HEAD'], { env: rig.env, encoding: 'utf8' }).stdout.trim();
  const closed = rig.run(['close', 'FEAT-1', '--merged', head, '--comment', 'seen on staging']);
  assert.equal(closed.code, 0, closed.out + closed.err);
  assert.equal(await daemon.stop(), 0);
  assertVerified(rig);
  const folders = rig.git('ls-tree', '-r', '--name-only', 'HEAD').trim().split('\n');
  assert.equal(folders.filter((file) => file.endsWith('/review_v1.json')).length, 12);
  assert.equal(folders.filter((file) => file.endsWith('/result_v1.md')).length, 12);
  assert.equal(spawnSync('git', ['-C', rig.root, 'status', '--porcelain'], { env: rig.env, encoding: 'utf8' }).stdout, '');
});
