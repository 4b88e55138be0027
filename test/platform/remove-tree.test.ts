/** A folder goes away with all that is in it, and nothing else does. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { removeTree } from '#platform/remove-tree.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

test('a small tree and a large one', async (t) => {
  const base = await temporaryFolder(t);
  for (const count of [3, 200]) {
    const folder = path.join(base, String(count));
    mkdirSync(path.join(folder, 'a', 'b'), { recursive: true });
    for (let n = 0; n < count; n++) writeFileSync(path.join(folder, 'a', 'b', `f${String(n)}`), 'x');
    await removeTree(folder);
    assert.equal(existsSync(folder), false);
  }
});

test('no link is followed: neither one in the folder nor one in its place', async (t) => {
  const base = await temporaryFolder(t);
  const kept = path.join(base, 'kept');
  mkdirSync(kept);
  writeFileSync(path.join(kept, 'file'), 'x');
  const folder = path.join(base, 'folder');
  mkdirSync(folder);
  symlinkSync(kept, path.join(folder, 'link'));
  symlinkSync(kept, path.join(base, 'in its place'));
  await removeTree(folder);
  await removeTree(path.join(base, 'in its place'));
  assert.deepEqual(readdirSync(base), ['kept']);
  assert.deepEqual(readdirSync(kept), ['file']);
});

test('what is not there is fine, and a single file goes too', async (t) => {
  const base = await temporaryFolder(t);
  await removeTree(path.join(base, 'nothing'));
  writeFileSync(path.join(base, 'file'), 'x');
  await removeTree(path.join(base, 'file'));
  assert.deepEqual(readdirSync(base), []);
});
