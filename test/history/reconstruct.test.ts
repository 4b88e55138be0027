import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Command } from 'commander';
import { addReconstruct } from '#cli/reconstruct.ts';
import { codeFiles } from '#history/reconstruct-code.ts';
import { openObjects } from '#history/read-objects.ts';
import { CliError } from '#cli/io.ts';
import { makeFs } from '#platform/files.ts';
import { rememberingIo, type Said } from '../support/workspace.ts';
import { answer, digest, makeRig, submission, value, type Rig } from './rig.ts';

type Manifest = {
  readonly ok: boolean;
  readonly record: { readonly job: string; readonly status: string };
  readonly files: readonly { readonly path: string; readonly what: string; readonly sha256: string; readonly ok: boolean }[];
  readonly missing: readonly { readonly what: string; readonly why: string; readonly words: string; readonly sha256: string | null }[];
  readonly code: { readonly written: { readonly files: number; readonly links: number } | null; readonly dirty: boolean | null };
};

async function reconstruct(rig: Rig, ...args: readonly string[]): Promise<Said> {
  const { io, said } = rememberingIo(rig.root);
  const program = new Command('docket').option('--json').exitOverride();
  addReconstruct(program, io);
  try {
    await program.parseAsync(['reconstruct', ...args], { from: 'user' });
    return said();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { ...said(), code: error.exitCode, err: error.message };
  }
}

/** @returns the folder that was written, and its manifest; checks that every listed file has its hash */
async function written(rig: Rig, name: string, ...args: readonly string[]): Promise<{ dir: string; manifest: Manifest; code: number }> {
  const dir = path.join(rig.root, name);
  const said = await reconstruct(rig, ...args, '--to', dir);
  assert.equal(said.err, '');
  const manifest = JSON.parse(readFileSync(path.join(dir, 'manifest.json'), 'utf8')) as Manifest;
  for (const file of manifest.files) assert.equal(digest.sha256(readFileSync(path.join(dir, file.path))), file.sha256, file.path);
  const sums = manifest.files.map((file) => `${file.sha256}  ${file.path}\n`).join('');
  assert.equal(readFileSync(path.join(dir, 'SHA256SUMS'), 'utf8'), sums);
  return { dir, manifest, code: said.code };
}

function rigFor(t: TestContext): Rig {
  const rig = makeRig();
  t.after(() => rig.end());
  return rig;
}

const clone = (rig: Rig, ...args: readonly string[]): string => {
  const to = path.join(rig.root, `clone${String(args.length)}`);
  execFileSync('git', ['clone', '-q', ...args, rig.dir, to], { stdio: 'ignore' });
  return to;
};
const names = (dir: string): string[] => readdirSync(dir, { recursive: true, withFileTypes: true }).filter((one) => !one.isDirectory()).map((one) => path.relative(dir, path.join(one.parentPath, one.name))).toSorted(); // prettier-ignore

