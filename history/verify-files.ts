/** What the tip's files say of each other: evidence of its subjects and materials, materials of themselves; a second reader, and the work tree, of all of them. */

import { Buffer } from 'node:buffer';
import type { Finding } from '#core/history.ts';
import { isSha256 } from '#core/names.ts';
import { materialPath, MATERIALS } from './layout.ts';
import { decodeCommit, oidOf, type Oid } from './objects.ts';
import { BRANCH, readTip } from './ref.ts';
import type { Repository } from './repository.ts';
import { readStatement } from './statement.ts';
import { entries, parseTree } from './tree.ts';
import { finding, words, type Count } from './verify-finding.ts';
import { isEvidence, type Seen, type TipFile } from './verify-seen.ts';

const FILE_BYTES_MAX = 1024 * 1024 * 1024;

type Files = ReadonlyMap<string, TipFile>;

/** Feature and role. */
const seriesOf = (path: string): string => path.split('/', 2).join('/');

/** @returns the tip; null when it cannot be read, which is a finding */
export async function* findTip({ fs, gitDir, dir }: Repository): AsyncGenerator<Finding, Oid | null> {
  try {
    const tip = await readTip(fs, gitDir);
    if (tip === null) yield finding('missing', dir, 'the branch main is gone');
    return tip;
  } catch (error) {
    yield finding('object-damaged', `${gitDir}/${BRANCH}`, words(error));
    return null;
  }
}

/** Fills in the recorded files of the tip. @returns could they be listed? Else that is a finding */
export async function* listTip({ store }: Repository, seen: Seen, tip: Oid, files: Map<string, TipFile>): AsyncGenerator<Finding, boolean> {
  try {
    const root = seen.commits.get(tip)?.tree ?? decodeCommit(await store.readType(tip, 'commit')).tree;
    const waiting = [{ path: '', oid: root }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const tree = parseTree(seen.trees.get(next.oid) ?? (await store.readType(next.oid, 'tree')));
      for (const { name, kind, oid, mode } of entries(tree)) {
        const path = next.path === '' ? name : `${next.path}/${name}`;
        if (kind === 'folder') waiting.push({ path, oid });
        else if (mode.startsWith('100')) files.set(path, { path, oid, sha256: null });
      }
    }
    return true;
  } catch (error) {
    yield finding('object-damaged', tip, `the files of the tip cannot be listed: ${words(error)}`);
    return false;
  }
}

export function* takeHashes(files: Map<string, TipFile>, { hashes }: Seen): Generator<Finding> {
  for (const [path, file] of files) {
    const sha256 = hashes.get(file.oid);
    if (sha256 === undefined) yield finding('object-damaged', path, `its bytes (object ${file.oid}) cannot be read from the history`);
    else files.set(path, { ...file, sha256 });
  }
}

/** Another implementation of git must find the same files in the tip: what only our own reader understands is not a git repository. */
export async function* askSecondReader({ git, gitDir }: Repository, tip: Oid, files: Files, count: Count): AsyncGenerator<Finding> {
  count.total += files.size;
  let found = 0;
  try {
    for await (const { path, oid } of git.tipFiles(gitDir, tip)) {
      const ours = files.get(path)?.oid ?? null;
      if (ours !== oid) yield finding('object-damaged', path, `${path} is another object for a second reader of the repository`, ours, oid);
      found++;
      count.step();
    }
  } catch (error) {
    yield finding('object-damaged', gitDir, `a second reader cannot read the repository: ${words(error)}`);
    return;
  }
  if (found !== files.size)
    yield finding('object-damaged', gitDir, 'a second reader finds another number of files in the tip', String(files.size), String(found));
}

/** Subjects of evidence are files of the same record; its materials are kept. @param purged paths whose content is gone */
export async function* verifyEvidence(
  { store }: Repository,
  { statements }: Seen,
  files: Files,
  purged: ReadonlySet<string>,
): AsyncGenerator<Finding> {
  const bySeries = new Map<string, Set<string>>();
  for (const { path, sha256 } of files.values()) {
    if (sha256 === null) continue;
    const series = seriesOf(path);
    const known = bySeries.get(series);
    if (known === undefined) bySeries.set(series, new Set([sha256]));
    else known.add(sha256);
  }
  for (const { path, oid, sha256 } of files.values()) {
    if (sha256 === null || !isEvidence(path) || purged.has(path)) continue;
    const statement = statements.get(oid) ?? readStatement((await store.readType(oid, 'blob')).toString('utf8'));
    if (statement === null) {
      yield finding('unreadable', path, `${path} is not an evidence statement`);
      continue;
    }
    const known = bySeries.get(seriesOf(path));
    for (const subject of statement.subjects)
      if (known?.has(subject.sha256) !== true)
        yield finding('hash-differs', path, `${path} speaks of ${subject.name} with a hash that no file beside it has`, subject.sha256);
    for (const hash of statement.materials)
      if (!isSha256(hash) || !files.has(materialPath(hash)))
        yield finding('missing', path, `${path} names a material that is not kept in ${MATERIALS}/`, hash);
  }
}

export function* verifyMaterials(files: Files): Generator<Finding> {
  for (const { path, sha256 } of files.values()) {
    if (!path.startsWith(`${MATERIALS}/`)) continue;
    const name = path.split('/').at(-1) ?? '';
    if (!isSha256(name) || path !== materialPath(name)) yield finding('unexpected', path, `${path} is no place of a material`);
    else if (sha256 !== null && sha256 !== name)
      yield finding('hash-differs', path, `${path} has other bytes than its name says`, name, sha256);
  }
}

export async function* verifyWorkTree({ fs, dir, digest }: Repository, files: Files, count: Count): AsyncGenerator<Finding> {
  count.total += files.size;
  for (const { path, oid, sha256 } of files.values()) {
    const place = `${dir}/${path}`;
    try {
      const { bytes } = await fs.readBounded(place, FILE_BYTES_MAX);
      if (oidOf('blob', bytes) !== oid)
        yield finding(
          'hash-differs',
          place,
          `the file in the work tree is not what is recorded (git checkout -- brings it back)`,
          sha256,
          digest.sha256(Buffer.from(bytes)),
        );
    } catch (error) {
      const isMissing = (error as { code?: unknown }).code === 'ENOENT';
      const message = isMissing ? 'the file is missing in the work tree (git checkout -- brings it back)' : words(error);
      yield finding(isMissing ? 'missing' : 'unreadable', place, message, sha256);
    }
    count.step();
  }
}
