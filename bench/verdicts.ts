/**
 * What verdicts cost to read: `node bench/verdicts.ts [answers]`. One history with a verdict about each answer; every question asked by a new process's history,
 * with the note of before (history/review-note.ts) and without it, in turns, in one run. The baseline is the reading without the note.
 */

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { makeHistory } from '#history/history.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { silentLog } from '#platform/log.ts';
import { pairOf } from './history-pairs.ts';
import { makePlace } from './place.ts';
import { ms, quantile, tableOf, times, type Row } from './table.ts';

const ROUNDS = 5;
const BATCH = 200;
const count = Number(process.argv[2] ?? 10_000);
const place = makePlace();
const dir = path.join(place.base, 'app-ai-history');
const digest = makeDigest();
mkdirSync(place.base, { recursive: true });

const open = async (): Promise<ReturnType<typeof makeHistory>> => {
  const history = makeHistory({
    dir,
    codeRoot: null,
    fs: makeFs(),
    git: makeHistoryGit(),
    digest,
    clock: makeClock(),
    log: silentLog(),
    locks: makeKernelLocks(),
    author: { name: 'docket', email: 'bench@localhost' },
    pushRemotes: [],
    tend: { packsMax: 0, idleMs: 0 },
  });
  await history.open();
  return history;
};

async function fill(): Promise<string> {
  const history = await open();
  let feature = '';
  for (let from = 0; from < count; from += BATCH)
    await Promise.all(
      Array.from({ length: Math.min(BATCH, count - from) }, async (_, n) => {
        const { submission, answer } = pairOf(from + n);
        await history.submit(submission);
        await history.record(answer);
        const { job, identity, featureName } = submission;
        feature = identity.feature;
        await history.judge({
          v: 1,
          kind: 'verdict',
          job,
          feature: featureName,
          role: identity.role,
          name: identity.name,
          revision: identity.revision,
          verdict: 'approved',
          result_sha256: digest.sha256(answer.result ?? ''),
          evidence_sha256: digest.sha256(answer.evidence),
          code: { head: null, files: [] },
          by: { name: 'Ada Example', email: 'ada@example.com' },
          at: '2026-11-20T10:00:00.000Z',
          comment: 'As agreed.',
          how: 'terminal',
          signature: null,
        });
      }),
    );
  await history.verdicts({});
  await history.close();
  return feature;
}

type Took = { readonly one: number[]; readonly all: number[]; readonly again: number[] };
const took = (): Took => ({ one: [], all: [], again: [] });

async function timed(into: number[], act: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  await act();
  into.push(performance.now() - startMs);
}

async function ask(into: Took, feature: string, hasNote: boolean): Promise<void> {
  if (!hasNote) rmSync(path.join(dir, '.git/docket/verdicts'), { force: true });
  const history = await open();
  await timed(into.one, async () => history.verdicts({ feature }));
  await timed(into.all, async () => history.verdicts({}));
  await timed(into.again, async () => history.verdicts({ feature }));
  await history.close();
}

const row = (what: string, mine: readonly number[], base: readonly number[]): Row => {
  const [a, b] = [quantile(mine, 0.5), quantile(base, 0.5)];
  return { what, docket: ms(a), baseline: ms(b), ratio: times(b / a), expected: '-' };
};

try {
  const feature = await fill();
  const [noted, walked] = [took(), took()];
  for (let round = 0; round < ROUNDS; round++) {
    await ask(walked, feature, false);
    await ask(noted, feature, true);
  }
  const rows = [
    row('first question of a process: one feature', noted.one, walked.one),
    row('then all of them', noted.all, walked.all),
    row('the same feature again, tip unchanged (baseline: first question)', noted.again, walked.one),
  ];
  process.stdout.write(
    `Baseline: without the note. ${String(count)} answers with a verdict each, median of ${String(ROUNDS)}.\n\n${tableOf(rows)}\n`,
  );
} finally {
  place.remove();
}
