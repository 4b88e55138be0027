/**
 * A disk of the test's own whose power can be cut: a file system in an image, and the image in an XFS that clones a file in one step.
 *
 *   outer: XFS in a loop-mounted file, holds disk.img
 *   inner: ext4, xfs or btrfs in disk.img, loop-mounted; the workspace lies here
 *
 * A cut stops whatever works on the disk, clones disk.img in one step (FICLONE keeps the kernel's own writing out meanwhile), ends what it stopped, and goes
 * on from the clone: it has what the file system had handed to the device by then, and nothing that was in memory only. Mounting it plays the file
 * system's own log back. They are stopped first so that what is known of them from elsewhere (the tool's log) is of the same instant.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Cleanup } from '#test/support/rig.ts';

/** How each is made, and mounted: `noauto_da_alloc` takes away ext4's own sync before a rename, so that ours must be there. */
export const FILE_SYSTEMS = {
  ext4: { make: ['mkfs.ext4', '-q'], options: 'loop,noauto_da_alloc' },
  xfs: { make: ['mkfs.xfs', '-q'], options: 'loop' },
  btrfs: { make: ['mkfs.btrfs', '-q'], options: 'loop' },
} as const;
export type FileSystemName = keyof typeof FILE_SYSTEMS;

/** Sparse: only what is written takes room. XFS wants 300 MB at least. */
const INNER_BYTES = 400 * 1_048_576;
const OUTER_BYTES = 4 * INNER_BYTES;
const LOOK_MS = 20;
const LOOKS_MAX = 500;

export type LoopDisk = {
  readonly folder: string;
  /**
   * The power is off and on again. Every process that had something open on the disk stands still at the instant of the cut, and is ended after it.
   * @param look sees the world of that instant
   */
  cut(look: () => void): Promise<void>;
};

type Ran = { readonly ok: boolean; readonly why: string };
const run = (program: string, ...args: readonly string[]): Ran => {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  return { ok: done.status === 0, why: `${program}: ${done.error?.message ?? (done.stderr.trim() || `status ${String(done.status)}`)}` };
};

const isLooped = (image: string): boolean => spawnSync('losetup', ['-j', image], { encoding: 'utf8' }).stdout.trim() !== '';

const must = (done: Ran): void => {
  if (!done.ok) throw new Error(done.why);
};

/** @returns why there is none, where it cannot be made or mounted */
export function mountLoopDisk(t: Cleanup, name: FileSystemName): LoopDisk | { readonly why: string } {
  if (process.platform !== 'linux') return { why: 'loop devices are of Linux' };
  if (process.getuid?.() !== 0) return { why: 'only root may mount a file system' };
  const { make, options } = FILE_SYSTEMS[name];
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-loop-')));
  const at = { outer: path.join(base, 'outer'), folder: path.join(base, 'disk'), image: path.join(base, 'outer', 'disk.img') };
  t.after(async () => {
    await endUsers(at.folder);
    // Lazily: a process that was ended may hold it a moment longer.
    for (const folder of [at.folder, at.outer]) spawnSync('umount', ['-l', folder]);
    rmSync(base, { recursive: true, force: true });
  });
  mkdirSync(at.outer);
  mkdirSync(at.folder, { mode: 0o700 });
  const outerImage = path.join(base, 'outer.img');
  const [program, ...args] = make;
  const steps: (readonly [string, ...string[]])[] = [
    ['truncate', '-s', String(OUTER_BYTES), outerImage],
    ['mkfs.xfs', '-q', '-m', 'reflink=1', outerImage],
    ['mount', '-o', 'loop', outerImage, at.outer],
    ['truncate', '-s', String(INNER_BYTES), at.image],
    [program, ...args, at.image],
    ['mount', '-t', name, '-o', options, at.image, at.folder],
  ];
  for (const [step, ...words] of steps) {
    const done = run(step, ...words);
    if (!done.ok) return { why: done.why };
  }
  return {
    folder: at.folder,
    async cut(look) {
      const clone = path.join(at.outer, 'cut.img');
      await stopUsers(at.folder);
      look();
      must(run('cp', '--reflink=always', at.image, clone));
      await endUsers(at.folder);
      for (let tries = 1; ; tries += 1) {
        const done = run('umount', at.folder);
        if (done.ok) break;
        if (tries === LOOKS_MAX) throw new Error(done.why);
        await after(LOOK_MS);
      }
      // The daemon had a mount namespace of its own: the file system is let go when the last of its processes is, and until then the clone would be taken
      // for the same one.
      for (let tries = 1; isLooped(at.image); tries += 1) {
        if (tries === LOOKS_MAX) throw new Error(`${at.image} is still mounted somewhere`);
        await after(LOOK_MS);
      }
      renameSync(clone, at.image);
      must(run('mount', '-t', name, '-o', options, at.image, at.folder));
    },
  };
}

/** All processes that have their working folder, their program, a word of their command or an open file below the folder: nobody else knows of it. */
const usersOf = (folder: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => isBelow(pid, folder))
    .map(Number);

const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
  for (const pid of pids)
    try {
      process.kill(pid, name);
    } catch {
      // It ended meanwhile.
    }
};

/** Resolves when none of them runs. One that is in the middle of a start is found by the next look. */
async function stopUsers(folder: string): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const running = usersOf(folder).filter((pid) => !['T', 'Z'].includes(stateOf(pid)));
    if (running.length === 0) return;
    signal(running, 'SIGSTOP');
    await after(1);
  }
  throw new Error(`processes on ${folder} cannot be stopped`);
}

async function endUsers(folder: string): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const users = usersOf(folder);
    if (users.length === 0) return;
    signal(users, 'SIGKILL');
    await after(LOOK_MS);
  }
  throw new Error(`processes on ${folder} do not end`);
}

/** `R`, `S`, `D`, `T`, `Z`: proc(5). One that is gone counts as `Z`. */
function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch {
    return 'Z';
  }
}

function isBelow(pid: string, folder: string): boolean {
  const links = (): string[] => readdirSync(`/proc/${pid}/fd`).map((fd) => `fd/${fd}`);
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)) return true;
    return ['cwd', 'exe', ...links()].some((link) => readlinkSync(`/proc/${pid}/${link}`).startsWith(`${folder}/`));
  } catch {
    return false;
  }
}
