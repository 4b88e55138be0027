import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Argument, Command, Option } from 'commander';
import { bashScript } from '#cli/completion-bash.ts';
import { fishScript } from '#cli/completion-fish.ts';
import { plainWord, shapesOf } from '#cli/completion-shape.ts';
import { zshScript } from '#cli/completion-zsh.ts';
import { runCli } from '#test/support/cli.ts';
import { makeTempWorkspace } from '#test/support/workspace.ts';

let base = '';
let script = '';
before(async () => {
  base = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-completion-')));
  const { code, out } = await runCli(['completion', 'bash'], { cwd: base });
  assert.equal(code, 0);
  script = path.join(base, 'docket.bash');
  writeFileSync(script, out);
  // What the script asks: its arguments go to a file, its answer comes from one.
  mkdirSync(path.join(base, 'bin'));
  writeFileSync(path.join(base, 'bin', 'docket'), `#!/bin/sh\nprintf '%s\\n' "$*" > '${base}/asked'\ncat '${base}/names'\n`);
  chmodSync(path.join(base, 'bin', 'docket'), 0o755);
  mkdirSync(path.join(base, 'work', 'sub folder'), { recursive: true });
  writeFileSync(path.join(base, 'work', 'a prompt.md'), '');
});
after(() => {
  rmSync(base, { recursive: true, force: true });
});

