/**
 * Faults of one role's folders on real file systems. Each is put over or under a queue folder of a workspace that runs, and taken away again.
 * Invariant: no mount and no loop device is left, however the test ends. A shell that knows of each mount takes them away when its input ends, and
 * that ends with the test's process, killed or not. `after` stands before the rig's own, so that its folder can be removed.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Cleanup } from '#test/support/rig.ts';

export type Why = { readonly why: string };
export type Mounts = {
  /** A tmpfs over a folder: another file system in its place. Null, or why it could not be. */
  cover(folder: string, sizeBytes?: number): Why | null;
  /** The same folder, and nothing can be written in it: EROFS, also where files are open for writing. */
  makeReadOnly(folder: string): Why | null;
  /** A btrfs in a loop-mounted file, of which only so much may be used (EDQUOT beyond it, also for root). */
  quota(folder: string, sizeBytes: number): Why | null;
  /** Takes the last one away again. */
  uncover(folder: string): void;
};

const run = (program: string, ...args: readonly string[]): Why | null => {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return null;
  return { why: `${program} ${args[0] ?? ''}: ${error?.message ?? (stderr.trim().split('\n')[0] || `status ${String(status)}`)}` };
};

/**
 * Reads folders that were mounted over, one on a line; at the end takes all away, the last one first, then the folder it was given. Lazily: a tool may end
 * a moment later. A loop device that mount(8) made goes with its mount.
 */
const GUARD = `trap '' INT TERM HUP
all=
while IFS= read -r folder; do all="$folder
$all"; done
printf %s "$all" | while IFS= read -r folder; do umount -l "$folder"; done
rm -rf -- "$1"`;

/** btrfs is made in no less. */
const IMAGE_BYTES = 256 * 1_048_576;

const uncover = (folder: string): void => {
  const failed = run('umount', '-l', folder);
  if (failed !== null) throw new Error(failed.why);
};

/** Call it before the rig is made. @returns why nothing can be mounted here */
export function makeMounts(t: Cleanup): Mounts | Why {
  if (process.platform !== 'linux') return { why: 'tmpfs, bind mounts and loop devices are of Linux' };
  if (process.getuid?.() !== 0) return { why: 'only root may mount a file system' };
  const probe = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-mount-')));
  const guard = spawn('sh', ['-c', GUARD, 'sh', probe], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  t.after(async () => {
    const ended = once(guard, 'exit');
    guard.stdin.end();
    await ended;
  });
  const mount = (folder: string, ...args: readonly string[]): Why | null => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Before it is there: what is not, cannot be taken away, and that is all.
    guard.stdin.write(`${folder}\n`);
    return run('mount', ...args, folder);
  };
  const cover = (folder: string, sizeBytes = 1_048_576): Why | null =>
    mount(folder, '-t', 'tmpfs', '-o', `size=${String(sizeBytes)},mode=0700`, 'docket-test');
  const failed = cover(path.join(probe, 'first'));
  if (failed !== null) return failed;
  uncover(path.join(probe, 'first'));
  return {
    cover,
    uncover,
    makeReadOnly: (folder) => mount(folder, '--bind', folder) ?? run('mount', '-o', 'remount,bind,ro', folder),
    quota(folder, sizeBytes) {
      const image = path.join(probe, 'quota.img');
      const whole = path.join(probe, 'quota');
      const sub = path.join(whole, 'sub');
      return (
        run('truncate', '-s', String(IMAGE_BYTES), image) ??
        run('mkfs.btrfs', '-q', image) ??
        mount(whole, '-o', 'loop', image) ??
        run('btrfs', 'quota', 'enable', whole) ??
        run('btrfs', 'subvolume', 'create', sub) ??
        run('btrfs', 'qgroup', 'limit', String(sizeBytes), sub) ??
        mount(folder, '--bind', sub)
      );
    },
  };
}

/** Something else in its place, and back. */
export const moveAway = (folder: string): void => {
  renameSync(folder, `${folder}-aside`);
};
export const moveBack = (folder: string): void => {
  renameSync(`${folder}-aside`, folder);
};
export const forbid = (folder: string): void => {
  chmodSync(folder, 0o000);
};
export const allow = (folder: string): void => {
  chmodSync(folder, 0o700);
};
