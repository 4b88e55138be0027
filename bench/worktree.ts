/**
 * `docket work-on` in a repository of 20,000 files: the whole process, without daemon and panes, beside `git worktree add` alone in the same run. What counts
 * is the difference: what docket adds to the checkout.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { grouped, inPlace, type Progress } from './backlog.ts';
import type { BenchOptions } from './options.ts';
import { gitEnvironment } from './process.ts';
import { ms, quantile, times, type Row } from './table.ts';

const BIN = fileURLToPath(new URL('../bin/docket.js', import.meta.url));
const PER_FOLDER = 100;

const timed = (act: () => void): number => {
  const startMs = performance.now();
  act();
  return performance.now() - startMs;
};

export async function worktreeRows(options: BenchOptions, progress: Progress): Promise<Row[]> {
  const files = options.isQuick ? 2_000 : 20_000;
  const tries = options.isQuick ? 3 : 7;
  return inPlace((place) => {
    const app = path.join(place.base, 'code');
    const env = { ...gitEnvironment(place.base), PATH: process.env['PATH'] ?? '', XDG_STATE_HOME: path.join(place.base, 'state') };
    const run = (program: string, args: readonly string[]): void => {
      const { status, stderr } = spawnSync(program, [...args], { cwd: app, env, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${String(status)}: ${stderr}`);
    };
    progress(`worktree: a repository of ${grouped(files)} files`);
    mkdirSync(app);
    for (let number = 0; number < files; number++) {
      const folder = path.join(app, `folder-${String(Math.floor(number / PER_FOLDER))}`);
      if (number % PER_FOLDER === 0) mkdirSync(folder);
      writeFileSync(path.join(folder, `file-${String(number)}.ts`), `export const value = ${String(number)};\n`);
    }
    writeFileSync(path.join(app, 'docket.yaml'), 'app: code\nrunner: offline\n');
    run('git', ['init', '-q', '-b', 'main']);
    run('git', ['add', '.']);
    run('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-qm', 'files']);
    const plain: number[] = [];
    const docket: number[] = [];
    for (let number = 0; number < tries; number++) {
      progress(`worktree: ${String(number + 1)} of ${String(tries)}`);
      plain.push(timed(() => { run('git', ['worktree', 'add', '-q', '-b', `plain-${String(number)}`, path.join(place.base, `plain-${String(number)}`)]); })); // prettier-ignore
      docket.push(timed(() => { run(process.execPath, [BIN, 'work-on', `FEAT-${String(number + 1)}`, '--no-daemon', '--no-panes']); })); // prettier-ignore
    }
    const [git, own] = [quantile(plain, 0.5), quantile(docket, 0.5)];
    return Promise.resolve([
      {
        what: `docket work-on, ${grouped(files)} files, without daemon and panes, median (git worktree add)`,
        docket: ms(own),
        baseline: ms(git),
        ratio: times(git / own),
        expected: `${ms(own - git)} besides the checkout; < 2 s`,
      },
    ]);
  });
}
