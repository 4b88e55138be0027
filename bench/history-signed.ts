/**
 * What signing costs: the same pairs recorded into a history with signing on and into one without, in turns, in one run; then `verify` of both.
 * Per pair three ed25519 signatures are made (two commits, one envelope), and one more file is written.
 */

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { NO_TRUST, type History, type Trust } from '#core/history.ts';
import type { Signing } from '#core/signing.ts';
import { makeHistory } from '#history/history.ts';
import { makeSigner } from '#history/signer.ts';
import { generateKey } from '#history/ssh-key.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { makeKernelLocks } from '#platform/lock.ts';
import { silentLog } from '#platform/log.ts';
import { processorCount } from '#platform/system.ts';
import { pairOf } from './history-pairs.ts';
import { makePlace } from './place.ts';
import { NONE, perSecond, times, type Row } from './table.ts';

const BATCH = 500;

type Side = { readonly history: History; tookMs: number; cpuMs: number };

function openSide(base: string, name: string, signing: Signing | null): History {
  mkdirSync(path.join(base, name));
  return makeHistory({
    dir: path.join(base, name, 'app-ai-history'),
    codeRoot: null,
    fs: makeFs(),
    git: makeHistoryGit(),
    digest: makeDigest(),
    clock: makeClock(),
    log: silentLog(),
    locks: makeKernelLocks(),
    author: { name: 'docket', email: 'bench@localhost' },
    pushRemotes: [],
    tend: { packsMax: 50, idleMs: 1_000 },
    verifyThreads: processorCount() - 1,
    signing,
  });
}

async function measured(act: () => Promise<void>): Promise<{ readonly tookMs: number; readonly cpuMs: number }> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await act();
  const { user, system } = process.cpuUsage(cpu);
  return { tookMs: performance.now() - startMs, cpuMs: (user + system) / 1_000 };
}

async function batch(side: Side, from: number): Promise<void> {
  const pairs = Array.from({ length: BATCH }, (_, n) => pairOf(from + n));
  const { tookMs, cpuMs } = await measured(async () => {
    await Promise.all(
      pairs.map(async ({ submission, answer }) => {
        const [submitted, recorded] = [await side.history.submit(submission), await side.history.record(answer)];
        if (!submitted.ok || !recorded.ok) throw new Error('a pair was not recorded');
      }),
    );
  });
  side.tookMs += tookMs;
  side.cpuMs += cpuMs;
}

async function verified(history: History, trust: Trust): Promise<{ readonly tookMs: number; readonly cpuMs: number }> {
  return measured(async () => {
    for await (const finding of history.verify(undefined, trust)) throw new Error(`verify found ${finding.what}: ${finding.message}`);
  });
}

const micros = (value: number): string => `${String(Math.round(value * 1_000))} us`;

export async function benchSigning(isQuick: boolean, progress: (what: string) => void): Promise<Row[]> {
  const rounds = isQuick ? 4 : 20;
  const place = makePlace();
  const signer = makeSigner(generateKey('bench'));
  const signed: Side = { history: openSide(place.base, 'signed', { signer: () => Promise.resolve(signer) }), tookMs: 0, cpuMs: 0 };
  const plain: Side = { history: openSide(place.base, 'plain', null), tookMs: 0, cpuMs: 0 };
  try {
    for (const { history } of [signed, plain]) await history.open();
    const count = rounds * BATCH;
    // Whoever goes second finds a warmer machine: in turns.
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? [signed, plain] : [plain, signed]) await batch(side, round * BATCH);
      progress(`signing: ${String((round + 1) * BATCH)} of ${String(count)} pairs on both sides`);
    }
    const trust: Trust = { signers: `bench ${signer.publicLine}\n`, isDemanded: true };
    const [proved, hashed] = [await verified(signed.history, trust), await verified(plain.history, NO_TRUST)];
    const rate = (tookMs: number): number => (count / tookMs) * 1_000;
    return [
      {
        what: `pairs recorded in a backlog, signed beside unsigned (${String(count)})`,
        docket: perSecond(rate(signed.tookMs)),
        baseline: perSecond(rate(plain.tookMs)),
        ratio: times(plain.tookMs / signed.tookMs),
        expected: '>= 0.7x',
      },
      {
        what: 'processor time of a pair, signed beside unsigned',
        docket: micros(signed.cpuMs / count),
        baseline: micros(plain.cpuMs / count),
        ratio: times(plain.cpuMs / signed.cpuMs),
        expected: NONE,
      },
      {
        what: `verify, pairs a second, signed beside unsigned (${String(count)})`,
        docket: perSecond(rate(proved.tookMs)),
        baseline: perSecond(rate(hashed.tookMs)),
        ratio: times(hashed.tookMs / proved.tookMs),
        expected: NONE,
      },
      {
        what: 'processor time of a pair in verify, signed beside unsigned',
        docket: micros(proved.cpuMs / count),
        baseline: micros(hashed.cpuMs / count),
        ratio: times(hashed.cpuMs / proved.cpuMs),
        expected: NONE,
      },
    ];
  } finally {
    for (const { history } of [signed, plain]) await history.close();
    place.remove();
  }
}
