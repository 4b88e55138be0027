/**
 * Which file system a path lies on, by the magic number of statfs(2) (linux/magic.h and the drivers' own headers).
 * It decides two things: a network folder gives no events and settles slower; docket's own state must not lie on one.
 */

import { statfs } from 'node:fs/promises';

type Known = { readonly type: string; readonly network: boolean };

const local = (type: string): Known => ({ type, network: false });
const network = (type: string): Known => ({ type, network: true });

const KNOWN: ReadonlyMap<bigint, Known> = new Map([
  [0xef53n, local('ext4')],
  [0x58465342n, local('xfs')],
  [0x9123683en, local('btrfs')],
  [0x01021994n, local('tmpfs')],
  [0x858458f6n, local('ramfs')],
  [0x794c7630n, local('overlay')],
  [0x2fc12fc1n, local('zfs')],
  [0xf2f52010n, local('f2fs')],
  [0xca451a4en, local('bcachefs')],
  [0x4d44n, local('vfat')],
  [0x2011bab0n, local('exfat')],
  [0x7366746en, local('ntfs3')],
  [0x6969n, network('nfs')],
  [0x517bn, network('smb')],
  [0xfe534d42n, network('smb2')],
  [0xff534d42n, network('cifs')],
  // sshfs, s3fs, virtiofs, shared folders of virtual machines: events of the other side do not arrive.
  [0x65735546n, network('fuse')],
  [0x01021997n, network('9p')],
  [0x00c36400n, network('ceph')],
  [0x5346414fn, network('afs')],
  [0x47504653n, network('gpfs')],
  [0x0bd00bd0n, network('lustre')],
  [0x786f4256n, network('vboxsf')],
  [0xbacbacbcn, network('vmhgfs')],
  [0x7c7c6673n, network('prl_fs')],
  [0x01161970n, network('gfs2')],
  [0x7461636fn, network('ocfs2')],
]);

/** What a magic number means; an unknown one counts as local and keeps its number as its name. */
export const fileSystemOf = (magic: bigint): Known =>
  KNOWN.get(BigInt.asUintN(32, magic)) ?? local(`0x${BigInt.asUintN(32, magic).toString(16)}`);

/** Free bytes are those an ordinary user may still use; Infinity where the file system does not say (a few in user space). Off Linux the numbers mean other things: type is then `unknown`. */
export async function fileSystemFacts(path: string): Promise<Known & { readonly freeBytes: number }> {
  const facts = await statfs(path, { bigint: true });
  const known = process.platform === 'linux' ? fileSystemOf(facts.type) : local('unknown');
  return { ...known, freeBytes: facts.blocks === 0n ? Number.POSITIVE_INFINITY : Number(facts.bavail * facts.bsize) };
}
