import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { diffText } from '#cli/replay-diff.ts';
import { addReplay } from '#cli/replay.ts';
import { inFolder, recordRun } from '../support/replayed.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { makeTempWorkspace } from '../support/workspace.ts';

type Replayed = {
  readonly brief: string;
  readonly answer: string | null;
  readonly outcome: string;
  readonly code_commit: string | null;
  readonly recorded: boolean;
};

describe('docket replay', () => {
  test('with the offline runner the brief comes out byte for byte as it was sent, and nothing is recorded', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { brief, commit } = await recordRun(workspace, { status: 'briefed', runner: 'offline', answer: (text) => text });
    const tip = execFileSync('git', ['-C', workspace.history, 'rev-parse', 'main'], { encoding: 'utf8' });
    writeFileSync(path.join(workspace.root, 'src/a.ts'), 'changed since');
    const to = inFolder(workspace, 'again');
    const { code, data, err } = await workspace.json(addReplay, 'replay', 'FEAT-1', 'architect@1', '--to', to);
    assert.equal(err, '');
    assert.equal(code, 0);
    const said = data as Replayed;
    assert.deepEqual([said.brief, said.answer, said.outcome, said.code_commit, said.recorded], ['same', 'same', 'briefed', commit, false]);
    assert.equal(readFileSync(path.join(to, 'result.md'), 'utf8'), brief);
    assert.equal(readFileSync(path.join(to, 'brief.md'), 'utf8'), brief);
    assert.equal(readFileSync(path.join(to, 'code/src/a.ts'), 'utf8'), 'export const a = 1;\n');
    assert.equal(execFileSync('git', ['-C', workspace.history, 'rev-parse', 'main'], { encoding: 'utf8' }), tip);
    assert.ok(!existsSync(path.join(workspace.queues, '.docket/replays.jsonl')));
  });

  test('another brief than this docket would make is sent as it was, and the difference is told', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { brief } = await recordRun(workspace, {
      status: 'answered',
      runner: 'gone',
      answer: () => 'An answer\n',
      brief: (text) => `${text}of another docket\n`,
    });
    const to = inFolder(workspace, 'again');
    const { code, data } = await workspace.json(
      addReplay,
      'replay',
      'FEAT-1/architect',
      '--runner',
      'offline',
      '--without-code',
      '--to',
      to,
    );
    assert.equal(code, 1);
    const said = data as Replayed;
    assert.deepEqual([said.brief, said.answer, said.code_commit], ['differs', 'differs', null]);
    assert.equal(readFileSync(path.join(to, 'result.md'), 'utf8'), brief);
    assert.match(readFileSync(path.join(to, 'brief.diff'), 'utf8'), /^-of another docket$/m);
    assert.deepEqual(readdirSync(path.join(to, 'code')), []);
  });

  test('what cannot be run again is told, and leaves nothing', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await recordRun(workspace, { status: 'failed', runner: 'gone', answer: () => '' });
    const to = inFolder(workspace, 'again');
    const again = async (...args: string[]): Promise<{ code: number; err: string }> =>
      workspace.run(addReplay, 'replay', ...args, '--to', to);
    const unknown = await again('FEAT-1', 'architect');
    assert.equal(unknown.code, 3);
    assert.match(unknown.err, /there is no such runner/);
    assert.equal((await again('FEAT-9', 'architect')).code, 2);
    assert.equal((await again('FEAT-1', 'architect', '--runner', 'offline', '--code', await temporaryFolder(t))).code, 2);
    assert.ok(!existsSync(to));
    const briefed = await again('FEAT-1', 'architect', '--runner', 'offline');
    assert.equal(briefed.code, 0, briefed.err);
    assert.match((await again('FEAT-1', 'architect', '--runner', 'offline')).err, /nothing is written over/);
  });

  test('a prompt in which a secret is found today is not sent', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const secret = ['ghp_', 'A1b2'.repeat(9)].join('');
    await recordRun(workspace, { status: 'briefed', runner: 'offline', answer: () => 'x', front: { body: `Use ${secret} here.\n` } });
    const { code, err } = await workspace.run(addReplay, 'replay', 'FEAT-1', 'architect', '--to', inFolder(workspace, 'again'));
    assert.equal(code, 1);
    assert.match(err, /not sent/);
    assert.ok(!err.includes(secret));
  });
});

const of = (letter: string): string => Array.from({ length: 3_000 }, (_, n) => `${letter}${String(n)}\n`).join('');

describe('the difference of two texts', () => {
  const names = { before: 'a/file', after: 'b/file' };
  const patched = async (before: string, after: string, dir: string): Promise<string> => {
    const diff = diffText(before, after, names);
    if (diff === null) return before;
    writeFileSync(path.join(dir, 'file'), before);
    execFileSync('git', ['apply', '-'], { cwd: dir, input: diff.text });
    return Promise.resolve(readFileSync(path.join(dir, 'file'), 'utf8'));
  };

  test('is a diff that git-apply(1) turns the one into the other with', async (t) => {
    const dir = await temporaryFolder(t);
    const long = Array.from({ length: 60 }, (_, n) => `line ${String(n)}\n`);
    const cases: [string, string][] = [
      ['a\n', 'b\n'],
      ['a\nb\nc\n', 'a\nc\n'],
      ['a\nc', 'a\nb\nc'],
      ['a\nb', 'a\nb\n'],
      [long.join(''), long.toSpliced(50, 3).toSpliced(5, 1, 'other\n', 'more\n').join('')],
      [long.join(''), long.toReversed().join('')],
      ['x\n'.repeat(20), 'x\n'.repeat(13)],
    ];
    let state = 7;
    const drawn = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648);
    for (let round = 0; round < 40; round++) {
      const text = (): string => Array.from({ length: 1 + (drawn() % 12) }, () => `${'abc'[drawn() % 3] ?? ''}\n`).join('');
      cases.push([text(), text()]);
    }
    for (const [before, after] of cases) assert.equal(await patched(before, after, dir), after, JSON.stringify([before, after]));
  });

  test('counts lines, is null for the same, and gives up on texts that have nothing in common', () => {
    assert.equal(diffText('same', 'same', names), null);
    assert.deepEqual([diffText('a\nb\n', 'a\nc\nd\n', names)].map((diff) => [diff?.added, diff?.removed]), [[2, 1]]); // prettier-ignore
    assert.match(diffText(of('a'), of('b'), names)?.text ?? '', /more than 2000 lines differ/);
  });
});
