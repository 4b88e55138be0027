/**
 * What must be true before the first claim: every role has its four folders, none of them a link, and a file can go from in/ to work/
 * and on to out/ and archive/ by rename, that is, they are one file system. Run by the daemon under its lock.
 *
 *   unready -> (each whole scan tries again) -> ready, for as long as the process lives
 *
 * Invariant: of a role that is not ready nothing is read, claimed or taken up: its work/ may not be the one that stands there otherwise.
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import { folderFailure, rememberWork, ROLE_FAULTS } from './folder-faults.ts';
import { isTemporaryName, temporaryName } from './layout.ts';
import { mustBeOurs, NOT_OURS } from './owner.ts';
import { codeOf, randomText, unlinkIfThere, type Parts, type SpoolRole } from './parts.ts';
import { isSameFile, linkTo } from './place.ts';

const OTHERS = 0o077;

/** A role whose folders cannot be used is left unready; what concerns all of them is thrown. */
export async function prepare(parts: Parts): Promise<void> {
  const { fs, layout, unready } = parts;
  await fs.makeFolders(layout.root, 0o700);
  await mustBeOurs(parts, layout.root);
  for (const role of parts.roles)
    await unlessFault(parts, role, async () => {
      await makeRoleFolders(parts, role).catch(refuseStart);
    });
  // A prompt that is certain in in/ is lost with a folder above it that is not.
  await parts.sync(layout.root, 'safety');
  await syncParent(parts);
  for (const role of parts.roles) if (!unready.has(role.folder)) await unlessFault(parts, role, async () => tryOut(parts, role));
}

/** Another try with a role that was left unready. Answers what still keeps it; null: it is ready. */
export async function makeReady(parts: Parts, role: SpoolRole): Promise<Failure | null> {
  await unlessFault(parts, role, async () => {
    await makeRoleFolders(parts, role);
    await parts.sync(parts.layout.root, 'safety');
    await tryOut(parts, role);
  });
  return parts.unready.get(role.folder) ?? null;
}

async function tryOut(parts: Parts, role: SpoolRole): Promise<void> {
  await rememberWork(parts, role.folder);
  await sweep(parts, role);
  await probe(parts, role);
  await tellFileSystem(parts, role);
}

async function unlessFault(parts: Parts, { folder }: SpoolRole, act: () => Promise<void>): Promise<void> {
  try {
    await act();
    parts.unready.delete(folder);
  } catch (error) {
    const code = codeOf(error);
    if (!ROLE_FAULTS.has(code)) throw error;
    parts.unready.set(folder, folderFailure(parts.layout.role(folder), code, error));
  }
}

/** At start nobody has to wait for a queue that is not ours to become ours; later its role does. */
function refuseStart(error: unknown): never {
  if (error instanceof Error && error.name === NOT_OURS)
    throw Object.assign(new Error(error.message, { cause: error }), { name: NOT_OURS });
  throw error;
}

const fault = (code: string, words: string, folder: string): Error => Object.assign(new Error(words), { code, path: folder });

async function syncParent({ fs, layout, log }: Parts): Promise<void> {
  const parent = path.dirname(layout.root);
  try {
    await fs.syncFolder(parent, 'safety');
  } catch (error) {
    // The queues of a shared folder: whoever may not read it cannot sync it.
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error;
    log.debug('the folder above the queues cannot be synced', { path: parent });
  }
}

async function makeRoleFolders(parts: Parts, { folder }: SpoolRole): Promise<void> {
  const { fs, layout } = parts;
  const devices = new Map<bigint, string>();
  for (const dir of [layout.role(folder), layout.in(folder), layout.out(folder), layout.work(folder), layout.archive(folder)]) {
    const before = await fs.facts(dir);
    if (before !== null && before.kind !== 'folder')
      throw before.kind === 'link'
        ? fault('ELOOP', `${dir} is not a folder but a symbolic link`, dir)
        : fault('ENOTDIR', `${dir} is not a folder but something else`, dir);
    await fs.makeFolders(dir, 0o700);
    const facts = await fs.facts(dir);
    if (facts !== null) devices.set(facts.dev, dir);
    await mustBeOurs(parts, dir);
    if (dir === layout.work(folder) && facts !== null && (facts.mode & OTHERS) !== 0) await fs.chmod(dir, 0o700);
  }
  await parts.sync(layout.role(folder), 'safety');
  if (devices.size > 1) throw fault('EXDEV', `${[...devices.values()].join(' and ')} are on different file systems`, layout.role(folder));
}

/** Temporary names of a drop or a probe that crashed. A drop that is still alive notices and writes again. */
async function sweep(parts: Parts, { folder }: SpoolRole): Promise<void> {
  const { fs, layout } = parts;
  for (const dir of [layout.role(folder), layout.in(folder), layout.out(folder), layout.work(folder), layout.archive(folder)]) {
    const found: string[] = [];
    // Names of ours are ASCII, so one character per byte is what they are.
    await fs.walk(dir, (name, kind) => {
      if (kind === 'file' && isTemporaryName(name)) found.push(name);
    });
    for (const name of found) await unlinkIfThere(fs, path.join(dir, name));
  }
}

/** Same device number is not enough (bind mounts, overlays): only a rename proves that renames work. */
async function probe(parts: Parts, { folder }: SpoolRole): Promise<void> {
  const { fs, layout } = parts;
  const name = temporaryName(parts.processId, randomText(parts.digest));
  let at = path.join(layout.work(folder), name);
  try {
    await fs.writeNew(at, '', 'safety');
    if ((await fs.facts(path.join(layout.work(folder), name.toUpperCase()))) !== null)
      parts.log.warn('this file system takes names that differ only in case for one: such names are numbered (foo~2)', {
        path: layout.role(folder),
      });
    for (const dir of [layout.in(folder), layout.out(folder), layout.archive(folder), layout.work(folder)]) {
      const next = path.join(dir, name);
      await fs.rename(at, next);
      at = next;
    }
    const linked = path.join(layout.work(folder), temporaryName(parts.processId, randomText(parts.digest)));
    const isLinked = (await linkTo(fs, at, linked)) !== 'no-links';
    // Where one file with two names looks like two files (sshfs), a crash between link and unlink could not be told.
    const isTold = isLinked && (await isSameFile(fs, at, linked)) && (await fs.facts(at))?.nlink === 2;
    if (isLinked) await removeProbe(parts, linked);
    if (isTold) parts.linkless.delete(folder);
    else {
      parts.linkless.add(folder);
      const what = isLinked ? 'shows a hard link as another file' : 'has no hard links';
      parts.log.warn(`this file system ${what}: names in out/ and of ended files carry the job id`, { path: layout.role(folder) });
    }
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error;
    throw fault('EXDEV', `files cannot be moved between in/, work/, out/ and archive/ of ${layout.role(folder)}`, layout.role(folder));
  } finally {
    await removeProbe(parts, at).catch(() => undefined);
  }
}

/** Twice: what fails for a moment should leave nothing of ours behind; what fails longer is swept at the next start. */
async function removeProbe({ fs }: Parts, file: string): Promise<void> {
  await unlinkIfThere(fs, file).catch(async () => unlinkIfThere(fs, file));
}

async function tellFileSystem(parts: Parts, { folder }: SpoolRole): Promise<void> {
  const { type, network } = await parts.fs.fileSystem(parts.layout.in(folder));
  parts.network.set(folder, network);
  if (network)
    parts.log.warn('the queue is on a network file system: no events, files settle slower, and a power cut there is not covered', {
      path: parts.layout.role(folder),
      type,
    });
}
