/**
 * `npm run bench:runners`: what a run costs beside the tool itself (attempts.ts), 32 of them at once, and what a lane makes of a provider with a limit. Real daemon, real tool, a provider on loopback; beside it what scripts do: as many
 * loops as the lane has slots, each of which calls the same tool, and after a refusal waits with exponential back-off and full jitter. Both in one run,
 * one after the other, against what the provider would have answered at most. The share counts, not the seconds.
 */

import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measureAttempts } from './attempts.ts';
import { isAnswer, startLimitedProvider, type Limit } from './limited-provider.ts';
import { inPlace } from './backlog.ts';
import { prepareDocket } from './prepare.ts';
import { startDocket } from './process.ts';
import { promptOf } from './prompts.ts';
import { NONE, tableOf, type Row } from './table.ts';

const SLOTS = 4;
const BASE_MS = 100;
const CAP_MS = 5_000;
/** The reset is told in milliseconds, and both clocks are the same. */
const JITTER_MS = 50;

type Counted = { readonly answers: number; readonly refusals: number };

const settingsFor = (tool: string): string =>
  [
    'runner: limited',
    `retry: { base: ${String(BASE_MS)}ms, cap: ${String(CAP_MS)}ms }`,
    `throttle: { jitter: ${String(JITTER_MS)}ms, stagger: 0 }`,
    'runners:',
    `  limited: { kind: claude, program: ${JSON.stringify(tool)}, lane: limited }`,
    `lanes: { limited: { slots: ${String(SLOTS)}, interval_cap: 100000 } }`,
    '',
  ].join('\n');

/** More prompts than the provider answers wait from the beginning. */
async function lane(limit: Limit): Promise<Counted> {
  return inPlace(async (place) => {
    const provider = await startLimitedProvider(place.base, limit);
    const docket = await prepareDocket(place.base, 0, settingsFor(provider.tool));
    const count = limit.quota * (limit.windows + 1);
    for (let n = 0; n < count; n++) {
      const prompt = promptOf(n);
      writeFileSync(path.join(docket.inbox(prompt.folder), `${prompt.stem}.md`), prompt.text);
    }
    const daemon = await startDocket(docket.root, place.base);
    try {
      await provider.over;
      return { answers: provider.answers(), refusals: provider.refusals() };
    } finally {
      await daemon.stop();
      await provider.close();
    }
  });
}

async function call(tool: string): Promise<boolean> {
  const child = spawn(tool, [], { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return isAnswer(output);
}

async function loops(limit: Limit): Promise<Counted> {
  return inPlace(async (place) => {
    const provider = await startLimitedProvider(place.base, limit);
    const isOver = new AbortController();
    const loop = async (): Promise<void> => {
      for (let failures = 0; !isOver.signal.aborted;) {
        failures = (await call(provider.tool)) ? 0 : failures + 1;
        const waitMs = failures === 0 ? 0 : Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** failures);
        await pause(waitMs, undefined, { signal: isOver.signal }).catch(() => undefined);
      }
    };
    const all = Array.from({ length: SLOTS }, loop);
    await provider.over;
    isOver.abort();
    const counted = { answers: provider.answers(), refusals: provider.refusals() };
    await Promise.all(all);
    await provider.close();
    return counted;
  });
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
if (values.only !== 'lane') {
  process.stderr.write('attempts: one after the other, then 32 at once\n');
  const rows = await inPlace(async (place) => measureAttempts(place.base, values.quick));
  process.stdout.write(`\n${tableOf(rows).replace('shell watcher', 'directly     ')}\n`);
}
if (values.only === 'attempts') process.exit(0);
const limit: Limit = { quota: 40, windowMs: 20_000, windows: values.quick ? 3 : 9, runMs: 200 };
const best = limit.quota * limit.windows;
const minutes = (limit.windows * limit.windowMs) / 60_000;
process.stderr.write(
  `lane: ${String(limit.quota)} answers each ${String(limit.windowMs / 1_000)} s, ${String(limit.windows)} windows, ${String(SLOTS)} slots\n`,
);
const docket = await lane(limit);
const plain = await loops(limit);
const share = ({ answers }: Counted): string => `${((answers / best) * 100).toFixed(1)} %`;
const perMinute = ({ answers }: Counted): string => `${(answers / minutes).toFixed(1)}/min`;
const rows: Row[] = [
  {
    what: `answers of a limited provider, at most ${(best / minutes).toFixed(1)}/min`,
    docket: perMinute(docket),
    baseline: perMinute(plain),
    ratio: `${(docket.answers / plain.answers).toFixed(2)}x`,
    expected: NONE,
  },
  { what: 'share of what is possible', docket: share(docket), baseline: share(plain), ratio: NONE, expected: '> 95 %' },
  {
    what: 'requests that were refused (none costs an attempt)',
    docket: String(docket.refusals),
    baseline: String(plain.refusals),
    ratio: `${(plain.refusals / Math.max(1, docket.refusals)).toFixed(1)}x`,
    expected: '> 1x',
  },
];
process.stdout.write(
  `\nBaseline: ${String(SLOTS)} loops that call the tool, with back-off and full jitter.\n\n${tableOf(rows).replace('shell watcher', 'loops        ')}\n`,
);
