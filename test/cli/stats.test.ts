/** `docket stats`: what is measured, and what is only claimed by a baseline. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { addApprove } from '#cli/approve.ts';
import { generateKey, renderPrivateKey } from '#history/ssh-key.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { addStats, spanWord } from '#cli/stats.ts';
import { qualityOf, spreadOf, type Fact } from '#cli/stats-facts.ts';
import { modelOf, TASKS } from '#cli/stats-model.ts';
import { SETTINGS, type Settings } from '#core/settings.ts';
import type { FeatureId, RoleName } from '#core/names.ts';
import { makeTempWorkspace, seedJob } from '../support/workspace.ts';

const HOUR = 3_600_000;
const fact = (role: string, more: Partial<Fact> & { readonly revision?: number; readonly feature?: string } = {}): Fact => ({
  identity: { feature: (more.feature ?? 'FEAT-1') as FeatureId, role: role as RoleName, name: null, revision: more.revision ?? 1 },
  status: 'answered',
  standing: 'accepted',
  endedMs: 0,
  waitingMs: 0,
  runningMs: HOUR / 2,
  reviewMs: HOUR,
  leadMs: 2 * HOUR,
  firstVerdict: 'approved',
  attempts: 1,
  contractFailures: 0,
  micros: 1_000_000,
  unknownRuns: 0,
  ...more,
});
const settings = Object.fromEntries(Object.entries(SETTINGS).map(([key, row]) => [key, row.default])) as unknown as Settings;

test('median and 90th of a hundred are the nearest ranks; of nothing there is none', () => {
  assert.deepEqual(spreadOf(Array.from({ length: 100 }, (_, n) => 100 - n)), { count: 100, median: 50, p90: 90, total: 5_050 });
  assert.equal(spreadOf([]), null);
});

test('first pass is the first revision approved with the first word; later revisions do not better it', () => {
  const facts = [
    fact('ui', { revision: 1, firstVerdict: 'changes-requested', standing: 'changes-requested' }),
    fact('ui', { revision: 2 }),
    fact('openapi', { attempts: 3, contractFailures: 1 }),
    fact('meta', { firstVerdict: null, standing: 'awaiting' }),
    fact('architect', { status: 'failed', standing: null, firstVerdict: null, attempts: 2 }),
  ];
  const { judged, firstPass, retries, contractFailures, failed, series, revisions } = qualityOf(facts);
  assert.deepEqual([judged, firstPass, retries, contractFailures, failed, series, revisions], [2, 1, 3, 1, 1, 4, 5]);
});

describe('the productivity model', () => {
  test('claims only what was accepted, for one feature, with all revisions and attempts of it', () => {
    const facts = [
      fact('openapi', { revision: 1, standing: 'changes-requested' }),
      fact('openapi', { revision: 2 }),
      fact('openapi', { feature: 'FEAT-2' }),
      fact('ui', { standing: 'awaiting', reviewMs: null }),
    ];
    const model = modelOf(facts, { ...settings, 'stats.baseline_openapi': 10, 'stats.hourly_rate': 50, 'stats.features_month': 3 });
    const openapi = model.tasks.find(({ task }) => task === 'OpenAPI draft');
    assert.deepEqual(
      [openapi?.features, openapi?.machineHours, openapi?.reviewHours, openapi?.usd, openapi?.differenceHours],
      [2, 0.75, 1.5, 1.5, 8.5],
    );
    const ui = model.tasks.find(({ task }) => task === 'UI skeleton');
    assert.deepEqual([ui?.features, ui?.machineHours, ui?.differenceHours], [0, null, null]);
    assert.deepEqual([model.baselineHours, model.differenceUsd, model.differenceUsdMonth], [10, 8.5 * 50 - 1.5, 3 * (8.5 * 50 - 1.5)]);
  });

  test('work that took longer than the baseline is a loss, and told as one', () => {
    const model = modelOf([fact('ui', { reviewMs: 100 * HOUR })], settings);
    assert.ok(model.differenceUsd < 0);
  });

  test('has the five tasks, each with a baseline of its own', () => {
    assert.deepEqual(
      TASKS.map(({ task }) => task),
      ['feature design', 'OpenAPI draft', 'UI skeleton', 'API integration', 'initial tests'],
    );
    for (const { setting } of TASKS) assert.match(SETTINGS[setting].why, /your own assumption, the default is nobody's measurement/);
  });
});

describe('docket stats', () => {
  test('prints the baseline beside the claim, in words that it is an assumption, within 80 columns', async (t) => {
    const keyFile = path.join(await temporaryFolder(t), 'review_key');
    writeFileSync(keyFile, renderPrivateKey(generateKey('ada')), { mode: 0o600 });
    const workspace = await makeTempWorkspace(t, `runner: offline\nreview:\n  key: ${keyFile}\nstats: { baseline_openapi: 12.5 }\n`);
    for (const args of [
      ['init', '-q'],
      ['config', 'user.name', 'Ada'],
      ['config', 'user.email', 'ada@example.com'],
    ])
      execFileSync('git', ['-C', workspace.root, ...args]);
    await seedJob(await workspace.rooms(), 'o', { agent: 'openapi' }, { status: 'answered', answer: 'x' });
    assert.equal((await workspace.run(addApprove, 'approve', 'FEAT-1/openapi')).code, 0);
    const { code, out } = await workspace.run(addStats, 'stats');
    assert.equal(code, 0);
    assert.match(out, /^for one feature +features +YOUR baseline +machine +review +difference$/m);
    assert.match(out, /^By your baseline of 12\.5 = 12\.5 h and \$100 an hour/m);
    assert.match(out.replaceAll('\n', ' '), /the baseline hours are your own assumption .* the defaults are nobody’s measurement/);
    for (const line of out.split('\n')) assert.ok(line.length <= 80, line);
  });

  test('claims nothing while nothing was accepted, and says so when there is nothing to measure', async (t) => {
    const workspace = await makeTempWorkspace(t);
    assert.match((await workspace.run(addStats, 'stats')).out, /^no answer of a tool is recorded/);
    await seedJob(await workspace.rooms(), 'o', { agent: 'openapi' }, { status: 'answered', answer: 'x' });
    assert.match((await workspace.run(addStats, 'stats')).out, /nothing was accepted yet, so nothing is claimed\./);
    const { data } = await workspace.json(addStats, 'stats', '--since', '2099-01-01');
    assert.deepEqual((data as { readonly roles: unknown }).roles, []);
    assert.equal((await workspace.run(addStats, 'stats', '--since', 'soon')).code, 2);
  });

  test('durations in words', () => {
    assert.deepEqual([450, 12_000, 312_000, 11_160_000, 172_800_000].map(spanWord), ['450ms', '12.0s', '5.2m', '3.1h', '2.0d']);
  });
});
