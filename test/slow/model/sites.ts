/**
 * A name for every place in the code that syncs, taken from the stack at the moment of the call: file, function and what is synced. A sync of the
 * ledger is named after the lines it makes durable, because the jobs whose lines they are wait for it elsewhere. `shared`: several callers wait for one
 * sync of a folder (spool/folder-sync.ts); it is then left out only with all of them, so never.
 */

import { Buffer } from 'node:buffer';
import type { Sync } from '#test/support/sim-fs.ts';

const FRAMES = 30;
const FRAME = /at (?:async )?(?:Object\.)?(\S+) .*\/(spool|daemon|agents|tools|test\/slow\/model)\/([\w-]+)\.ts:\d+:\d+\)?$/;
const PASSED_OVER = new Set(['spool/folder-sync', 'test/slow/model/sites', 'test/slow/model/explore', 'test/slow/model/worker']);

const placeOf = (file: string): string =>
  file
    .replace(/^\/app\/queues\/\d\d-[a-z]+\//, '')
    .replace(/^\/app\/queues\/\d\d-[a-z]+$/, '<role>/')
    .replace(/^\/app\//, '')
    .replace(/[a-z2-7]{16}/, '<job>')
    .replace(/\.docket-\S+\.tmp$/, '*.tmp')
    .replace(/\d{4}-\d\d/, '<month>');

const wordsOf = ({ call, file }: Sync): string => `${call} ${placeOf(file)}`;

/** Is it at this site? Asks for the stack only where the rest fits: that is the slow part. */
export const isAt =
  (site: string) =>
  (sync: Sync): boolean =>
    (site.startsWith('ledger ') ? sync.file.endsWith('/ledger.jsonl') : site.endsWith(`: ${wordsOf(sync)}`)) && siteOf(sync) === site;

/** Null: not docket's own, or not to be told apart. */
export function siteOf(sync: Sync): string | null {
  const { call, file, pending } = sync;
  if (call === 'syncFile' && file.endsWith('/ledger.jsonl')) {
    const kinds = new Set(
      Buffer.from(pending)
        .toString()
        .match(/"do":"(?:claim|read|count|final)"/g) ?? [],
    );
    if (kinds.size === 0) return null;
    return kinds.size === 1 ? `ledger ${[...kinds].join().slice(5)}` : null;
  }
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const lines = (new Error('where').stack ?? '').split('\n');
  Error.stackTraceLimit = limit;
  if (lines.some((line) => line.includes('/model/hands.ts'))) return null;
  for (const line of lines) {
    const [, name = '', room = '', unit = ''] = FRAME.exec(line) ?? [];
    if (room === '' || PASSED_OVER.has(`${room}/${unit}`)) continue;
    const where = room === 'test/slow/model' ? (unit === 'keeper' ? 'tools/keeper-run.ts' : null) : `${room}/${unit}.ts ${name}`;
    return where === null ? null : `${where}: ${wordsOf(sync)}`;
  }
  return null;
}
