/** The words of `npm run bench -- …`. */

import { parseArgs } from 'node:util';

export const CASES = [
  'latency',
  'claim',
  'backlog',
  'fsyncs',
  'memory',
  'scan',
  'start',
  'status',
  'worktree',
  'history',
  'size',
  'signing',
  'keeper',
  'flow',
  'queues',
] as const;
export type CaseName = (typeof CASES)[number];

export type BenchOptions = {
  /** Fewer prompts and tries: minutes become seconds, and the numbers rougher. */
  readonly isQuick: boolean;
  readonly only: ReadonlySet<CaseName>;
  /** Prompts in the history before the second half of latency and backlog. */
  readonly recorded: number;
  readonly isHelp: boolean;
};

export const HELP = `npm run bench -- [--quick] [--only <${CASES.join('|')}>]… [--recorded <count>]

Measures docket against bench/baseline.sh, a simple shell watcher, on this machine in this run: ratios count, not absolute numbers.
Folders are made in the system's temporary folder (TMPDIR): put it on a real disk, because syncs cost nothing in memory.`;

/** Throws with words on a wrong use. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      recorded: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const only = values.only.map((name) => {
    const known = CASES.find((one) => one === name);
    if (known === undefined) throw new Error(`there is no case ${JSON.stringify(name)}; there are: ${CASES.join(', ')}`);
    return known;
  });
  const recorded = Number(values.recorded ?? (values.quick ? 1_000 : 5_000));
  if (!Number.isSafeInteger(recorded) || recorded < 0) throw new Error(`--recorded takes a whole number, not ${String(values.recorded)}`);
  return { isQuick: values.quick, only: new Set(only.length === 0 ? CASES : only), recorded, isHelp: values.help };
}
