/**
 * How much room a history takes and how quick it is to read, once its packs are tended: beside a copy after `git gc`, which is what git itself
 * makes of the same objects.
 */

import { execFile } from 'node:child_process';
import { cpSync, globSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { History } from '#core/history.ts';
import { gitEnvironment } from './process.ts';
import { megabytes, ms, NONE, times, type Row } from './table.ts';

const run = promisify(execFile);
const BUFFER_BYTES = 1 << 28;
const TENDED_MS_MAX = 20 * 60_000;
const PAUSE_MS = 1_000;
/** So many looks in a row with the same packs: nobody tends any more. */
const STILL = 10;
const LOG_LINES = 100;

const grouped = (count: number): string => Math.round(count).toLocaleString('en');
const packsIn = (gitDir: string): string[] => globSync('objects/pack/*.pack', { cwd: gitDir });
const sizeOf = (gitDir: string): number =>
  globSync('objects/**/*', { cwd: gitDir })
    .map((name) => statSync(path.join(gitDir, name)))
    .reduce((sum, facts) => sum + (facts.isFile() ? facts.size : 0), 0);

async function untilTended(gitDir: string): Promise<void> {
  const endsMs = performance.now() + TENDED_MS_MAX;
  let same = 0;
  for (let before = ''; same < STILL && performance.now() < endsMs;) {
    await after(PAUSE_MS);
    const now = packsIn(gitDir).toSorted().join(' ');
    same = now === before ? same + 1 : 0;
    before = now;
  }
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}

/** @param where an empty folder that is removed by the caller. @param label words for the rows: `history of 50,000` */
export async function measureReading(
  history: History,
  dir: string,
  where: string,
  label: string,
  progress: (what: string) => void,
): Promise<Row[]> {
  const gitDir = path.join(dir, '.git');
  const env = gitEnvironment(where);
  const git = (folder: string, ...args: string[]): Promise<unknown> =>
    run('git', [`--git-dir=${folder}`, ...args], { env, maxBuffer: BUFFER_BYTES });
  progress(`${label}: waiting until its packs are tended`);
  await untilTended(gitDir);
  const packs = packsIn(gitDir).length;
  const ours = sizeOf(gitDir);
  const copy = path.join(where, 'copy.git');
  // Not docket's own folder: its lock files are never opened by whoever may hold them.
  cpSync(gitDir, copy, { recursive: true, filter: (from) => path.basename(from) !== 'docket' });
  progress(`${label}: git gc of a copy`);
  await git(copy, 'gc', '--quiet', '--prune=now');
  const theirs = sizeOf(copy);
  const folder = 'FEAT-1100-user-filters';
  const newestMs = await timed(() => git(gitDir, 'log', '-1'));
  const folderMs = await timed(() => git(gitDir, 'log', '--oneline', 'main', '--', folder));
  const copyMs = await timed(() => git(copy, 'log', '--oneline', 'main', '--', folder));
  const logMs = await timed(async () => {
    let left = LOG_LINES;
    for await (const entry of history.log({})) if (entry.commit !== '' && --left === 0) break;
  });
  progress(`${label}: verify`);
  let findings = 0;
  let objects = 0;
  const cpu = process.cpuUsage();
  const verifyMs = await timed(async () => {
    for await (const finding of history.verify((_done, total) => (objects = total)))
      if (finding.what !== 'recorded-twice' && finding.isNotice !== true) findings++;
  });
  const { user, system } = process.cpuUsage(cpu);
  const records = Number((await run('git', [`--git-dir=${gitDir}`, 'rev-list', '--count', 'main'], { env })).stdout) - 1;
  progress(`${label}: git fsck of the same objects`);
  const fsckMs = await timed(() => git(gitDir, 'fsck', '--full', '--no-dangling', '--no-progress'));
  if (findings > 0) throw new Error(`verify has ${String(findings)} findings`);
  const row = (what: string, docket: string, expected: string = NONE, baseline: string = NONE, ratio: string = NONE): Row => ({
    what: `${what}, ${label}`,
    docket,
    baseline,
    ratio,
    expected,
  });
  return [
    row(`size in ${String(packs)} packs, beside git gc`, megabytes(ours), '< 1.3x', megabytes(theirs), times(ours / theirs)),
    row('git log -1', ms(newestMs), '< 50 ms'),
    row('git log of one feature, beside a copy after git gc', ms(folderMs), NONE, ms(copyMs), times(folderMs / copyMs)),
    row(`docket log, the newest ${String(LOG_LINES)}`, ms(logMs), '< 100 ms'),
    row('docket verify, all of it, beside git fsck --full', ms(verifyMs), NONE, ms(fsckMs), times(fsckMs / verifyMs)),
    row('records that docket verify proves in a second', grouped((records / verifyMs) * 1_000), '20,000'),
    row('records that docket verify proves in a second of processor', grouped(records / ((user + system) / 1e6))),
    row('objects and files that docket verify looks at, for a second of processor', grouped(objects / ((user + system) / 1e6))),
    row('highest memory of this process', megabytes(process.resourceUsage().maxRSS * 1_024)),
  ];
}
