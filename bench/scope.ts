/**
 * `npm run bench:scope`: what it costs to say what a run changed, in a repository of 10,000 files. The baseline is to hash every file, before and after.
 * `git status` is shown beside it: it sees neither ignored files nor a second change of a file that was changed before.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Before, ScopeRules } from '#core/scope.ts';
import { askProgram } from '#platform/ask.ts';
import { makeTreePort } from '#platform/tree-facts.ts';
import { makeScopeWatch } from '#policy/scope-watch.ts';
import { ms, quantile, times } from './table.ts';

const { values } = parseArgs({ options: { files: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '10' } } });
const count = Number(values.files);
const rounds = Number(values.rounds);
const TOGETHER = 20;

const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-bench-')));
const git = (...args: readonly string[]): void => {
  const { status, stderr } = spawnSync('git', ['-C', root, '-c', 'user.name=b', '-c', 'user.email=b@b', ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};
for (let n = 0; n < count; n++) {
  const folder = path.join(root, `src/${String(n % 100)}`);
  if (n < 100) mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `f${String(n)}.ts`), `// ${String(n)}\n`.repeat(500));
}
git('init', '-q');
git('add', '.');
git('commit', '-qm', 'all');

const tree = makeTreePort(askProgram);
const newWatch = (): ReturnType<typeof makeScopeWatch> =>
  makeScopeWatch(tree, { filesMax: 1_000_000, hashBytesMax: 33_554_432, ownFolders: [], isUnwatched: () => false });
const rulesFor = (access: ScopeRules['access']): ScopeRules => ({
  access,
  files: null,
  create: null,
  forbidden: ['**/.git'],
  protected: [],
});

async function hashAll(): Promise<void> {
  for (const folder of readdirSync(path.join(root, 'src')))
    for (const file of readdirSync(path.join(root, 'src', folder))) await tree.hash(path.join(root, 'src', folder, file), 33_554_432);
}
const texts = new WeakMap<Before, string>();
/** As cli/scope.ts: one text for all that share a look. */
const textOf = (before: Before): string => {
  const text = texts.get(before) ?? JSON.stringify(before);
  texts.set(before, text);
  return text;
};
const watch = newWatch();
async function around(access: ScopeRules['access'], with_ = watch): Promise<void> {
  const rules = rulesFor(access);
  const before: Before = await with_.before(root, rules, false);
  textOf(before);
  const run = with_.begin(before, rules);
  await with_.look(before, run);
  with_.end(run);
}

const CASES: readonly (readonly [string, () => Promise<void>, number])[] = [
  ['every file hashed before and after (baseline)', async () => hashAll().then(hashAll), 1],
  ['a run that may only read, no sandbox', async () => around('read-only'), 1],
  [`${String(TOGETHER)} of them at once, each`, async () => Promise.all(Array.from({ length: TOGETHER }, async () => around('read-only'))).then(() => undefined), TOGETHER], // prettier-ignore
  ['a run that may write, the first since the start', async () => around('worktree', newWatch()), 1],
  ['a run that may write, later', async () => around('worktree'), 1],
  ['git status before and after', async () => Promise.resolve(git('status', '--porcelain')).then(() => git('status', '--porcelain')), 1], // prettier-ignore
];
try {
  const waited = CASES.map((): number[] => []);
  for (let round = 0; round <= rounds; round++)
    for (const [index, [, act, of]] of CASES.entries()) {
      const beganMs = performance.now();
      await act();
      // The first round warms the disk's cache.
      if (round > 0) waited[index]?.push((performance.now() - beganMs) / of);
    }
  const median = (index: number): number => quantile(waited[index] ?? [], 0.5);
  console.log(`${String(count)} files, ${String(rounds)} rounds in turns; median, ratio to the baseline`);
  for (const [index, [name]] of CASES.entries())
    console.log(`${name.padEnd(48)} ${ms(median(index)).padStart(9)} ${times(median(index) / median(0)).padStart(6)}`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
