/**
 * The files of a commit of somebody's code, read from git's objects: no program is started, no filter, hook or attribute has a say, and neither the
 * work tree nor the index is looked at. Each object is hashed against its id, so the commit's id proves every byte.
 */

import type { Buffer } from 'node:buffer';
import type { ObjectStore } from './read-objects.ts';
import { decodeCommit, oidOf, type ObjectType, type Oid } from './objects.ts';
import { entries, parseTree } from './tree.ts';

export type CodeEntry =
  | { readonly kind: 'file'; readonly path: string; readonly bytes: Buffer; readonly isProgram: boolean }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** A submodule: another repository's commit, which is not here. */
  | { readonly kind: 'elsewhere'; readonly path: string; readonly commit: Oid };

const DEPTH_MAX = 200;

const fault = (words: string): Error => Object.assign(new Error(words), { code: 'ECODE' });

async function checked(store: ObjectStore, oid: Oid, type: ObjectType): Promise<Buffer> {
  const bytes = await store.readType(oid, type);
  if (oidOf(type, bytes) !== oid) throw fault(`the object ${oid} of the code repository has other bytes than its id says`);
  return bytes;
}

/** A name that could leave the folder, or be a repository in it, is in no tree that git made. */
function safe(name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name) || /^\.git$/i.test(name))
    throw fault(`a tree of the code repository has an entry that is no file name: ${JSON.stringify(name)}`);
  return name;
}

async function* below(store: ObjectStore, tree: Oid, prefix: string, depth: number, later: CodeEntry[]): AsyncGenerator<CodeEntry> {
  if (depth > DEPTH_MAX) throw fault(`folders of the code repository lie more than ${String(DEPTH_MAX)} deep`);
  for (const { name, mode, kind, oid } of entries(parseTree(await checked(store, tree, 'tree')))) {
    const path = `${prefix}${safe(name)}`;
    if (kind === 'folder') yield* below(store, oid, `${path}/`, depth + 1, later);
    else if (mode === '160000') yield { kind: 'elsewhere', path, commit: oid };
    else if (mode === '120000') later.push({ kind: 'link', path, target: (await checked(store, oid, 'blob')).toString('utf8') });
    else yield { kind: 'file', path, bytes: await checked(store, oid, 'blob'), isProgram: mode === '100755' };
  }
}

/** Links come last, so that nothing is ever written through one. @throws `code: 'EMISSING'` when the repository lacks an object */
export async function* codeFiles(store: ObjectStore, commit: Oid): AsyncGenerator<CodeEntry> {
  const { tree } = decodeCommit(await checked(store, commit, 'commit'));
  const links: CodeEntry[] = [];
  yield* below(store, tree, '', 0, links);
  yield* links;
}
