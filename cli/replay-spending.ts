/**
 * What replays cost: queues/.docket/replays.jsonl, a line for each run that called a provider. A replay is nowhere in the history, but its money is
 * spent all the same: budgets and `docket cost` count it. A line is as an evidence has it, so that it is read by the same reader.
 */

import path from 'node:path';
import { Buffer } from 'node:buffer';
import { STATEMENT_TYPE } from '#core/evidence.ts';
import type { Fs, Journal } from '#core/ports.ts';
import type { AttemptRecord } from '#core/run.ts';
import type { SpendContext, SpendLine } from '#core/spending.ts';
import { spendLinesOf } from '#history/spending.ts';

const FILE_BYTES_MAX = 64 * 1024 * 1024;
const fileIn = (state: string): string => path.join(state, 'replays.jsonl');

/** Nothing when there was none; a line that is torn says nothing. */
export async function replaySpending(fs: Pick<Fs, 'readBounded'>, state: string): Promise<readonly SpendLine[]> {
  try {
    const { bytes } = await fs.readBounded(fileIn(state), FILE_BYTES_MAX);
    return Buffer.from(bytes).toString('utf8').split('\n').flatMap(spendLinesOf);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return [];
    throw error;
  }
}

/** On disk when it resolves. */
export async function noteReplay(
  fs: Pick<Fs, 'append' | 'syncFile'>,
  state: string,
  attempt: AttemptRecord,
  context: SpendContext,
): Promise<void> {
  const { job, feature, role, tool, model, lane } = context;
  const predicate = { job, feature: { id: feature }, role, runner: { name: tool, model, lane }, attempts: [attempt] };
  // On a line of its own, whatever a crash left of the one before.
  await fs.append(fileIn(state), `\n${JSON.stringify({ _type: STATEMENT_TYPE, predicate })}\n`, 0o600);
  await fs.syncFile(fileIn(state), 'safety');
}

type Spending = Pick<Journal, 'spending' | 'open'>;

/** The journal's spending, and that of replays. */
export async function withReplays(journal: Spending | null, fs: Pick<Fs, 'readBounded'>, state: string): Promise<Spending> {
  const replays = await replaySpending(fs, state);
  return { open: () => journal?.open() ?? [], spending: () => [...(journal?.spending() ?? []), ...replays] };
}
