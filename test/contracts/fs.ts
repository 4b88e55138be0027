/** What every body of the port `Fs` does: the real file system and the simulated one alike. */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { after, before, describe, test } from 'node:test';
import type { Fs } from '#core/ports.ts';
import { withCode } from '#test/support/temp-folder.ts';

export type FsRig = {
  readonly fs: Fs;
  /** An empty folder that is there, absolute. */
  readonly folder: string;
  close(): Promise<void>;
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

export function fsContract(title: string, makeRig: () => Promise<FsRig>): void {
  describe(`${title} keeps the contract of Fs`, () => {
    let rig: FsRig;
    let fs: Fs;
    let count = 0;
    const fresh = async (): Promise<string> => {
      count += 1;
      const folder = `${rig.folder}/t${String(count)}`;
      await fs.makeFolder(folder);
      return folder;
    };
    before(async () => {
      rig = await makeRig();
      ({ fs } = rig);
    });
    after(() => rig.close());

    test('a new file holds exactly its bytes and is private', async () => {
      const file = `${await fresh()}/a`;
      const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
      await fs.writeNew(file, bytes, 'safety');
      const read = await fs.readBounded(file, 70_000);
      assert.deepEqual(Buffer.from(read.bytes), Buffer.from(bytes));
      assert.equal(read.facts.sizeBytes, 70_000);
      assert.equal(read.facts.mode, 0o600);
      assert.equal(read.facts.kind, 'file');
      assert.equal(read.facts.nlink, 1);
    });

    test('a new file never takes the place of another', async () => {
      const file = `${await fresh()}/a`;
      await fs.writeNew(file, 'first', 'safety');
      await assert.rejects(fs.writeNew(file, 'second', 'safety'), withCode('EEXIST'));
      assert.equal(text((await fs.readBounded(file, 100)).bytes), 'first');
    });

    test('a file derived from something durable is new too, and its facts are those on disk', async () => {
      const file = `${await fresh()}/a`;
      const facts = await fs.writeDerived(file, 'derived');
      assert.equal((await fs.facts(file))?.ino, facts.ino);
      assert.equal(facts.sizeBytes, 7);
      await assert.rejects(fs.writeDerived(file, 'again'), withCode('EEXIST'));
    });

    test('appending makes a file and then adds to it', async () => {
      const file = `${await fresh()}/a`;
      await fs.append(file, 'one\n');
      await fs.append(file, 'two\n');
      assert.equal(text((await fs.readBounded(file, 100)).bytes), 'one\ntwo\n');
    });

    test('replacing swaps the whole content and leaves nothing beside it', async () => {
      const folder = await fresh();
      await fs.replace(`${folder}/a`, 'first', 'safety', 0o644);
      await fs.replace(`${folder}/a`, 'second', 'no-second-run', 0o644);
      assert.equal(text((await fs.readBounded(`${folder}/a`, 100)).bytes), 'second');
      assert.deepEqual(
        (await fs.list(folder)).map((entry) => entry.name),
        ['a'],
      );
    });

    test('a file at the limit is read, one byte more is refused', async () => {
      const file = `${await fresh()}/a`;
      await fs.writeNew(file, '12345', 'safety');
      assert.equal((await fs.readBounded(file, 5)).bytes.length, 5);
      await assert.rejects(fs.readBounded(file, 4), withCode('EFBIG'));
    });

    test('the head of a file is its first bytes, or all of a short one', async () => {
      const file = `${await fresh()}/a`;
      await fs.writeNew(file, '12345', 'safety');
      assert.equal(text((await fs.readHead(file, 2)).bytes), '12');
      assert.equal(text((await fs.readHead(file, 200)).bytes), '12345');
      assert.equal((await fs.readHead(file, 2)).facts.sizeBytes, 5);
    });

    test('an empty file is a file', async () => {
      const file = `${await fresh()}/a`;
      await fs.writeNew(file, '', 'safety');
      assert.equal((await fs.readBounded(file, 0)).bytes.length, 0);
    });

    test('an open file is read at any place and ends where it ends', async () => {
      const file = `${await fresh()}/a`;
      await fs.writeNew(file, '0123456789', 'safety');
      const open = await fs.openRead(file);
      assert.equal(open.sizeBytes, 10);
      assert.equal(text(await open.readAt(4, 3)), '456');
      assert.equal(text(await open.readAt(8, 100)), '89');
      assert.equal((await open.readAt(10, 1)).length, 0);
      await open.close();
    });

    test('a folder is no file to read', async () => {
      const folder = await fresh();
      await assert.rejects(fs.readBounded(folder, 10), withCode('EINVAL'));
      await assert.rejects(fs.readHead(folder, 10), withCode('EINVAL'));
    });

    test('what is not there has no facts, and reading it says ENOENT', async () => {
      const folder = await fresh();
      assert.equal(await fs.facts(`${folder}/none`), null);
      await fs.writeNew(`${folder}/file`, 'x', 'safety');
      assert.equal(await fs.facts(`${folder}/file/below`), null);
      await assert.rejects(fs.readBounded(`${folder}/none`, 10), withCode('ENOENT'));
      await assert.rejects(fs.unlink(`${folder}/none`), withCode('ENOENT'));
      await assert.rejects(fs.list(`${folder}/none`), withCode('ENOENT'));
    });

    test('a list names each entry with its kind and its raw bytes', async () => {
      const folder = await fresh();
      await fs.writeNew(`${folder}/grüße 1.md`, 'x', 'safety');
      await fs.makeFolder(`${folder}/sub`);
      const entries = (await fs.list(folder)).toSorted((a, b) => Buffer.compare(a.raw, b.raw));
      assert.deepEqual(
        entries.map(({ name, kind }) => ({ name, kind })),
        [
          { name: 'grüße 1.md', kind: 'file' },
          { name: 'sub', kind: 'folder' },
        ],
      );
      assert.equal(text(entries[0]?.raw ?? new Uint8Array()), 'grüße 1.md');
    });

    test('a walk tells each entry with its kind, one character per byte of its name, and says when there is no folder', async () => {
      const folder = await fresh();
      await fs.writeNew(`${folder}/grüße 1.md`, 'x', 'safety');
      await fs.makeFolder(`${folder}/sub`);
      const seen: string[] = [];
      await fs.walk(folder, (name, kind) => seen.push(`${Buffer.from(name, 'latin1').toString()} ${kind}`));
      assert.deepEqual(seen.toSorted(), ['grüße 1.md file', 'sub folder']);
      await assert.rejects(
        fs.walk(`${folder}/none`, () => undefined),
        withCode('ENOENT'),
      );
      await assert.rejects(
        fs.walk(`${folder}/grüße 1.md`, () => undefined),
        withCode('ENOTDIR'),
      );
    });

    test('a path may be given as bytes', async () => {
      const folder = await fresh();
      await fs.writeNew(`${folder}/a`, 'x', 'safety');
      await fs.rename(Buffer.from(`${folder}/a`), Buffer.from(`${folder}/b`));
      assert.equal(text((await fs.readBounded(Buffer.from(`${folder}/b`), 10)).bytes), 'x');
      await fs.unlink(Buffer.from(`${folder}/b`));
      assert.equal(await fs.facts(`${folder}/b`), null);
    });

    test('a rename moves one inode, a second link shares it', async () => {
      const folder = await fresh();
      await fs.writeNew(`${folder}/a`, 'x', 'safety');
      const inode = (await fs.facts(`${folder}/a`))?.ino;
      await fs.rename(`${folder}/a`, `${folder}/b`);
      assert.equal(await fs.facts(`${folder}/a`), null);
      await fs.link(`${folder}/b`, `${folder}/c`);
      assert.equal((await fs.facts(`${folder}/c`))?.ino, inode);
      assert.equal((await fs.facts(`${folder}/c`))?.nlink, 2);
    });

    test('a link never takes the place of a file', async () => {
      const folder = await fresh();
      await fs.writeNew(`${folder}/a`, 'a', 'safety');
      await fs.writeNew(`${folder}/b`, 'b', 'safety');
      await assert.rejects(fs.link(`${folder}/a`, `${folder}/b`), withCode('EEXIST'));
      assert.equal(text((await fs.readBounded(`${folder}/b`, 10)).bytes), 'b');
    });

    test('a rename from nowhere says ENOENT', async () => {
      const folder = await fresh();
      await assert.rejects(fs.rename(`${folder}/a`, `${folder}/b`), withCode('ENOENT'));
    });

    test('modes are changed', async () => {
      const file = `${await fresh()}/a`;
      await fs.writeNew(file, 'x', 'safety');
      await fs.chmod(file, 0o400);
      assert.equal((await fs.facts(file))?.mode, 0o400);
    });

    test('making a folder twice says EEXIST, making it with its parents does not mind', async () => {
      const folder = await fresh();
      await assert.rejects(fs.makeFolder(folder), withCode('EEXIST'));
      await fs.makeFolders(`${folder}/x/y/z`, 0o700);
      await fs.makeFolders(`${folder}/x/y/z`, 0o700);
      assert.equal((await fs.facts(`${folder}/x/y/z`))?.kind, 'folder');
      assert.equal((await fs.facts(`${folder}/x/y`))?.mode, 0o700);
    });

    test('folders are not made through a file', async () => {
      const folder = await fresh();
      await fs.writeNew(`${folder}/a`, 'x', 'safety');
      await assert.rejects(fs.makeFolders(`${folder}/a`), withCode('ENOTDIR'));
      await assert.rejects(fs.makeFolders(`${folder}/a/b/c`), withCode('ENOTDIR'));
    });

    test('a folder that holds something is not removed, a tree is', async () => {
      const folder = await fresh();
      await fs.makeFolders(`${folder}/x/y`);
      await fs.writeNew(`${folder}/x/y/a`, 'x', 'safety');
      await assert.rejects(fs.removeFolder(`${folder}/x`), withCode('ENOTEMPTY'));
      await fs.removeTree(`${folder}/x`);
      await fs.removeTree(`${folder}/x`);
      assert.equal(await fs.facts(`${folder}/x`), null);
    });

    test('files and folders are synced; what is not there is not', async () => {
      const folder = await fresh();
      await fs.writeNew(`${folder}/a`, 'x', 'safety');
      await fs.syncFile(`${folder}/a`, 'safety');
      await fs.syncFolder(folder, 'safety');
      await assert.rejects(fs.syncFile(`${folder}/none`, 'safety'), withCode('ENOENT'));
      await assert.rejects(fs.syncFolder(`${folder}/none`, 'safety'), withCode('ENOENT'));
    });

    test('the real path of a folder is absolute, and the file system it lies on has free bytes', async () => {
      const folder = await fresh();
      assert.equal(await fs.realPath(`${folder}/../${folder.slice(folder.lastIndexOf('/') + 1)}`), folder);
      const system = await fs.fileSystem(folder);
      assert.ok(system.freeBytes > 0);
      assert.equal(typeof system.network, 'boolean');
    });

    test('a file that nobody writes is held open by nobody', async () => {
      const file = `${await fresh()}/a`;
      await fs.writeNew(file, 'x', 'safety');
      const held = await fs.openForWriting([file]);
      assert.ok(held === null || held.size === 0);
    });
  });
}
