/**
 * The ablation gate: every sync in the code is left out, one call site at a time, and the model must then lose something (`safety`) or start a tool once more
 * than it may (`no-second-run`). A sync that nothing shows to be needed is either not needed, and costs time for nothing, or the model is too small.
 * The table that this prints is in docs/faults-model.md.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_SITES, together, type Work } from './crew.ts';
import { SCENARIOS } from './scenarios.ts';

/** Of one scenario, every so many-th crash of the first life and few after: enough to see what each scenario syncs, and to see most losses. */
const SHARES = 7;
const work = (scenario: string, more: Partial<Work>): Work => ({
  scenario,
  seed: 1,
  fan: [],
  share: { of: SHARES, index: 3 },
  isEnough: true,
  site: null,
  faults: false,
  ...more,
});

/** Left out they do no harm that the model can show; why each is there all the same. */
const NOT_SHOWN: Readonly<Record<string, string>> = {
  'agents/attempt.ts putAside: syncFolder work/<job>/a1': 'the keeper syncs the same folder before the tool is told to go',
  'daemon/crash-loop.ts countStart: replace queues/.docket/*.tmp': 'the count is of crashes of the process; a power cut may forget it',
  'spool/claim.ts claim: syncFolder in': 'a rename is one step: either this or the sync of work/ beside it is enough',
  'spool/claim.ts claim: syncFolder work': 'a rename is one step: either this or the sync of in/ beside it is enough',
  'spool/clean.ts clean: syncFolder work':
    'comes back as archive/unclear-<job> at worst, and only when the ledger was shortened in between',
  'spool/finish.ts exchange: syncFolder archive': 'a rename is one step, and the sync of work/ after it makes it durable',
  'spool/finish.ts finish: syncFolder work':
    'undone, the claimed file and the private copies come back and are found to be placed and published; who takes them away in that moment sees them twice',
  'spool/finish.ts moveCopyUp: syncFolder work': 'undone, the exchange is done again from the same private copy',
  'spool/prepare.ts probe: writeNew work/*.tmp': 'an empty file that is removed again',
  'spool/stem.ts supersede: syncFolder archive': 'the model does not look for words of an older end',
  'spool/stem.ts supersede: syncFolder out': 'the model does not look for words of an older end',
  'spool/stem.ts supersede: syncFolder archive/superseded': 'a rename is one step, and the sync of out/ after it makes it durable',
};

/** Losses that take two certain crashes. */
const CLOSELY: Readonly<Record<string, { readonly scenario: string; readonly first: RegExp }>> = {
  'spool/leftovers.ts leftovers: syncFolder work': { scenario: 'one prompt', first: /^kill at syncFolder .*\/(?:work|in)$/ },
  'spool/read.ts copyPrivately: syncFile work/<job>.prompt': {
    scenario: 'somebody writes to a long prompt after it was claimed',
    first: /^kill at writeNew .*\.prompt$/,
  },
};

type Site = { readonly name: string; readonly why: string; readonly scenarios: readonly string[] };

async function sitesOf(): Promise<readonly Site[]> {
  const done = await together(SCENARIOS.map(({ name }) => work(name, { site: ALL_SITES, share: { of: 30, index: 0 } })));
  const sites = new Map<string, { why: string; scenarios: string[] }>();
  for (const [index, { sites: here }] of done.entries())
    for (const [name, why] of here) {
      const site = sites.get(name) ?? { why, scenarios: [] };
      site.scenarios.push(SCENARIOS[index]?.name ?? '');
      sites.set(name, site);
    }
  return [...sites].map(([name, site]) => ({ name, ...site })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The first scenario in which it is missed, and how; null: none. */
async function missed(site: Site): Promise<{ readonly scenario: string; readonly words: string } | null> {
  const close = CLOSELY[site.name];
  if (close !== undefined) {
    const more = { site: site.name, fan: [1], first: close.first, share: { of: 1, index: 0 } };
    const [done] = await together([work(close.scenario, more)], 1);
    const words = done?.bad[0];
    return words === undefined ? null : { scenario: close.scenario, words };
  }
  for (const fan of [[], [0.01]])
    for (const scenario of site.scenarios) {
      const [done] = await together([work(scenario, { site: site.name, fan })], 1);
      const words = done?.bad[0];
      if (words !== undefined) return { scenario, words };
    }
  return null;
}

test('the look at each state alone, without a single crash, tells a prompt that is not durable yet', async () => {
  const none = { fan: [], first: /^no crash at all$/, share: { of: 1, index: 0 } };
  const sites = [null, 'spool/drop.ts drop: syncFolder in', 'spool/drop.ts drop: writeNew in/*.tmp'];
  const done = await together(sites.map((site) => work('one prompt', { ...none, site })));
  assert.deepEqual(
    done.map(({ bad }) => bad.map((words) => words.replace(/ \(.*/, ''))),
    [[], ...sites.slice(1).map(() => ['foo: a power cut would lose the prompt in this instant'])],
  );
});

test('each sync that is left out loses something, or starts a tool twice', async (context) => {
  const sites = await sitesOf();
  assert.ok(sites.length > 40, `only ${String(sites.length)} places that sync were seen`);
  const unseen: string[] = [];
  const rows: string[] = [];
  const left = [...sites];
  const hand = async (): Promise<void> => {
    for (let site = left.shift(); site !== undefined; site = left.shift()) {
      if (site.name in NOT_SHOWN) continue;
      const found = await missed(site);
      if (found === null) unseen.push(site.name);
      else rows.push(`| ${site.why} | \`${site.name}\` | ${found.scenario} | ${found.words.replace(/ \[.*/, '')} |`);
    }
  };
  await Promise.all([hand(), hand()]);
  for (const row of rows.toSorted()) context.diagnostic(row);
  assert.deepEqual(unseen, [], 'left out, and nothing was lost');
  const stale = Object.keys(NOT_SHOWN).filter((name) => !sites.some((site) => site.name === name));
  assert.deepEqual(stale, [], 'explained, but not in the code any more');
});
