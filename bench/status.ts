/**
 * `docket status` as a person meets it: the whole process, from the shell to its end, with ten thousand recorded and ten thousand waiting. Beside it, in the
 * same run: a shell script that only counts the same folders and asks git for the newest commit.
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { grouped, inPlace, series, type Progress } from './backlog.ts';
import type { BenchOptions } from './options.ts';
import { prepareDocket } from './prepare.ts';
import { startDocket } from './process.ts';
import { ms, quantile, times, type Row } from './table.ts';

const BIN = fileURLToPath(new URL('../bin/docket.js', import.meta.url));
const LATER = 'not_before: 2099-01-01T00:00:00+01:00\n';
/** What a person would write who only wants the numbers. */
const SCRIPT =
  'git -C "$2" log -1 --format=%h%s; for role in "$1"/queues/*/in; do find "$role" -name "*.md" | wc -l; find "$role" -name "*.processed" | wc -l; done';

function taken(program: string, args: readonly string[], cwd: string, tries: number): number[] {
  return Array.from({ length: tries }, () => {
    const startMs = performance.now();
    const { status, stderr } = spawnSync(program, [...args], { cwd, encoding: 'utf8' });
    if (status !== 0 && status !== 1) throw new Error(`${program} ${args.join(' ')}: exit code ${String(status)}: ${stderr}`);
    return performance.now() - startMs;
  });
}

export async function statusRows(options: BenchOptions, progress: Progress): Promise<Row[]> {
  const count = options.isQuick ? 2_000 : 10_000;
  const tries = options.isQuick ? 10 : 20;
  return inPlace(async (place) => {
    progress(`status: ${grouped(count)} prompts are recorded, ${grouped(count)} wait`);
    const docket = await prepareDocket(place.base, count);
    for (const prompt of series(count, 0, LATER)) writeFileSync(path.join(docket.inbox(prompt.folder), `${prompt.stem}.md`), prompt.text);
    const script = (): number[] =>
      taken('/bin/sh', ['-c', SCRIPT, 'sh', docket.root, path.join(place.base, 'app-ai-history')], docket.root, tries);
    const status = (): number[] => taken(process.execPath, [BIN, 'status'], docket.root, tries);
    const row = (what: string, took: readonly number[], beside: readonly number[], expected: string): Row => ({
      what: `docket status, ${grouped(count)} recorded and ${grouped(count)} waiting, ${what}, median (shell: find, wc, git log -1)`,
      docket: ms(quantile(took, 0.5)),
      baseline: ms(quantile(beside, 0.5)),
      ratio: times(quantile(beside, 0.5) / quantile(took, 0.5)),
      expected,
    });
    const daemon = await startDocket(docket.root, place.base);
    const rows: Row[] = [];
    try {
      // The first one fills what the daemon remembers, and the cache of compiled modules.
      status();
      progress('status: with a daemon');
      rows.push(row('daemon up', status(), script(), '< 150 ms'));
    } finally {
      await daemon.stop();
    }
    progress('status: without a daemon');
    rows.push(row('no daemon', status(), script(), 'slower is fine'));
    return rows;
  });
}
