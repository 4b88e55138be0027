import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { readConfiguration } from '#platform/git-configuration.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

const KEYS = ['core.bare', 'extensions.objectformat', 'core.worktree', 'remote.origin.fetch'];
const TEXT = `[core]\n\tbare = true\n\tbare = false\n[Extensions]\n\tObjectFormat = "sha256" ; why\n[remote "origin"]\n\tfetch = +a:b\n\tfetch = +c:d\n[include]\n\tpath = more\n`;

/** With this PATH of the process. */
async function read(folder: string, PATH: string): Promise<Record<string, readonly string[]>> {
  const before = process.env['PATH'];
  process.env['PATH'] = PATH;
  try {
    const config = await readConfiguration(folder, KEYS);
    return Object.fromEntries(KEYS.map((key) => [key, config(key)]));
  } finally {
    process.env['PATH'] = before;
  }
}

/** The same questions of the git program, and where there is none. */
for (const [who, PATH] of [
  ['the git program', process.env['PATH'] ?? ''],
  ['isomorphic-git', '/nowhere'],
] as const)
  suite(`the configuration of a repository by ${who}`, () => {
    test('has all values of a key, and follows no include', async (t) => {
      const folder = await temporaryFolder(t);
      writeFileSync(path.join(folder, 'config'), TEXT);
      writeFileSync(path.join(folder, 'more'), '[core]\n\tworktree = /elsewhere\n');
      const found = await read(folder, PATH);
      assert.deepEqual(found['core.bare']?.map(String), ['true', 'false']);
      assert.deepEqual(found['extensions.objectformat'], ['sha256']);
      assert.deepEqual(found['core.worktree'], []);
      assert.deepEqual(found['remote.origin.fetch'], ['+a:b', '+c:d']);
    });

    test('is empty where there is no file', async (t) => {
      const found = await read(await temporaryFolder(t), PATH);
      assert.ok(Object.values(found).every((values) => values.length === 0));
    });
  });
