/**
 * `npm run bench:sandbox`: what the sandbox costs a run. A program that does nothing is started by itself and in the very view that a run gets, in turns;
 * the baseline is the program by itself. (Processor time is not told: nobody waits for the inner processes of a sandbox, so the system credits it to none.)
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bwrapArgs } from '#tools/sandbox-bwrap.ts';
import { ms, quantile, times } from './table.ts';

const { values } = parseArgs({ options: { starts: { type: 'string', default: '100' } } });
const starts = Number(values.starts);
const PROGRAM = '/bin/true';

const folder = mkdtempSync(path.join(tmpdir(), 'docket-bench-'));
const boxed = (without: readonly string[] = []): readonly string[] => [
  'bwrap',
  ...bwrapArgs({
    isRoot: process.getuid?.() === 0,
    cwd: folder,
    mounts: [
      { how: 'empty', path: '/run' },
      { how: 'empty', path: '/tmp' },
      { how: 'write', path: folder },
      { how: 'show', path: folder },
      { how: 'empty', path: folder },
    ],
  }).filter((word) => !without.includes(word)),
  PROGRAM,
];
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ['by itself (baseline)', [PROGRAM]],
  ['in the sandbox', boxed()],
  ['the same without --unshare-ipc', boxed(['--unshare-ipc'])],
  ['the same without --unshare-pid', boxed(['--unshare-pid'])],
];

try {
  const waited = CASES.map((): number[] => []);
  for (let round = 0; round < starts; round++)
    for (const [index, [name, [program = '', ...args]]] of CASES.entries()) {
      const beforeMs = performance.now();
      const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name}: ${stderr || 'it did not start'}`);
      waited[index]?.push(performance.now() - beforeMs);
    }
  const median = (index: number): number => quantile(waited[index] ?? [], 0.5);
  console.log(`${String(starts)} starts each, in turns; median, ratio to the baseline`);
  for (const [index, [name]] of CASES.entries())
    console.log(`${name.padEnd(32)} ${ms(median(index)).padStart(8)} ${times(median(index) / median(0)).padStart(6)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