describe('docket reconstruct', () => {
  test('an answered record comes out of a clone alone, byte for byte, and twice the same', async (t) => {
    const rig = rigFor(t);
    const history = await rig.open();
    const prompt = Buffer.from('---\r\nfeature: FEAT-1\r\n---\r\nWhat \u00fcber all?\n');
    const asked = submission({ revision: 2, prompt });
    value(await history.submit(asked));
    const told = answer(asked, { result: 'An answer.\r\nNo newline at its end', materials: ['the brief, as it was sent'] });
    value(await history.record(told));
    for (const from of [clone(rig), clone(rig, '--bare')]) {
      const name = `out-${path.basename(from)}`;
      const { dir, manifest, code } = await written(rig, name, 'FEAT-1', 'architect@2', '--history', from);
      assert.equal(code, 0);
      assert.ok(manifest.ok);
      assert.equal(manifest.record.job, asked.job);
      assert.deepEqual(readFileSync(path.join(dir, 'prompt_v2.md')), prompt);
      assert.deepEqual(readFileSync(path.join(dir, 'result_v2.md')), told.result);
      assert.equal(readFileSync(path.join(dir, 'evidence_v2.json'), 'utf8'), told.evidence);
      assert.equal(readFileSync(path.join(dir, 'materials/brief.md'), 'utf8'), 'the brief, as it was sent');
      assert.equal(statSync(dir).mode & 0o777, 0o700);
      assert.equal(statSync(path.join(dir, 'prompt_v2.md')).mode & 0o777, 0o600);
      const commits = manifest.files.filter(({ what }) => what.startsWith('commit'));
      assert.deepEqual(commits.map(({ what }) => what), ['commit: submitted', 'commit: answered']); // prettier-ignore
      assert.match(
        readFileSync(path.join(dir, commits[1]?.path ?? ''), 'utf8'),
        new RegExp(`Evidence-SHA256: ${digest.sha256(told.evidence)}`),
      );
    }
    const [first, second] = ['out-clone0', 'out-clone1'].map((name) => path.join(rig.root, name)) as [string, string];
    assert.deepEqual(names(first), names(second));
    for (const file of names(first)) assert.deepEqual(readFileSync(path.join(first, file)), readFileSync(path.join(second, file)), file);
  });

  test('named series, failed ends, attempts and what came after them', async (t) => {
    const rig = rigFor(t);
    const history = await rig.open();
    const named = submission({ role: 'ui', folder: '03-ui', name: 'filter-panel' });
    value(await history.submit(named));
    value(await history.record(answer(named)));
    const asked = submission();
    value(await history.submit(asked));
    const raw = { name: 'a1-stdout', bytes: Buffer.from([0, 255, 10]) };
    const failed = answer(asked, { status: 'failed', runId: 'run-1', attempts: [raw] });
    value(await history.record(failed));
    const before = await written(rig, 'failed', 'FEAT-1/architect@1', '--history', rig.dir);
    assert.equal(before.code, 0);
    assert.equal(before.manifest.record.status, 'failed');
    assert.equal(readFileSync(path.join(before.dir, 'attempts/evidence.json'), 'utf8'), failed.evidence);
    assert.deepEqual(readFileSync(path.join(before.dir, 'attempts/a1-stdout')), raw.bytes);
    const later = answer(asked, { runId: 'run-2' });
    value(await history.record(later));
    const after = await written(rig, 'answered', asked.job, '--history', rig.dir);
    assert.equal(after.manifest.record.status, 'answered');
    assert.deepEqual(names(after.dir).filter((name) => /evidence|result|stdout/.test(name)), ['attempts/a1-stdout', 'attempts/evidence.json', 'evidence_v1.json', 'result_v1.md']); // prettier-ignore
    const panel = await written(rig, 'panel', 'FEAT-1', 'ui/filter-panel', '--history', rig.dir);
    assert.equal(panel.manifest.record.job, named.job);
  });

  test('a prompt without an end says so, and is no fault', async (t) => {
    const rig = rigFor(t);
    const history = await rig.open();
    value(await history.submit(submission()));
    const { manifest, code } = await written(rig, 'out', 'FEAT-1', 'architect', '--history', rig.dir);
    assert.equal(code, 0);
    assert.ok(manifest.missing.some(({ why, words }) => why === 'not-recorded' && words.includes('may still be waiting')));
  });

  test('nothing is written over, and wrong words leave no folder', async (t) => {
    const rig = rigFor(t);
    const history = await rig.open();
    value(await history.submit(submission()));
    const taken = path.join(rig.root, 'taken');
    mkdirSync(taken);
    writeFileSync(path.join(taken, 'mine'), 'x');
    const over = await reconstruct(rig, 'FEAT-1', 'architect', '--history', rig.dir, '--to', taken);
    assert.equal(over.code, 2);
    assert.match(over.err, /nothing is written over/);
    assert.deepEqual(names(taken), ['mine']);
    const free = path.join(rig.root, 'free');
    for (const args of [
      ['FEAT-2', 'architect'],
      ['FEAT-1', 'architect@9'],
      ['FEAT-1'],
      ['FEAT-1', '../x@1'],
      ['FEAT-1', 'architect', '--code', rig.root],
    ]) {
      // prettier-ignore
      const said = await reconstruct(rig, ...args, '--history', rig.dir, '--to', free);
      assert.equal(said.code, 2, args.join(' '));
    }
    assert.equal((await reconstruct(rig, 'FEAT-1', 'architect', '--history', rig.root, '--to', free)).code, 3);
    assert.ok(!readdirSync(rig.root).includes('free'));
  });

  test('a file that was changed, taken away or purged is told as what it is', async (t) => {
    const rig = rigFor(t);
    const history = await rig.open();
    const told = [1, 2, 3].map((revision) => {
      const asked = submission({ revision });
      return { asked, told: answer(asked, { materials: [`brief ${String(revision)}`] }) };
    });
    for (const { asked, told: end } of told) {
      value(await history.submit(asked));
      value(await history.record(end));
    }
    const folder = path.join(rig.dir, 'FEAT-1-user-filters/01-architect');
    writeFileSync(path.join(folder, 'result_v1.md'), 'forged\n');
    const purged = told[2]?.told.result ?? new Uint8Array();
    mkdirSync(path.join(rig.dir, 'tombstones'));
    writeFileSync(path.join(rig.dir, 'tombstones/x.json'), JSON.stringify({ predicate: { reason: 'a key was in it', person: 'Ann', paths: [{ sha256: digest.sha256(purged) }] } })); // prettier-ignore
    rig.git('rm', '-q', path.join(folder, 'result_v2.md'), path.join(folder, 'result_v3.md'));
    rig.git('add', '-A');
    rig.git('commit', '-q', '-m', 'by hand');

    const forged = await written(rig, 'forged', 'FEAT-1', 'architect@1', '--history', rig.dir);
    assert.equal(forged.code, 1);
    assert.ok(names(forged.dir).includes('result_v1.md.differs') && !names(forged.dir).includes('result_v1.md'));
    assert.ok(forged.manifest.missing.some(({ why, sha256 }) => why === 'missing' && sha256 === digest.sha256(told[0]?.told.result ?? '')));
    const gone = await written(rig, 'gone', 'FEAT-1', 'architect@2', '--history', rig.dir);
    assert.equal(gone.code, 1);
    assert.ok(gone.manifest.missing.some(({ what, why }) => what === 'result' && why === 'missing'));
    const erased = await written(rig, 'erased', 'FEAT-1', 'architect@3', '--history', rig.dir);
    assert.equal(erased.code, 0);
    assert.ok(erased.manifest.missing.some(({ why, words }) => why === 'purged' && words === 'purged by Ann: a key was in it (tombstones/x.json)')); // prettier-ignore
  });

  test('the code comes out at its commit, byte for byte, whatever the work tree, its attributes and its filters say', async (t) => {
    const rig = rigFor(t);
    const code = path.join(rig.root, 'code');
    mkdirSync(path.join(code, 'src'), { recursive: true });
    const git = (...args: string[]): string => execFileSync('git', ['-C', code, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], { encoding: 'utf8' }); // prettier-ignore
    git('init', '-q', '-b', 'main');
    writeFileSync(path.join(code, 'src/a.ts'), 'one\ntwo $Id$\n');
    writeFileSync(path.join(code, 'run.sh'), '#!/bin/sh\n');
    chmodSync(path.join(code, 'run.sh'), 0o755);
    symlinkSync('src/a.ts', path.join(code, 'link'));
    git('add', '-A');
    git('commit', '-q', '-m', 'first');
    writeFileSync(path.join(code, '.gitattributes'), '*.ts text eol=crlf ident export-ignore\n');
    git('add', '-A');
    git('commit', '-q', '-m', 'second');
    const commit = git('rev-parse', 'HEAD').trim();
    writeFileSync(path.join(code, 'src/a.ts'), 'not committed');
    const status = git('status', '--porcelain');
    const history = await rig.open();
    const asked = { ...submission(), codeCommit: commit };
    value(await history.submit(asked));
    const end = answer(asked);
    const evidence = JSON.parse(end.evidence) as { predicate: Record<string, unknown> };
    evidence.predicate['code'] = { repository: 'ssh://example/code', baseCommit: commit, headCommit: commit, dirty: true };
    value(await history.record({ ...end, codeCommit: commit, evidence: `${JSON.stringify(evidence, null, 2)}\n` }));
    const out = await written(rig, 'out', 'FEAT-1', 'architect', '--history', rig.dir, '--code', code);
    assert.equal(out.code, 0);
    assert.deepEqual(out.manifest.code.written, { files: 3, links: 1 });
    assert.equal(readFileSync(path.join(out.dir, 'code/src/a.ts'), 'utf8'), 'one\ntwo $Id$\n');
    assert.equal(statSync(path.join(out.dir, 'code/run.sh')).mode & 0o777, 0o700);
    assert.ok(out.manifest.missing.some(({ why }) => why === 'dirty'));
    assert.equal(git('status', '--porcelain'), status);
    const other = await written(rig, 'other', 'FEAT-1', 'architect', '--history', rig.dir, '--code', rig.dir);
    assert.equal(other.code, 1);
    assert.ok(other.manifest.missing.some(({ what, why }) => what === 'code' && why === 'missing'));
  });

  test('a tree with names that leave the folder writes nothing there', async (t) => {
    const rig = rigFor(t);
    await rig.open();
    const run = (input: string, ...args: string[]): string =>
      execFileSync('git', ['-C', rig.dir, ...args], { input, encoding: 'utf8' }).trim();
    const blob = run('x', 'hash-object', '-w', '--stdin');
    for (const name of ['..', '.git', '.GIT', '.']) {
      const raw = Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')]);
      const tree = execFileSync('git', ['-C', rig.dir, 'hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], { input: raw, encoding: 'utf8' }).trim(); // prettier-ignore
      const commit = run(`tree ${tree}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nx\n`, 'hash-object', '-w', '-t', 'commit', '--stdin', '--literally'); // prettier-ignore
      const store = openObjects(makeFs(), path.join(rig.dir, '.git'));
      await assert.rejects(async () => {
        for await (const entry of codeFiles(store, commit)) assert.fail(entry.path);
      }, /no file name/);
      await store.close();
    }
  });
});
