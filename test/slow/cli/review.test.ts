/**
 * `docket review` as a person sees it: the real program in a real workspace on a real pseudo terminal, its screen read by a terminal emulator.
 * One workspace for all tests, in their order: three answers at the beginning.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { DOCKET, makeRig, promptText, type Rig } from '#test/support/rig.ts';
import { openScreen, whyNoPty, type Screen } from '#test/support/terminal.ts';

const skip = whyNoPty() ?? false;
if (skip !== false) console.log(`${skip}: docket review on a terminal`);

/** An answer with everything that could go wrong on a terminal. */
const ANSWER = [
  '# The plan',
  '',
  'Words in **bold**, 漢字が入った文章は幅に合わせて折り返される必要があります、さらに続きます、and an emoji 🔎.',
  '',
  String.raw`Escapes: ESC[2J \033[2J\033[31mRED\033[0m bell \007 title \033]0;owned\007 end.`,
  '',
  '| Module | What it owns |',
  '| --- | --- |',
  '| `state.ts` | which filters are set, and how they are read from the address and written to it again |',
  '',
  ...Array.from({ length: 40 }, (_line, n) => `- point ${String(n)}`),
  '',
  '## Last words',
  '',
  'The end.',
].join('\n');

const assertGivenBack = (screen: Screen): void => {
  const words = screen.lines().join('\n');
  assert.match(words, /before\n/, 'what was there before is there again');
  assert.match(words, /(?<!-)icanon/);
  assert.match(words, /(?<!-)\becho\b/);
  assert.match(words, /(?<!-)isig/);
  assert.equal(screen.isAlternate(), false);
  assert.equal(screen.isCursorHidden(), false);
  const raw = screen.raw();
  assert.ok(raw.lastIndexOf('\u001b[?7h') > raw.lastIndexOf('\u001b[?7l'), 'lines wrap again');
  assert.ok(raw.lastIndexOf('\u001b[?2004l') > raw.lastIndexOf('\u001b[?2004h'), 'pasting is as it was');
};

const isReviewOf = (pid: string, base: string): boolean => {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words[0] === process.execPath && words.includes('review') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(base);
  } catch {
    return false; // no process, or one that has ended
  }
};

