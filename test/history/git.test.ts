import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import { answer, collect, listening, makeRig, submission, value, type Rig } from './rig.ts';

suite('what the real git program sees', () => {
  let rig: Rig;
  let history: History;
  beforeEach(async () => {
    rig = makeRig();
    history = await rig.open();
  });
  afterEach(() => rig.end());
  const recordOne = async (revision = 1): Promise<void> => {
    const prompt = submission({ revision, prompt: `prompt ${String(revision)}\n` });
    value(await history.submit(prompt));
    value(await history.record(answer(prompt)));
  };

  test('the trailers are trailers, in order, one line each, and no value can forge another', async () => {
    const forged = { ...submission(), model: 'x\nDocket-Status: answered\u202e', runner: ' odd  runner\t' };
    value(await history.submit(forged));
    const trailers = rig.git('log', '-1', '--format=%(trailers:only,unfold)').trim().split('\n');
    assert.deepEqual(
      trailers.map((line) => line.slice(0, line.indexOf(':'))),
      [
        'Docket-Job',
        'Docket-Feature',
        'Docket-Role',
        'Docket-Revision',
        'Prompt-Spec',
        'Prompt-SHA256',
        'Code-Commit',
        'Runner',
        'Model',
        'Docket-Before',
        'Docket-Before-In-Feature',
        'Docket-Status',
      ],
    );
    assert.equal(rig.git('log', '-1', '--format=%(trailers:key=Docket-Status,valueonly)').trim(), 'submitted');
    assert.equal(rig.git('log', '-1', '--format=%(trailers:key=Runner,valueonly)').trim(), String.raw`odd runner\t`);
    assert.equal(rig.git('log', '-1', '--format=%s|%an|%ae').trim(), 'ai(FEAT-1): architect r1 submitted|docket|docket@example.com');
  });

  test('every byte is kept: CRLF, a byte order mark, no line end, unicode, NUL, and nothing at all', async () => {
    const texts = ['a\r\nb\r\n', '\ufeffbom', 'no end', 'Größe 🚀 日本語\n', 'nul\0nul\n', ' '].map((text) => Buffer.from(text));
    texts.push(Buffer.from([0xff, 0xfe, 0x80]), Buffer.alloc(0));
    const prompts = texts.map((prompt, index) => submission({ revision: index + 1, prompt }));
    for (const outcome of await Promise.all(prompts.map((prompt) => history.submit(prompt)))) value(outcome);
    for (const [index, text] of texts.entries()) {
      const file = `FEAT-1-user-filters/01-architect/prompt_v${String(index + 1)}.md`;
      assert.deepEqual(rig.gitBytes('cat-file', 'blob', `HEAD:${file}`), text);
      assert.deepEqual(readFileSync(path.join(rig.dir, file)), text);
    }
    rig.assertClean();
  });

  test('hostile settings of a user change nothing: line ends, signing, hooks, excludes, filters, index format', async () => {
    const global = path.join(rig.root, 'gitconfig');
    const hooks = path.join(rig.root, 'hooks');
    mkdirSync(hooks);
    writeFileSync(path.join(hooks, 'pre-commit'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    writeFileSync(path.join(rig.root, 'attributes'), '* text eol=crlf filter=upper\n');
    writeFileSync(path.join(rig.root, 'excludes'), '*\n');
    writeFileSync(
      global,
      `[core]\nautocrlf = true\nhooksPath = ${hooks}\nattributesFile = ${rig.root}/attributes\nexcludesFile = ${rig.root}/excludes\nfsmonitor = true\nsplitIndex = true\n[commit]\ngpgSign = true\n[filter "upper"]\nclean = tr a-z A-Z\nsmudge = tr a-z A-Z\nrequired = true\n[index]\nversion = 4\n[feature]\nmanyFiles = true\n`,
    );
    const env = { GIT_CONFIG_GLOBAL: global };
    await recordOne(1);
    assert.equal(rig.gitWith(env, 'status', '--porcelain'), '');
    rig.gitWith(env, 'commit', '-q', '--allow-empty', '-m', 'a person was here');
    await recordOne(2);
    assert.equal(rig.gitWith(env, 'status', '--porcelain'), '');
    assert.equal(rig.gitWith(env, 'show', 'HEAD:FEAT-1-user-filters/01-architect/prompt_v2.md'), 'prompt 2\n');
    rig.gitWith(env, 'checkout', '-q', '-f', 'HEAD');
    rig.assertClean();
  });

  test('a clone made by plain git has the same files and says so', async () => {
    await recordOne();
    const clone = path.join(rig.root, 'clone');
    execFileSync('git', ['clone', '-q', rig.dir, clone]);
    assert.equal(
      execFileSync('git', ['-C', clone, 'show', 'HEAD:FEAT-1-user-filters/01-architect/prompt_v1.md'], { encoding: 'utf8' }),
      readFileSync(path.join(clone, 'FEAT-1-user-filters/01-architect/prompt_v1.md'), 'utf8'),
    );
    assert.equal(execFileSync('git', ['-C', clone, 'fsck', '--full', '--strict'], { encoding: 'utf8', stdio: 'pipe' }), '');
    const second = await rig.open({ dir: clone });
    value(await second.submit(submission({ revision: 2 })));
    assert.equal(execFileSync('git', ['-C', clone, 'status', '--porcelain'], { encoding: 'utf8' }), '');
    assert.deepEqual(await collect(second.verify()), []);
  });

  test("a person's commit in between stays, and docket's next record is put on top of it", async () => {
    await recordOne(1);
    writeFileSync(path.join(rig.dir, 'notes.txt'), 'mine\n');
    rig.git('add', 'notes.txt');
    rig.git('commit', '-q', '-m', 'my notes');
    await recordOne(2);
    assert.equal(rig.git('show', 'HEAD:notes.txt'), 'mine\n');
    assert.equal(rig.git('log', '-3', '--format=%s').trim().split('\n').at(-1), 'my notes');
    rig.assertClean();
  });

  test("a person's unfinished work stays: staged, unstaged, untracked, deleted", async () => {
    await recordOne(1);
    const file = (name: string): string => path.join(rig.dir, name);
    writeFileSync(file('staged.txt'), 'staged\n');
    rig.git('add', 'staged.txt');
    writeFileSync(file('untracked.txt'), 'untracked\n');
    writeFileSync(file('README.md'), 'edited\n');
    unlinkSync(file('FEAT-1-user-filters/01-architect/result_v1.md'));
    const before = rig.git('status', '--porcelain');
    await recordOne(2);
    assert.equal(rig.git('status', '--porcelain'), before);
    assert.equal(readFileSync(file('README.md'), 'utf8'), 'edited\n');
    rig.git('commit', '-q', '-m', 'only what I staged');
    assert.equal(rig.git('show', '--format=', '--name-only', 'HEAD').trim(), 'staged.txt');
  });

  test("a person's file in the place of a recorded one is not overwritten; the record is complete in git", async () => {
    const { log, lines } = listening();
    const other = await rig.open({ log });
    const folder = path.join(rig.dir, 'FEAT-1-user-filters/01-architect');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'prompt_v1.md'), 'mine');
    value(await other.submit(submission({ prompt: 'recorded' })));
    assert.equal(readFileSync(path.join(folder, 'prompt_v1.md'), 'utf8'), 'mine');
    assert.equal(rig.git('show', 'HEAD:FEAT-1-user-filters/01-architect/prompt_v1.md'), 'recorded');
    assert.equal(rig.git('status', '--porcelain'), ' M FEAT-1-user-filters/01-architect/prompt_v1.md\n');
    assert.match(lines.join('\n'), /left as it is/);
  });

  test('nothing is written through a link that stands in the place of a folder', async () => {
    const outside = path.join(rig.root, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, path.join(rig.dir, 'FEAT-1-user-filters'));
    value(await history.submit(submission()));
    assert.throws(() => statSync(path.join(outside, '01-architect')), /ENOENT/);
    assert.match(rig.git('show', 'HEAD:FEAT-1-user-filters/01-architect/prompt_v1.md'), /What is to be done/);
  });

  test('while a person is on another branch, main grows and their work tree is left alone', async () => {
    await recordOne(1);
    rig.git('checkout', '-q', '-b', 'side');
    await recordOne(2);
    assert.equal(rig.git('status', '--porcelain'), '');
    assert.throws(() => statSync(path.join(rig.dir, 'FEAT-1-user-filters/01-architect/prompt_v2.md')), /ENOENT/);
    rig.git('checkout', '-q', 'main');
    assert.equal(readFileSync(path.join(rig.dir, 'FEAT-1-user-filters/01-architect/prompt_v2.md'), 'utf8'), 'prompt 2\n');
    await recordOne(3);
    rig.assertClean();
  });

  test('gc, repack and packed refs between two records do not disturb the writer', async () => {
    await recordOne(1);
    rig.git('gc', '-q', '--prune=now');
    await recordOne(2);
    rig.git('repack', '-a', '-d', '-q', '-f', '--depth=50');
    rig.git('pack-refs', '--all');
    await recordOne(3);
    rig.git('repack', '-a', '-d', '-q');
    assert.equal((await history.find(submission({ revision: 1 }).identity))?.status, 'answered');
    rig.assertClean();
    assert.deepEqual(await collect(history.verify()), []);
  });

  test('loose objects of a person are read, and a merge of theirs does not hide a record', async () => {
    await recordOne(1);
    rig.git('checkout', '-q', '-b', 'side', 'HEAD~1');
    rig.git('commit', '-q', '--allow-empty', '-m', 'on the side');
    rig.git('checkout', '-q', 'main');
    rig.git('merge', '-q', '--no-edit', 'side');
    assert.equal((await history.find(submission({ revision: 1 }).identity))?.status, 'answered');
    const again = await rig.open();
    assert.equal((await again.find(submission({ revision: 1 }).identity))?.status, 'answered');
    await recordOne(2);
    rig.assertClean();
  });

  test('an index that a person rewrote in version 4, or lost, is read or made anew', async () => {
    await recordOne(1);
    rig.git('update-index', '--index-version', '4');
    await recordOne(2);
    rig.assertClean();
    rmSync(path.join(rig.dir, '.git/index'));
    await recordOne(3);
    rig.assertClean();
  });
});
