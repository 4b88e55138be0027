import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { makeFs, systemError } from '#platform/files.ts';
import { moveFolder, type ArchiveFs } from '#worktrees/archive.ts';
import { temporaryFolder } from '#test/support/temp-folder.ts';

/** As between two file systems. */
const apart = (more: Partial<ArchiveFs> = {}): ArchiveFs => {
  const fs = makeFs();
  return {
    ...fs,
    rename: async (from, to) =>
      path.basename(String(from)).endsWith('.part') ? fs.rename(from, to) : Promise.reject(systemError('EXDEV', 'another file system')),
    ...more,
  };
};

async function queues(t: TestContext): Promise<{ readonly from: string; readonly to: string }> {
  const folder = await temporaryFolder(t);
  const from = path.join(folder, 'queues');
  mkdirSync(path.join(from, '01-architect/in'), { recursive: true });
  writeFileSync(path.join(from, '01-architect/in/a.processed'), 'one', { mode: 0o444 });
  writeFileSync(path.join(from, '01-architect/in/ü b'), 'two');
  return { from, to: path.join(folder, 'kept/queues') };
}
const isMoved = (from: string, to: string): void => {
  assert.equal(existsSync(from), false);
  assert.equal(readFileSync(path.join(to, '01-architect/in/a.processed'), 'utf8'), 'one');
  assert.equal(statSync(path.join(to, '01-architect/in/a.processed')).mode & 0o777, 0o444);
  assert.equal(readFileSync(path.join(to, '01-architect/in/ü b'), 'utf8'), 'two');
};

suite('a folder that is put aside', () => {
  test('is moved by one rename, or copied, read back and only then removed', async (t) => {
    for (const fs of [makeFs(), apart()]) {
      const { from, to } = await queues(t);
      assert.equal(await moveFolder(fs, from, to), to);
      isMoved(from, to);
      assert.equal(await moveFolder(fs, from, to), to);
    }
  });

  test('stays where it is while its copy is not whole', async (t) => {
    const { from, to } = await queues(t);
    const real = makeFs();
    const torn = apart({ writeNew: async (file, bytes, why, mode) => real.writeNew(file, file.endsWith('b') ? 'tw' : bytes, why, mode) });
    await assert.rejects(moveFolder(torn, from, to), /is not what it was made from/);
    const full = apart({ writeNew: async () => Promise.reject(systemError('ENOSPC', 'no room')) });
    await assert.rejects(moveFolder(full, from, to), /no room/);
    assert.equal(existsSync(to), false);
    assert.equal(readdirSync(path.join(from, '01-architect/in')).length, 2);
    await moveFolder(apart(), from, to);
    isMoved(from, to);
  });

  test('that was half removed after its copy is removed; one that holds something else is kept beside', async (t) => {
    const { from, to } = await queues(t);
    await assert.rejects(
      moveFolder(
        apart({ removeTree: async (at) => (at === from ? Promise.reject(systemError('EIO', 'killed')) : makeFs().removeTree(at)) }),
        from,
        to,
      ),
      /killed/,
    );
    assert.equal(await moveFolder(apart(), from, to), to);
    isMoved(from, to);
    mkdirSync(from);
    writeFileSync(path.join(from, 'new'), 'three');
    assert.equal(await moveFolder(makeFs(), from, to), `${to}-2`);
    assert.equal(readFileSync(path.join(`${to}-2`, 'new'), 'utf8'), 'three');
  });

  test('with a link in it is not carried to another file system', async (t) => {
    const { from, to } = await queues(t);
    symlinkSync('/etc/passwd', path.join(from, 'link'));
    await assert.rejects(moveFolder(apart(), from, to), /move it away/);
    assert.equal(await moveFolder(makeFs(), from, to), to);
  });
});
