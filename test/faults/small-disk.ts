/** A file system so small that a test can fill it: a tmpfs where this machine lets us mount one. */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Cleanup } from '#test/support/rig.ts';

const CHUNK = Buffer.alloc(65_536, 'full');

export type SmallDisk = {
  readonly folder: string;
  /** Until not one byte more goes in. @param leaveBytes of them are given back */
  fill(leaveBytes?: number): void;
  /** Makes all the room again. */
  free(): void;
};

/** @returns why there is none, where mounting is not allowed */
export function mountSmallDisk(t: Cleanup, sizeBytes: number): SmallDisk | { readonly why: string } {
  if (process.platform !== 'linux') return { why: 'tmpfs is a file system of Linux' };
  if (process.getuid?.() !== 0) return { why: 'only root may mount a file system' };
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-disk-')));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${String(sizeBytes)},mode=0700`, 'docket-test', folder], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    return { why: `mount: ${mounted.error?.message ?? mounted.stderr.trim()}` };
  }
  t.after(async () => {
    await Promise.resolve();
    // Lazily: the keeper may end a moment later.
    spawnSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const ballast = path.join(folder, 'ballast');
  return {
    folder,
    fill(leaveBytes = 0) {
      const fd = openSync(ballast, 'a');
      let size = CHUNK.length;
      while (size >= 1)
        try {
          if (writeSync(fd, CHUNK, 0, size) === 0) size = 0;
        } catch {
          size = Math.floor(size / 2);
        }
      closeSync(fd);
      truncateSync(ballast, Math.max(0, statSync(ballast).size - leaveBytes));
    },
    free() {
      rmSync(ballast, { force: true });
    },
  };
}
