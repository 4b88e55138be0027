/** Who looks when, and whose change it is: with a folder that is a table. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sha256 } from '#core/names.ts';
import type { ScopeRules, TreePort } from '#core/scope.ts';
import { scopeRules } from '#policy/scope.ts';
import { makeScopeWatch, type ScopeWatch } from '#policy/scope-watch.ts';

const key = (written: number, { mode = '100644', links = 1, inode = 7, size = 1 } = {}): string =>
  `file ${mode} ${String(size)} ${String(inode)} ${String(links)} ${String(written)} ${String(written)}`;

type Rig = {
  readonly watch: ScopeWatch;
  readonly files: Map<string, string>;
  readonly content: Map<string, string>;
  readonly reads: () => number;
  readonly hashes: () => number;
  readonly others: Map<string, Map<string, string>>;
};

function makeWatch(): Rig {
  const files = new Map([['a.ts', key(1)], ['b.ts', key(1, { inode: 8 })]]); // prettier-ignore
  const content = new Map<string, string>();
  const others = new Map<string, Map<string, string>>();
  let reads = 0;
  let hashes = 0;
  const tree: TreePort = {
    root: async (folder) => Promise.resolve(folder),
    async read(root, leftOut) {
      reads++;
      // The look takes a while: whoever asks meanwhile gets the next one.
      await new Promise((resolve) => setImmediate(resolve));
      return new Map([...(root === '/w' ? files : (others.get(root) ?? new Map<string, string>()))].filter(([name]) => !leftOut(name)));
    },
    async hash(file) {
      hashes++;
      return Promise.resolve((content.get(file) ?? 'x').padEnd(64, '0') as Sha256);
    },
    leads: async () => Promise.resolve(null),
    git: async () => Promise.resolve(null),
    siblings: async () => Promise.resolve([...others.keys()]),
    diff: async () => Promise.resolve(null),
  };
  const watch = makeScopeWatch(tree, {
    filesMax: 100,
    hashBytesMax: 1_000,
    ownFolders: ['/w/queues'],
    isUnwatched: (name) => name.startsWith('cache/'),
  });
  return { watch, files, content, others, reads: () => reads, hashes: () => hashes };
}
const rulesFor = (scope: unknown, access: ScopeRules['access'] = 'worktree'): ScopeRules =>
  scopeRules({ forbidden: ['**/.git'], protected: [] }, access, scope);
const READ = rulesFor(null, 'read-only');

test('runs that begin while a look goes on share the next one, and a folder is hashed for none that only reads', async () => {
  const { watch, reads, hashes } = makeWatch();
  const first = watch.before('/w', READ, false);
  const more = Array.from({ length: 20 }, async () => watch.before('/w', READ, false));
  await Promise.all([first, ...more]);
  assert.ok(reads() <= 3, String(reads()));
  assert.equal(hashes(), 0);
});

test('a file is hashed again only when the system says that it changed', async () => {
  const { watch, files, hashes } = makeWatch();
  await watch.before('/w', rulesFor(null), false);
  assert.equal(hashes(), 2);
  files.set('a.ts', key(2));
  await watch.before('/w', rulesFor(null), false);
  assert.equal(hashes(), 3);
});

test('what was written again with the same content is no change for a run that may write, and one for a run that may not', async () => {
  const { watch, files } = makeWatch();
  const look = async (rules: ScopeRules, act: () => void): Promise<readonly string[]> => {
    const before = await watch.before('/w', rules, false);
    const run = watch.begin(before, rules);
    act();
    const { changes } = await watch.look(before, run);
    watch.end(run);
    return changes.map(({ path, change }) => `${change} ${path}`);
  };
  assert.deepEqual(await look(rulesFor(null), () => files.set('a.ts', key(2))), []);
  assert.deepEqual(await look(READ, () => files.set('a.ts', key(3))), ['modify a.ts']);
  assert.deepEqual(await look(rulesFor(null), () => files.set('a.ts', key(4, { mode: '100755' }))), ['modify a.ts']);
});

test('docket’s own folders and unwatched paths are left out', async () => {
  const { watch, files } = makeWatch();
  const before = await watch.before('/w', READ, false);
  const run = watch.begin(before, READ);
  files.set('queues', key(9)).set('cache/x', key(9));
  assert.deepEqual(await watch.look(before, run), { changes: [], findings: [] });
});

test('a change that another run was allowed meanwhile is not laid at this one’s door, and one after its end is', async () => {
  const { watch, files, content } = makeWatch();
  const [one, two] = [rulesFor({ files: ['a.ts'] }), rulesFor({ files: ['b.ts'] })];
  const before = await watch.before('/w', one, false);
  const a = watch.begin(before, one);
  const b = watch.begin(before, two);
  content.set('/w/b.ts', 'two');
  files.set('b.ts', key(5, { inode: 8, size: 2 }));
  watch.end(b);
  assert.deepEqual((await watch.look(before, a)).findings, []);
  watch.end(a);
  const later = await watch.before('/w', one, false);
  const c = watch.begin(later, one);
  content.set('/w/b.ts', 'three');
  files.set('b.ts', key(6, { inode: 8, size: 3 }));
  assert.deepEqual(
    (await watch.look(later, c)).findings.map(({ path, verdict }) => [path, verdict]),
    [['b.ts', 'out-of-scope']],
  );
});

test('another work tree of the repository is looked at, but not around a run in a sandbox', async () => {
  const { watch, others } = makeWatch();
  const side = new Map([['x', key(1)]]);
  others.set('/side', side);
  const rules = rulesFor(null);
  for (const [isBoxed, found] of [
    [false, ['/side/x']],
    [true, []],
  ] as const) {
    // prettier-ignore
    const before = await watch.before('/w', rules, isBoxed);
    const run = watch.begin(before, rules);
    side.set('x', key(isBoxed ? 3 : 2));
    assert.deepEqual((await watch.look(before, run)).findings.map(({ path }) => path), found); // prettier-ignore
    watch.end(run);
  }
});
