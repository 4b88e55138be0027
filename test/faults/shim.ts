/** The shim of shim.c as a test sees it: built once per file, and a control block that is shared with the processes that run under it. */

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Cleanup, Rig } from '#test/support/rig.ts';

/** The numbers of Linux. */
const ERRNO = { ENOSPC: 28, EIO: 5, EMFILE: 24 } as const;
export type ErrorName = keyof typeof ERRNO;
export const ERROR_NAMES = Object.keys(ERRNO) as readonly ErrorName[];
/** What happens at the call: the process that makes it is killed, or the call fails. */
export type Act = 'kill' | ErrorName;

/** Words of the control block, in the order of shim.c. */
const WORD = { count: 0, at: 1, act: 2, sticky: 3, hits: 4, pid: 5, clock: 7 } as const;
const WORD_BYTES = 8;

export type Shim = {
  /** The environment that puts a daemon under the shim. */
  readonly env: Readonly<Record<string, string>>;
  /** From call number `at` on; `sticky`: every later call too, until disarmed. */
  arm(at: number, act: Act, isSticky: boolean): void;
  /** The fault is gone: at once, in running processes too. */
  disarm(): void;
  /** The wall clock of all processes under the shim is off by this from now on. */
  setClock(offMs: number): void;
  count(): number;
  hits(): number;
  /** Of the process in which it acted first; 0 when it did not. */
  hitPid(): number;
  /** `rename /app/queues/…`: what call number `at` was. */
  callAt(at: number): string;
};

/** @returns the library's path, or why there is none */
export function buildShim(t: Cleanup): { readonly library: string } | { readonly why: string } {
  if (process.platform !== 'linux') return { why: 'it preloads a library, which is written for Linux' };
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-shim-')));
  t.after(async () => {
    await Promise.resolve();
    rmSync(folder, { recursive: true, force: true });
  });
  const library = path.join(folder, 'shim.so');
  const source = path.join(import.meta.dirname, 'shim.c');
  const built = spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { encoding: 'utf8' });
  if (built.error !== undefined) return { why: 'there is no gcc' };
  if (built.status !== 0) return { why: `gcc says: ${built.stderr.slice(0, 500)}` };
  return { library };
}

/** Calls are named as `unlink index.lock`: this call, on paths that hold this. */
export type Counted = {
  /** False: no call is counted; the shim is there for the clock. */
  readonly isCounting?: boolean;
  /** Nothing else is counted. */
  readonly only?: string;
  /** Counting begins here. */
  readonly from?: string;
};

export function makeShim(rig: Rig, library: string, { isCounting = true, only, from }: Counted = {}): Shim {
  const control = path.join(rig.base, 'control');
  const log = path.join(rig.base, 'calls.log');
  writeFileSync(control, new Uint8Array(4096));
  const set = (word: number, value: number): void => {
    const bytes = Buffer.alloc(WORD_BYTES);
    bytes.writeBigInt64LE(BigInt(value));
    const fd = openSync(control, 'r+');
    writeSync(fd, bytes, 0, WORD_BYTES, word * WORD_BYTES);
    closeSync(fd);
  };
  const get = (word: number): number => {
    const bytes = Buffer.alloc(WORD_BYTES);
    const fd = openSync(control, 'r');
    readSync(fd, bytes, 0, WORD_BYTES, word * WORD_BYTES);
    closeSync(fd);
    return Number(bytes.readBigInt64LE());
  };
  return {
    env: {
      LD_PRELOAD: library,
      FAULTS_CONTROL: control,
      ...(isCounting ? { FAULTS_ROOTS: `${rig.root}:${rig.history}` } : {}),
      // What V8 keeps of compiled code: nobody needs it, and node passes over every error there.
      FAULTS_EXCEPT: '/compile-cache',
      ...(only === undefined ? {} : { FAULTS_ONLY: only }),
      ...(from === undefined ? {} : { FAULTS_FROM: from }),
      FAULTS_LOG: log,
    },
    arm(at, act, isSticky) {
      set(WORD.hits, 0);
      set(WORD.pid, 0);
      set(WORD.sticky, isSticky ? 1 : 0);
      set(WORD.act, act === 'kill' ? 1 : 2 + ERRNO[act]);
      set(WORD.at, at);
    },
    disarm() {
      set(WORD.at, 0);
    },
    setClock(offMs) {
      set(WORD.clock, Math.trunc(offMs));
    },
    count: () => get(WORD.count),
    hits: () => get(WORD.hits),
    hitPid: () => get(WORD.pid),
    callAt(at) {
      if (!existsSync(log)) return 'no call';
      const line = readFileSync(log, 'utf8')
        .split('\n')
        .find((one) => one.startsWith(`${String(at)} `));
      return line?.split(' ').slice(2).join(' ').replace(rig.base, '') ?? 'never reached';
    },
  };
}