const HARNESS = String.raw`
set -u
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_docket
for one in ${'$'}{COMPREPLY[@]+"${'$'}{COMPREPLY[@]}"}; do printf '%s\n' "$one"; done
`;
/** What bash would offer for these words; the last one is under the cursor. */
function complete(words: readonly string[], names: readonly string[] = []): string[] {
  writeFileSync(path.join(base, 'names'), names.map((name) => `${name}\n`).join(''));
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', HARNESS, 'bash', script, 'docket', ...words], {
    cwd: path.join(base, 'work'),
    env: { PATH: `${base}/bin:/usr/bin:/bin`, LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout.split('\n').slice(0, -1);
}

describe('the bash script', () => {
  test('is accepted by bash, and says so itself', () => {
    execFileSync('bash', ['-n', script]);
    const { stdout } = spawnSync('bash', ['--norc', '-c', 'source "$1"; complete -p docket', 'bash', script], { encoding: 'utf8' });
    assert.equal(stdout, 'complete -F _docket docket\n');
  });

  test('completes through bash’s own compgen', () => {
    const words = 'source "$1"; COMP_WORDS=(docket ad); COMP_CWORD=1; compgen -F _docket ad';
    const { stdout } = spawnSync('bash', ['--norc', '-c', words, 'bash', script], { encoding: 'utf8' });
    assert.equal(stdout, 'add\n');
  });

  test('offers verbs, the verbs of a verb, options and fixed words', () => {
    assert.deepEqual(complete(['ad']), ['add']);
    assert.deepEqual(complete(['do']).toSorted(), ['doctor', 'down']);
    assert.ok(complete(['']).includes('init') && complete(['']).includes('help'));
    assert.ok(complete(['spec', '']).includes('check'));
    assert.deepEqual(complete(['completion', '']), ['bash', 'zsh', 'fish']);
    assert.deepEqual(complete(['--json', 'doctor', '--d']), ['--deep']);
    assert.deepEqual(complete(['doctor', '--js']), ['--json']);
    assert.deepEqual(complete(['help', 'doc']), ['doctor']);
    assert.deepEqual(complete(['completion', '--l']), [], 'what is hidden from the help is hidden here');
    assert.deepEqual(complete(['nonsense', '']).includes('add'), false);
  });

  test('offers roles and jobs as docket lists them, in the workspace of --root', () => {
    assert.deepEqual(complete(['add', 'ar'], ['architect', 'ui']), ['architect']);
    assert.deepEqual(complete(['--root', '/x', 'add', '--feature', 'FEAT-1', 'u'], ['architect', 'ui']), ['ui']);
    assert.deepEqual(readLine('asked'), '--root /x completion --list roles');
    assert.deepEqual(complete(['check', '--role', ''], ['architect']), ['architect']);
    assert.deepEqual(complete(['wait', 'first', ''], ['foo', 'bar']), ['foo', 'bar'], 'as many as one likes');
    assert.deepEqual(readLine('asked'), 'completion --list stems');
    assert.deepEqual(complete(['add', '--feature', ''], ['architect']), [], 'a value that nobody knows');
  });

  test('quotes names and evaluates none of them', () => {
    const names = ['$(touch hit)', '`touch hit`', "it's", 'two words', 'a;touch hit', '*', '~root', 'ünï', '-n'];
    const offered = complete(['wait', ''], names);
    assert.deepEqual(readdirSync(path.join(base, 'work')), ['a prompt.md', 'sub folder']);
    assert.equal(offered.length, names.length);
    // Taken into the command line as they are offered, they are the names again.
    const { stdout } = spawnSync('bash', ['--norc', '-c', `printf '%s\\n' ${offered.join(' ')}`], {
      encoding: 'utf8',
      cwd: base,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
    });
    assert.deepEqual(stdout.split('\n').slice(0, -1), names);
    assert.deepEqual(complete(['wait', String.raw`two\ w`], names), [String.raw`two\ words`]);
  });

  test('offers files and folders where they belong', () => {
    assert.deepEqual(complete(['check', 'a']), ['a prompt.md']);
    assert.deepEqual(complete(['init', '']), ['sub folder']);
    assert.deepEqual(complete(['--root', 's']), ['sub folder']);
  });
});

const readLine = (name: string): string => execFileSync('cat', [path.join(base, name)], { encoding: 'utf8' }).trim();

describe('docket completion', () => {
  test('lists roles and stems, one per line', async (t) => {
    const place = await makeTempWorkspace(t);
    await place.write('queues/01-architect/in/two words.md', 'x');
    const listed = async (what: string): Promise<string> => (await runCli(['completion', '--list', what], { cwd: place.root })).out;
    assert.equal(await listed('roles'), 'meta\narchitect\nopenapi\nui\nintegration\ntest-review\nproject-from-prd\nfix-from-issues');
    assert.equal(await listed('stems'), 'two words');
  });

  test('asks which shell, names those there are, and tells how to install each', async () => {
    const without = await runCli(['completion'], { cwd: base });
    assert.deepEqual([without.code, without.err], [2, 'docket: for which shell? docket completion bash|zsh|fish']);
    const other = await runCli(['completion', 'tcsh'], { cwd: base });
    assert.equal(other.code, 2);
    assert.match(other.err, /Allowed choices are bash, zsh, fish/);
    const { code, out } = await runCli(['completion', '--help'], { cwd: base });
    assert.equal(code, 0);
    for (const words of ['bash-completion/completions/docket', '_docket', 'completions/docket.fish']) assert.ok(out.includes(words), words);
    assert.doesNotMatch(out, /--list/);
  });

  test('each script names every verb and option that docket has', async () => {
    const { out: help } = await runCli(['--help'], { cwd: base });
    const verbs = [...help.matchAll(/^ {2}([a-z]+)(?: |$)/gm)].map(([, name]) => name ?? '').filter((name) => name !== 'docket');
    assert.ok(verbs.length > 10);
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await runCli(['completion', shell], { cwd: base });
      assert.equal(code, 0);
      for (const verb of verbs) assert.match(out, new RegExp(`\\b${verb}\\b`), `${shell} ${verb}`);
      assert.match(out, shell === 'fish' ? /-l deep / : /--deep/);
    }
  });

  test('words and summaries of a program can break out of no quotes', () => {
    const program = new Command('docket');
    program
      .command('try')
      .description("it's a \\ 'test': $(touch hit) `x`")
      .addArgument(new Argument('<what>', 'x').choices(['a', 'b']))
      .addOption(new Option('--how <way>', 'x').choices(['fast']));
    const shapes = shapesOf(program);
    execFileSync('bash', ['-n'], { input: bashScript(shapes) });
    assert.ok(zshScript(shapes).includes(String.raw`'try:it'\''s a \ '\''test'\'': $(touch hit) ${'`x`'}'`));
    assert.ok(fishScript(shapes).includes(String.raw`-a try -d 'it\'s a \\ \'test\': $(touch hit) ${'`x`'}'`));
    for (const word of ['$(x)', 'a b', "a'b", 'a;b', '', '*']) assert.throws(() => plainWord(word), /cannot stand in a completion script/);
  });
});
