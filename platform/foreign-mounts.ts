/**
 * Which paths lie on a file system whose server may stop to answer: NFS, SMB, 9p, anything of FUSE. Told from /proc/self/mountinfo (proc(5)), which the
 * kernel writes from memory: to ask the path itself (statfs) would wait for that server.
 * Invariant: the answer is at most a second old. The root's own file system is never foreign: without it nothing goes on anyway.
 */

import { readFileSync } from 'node:fs';
import type { FilePath } from '#core/ports.ts';
import { monotonicMs } from './clock.ts';
import { shown } from './file-facts.ts';

const FOREIGN =
  /^(?:fuse.*|nfs4?|cifs|smb3?|smbfs|9p|virtiofs|ceph|afs|glusterfs|lustre|gpfs|beegfs|vboxsf|vmhgfs|prl_fs|ocfs2|gfs2|orangefs)$/;
const KNOWN_FOR_MS = 1_000;

type Mount = { readonly at: string; readonly isForeign: boolean };

/** `42 27 0:39 / /srv/my\\040queues rw - fuse.sshfs …`: blanks, tabs, newlines and backslashes of a path are octal. */
export function mountsIn(text: string): readonly Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [places = '', facts = ''] = line.split(' - ');
    const at = places.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (at !== undefined) mounts.push({ at, isForeign: at !== '/' && FOREIGN.test(facts.split(' ')[0] ?? '') });
  }
  return mounts.some(({ isForeign }) => isForeign) ? mounts : [];
}

const isBelow = (file: string, at: string): boolean => at === '/' || file === at || file.startsWith(`${at}/`);

/** Of two at one place the later one is on top. */
export function foreignAmong(mounts: readonly Mount[], file: string): string | null {
  let top: Mount | null = null;
  for (const mount of mounts) if (isBelow(file, mount.at) && mount.at.length >= (top?.at.length ?? 0)) top = mount;
  return top?.isForeign === true ? top.at : null;
}

let known: readonly Mount[] = [];
let readAtMs = Number.NEGATIVE_INFINITY;

/** Where the foreign file system is mounted that holds this absolute path; null: it lies on the machine's own. */
export function foreignMountOf(file: FilePath): string | null {
  const nowMs = monotonicMs();
  if (nowMs - readAtMs >= KNOWN_FOR_MS) {
    readAtMs = nowMs;
    known = process.platform === 'linux' ? mountsNow() : [];
  }
  return known.length === 0 ? null : foreignAmong(known, shown(file));
}

/** Asked anew. */
export const isMountedNow = (at: string): boolean => mountsNow().some((mount) => mount.at === at);

function mountsNow(): readonly Mount[] {
  try {
    return mountsIn(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return [];
  }
}
