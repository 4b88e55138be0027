/**
 * What a push would send that the other side does not have: each new file, name and message once, for a scan of secrets before it leaves.
 * Source of the lines that git gives a pre-push hook: githooks(5).
 */

import type { Fs } from '#core/ports.ts';
import { diffTrees } from './diff.ts';
import { decodeCommit, isOid, NO_OID, type Oid } from './objects.ts';
import { readTombstones } from './purge-verify.ts';
import { openObjects, type ObjectStore } from './read-objects.ts';
import { readTip } from './ref.ts';
import type { Repository } from './repository.ts';

export type PushedRef = { readonly localRef: string; readonly local: Oid; readonly remoteRef: string; readonly remote: Oid };
/** `purged`: a tombstone says that this content is gone. */
export type PushedPart = { readonly path: string; readonly text: string; readonly purged: boolean };

/** Null: not what git gives a hook. */
export function parsePushedRefs(input: string): readonly PushedRef[] | null {
  const refs: PushedRef[] = [];
  for (const line of input.split('\n')) {
    if (line === '') continue;
    const [localRef = '', local = '', remoteRef = '', remote = '', ...rest] = line.split(' ');
    if (!isOid(local) || !isOid(remote) || rest.length > 0) return null;
    refs.push({ localRef, local, remoteRef, remote });
  }
  return refs;
}

/** The commit behind a tag, and the tags' texts on the way. */
async function behindTags(store: ObjectStore, oid: Oid, texts: string[]): Promise<Oid | null> {
  for (let at = oid; ;) {
    const { type, bytes } = await store.read(at);
    if (type === 'commit') return at;
    if (type !== 'tag') throw new Error(`${oid} is a ${type}: docket pushes commits and tags`);
    texts.push(bytes.toString('utf8'));
    at = bytes.toString('latin1', 7, 47);
  }
}

/** Every commit that can be reached, without those of `known`. */
async function* commitsFrom(store: ObjectStore, from: readonly Oid[], known: Set<Oid>): AsyncGenerator<Oid> {
  const waiting = [...from];
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    if (known.has(oid)) continue;
    known.add(oid);
    waiting.push(...decodeCommit(await store.readType(oid, 'commit')).parents);
    yield oid;
  }
}

/** These commits are there already. */
async function learn(store: ObjectStore, base: Oid, known: Set<Oid>): Promise<void> {
  const walk = commitsFrom(store, [base], known);
  while ((await walk.next()).done !== true);
}

/** @param gitDir absolute */
export async function* pushedParts(
  ports: { readonly fs: Fs; readonly digest: Repository['digest'] },
  gitDir: string,
  refs: readonly PushedRef[],
): AsyncGenerator<PushedPart> {
  const store = openObjects(ports.fs, gitDir);
  try {
    const tip = await readTip(ports.fs, gitDir);
    const stones = tip === null ? [] : (await readTombstones({ store, digest: ports.digest }, tip)).files;
    const gone = new Set(stones.map(({ blob }) => blob));
    const texts: string[] = [];
    const heads: Oid[] = [];
    const known = new Set<Oid>();
    for (const { local, remote } of refs) {
      const head = local === NO_OID ? null : await behindTags(store, local, texts);
      if (head !== null) heads.push(head);
      // A commit of the other side that is not here tells nothing.
      const base = remote !== NO_OID && (await store.has(remote)) ? await behindTags(store, remote, []) : null;
      if (base !== null) await learn(store, base, known);
    }
    for (const text of texts) yield { path: 'a tag', text, purged: false };
    const seen = new Set<Oid>();
    const names = new Set<string>();
    for await (const oid of commitsFrom(store, heads, known)) {
      const { tree, parents, message } = decodeCommit(await store.readType(oid, 'commit'));
      yield { path: `commit ${oid}`, text: message, purged: false };
      const [first] = parents;
      const before = first === undefined ? null : decodeCommit(await store.readType(first, 'commit')).tree;
      for await (const { path, to } of diffTrees(store, before, tree)) {
        if (to === null) continue;
        if (!names.has(path)) yield { path, text: path, purged: false };
        names.add(path);
        if (seen.has(to)) continue;
        seen.add(to);
        yield { path, text: (await store.readType(to, 'blob')).toString('utf8'), purged: gone.has(to) };
      }
    }
  } finally {
    await store.close();
  }
}
