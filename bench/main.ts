/**
 * `npm run bench`: docket beside a simple shell watcher (bench/baseline.sh), in one run on one machine. Ratios count: a busy machine slows both.
 * No test asserts a time; the numbers of a day are written into docs/bench.md by hand, with the command, the machine and the date.
 */

import { availableParallelism, totalmem } from 'node:os';
import { RUN } from './cases.ts';
import { CASES, HELP, readOptions, type BenchOptions } from './options.ts';
import { BASELINE, tableOf, type Row } from './table.ts';

async function bench(options: BenchOptions): Promise<void> {
  const startedMs = performance.now();
  const progress = (what: string): void => {
    process.stderr.write(`${String(Math.round((performance.now() - startedMs) / 1_000)).padStart(5)} s  ${what}\n`);
  };
  const rows: Row[] = [];
  for (const name of CASES) if (options.only.has(name)) rows.push(...(await RUN[name](options, progress)));
  const machine = `${String(availableParallelism())} cores, ${String(Math.round(totalmem() / 2 ** 30))} GB, Node ${process.versions.node}`;
  process.stdout.write(
    `\nBaseline: ${BASELINE} (bench/baseline.sh: every 2 s, copy, rename, git add . && git commit per prompt). ${machine}.\n\n`,
  );
  process.stdout.write(`${tableOf(rows)}\n`);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.isHelp) process.stdout.write(`${HELP}\n`);
  else await bench(options);
} catch (error) {
  const isWrongUse = error instanceof TypeError || !(error instanceof Error);
  process.stderr.write(`bench: ${isWrongUse ? `${String(error)}\n\n${HELP}` : (error.stack ?? error.message)}\n`);
  process.exitCode = 1;
}
