import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { openDatabase } from '#platform/sqlite.ts';
import { temporaryFolder, withCode } from '#test/support/temp-folder.ts';

test('a database is private, with all files beside it', async (t) => {
  const folder = await temporaryFolder(t);
  const database = openDatabase(`${folder}/journal.db`);
  database.exec('CREATE TABLE t (a INTEGER) STRICT; INSERT INTO t VALUES (1)');
  for (const name of readdirSync(folder)) assert.equal(statSync(`${folder}/${name}`).mode & 0o777, 0o600, name);
  assert.ok(readdirSync(folder).includes('journal.db-wal'));
  database.close();
});

test('commits survive power cuts and foreign keys hold, by settings', async (t) => {
  const database = openDatabase(`${await temporaryFolder(t)}/journal.db`);
  assert.deepEqual({ ...database.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' });
  assert.deepEqual({ ...database.prepare('PRAGMA synchronous').get() }, { synchronous: 2 });
  assert.deepEqual({ ...database.prepare('PRAGMA foreign_keys').get() }, { foreign_keys: 1 });
  database.close();
});

test('what a transaction throws undoes it, and the next one works', async (t) => {
  const database = openDatabase(`${await temporaryFolder(t)}/journal.db`);
  database.exec('CREATE TABLE t (a INTEGER) STRICT');
  const insert = database.prepare('INSERT INTO t VALUES (?)');
  assert.throws(
    () =>
      database.transaction(() => {
        insert.run(1);
        throw new Error('no');
      }),
    /no/,
  );
  assert.equal(
    database.transaction(() => insert.run(2).changes),
    1,
  );
  assert.deepEqual(
    database
      .prepare('SELECT a FROM t')
      .all()
      .map((row) => row['a']),
    [2],
  );
  database.close();
});

test('a reader sees what a writer in another connection committed, and cannot write', async (t) => {
  const file = `${await temporaryFolder(t)}/journal.db`;
  const writer = openDatabase(file);
  writer.exec('CREATE TABLE t (a TEXT) STRICT');
  const reader = openDatabase(file, { readOnly: true });
  writer.prepare('INSERT INTO t VALUES (?)').run('x');
  assert.equal(reader.prepare('SELECT a FROM t').get()?.['a'], 'x');
  assert.equal([...reader.prepare('SELECT a FROM t').iterate()].length, 1);
  assert.throws(() => {
    reader.exec("INSERT INTO t VALUES ('y')");
  }, withCode('SQLITE_READONLY'));
  reader.close();
  writer.close();
});

test('errors say what they are: no database, no file, a busy one, a broken rule', async (t) => {
  const folder = await temporaryFolder(t);
  writeFileSync(`${folder}/text.db`, 'not a database at all, but long enough '.repeat(10));
  assert.throws(() => openDatabase(`${folder}/text.db`), withCode('SQLITE_NOTADB'));
  assert.throws(() => openDatabase(`${folder}/none.db`, { readOnly: true }), withCode('SQLITE_CANTOPEN'));
  symlinkSync(`${folder}/text.db`, `${folder}/link.db`);
  assert.throws(() => openDatabase(`${folder}/link.db`), withCode('ELOOP'));
  const first = openDatabase(`${folder}/a.db`, { busyTimeoutMs: 0 });
  const second = openDatabase(`${folder}/a.db`, { busyTimeoutMs: 0 });
  first.exec('CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT; INSERT INTO t VALUES (1)');
  first.transaction(() => {
    assert.throws(() => second.transaction(() => undefined), withCode('SQLITE_BUSY'));
  });
  assert.throws(() => {
    first.exec('INSERT INTO t VALUES (1)');
  }, withCode('SQLITE_CONSTRAINT'));
  first.close();
  second.close();
});

test('a database that was moved away under us is noticed', async (t) => {
  const folder = await temporaryFolder(t);
  const database = openDatabase(`${folder}/a.db`);
  assert.equal(database.isIntact(), true);
  renameSync(`${folder}/a.db`, `${folder}/b.db`);
  assert.equal(database.isIntact(), false);
  writeFileSync(`${folder}/a.db`, '');
  assert.equal(database.isIntact(), false);
  database.close();
  database.close();
});

test('only a transaction that asks for it is not synced, and never one of a rollback journal', async (t) => {
  const folder = await temporaryFolder(t);
  for (const [name, wal, expected] of [
    ['wal.db', true, [2, 1, 2]],
    ['plain.db', false, [2, 2, 2]],
  ] as const) {
    const database = openDatabase(`${folder}/${name}`, { wal });
    const level = database.prepare('PRAGMA synchronous');
    const seen = [true, false, true].map((isSynced) => database.transaction(() => level.get()?.['synchronous'], { isSynced }));
    assert.deepEqual(seen, expected, '2 is FULL, 1 is NORMAL');
    assert.equal(
      database.transaction(() => level.get()?.['synchronous']),
      2,
    );
    database.close();
  }
});

test('a database is lost when what lies beside it is removed, and a folder in its place is not it', async (t) => {
  for (const companion of ['-wal', '-shm']) {
    const folder = await temporaryFolder(t);
    const database = openDatabase(`${folder}/a.db`);
    assert.equal(database.isIntact(), true);
    unlinkSync(`${folder}/a.db${companion}`);
    mkdirSync(`${folder}/a.db${companion}`);
    assert.equal(database.isIntact(), false);
    database.close();
  }
});

test(
  'a write beyond the limit of a file is told as a write that failed, and the next one is taken',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const folder = await temporaryFolder(t);
    const script = `const { openDatabase } = await import(${JSON.stringify(import.meta.resolve('#platform/sqlite.ts'))});
    process.on('SIGXFSZ', () => {});
    const database = openDatabase(${JSON.stringify(`${folder}/a.db`)});
    database.exec('CREATE TABLE t (a TEXT) STRICT');
    const insert = (length) => database.transaction(() => database.prepare('INSERT INTO t VALUES (?)').run('x'.repeat(length)));
    const told = [3_000_000, 10].map((length) => { try { insert(length); return 'taken'; } catch (error) { return error.code; } });
    process.stdout.write(told.join(' ') + ' ' + String(database.isIntact()));`;
    const command = 'ulimit -f 1024; exec "$@"';
    const said = execFileSync('/bin/sh', ['-c', command, 'sh', process.execPath, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.equal(said, 'SQLITE_IOERR_WRITE taken true');
  },
);
