/** A real queue in a temporary folder, and a driver that does with the spool what the daemon does, before and after a crash. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { JobId, RoleFolder, RoleName, Stem } from '#core/names.ts';
import type { Clock, Fs, Log } from '#core/ports.ts';
import type { Claimed, Decided, Spool, Waiting } from '#core/spool.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeSpool, type SpoolSettings } from '#spool/spool.ts';

export const ROLE = { folder: '01-architect' as RoleFolder, name: 'architect' as RoleName };
export const SETTINGS: SpoolSettings = { promptBytes: 10_000, keptBytes: 100_000, settleMs: 500, settleNetworkMs: 2_000 };

export const stem = (text: string): Stem => text as Stem;

/** Time that only moves when the test says so; the wall clock stands in 1999 to prove that nobody looks at it. */
export type HandClock = Clock & { advance(ms: number): void };
export function makeHandClock(): HandClock {
  let nowMs = 0;
  return {
    now: () => new Date(Date.UTC(1999, 0, 1) + nowMs),
    monotonicMs: () => nowMs,
    sleep: () => new Promise((resolve) => setTimeout(resolve, 1)),
    advance(ms) {
      nowMs += ms;
    },
  };
}

export type LogLine = { readonly level: string; readonly message: string };
export function makeLog(lines: LogLine[] = []): Log {
  const at =
    (level: string) =>
    (message: string): void => {
      lines.push({ level, message });
    };
  const log: Log = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), with: () => log };
  return log;
}

export type Rig = {
  readonly queues: string;
  readonly in: string;
  readonly out: string;
  readonly work: string;
  readonly archive: string;
  readonly ledger: string;
  readonly clock: HandClock;
  readonly lines: LogLine[];
  readonly fs: Fs;
  /** A new process's spool on the same folders. */
  spool(fs?: Fs, settings?: Partial<SpoolSettings>, suspect?: JobId | null): Spool;
};

export function makeRig(context: TestContext | null, fs: Fs = makeFs()): Rig {
  const root = mkdtempSync(path.join(tmpdir(), 'docket-spool-'));
  context?.after(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const queues = path.join(root, 'queues');
  const inRole = (name: string): string => path.join(queues, ROLE.folder, name);
  const clock = makeHandClock();
  const lines: LogLine[] = [];
  return {
    queues,
    in: inRole('in'),
    out: inRole('out'),
    work: inRole('work'),
    archive: inRole('archive'),
    ledger: inRole('ledger.jsonl'),
    clock,
    lines,
    fs,
    spool: (given = fs, settings = {}, suspect = null) =>
      makeSpool({
        suspect,
        queues,
        roles: [ROLE],
        fs: given,
        clock,
        digest: makeDigest(),
        log: makeLog(lines),
        settings: { ...SETTINGS, ...settings },
        processId: '1',
      }),
  };
}

export const names = (folder: string): string[] => readdirSync(folder).toSorted();

/** All settled and refused entries, after waiting as long as the spool asks to. */
export async function settled(rig: Rig, spool: Spool): Promise<readonly Waiting[]> {
  const { waiting, faults } = await spool.scan();
  assert.deepEqual(faults, []);
  if (waiting.every((one) => one.kind !== 'settling')) return waiting;
  rig.clock.advance(10_000);
  return (await spool.scan()).waiting;
}

let runs = 0;
/** What a run would give: another text each time, so that publishing two runs cannot go unseen. */
export function answer(failed = false): Decided {
  const run = String(++runs);
  return {
    outcome: failed ? 'failed' : 'answered',
    failure: null,
    files: [
      { as: '_evidence.json', bytes: JSON.stringify({ run }) },
      { as: failed ? '_error.md' : '_result.md', bytes: `answer ${run}` },
    ],
  };
}

/** From a claimed and read job to an empty work folder. */
export async function complete(spool: Spool, claimed: Claimed, decided: Decided): Promise<{ readonly late: string | null }> {
  const final = await spool.publish(claimed, await spool.decide(claimed, decided));
  const done = await spool.finish(claimed, final);
  await spool.clean(claimed);
  return done;
}

export const refusal = (read: Awaited<ReturnType<Spool['read']>>): Decided | null =>
  read.failure === null
    ? null
    : { outcome: 'rejected', failure: read.failure, files: [{ as: '_error.md', bytes: JSON.stringify(read.failure) }] };

/** Everything that waits, to its end. */
export async function processAll(rig: Rig, spool: Spool, decide: () => Decided = answer): Promise<void> {
  for (const one of await spool.claim(await settled(rig, spool))) {
    const read = await spool.read(one.dir, one.id, one.waiting.folder);
    await complete(spool, read.claimed, refusal(read) ?? decide());
  }
}

/** What the daemon does at start: go on with what lies in work/, from the files alone. */
export async function recover(spool: Spool): Promise<void> {
  await spool.prepare();
  for (const left of await spool.leftovers()) {
    if (left.job === null) {
      const read = await spool.read(left.dir, left.id, left.folder);
      await complete(spool, read.claimed, refusal(read) ?? answer());
      continue;
    }
    const claimed = { job: left.job, dir: left.dir };
    if (left.final === null && left.job.sha256 !== null && (await spool.prompt(claimed)) === null) {
      const read = await spool.read(left.dir, left.id, left.folder);
      await complete(spool, read.claimed, refusal(read) ?? answer());
    } else await complete(spool, claimed, answer());
  }
}

/** Every regular file below a folder whose content is exactly this, relative paths. */
export function filesWith(folder: string, content: string, below = ''): string[] {
  return readdirSync(path.join(folder, below)).flatMap((name) => {
    const relative = path.join(below, name);
    const stats = statSync(path.join(folder, relative));
    if (stats.isDirectory()) return filesWith(folder, content, relative);
    return readFileSync(path.join(folder, relative), 'utf8') === content ? [relative] : [];
  });
}
