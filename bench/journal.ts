/**
 * `node bench/journal.ts`: what the journal costs per prompt, five durable steps each, beside the plainest durable record there is: one JSON line per
 * step, appended and synced (fdatasync) before the next step. Both in this run, on the file system of TMPDIR, three rounds in turn; ratios count.
 */

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JobState } from '#core/job.ts';
import { jobIdFrom, type JobId } from '#core/names.ts';
import type { JournalChange } from '#core/ports.ts';
import { NO_USAGE } from '#core/run.ts';
import { makeClock } from '#platform/clock.ts';
import { makeDigest } from '#platform/digest.ts';
import { silentLog } from '#platform/log.ts';
import { openDatabase } from '#platform/sqlite.ts';
import { openJournal } from '#store/journal.ts';
import { ms, quantile, times } from './table.ts';

const clock = makeClock();
const digest = makeDigest();
const ROUNDS = 3;
const WIDTHS = [1, 4, 16, 64];
const now = (): string => clock.now().toISOString();
const move = (id: JobId, to: JobState): JournalChange => ({ do: 'move', id, to, at: now() });

/** The changes of one prompt that is answered at its first attempt, step by step, as daemon/process-job.ts makes them. */
function stepsOf(n: number): readonly (readonly JournalChange[])[] {
  const id = jobIdFrom(digest.randomBytes(10));
  const at = now();
  const nothing = { outcome: null, feature: null, name: null, revision: null, reason: null } as const;
  const facts = { id, role: 'architect', stem: `prompt-${String(n)}`, sha256: digest.sha256(String(n)), claimedAt: at, changedAt: at };
  const attempt = {
    n: 1,
    runId: digest.uuid(),
    startedAt: at,
    endedAt: at,
    outcome: 'answered',
    failure: null,
    usage: NO_USAGE,
    starts: 1,
  } as const;
  return [
    [{ do: 'job', job: { ...facts, ...nothing, state: 'read', attempts: 0 } }],
    [{ do: 'identify', id, feature: `FEAT-${String(n)}`, name: null, revision: 1, at }, move(id, 'submitted')],
    [move(id, 'running')],
    [{ do: 'attempt', id, attempt, spent: true }, move(id, 'ran')],
    [move(id, 'recorded'), move(id, 'published'), move(id, 'done')],
  ];
}

/** Milliseconds per prompt, so many at a time. */
async function measure(prompts: number, width: number, commit: (changes: readonly JournalChange[]) => Promise<void>): Promise<number> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < prompts) for (const changes of stepsOf(next++)) await commit(changes);
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: width }, one));
  return (performance.now() - started) / prompts;
}

async function withJournal(folder: string, prompts: number, width: number): Promise<number> {
  const journal = openJournal({ path: path.join(folder, 'journal.db'), openDatabase, clock, log: silentLog() });
  try {
    return await measure(prompts, width, async (changes) => journal.commit(changes));
  } finally {
    journal.close();
  }
}

async function withLines(folder: string, prompts: number, width: number): Promise<number> {
  const file = openSync(path.join(folder, 'lines.jsonl'), 'a', 0o600);
  try {
    return await measure(prompts, width, async (changes) => {
      writeSync(file, `${JSON.stringify(changes)}\n`);
      fdatasyncSync(file);
      return Promise.resolve();
    });
  } finally {
    closeSync(file);
  }
}

const prompts = Number(process.argv[2] ?? 1_000);
process.stdout.write(
  `Baseline: one synced JSON line per step. ${String(prompts)} prompts of five steps, ms per prompt (median of ${String(ROUNDS)}).\n\n`,
);
process.stdout.write('| at a time | journal | baseline | ratio |\n|---|---|---|---|\n');
for (const width of WIDTHS) {
  const journal: number[] = [];
  const lines: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const folder = mkdtempSync(path.join(tmpdir(), 'docket-bench-journal-'));
    try {
      lines.push(await withLines(folder, prompts, width));
      journal.push(await withJournal(folder, prompts, width));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const [ours, theirs] = [quantile(journal, 0.5), quantile(lines, 0.5)];
  const shown = [ours, theirs].map((value) => (value < 10 ? `${value.toFixed(2)} ms` : ms(value)));
  process.stdout.write(`| ${String(width)} | ${shown.join(' | ')} | ${times(theirs / ours)} |\n`);
}
