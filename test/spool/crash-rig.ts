/** A whole job on a file system that fails at one chosen call, and what must be true after recovery. */

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Spool } from '#core/spool.ts';
import { makeFs } from '#platform/files.ts';
import { makeFaultyFs, makeUnsyncedFs, Stop, type FaultyFs, type FaultyOptions } from '#test/support/faulty-fs.ts';
import { answer, filesWith, makeRig, names, processAll, recover, ROLE, stem, type Rig } from './rig.ts';

export const PROMPT = 'the prompt, byte for byte\r\n';
const FAST = makeUnsyncedFs(makeFs());
const AT_ONCE = 4;

export type Fault = Omit<FaultyOptions, 'at'>;

/** From drop to clean, on a queue that was prepared before. */
export async function wholeJob(rig: Rig, spool: Spool): Promise<void> {
  await spool.drop(ROLE.name, stem('foo'), PROMPT);
  await processAll(rig, spool);
}

async function freshRig(): Promise<Rig> {
  const rig = makeRig(null, FAST);
  await rig.spool().prepare();
  return rig;
}
const remove = (rig: Rig): void => {
  rmSync(path.dirname(rig.queues), { recursive: true });
};

/** The names of all changing calls of a job that nothing disturbs. */
export async function callsOf(job: (rig: Rig, spool: Spool) => Promise<void>, fault: Fault): Promise<readonly string[]> {
  const rig = await freshRig();
  const fs = makeFaultyFs(rig.fs, { ...fault, at: 0 });
  await job(rig, rig.spool(fs));
  remove(rig);
  return fs.calls;
}

export type Case = { readonly rig: Rig; readonly where: string; readonly spool: Spool; readonly isDone: boolean; readonly call: string };

/** The job once for every changing call, each time with the fault at that one; then `check`. */
export async function atEveryCall(
  job: (rig: Rig, spool: Spool) => Promise<void>,
  fault: Fault,
  check: (one: Case) => Promise<void>,
  options: { readonly only?: RegExp; readonly after?: (rig: Rig) => FaultyOptions['after'] } = {},
): Promise<number> {
  const calls = await callsOf(job, fault);
  const points = calls.flatMap((call, index) => (options.only?.test(call) === false ? [] : [{ call, at: index + 1 }]));
  for (let start = 0; start < points.length; start += AT_ONCE) {
    await Promise.all(
      points.slice(start, start + AT_ONCE).map(async ({ call, at }) => {
        const rig = await freshRig();
        const after = options.after?.(rig);
        const fs: FaultyFs = makeFaultyFs(rig.fs, { ...fault, at, ...(after === undefined ? {} : { after }) });
        const spool = rig.spool(fs);
        const isDone = await ends(job(rig, spool));
        await check({ rig, where: `${fault.act} at ${String(at)} (${call})`, spool, isDone, call });
        remove(rig);
      }),
    );
  }
  return points.length;
}

/** False: it was killed, or the made-up fault reached the caller. */
export async function ends(job: Promise<void>): Promise<boolean> {
  try {
    await job;
    return true;
  } catch (error) {
    if (error instanceof Stop || (error instanceof Error && error.message.includes('made up'))) return false;
    throw error;
  }
}

export async function goOn(rig: Rig, spool: Spool): Promise<void> {
  await recover(spool);
  await processAll(rig, spool);
}

/** Input once, result once and whole, of one run; nothing temporary, nothing in flight. Or nothing at all: the drop itself did not come to pass. */
export function assertOneJob(rig: Rig, where: string): void {
  const copies = filesWith(path.join(rig.queues, ROLE.folder), PROMPT);
  const published = names(rig.out);
  if (copies.length === 0) assert.deepEqual(published, [], `${where}: a result without an input`);
  else {
    assert.deepEqual(copies, [path.join('in', 'foo.processed')], where);
    assert.deepEqual(published, ['foo_evidence.json', 'foo_result.md'], where);
    const { run } = JSON.parse(readFileSync(path.join(rig.out, 'foo_evidence.json'), 'utf8')) as { run: string };
    assert.equal(readFileSync(path.join(rig.out, 'foo_result.md'), 'utf8'), `answer ${run}`, `${where}: evidence and result of two runs`);
  }
  assertClean(rig, where);
}

export function assertClean(rig: Rig, where: string): void {
  assert.deepEqual(names(rig.work), [], `${where}: left in work/`);
  for (const folder of [rig.in, rig.out, rig.archive]) {
    const hidden = names(folder).filter((name) => name.startsWith('.'));
    assert.deepEqual(hidden, [], where);
  }
}

/** A job whose tool failed, with raw output to keep. */
export async function failedJob(rig: Rig, spool: Spool): Promise<void> {
  await spool.drop(ROLE.name, stem('foo'), PROMPT);
  const [one] = await spool.claim((await spool.scan()).waiting);
  assert.ok(one !== undefined);
  const { claimed } = await spool.read(one.dir, one.id, one.waiting.folder);
  await spool.attemptFolder(claimed, 1);
  await spool.keep(claimed, 'a1/stdout', 'raw output');
  await spool.finish(claimed, await spool.publish(claimed, await spool.decide(claimed, answer(true))));
  await spool.clean(claimed);
  assert.deepEqual(names(rig.in), ['foo.failed']);
}
