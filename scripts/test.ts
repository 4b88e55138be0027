/**
 * Runs the tests: `fast` (all but test/slow and test/faults), `slow` (test/slow only), `faults` (test/faults only: a share of each method), `all` (fast and
 * slow, one after the other), `full` (all three, and the whole of each method of test/faults: hours); further words choose files whose path holds them.
 * A test that cannot run here (a tool is missing) skips with a reason, or prints a line `NOT RUN: <what>: <why>`; such are counted and
 * named at the end, so that nobody takes them for passed. An open handle is a bug: test-end.ts names it and fails the file.
 */

import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

type Suite = 'fast' | 'slow' | 'faults';
const SUITES = {
  fast: { files: (file: string) => !/^test\/(?:slow|faults)\//.test(file), timeoutMs: 60_000, concurrency: availableParallelism() },
  slow: {
    files: (file: string) => file.startsWith('test/slow/'),
    timeoutMs: 900_000,
    concurrency: availableParallelism(),
  },
  // One after the other: they load the machine themselves, and they measure.
  faults: { files: (file: string) => file.startsWith('test/faults/'), timeoutMs: 4 * 3_600_000, concurrency: 1 },
} as const;
const CHOICES: Readonly<Record<string, readonly Suite[]>> = {
  fast: ['fast'],
  slow: ['slow'],
  faults: ['faults'],
  all: ['fast', 'slow'],
  full: ['fast', 'slow', 'faults'],
};
type Counts = { passed: number; failed: number };

const TABLE_HEAD =
  '| method | cases | prompts | tool starts | lost | doubled | wrong | left over | notes |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |';

const root = path.resolve(import.meta.dirname, '..');
const notRun = new Set<string>();
/** Rows of the table that docs/faults.md publishes (test/faults/results.ts). */
const rows: string[] = [];

const note = (line: string): void => {
  const found = /^\s*(?:# )?NOT RUN: (.+)$/.exec(line)?.[1];
  if (found !== undefined) notRun.add(found.trim());
  const row = /^FAULTS (\|.+)$/.exec(line)?.[1];
  if (row !== undefined) rows.push(row);
};

async function runSuite(name: Suite, words: readonly string[]): Promise<Counts> {
  const suite = SUITES[name];
  const files = globSync('test/**/*.test.ts', { cwd: root, exclude: (file) => file.includes('node_modules') })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => suite.files(file) && (words.length === 0 || words.some((word) => file.includes(word))))
    .toSorted()
    .map((file) => path.join(root, file));
  if (files.length === 0) return { passed: 0, failed: 0 };
  const counts: Counts = { passed: 0, failed: 0 };
  const started = performance.now();
  const stream = run({
    files,
    concurrency: suite.concurrency,
    timeout: suite.timeoutMs,
    execArgv: ['--import', path.join(import.meta.dirname, 'test-end.ts')],
  });
  stream.on('test:diagnostic', ({ message }) => {
    note(message);
  });
  for (const event of ['test:stdout', 'test:stderr'] as const) {
    stream.on(event, ({ message }: { readonly message: string }) => {
      for (const line of message.split('\n')) note(line);
    });
  }
  stream.on('test:pass', (test) => {
    if (test.skip === undefined || test.skip === false) return;
    const reason = typeof test.skip === 'string' ? test.skip : 'skipped';
    notRun.add(reason.startsWith('NOT RUN: ') ? reason.slice(9) : `${test.name}: ${reason}`);
  });
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) return;
    const { tests, passed, skipped, todo } = summary.counts;
    counts.passed = passed;
    // A file or a suite that breaks outside of its tests counts as one.
    counts.failed = Math.max(tests - passed - skipped - todo, summary.success ? 0 : 1);
  });
  for await (const text of stream.compose(spec)) process.stdout.write(String(text));
  console.log(`${name}: ${String(Math.round((performance.now() - started) / 100) / 10)} s`);
  return counts;
}

const [choice = 'fast', ...words] = process.argv.slice(2);
const suites = CHOICES[choice] ?? [];
if (choice === 'full') process.env['DOCKET_TEST_FULL'] = '1';
if (suites.length === 0) {
  console.error(`usage: node scripts/test.ts ${Object.keys(CHOICES).join('|')} [part of a path …]`);
  process.exitCode = 2;
} else {
  process.chdir(root);
  const total: Counts = { passed: 0, failed: 0 };
  for (const suite of suites) {
    const counts = await runSuite(suite, words);
    total.passed += counts.passed;
    total.failed += counts.failed;
  }
  if (rows.length > 0) console.log(['', TABLE_HEAD, ...rows, ''].join('\n'));
  for (const what of notRun) console.log(`NOT RUN: ${what}`);
  console.log(`${String(total.passed)} passed, ${String(total.failed)} failed, ${String(notRun.size)} not run`);
  if (total.failed > 0) process.exitCode = 1;
  else if (total.passed === 0) {
    console.error('no test was run');
    process.exitCode = 1;
  }
}
