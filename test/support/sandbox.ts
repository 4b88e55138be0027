/** For tests that need a sandbox: where it cannot be had, they are told as NOT RUN, never passed over in silence. */

import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { bwrapArgs } from '#tools/sandbox-bwrap.ts';

const NEEDS = 'bubblewrap, and a system that lets this account use it';

/** Why there is none, in words; null: there is one. @param as the user whose sandbox it would be; null: ours */
function whyNone(as: number | null): string | null {
  const isRoot = (as ?? process.getuid?.()) === 0;
  const args = bwrapArgs({ isRoot, mounts: [{ how: 'empty', path: '/run' }], cwd: '/' });
  const user = as === null ? {} : { uid: as, gid: as };
  const tried = spawnSync('bwrap', [...args, 'true'], { cwd: tmpdir(), encoding: 'utf8', ...user });
  if (tried.error !== undefined) return tried.error.message;
  return tried.status === 0 ? null : tried.stderr.trim();
}

/** Options of a suite. */
export function onlySandboxed(as: number | null = null): { readonly skip?: string } {
  const why = whyNone(as);
  if (why === null) return {};
  const skip = `NOT RUN: needs ${NEEDS} (${why})`;
  console.log(skip);
  return { skip };
}
