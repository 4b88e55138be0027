/** What the tip's files say of each other: evidence of its subjects and materials, materials of themselves; a second reader, and the work tree, of all of them. */

import type { Finding } from '#core/history.ts';
import { isSha256 } from '#core/names.ts';
import { materialPath, MATERIALS } from './layout.ts';
import { decodeCommit, oidOf, type Oid } from './objects.ts';
import { BRANCH, isOnMain, readTip } from './ref.ts';
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

/** The recorded files of the tip, their hashes not known yet. Throws when they cannot be listed. */
async function filesOfTip({ store }: Repository, tip: Oid): Promise<Map<string, TipFile>> {
  const files = new Map<string, TipFile>();
  const waiting = [{ path: '', oid: decodeCommit(await store.readType(tip, 'commit')).tree }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const { name, kind, oid, mode } of entries(parseTree(await store.readType(next.oid, 'tree')))) {
      const path = next.path === '' ? name : `${next.path}/${name}`;
      if (kind === 'folder') waiting.push({ path, oid });
      else if (mode.startsWith('100')) files.set(path, { path, oid, sha256: null });
    }
  }
  return files;
}

/** A file of the work tree that is not what its object says: the SHA-256 of what is there, or the error. */
type Differs = { readonly file: TipFile; readonly sha256: string | null; readonly error: unknown };

/**
 * What needs no look at all objects, and so goes on beside it (verify-threads.ts): the list of the tip's files, what a second reader makes of the tip,
 * and the work tree. Each is told when its turn comes, so the order is the same however quick each of them was.
 */
export type TipLook = {
  /** Null: they could not be listed, which is a finding. */
  files(): AsyncGenerator<Finding, Map<string, TipFile> | null>;
  secondReader(): AsyncGenerator<Finding>;
  workTree(files: Files): AsyncGenerator<Finding>;
  /** Nothing goes on any more. */
  end(): Promise<void>;
};

export function lookAtTip(repository: Repository, tip: Oid, count: Count): TipLook {
  let isOver = false;
  const listing = filesOfTip(repository, tip);
  const second = listing.then(async (files) => askSecondReader(repository, tip, files, count));
  const comparing = listing.then(async (files) => compareAll(repository, files, count, () => isOver));
  // Whoever asks hears of a fault; nobody may.
  for (const work of [second, comparing]) work.catch(() => undefined);
  return {
    async *files() {
      try {
        // A copy: what is said of them here, the others do not wait for.
        return new Map(await listing);
      } catch (error) {
        yield finding('object-damaged', tip, `the files of the tip cannot be listed: ${words(error)}`);
        return null;
      }
    },
    async *secondReader() {
      yield* await second;
    },
    async *workTree(files) {
      for (const differs of await comparing) yield tellDifference(repository, differs, files.get(differs.file.path)?.sha256 ?? null);
    },
    async end() {
      isOver = true;
      await Promise.allSettled([second, comparing]);
    },
  };
}

async function compareAll(repository: Repository, files: Files, count: Count, isOver: () => boolean): Promise<readonly Differs[]> {
  if (!(await isOnMain(repository.fs, repository.gitDir))) return [];
  count.total += files.size;
  const differ: Differs[] = [];
  for (const file of files.values()) {
    if (isOver()) break;
    const found = await compare(repository, file);
    if (found !== null) differ.push(found);
    count.step();
  }
  return differ;
}

async function compare({ fs, dir, digest }: Repository, file: TipFile): Promise<Differs | null> {
  try {
    const { bytes } = await fs.readBounded(`${dir}/${file.path}`, FILE_BYTES_MAX);
    return oidOf('blob', bytes) === file.oid ? null : { file, sha256: digest.sha256(bytes), error: null };
  } catch (error) {
    return { file, sha256: null, error };
  }
}

function tellDifference({ dir }: Repository, { file, sha256: found, error }: Differs, sha256: string | null): Finding {
  const place = `${dir}/${file.path}`;
  if (found !== null) {
    const message = 'the file in the work tree is not what is recorded (git checkout -- brings it back)';
    return finding('hash-differs', place, message, sha256, found);
  }
  const isMissing = (error as { code?: unknown } | null)?.code === 'ENOENT';
  const message = isMissing ? 'the file is missing in the work tree (git checkout -- brings it back)' : words(error);
  return finding(isMissing ? 'missing' : 'unreadable', place, message, sha256);
}

export function* takeHashes(files: Map<string, TipFile>, { hashes }: Seen): Generator<Finding> {
  for (const [path, file] of files) {
    const sha256 = hashes.get(file.oid);
    if (sha256 === undefined) yield finding('object-damaged', path, `its bytes (object ${file.oid}) cannot be read from the history`);
    else files.set(path, { ...file, sha256 });
  }
}

/** Another implementation of git must find the same files in the tip: what only our own reader understands is not a git repository. */
async function askSecondReader({ git, gitDir }: Repository, tip: Oid, files: Files, count: Count): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  count.total += files.size;
  let found = 0;
  try {
    for await (const { path, oid } of git.tipFiles(gitDir, tip)) {
      const ours = files.get(path)?.oid ?? null;
      if (ours !== oid)
        findings.push(finding('object-damaged', path, `${path} is another object for a second reader of the repository`, ours, oid));
      found++;
      count.step();
    }
  } catch (error) {
    findings.push(finding('object-damaged', gitDir, `a second reader cannot read the repository: ${words(error)}`));
    return findings;
  }
  if (found !== files.size) {
    const message = 'a second reader finds another number of files in the tip';
    findings.push(finding('object-damaged', gitDir, message, String(files.size), String(found)));
  }
  return findings;
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
