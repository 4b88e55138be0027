/**
 * What must be true before the first claim: every role has its four folders, none of them a link, and a file can go from in/ to work/
 * and on to out/ and archive/ by rename, that is, they are one file system. Run by the daemon under its lock.
 */

import path from 'node:path';
import { describe } from '#core/failure.ts';
import { folderFailure, rememberWork, ROLE_FAULTS } from './folder-faults.ts';
import { isTemporaryName, temporaryName } from './layout.ts';
import { faultOfFolder } from './owner.ts';
import { codeOf, randomText, unlinkIfThere, type Parts, type SpoolRole } from './parts.ts';
import { linkTo } from './place.ts';

const OTHERS = 0o077;
/** Name of the error of a queue that is not the user's, or anybody's: the daemon does not start. */
export const NOT_OURS = 'QueueNotOurs';

export async function prepare(parts: Parts): Promise<void> {
  const { fs, layout } = parts;
  await fs.makeFolders(layout.root, 0o700);
  await mustBeOurs(parts, layout.root);
  for (const role of parts.roles) await worded(parts, role, async () => makeRoleFolders(parts, role));
  // A prompt that is certain in in/ is lost with a folder above it that is not.
  await parts.sync(layout.root, 'safety');
  await syncParent(parts);
  for (const role of parts.roles)
    await worded(parts, role, async () => {
      await rememberWork(parts, role.folder);
      await sweep(parts, role);
      await probe(parts, role);
      await tellFileSystem(parts, role);
    });
}

async function worded(parts: Parts, { folder }: SpoolRole, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const code = codeOf(error);
    if (!ROLE_FAULTS.has(code)) throw error;
    const failure = folderFailure(parts.layout.role(folder), code, error);
    throw Object.assign(new Error(describe(failure), { cause: error }), { code });
  }
}

/** Whoever else may write here could put prompts in, or take answers out and put others in their place. */
async function mustBeOurs({ fs, settings }: Parts, folder: string): Promise<void> {
  const facts = await fs.facts(folder);
  const fault = facts === null ? null : faultOfFolder(settings.owners, folder, facts);
  if (fault !== null) throw Object.assign(new Error(fault), { name: NOT_OURS });
}

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
      throw new Error(
        `${dir} is not a folder but ${before.kind === 'link' ? 'a symbolic link' : 'something else'}: docket needs a real folder there`,
      );
    await fs.makeFolders(dir, 0o700);
    const facts = await fs.facts(dir);
    if (facts !== null) devices.set(facts.dev, dir);
    await mustBeOurs(parts, dir);
    if (dir === layout.work(folder) && facts !== null && (facts.mode & OTHERS) !== 0) await fs.chmod(dir, 0o700);
  }
  await parts.sync(layout.role(folder), 'safety');
  if (devices.size > 1)
    throw new Error(
      `${[...devices.values()].join(' and ')} are on different file systems: docket moves files between them by rename, so put ${layout.role(folder)} on one`,
    );
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
    if ((await linkTo(fs, at, linked)) === 'no-links')
      parts.log.warn('this file system has no hard links: names in out/ carry the job id', { path: layout.role(folder) });
    else await removeProbe(parts, linked);
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error;
    throw new Error(`files cannot be moved between in/, work/, out/ and archive/ of ${layout.role(folder)}: put them on one file system`, {
      cause: error,
    });
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