describe('docket review on a terminal', { skip }, () => {
  const cleanups: (() => Promise<void>)[] = [];
  let rig: Rig;
  const env = (more: Record<string, string> = {}): Record<string, string> => ({
    ...rig.env,
    TERM: 'xterm-256color',
    COLORTERM: '',
    ...more,
  });
  const open = (
    t: TestContext,
    args: readonly string[] = [],
    more: Record<string, string> = {},
    size: { columns?: number; rows?: number } = {},
  ): Screen => openScreen(t, [process.execPath, DOCKET, 'review', ...args], { ...size, env: env(more), cwd: rig.root });
  /** The program in a shell, which says afterwards how it left the terminal. */
  const openInShell = (t: TestContext): Screen =>
    openScreen(t, ['sh', '-c', 'printf "before\\n"; "$@"; echo "code $?"; stty -a', 'sh', process.execPath, DOCKET, 'review'], {
      env: env(),
      cwd: rig.root,
    });

  before(async () => {
    rig = makeRig(
      { after: (act) => void cleanups.push(act) },
      'runner: canned\nrunners:\n  canned: { kind: command, program: ../answer.sh, args: [], output: text }\n',
    );
    const file = path.join(rig.base, 'answer.sh');
    // printf makes real control characters of the octal ones.
    writeFileSync(
      file,
      `#!/bin/sh\ncat > /dev/null\nprintf '%b\\n' '${ANSWER.replaceAll('\\', '\\\\').replaceAll('\\\\033', '\\033').replaceAll('\\\\007', '\\007')}'\n`,
    );
    chmodSync(file, 0o755);
    rig.settings(`runner: canned\nrunners:\n  canned: { kind: command, program: ${file}, args: [], output: text }\n`);
    execFileSync('git', ['init', '-q'], { cwd: rig.root, env: rig.env });
    for (const [key, value] of [
      ['user.name', 'Ada Example'],
      ['user.email', 'ada@example.com'],
    ] as const)
      execFileSync('git', ['config', key, value], { cwd: rig.root, env: rig.env });
    const daemon = await rig.start();
    for (const [stem, feature, revision] of [
      ['one', 'FEAT-1', 1],
      ['two', 'FEAT-2', 1],
      ['one-again', 'FEAT-1', 2],
      ['three', 'FEAT-3', 1],
    ] as const) {
      rig.drop(`${stem}.md`, promptText({ feature, revision }));
      await rig.ended(stem);
    }
    await daemon.stop();
  });
  after(async () => {
    for (const act of cleanups.toReversed()) await act();
  });

  test('without a terminal it tells what awaits a verdict, gives none, and its exit code says that something does', () => {
    const told = rig.run(['review', '--json']);
    assert.equal(told.code, 1, told.err);
    const rows = JSON.parse(told.out) as { answer: string; standing: string; size_bytes: number }[];
    assert.deepEqual(rows.map(({ answer, standing }) => `${answer} ${standing}`).toSorted(), [
      'FEAT-1/architect@2 awaiting',
      'FEAT-2/architect@1 awaiting',
      'FEAT-3/architect@1 awaiting',
    ]);
    assert.ok(rows.every(({ size_bytes: size }) => size > 500));
    const plain = rig.run(['review'], { input: '1\na\n.\nyes\n' });
    assert.equal(plain.code, 1);
    assert.match(plain.out, /FEAT-2\/architect r1, .* old, .* findings, 0 of 1 approvals, awaiting/);
    assert.equal(
      rig.commits(),
      Number(execFileSync('git', ['-C', rig.history, 'rev-list', '--count', 'HEAD'], { env: rig.env, encoding: 'utf8' })),
    );
    assert.ok(!rig.git('log', '--format=%s').includes('approved'));
  });

  test('at 80x24: the list, an answer, search and diff; nothing of the answer is obeyed by the terminal', async (t) => {
    const screen = open(t);
    const list = await screen.shows(/3 to do[\s\S]*1 of 3, oldest first; you are Ada Example/);
    assert.match(list, /^ docket review +3 to do \n +ANSWER[^\n]+TITLE\n> FEAT-/);
    screen.type('\r');
    const first = await screen.shows('# The plan');
    assert.match(first, /漢字が入った文章は幅に合わせて折り返される必要があり/);
    assert.match(first, /\\u\{1b\}\[2J\\u\{1b\}\[31mRED/);
    assert.match(first, /Module +│ What it owns\n ─+┼─+\n state\.ts │/);
    assert.match(first, /\? help {2}a approve {2}c changes/);
    assert.ok(!screen.raw().includes('\u001b]0;owned'));
    screen.type('/last words\r');
    assert.match(await screen.shows('"last words": 1 of 1'), />## Last words/);
    screen.type('q');
    await screen.shows('ANSWER');
    screen.type('/again');
    await screen.shows('/again');
    screen.type('\u001b');
    await screen.shows('oldest first');
    screen.type('G\r2');
    await screen.shows(/Not a byte differs|nothing to compare/);
    screen.type('q');
    await screen.shows('ANSWER');
    screen.type('q');
    assert.equal(await screen.end(), 0);
  });

  test('smaller and larger terminals, and one that changes its size', async (t) => {
    const screen = open(t, [], {}, { columns: 44, rows: 10 });
    await screen.shows('3 to do');
    screen.type('\r');
    await screen.shows('# The plan');
    screen.resize(100, 30);
    await screen.shows(/point 9[\s\S]*\? help {2}a approve {2}c changes {2}x reject {2}h hold/);
    screen.resize(30, 6);
    await screen.shows(/# The plan[\s\S]*\? help/);
    screen.type('\u0003');
    assert.equal(await screen.end(), 130);
  });

  test('NO_COLOR: not one colour is written', async (t) => {
    const screen = open(t, [], { NO_COLOR: '1' });
    await screen.shows('1 of 3');
    screen.type('\r2');
    await screen.shows('[2 diff]');
    screen.type('4');
    await screen.shows('Checks');
    // eslint-disable-next-line no-control-regex -- SGR with a colour: 30 to 49, 90 to 107
    assert.ok(!/\u001b\[[0-9;]*(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])m/.test(screen.raw()));
    screen.type('\u0003');
    await screen.end();
  });

  test('Ctrl-C, SIGTERM and the end of the line leave the terminal as it was', async (t) => {
    for (const leave of ['\u0003', 'term'] as const) {
      const screen = openInShell(t);
      await screen.shows('1 of 3');
      assert.equal(screen.isAlternate(), true);
      if (leave === 'term') {
        const mine = readdirSync('/proc').find((pid) => isReviewOf(pid, rig.base));
        assert.ok(mine !== undefined);
        process.kill(Number(mine), 'SIGTERM');
      } else screen.type(leave);
      await screen.shows(/code \d+[\s\S]*isig/);
      assertGivenBack(screen);
      assert.match(screen.lines().join('\n'), leave === 'term' ? /code 143/ : /code 130/);
      await screen.end();
    }
  });

  test('$EDITOR gets the terminal for the comment and gives it back; changes are asked for with it', async (t) => {
    const editor = path.join(rig.base, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nstty -a | grep -q -- "-icanon" && exit 9\nprintf "from the editor" > "$1"\n');
    chmodSync(editor, 0o755);
    const screen = open(t, [], { EDITOR: editor });
    await screen.shows('1 of 3');
    screen.type('\r');
    await screen.shows('# The plan');
    screen.type('c\u0005');
    await screen.shows('│ from the editor');
    screen.type('\u0004');
    const asked = await screen.shows('Type yes and Enter');
    assert.match(
      asked,
      /Ask for changes of revision 1 of FEAT-[12]\/architect\?\nresult {2}[0-9a-f]{64}\nby {6}Ada Example <ada@example\.com>/,
    );
    screen.type('no\r');
    await screen.shows('! type yes and Enter');
    screen.type('\u007f\u007fyes\r');
    assert.match(await screen.shows('2 to do'), /changes requested, it is changes requested/);
    screen.type('q');
    assert.equal(await screen.end(), 0);
    assert.match(rig.git('log', '-1', '--format=%s'), /architect r1 changes-requested/);
  });

  test('approving is recorded as docket approve records it, and the answer leaves the list', async (t) => {
    const screen = open(t);
    await screen.shows('1 of 2');
    screen.type('\r');
    await screen.shows('# The plan');
    screen.type('a');
    await screen.shows('Type yes and Enter');
    screen.type('yes\r');
    await screen.shows(/1 to do[\s\S]*approved, it is accepted/);
    screen.type('q');
    await screen.end();
    assert.match(
      rig.git('log', '-1', '--format=%s%n%(trailers:key=Docket-Verdict)%n%(trailers:key=Docket-Reviewer)'),
      /architect r2 approved\nDocket-Verdict: approved\n+Docket-Reviewer: Ada Example <ada@example\.com>/,
    );
    assert.equal(rig.run(['verify']).code, 0);
  });

  test('pasted text is no key: it approves nothing', async (t) => {
    const screen = open(t);
    await screen.shows('1 of 1');
    screen.type('\r');
    await screen.shows('# The plan');
    screen.type('\u001b[200~ayes\r\u001b[201~4');
    await screen.shows('Verdicts');
    screen.type('\u0003');
    await screen.end();
    assert.equal(rig.run(['review', '--json']).code, 1);
  });

  test('a program that docket started cannot give one, on a terminal either', async (t) => {
    const screen = open(t, [], { DOCKET_RUN_ID: 'a-run' });
    await screen.shows('1 of 1');
    screen.type('\r');
    await screen.shows('# The plan');
    screen.type('a');
    await screen.shows(/! a verdict is a person’s/);
    screen.type('\u0003');
    await screen.end();
    assert.equal(rig.run(['review', '--json']).code, 1);
  });

  test('line by line for TERM=dumb and --plain: no sign that moves or colours anything', async (t) => {
    for (const [args, more] of [
      [[], { TERM: 'dumb' }],
      [['--plain'], {}],
    ] as const) {
      const screen = open(t, args, more, { columns: 90, rows: 60 });
      await screen.shows('Which one? A number from 1 to 1');
      screen.type('1\n');
      await screen.shows('What next?');
      screen.type('x\n.\nq\n');
      await screen.shows('No verdict was given.');
      assert.equal(await screen.end(), 0);
      assert.ok(!screen.raw().includes('\u001b'));
    }
  });
});
