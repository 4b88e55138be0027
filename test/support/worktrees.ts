/** A code repository with a committed docket.yaml in a folder of its own, and `docket work-on` in it: git is real, and knows nothing of the user of this machine. */

import { Command, CommanderError } from 'commander';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { CliError, EXIT, type Io } from '#cli/io.ts';
import { addWorkOnAll } from '#cli/work-on-prd.ts';
import { temporaryFolder } from './temp-folder.ts';
import { rememberingIo, type AddVerb, type Said } from './workspace.ts';

export type Shape = {
  /** The default branch. */
  readonly branch?: string;
  /** The folder's name. */
  readonly name?: string;
  /** docket.yaml beyond its runner; null: there is none. */
  readonly settings?: string | null;
  /** Left uncommitted. */
  readonly isUncommitted?: boolean;
  /** Lines of the user's own git configuration. */
  readonly config?: string;
};

export type CodeTree = {
  readonly app: string;
  /** The folder that it lies in. */
  readonly beside: string;
  readonly env: Readonly<Record<string, string>>;
  /** Throws when git says no. */
  readonly git: (folder: string, ...args: readonly string[]) => string;
  readonly write: typeof write;
  /** `docket work-on …` without fetch, daemon and panes, as far as the arguments say nothing else. */
  workOn(cwd: string, ...args: readonly string[]): Promise<Said>;
  json(
    cwd: string,
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly data: Record<string, unknown>; readonly err: string }>;
  run(cwd: string, add: AddVerb, ...args: readonly string[]): Promise<Said>;
};

export async function makeCodeTree(t: Pick<TestContext, 'after'>, shape: Shape = {}): Promise<CodeTree> {
  const beside = realpathSync(await temporaryFolder(t));
  const home = path.join(beside, 'home');
  mkdirSync(home);
  writeFileSync(
    path.join(home, '.gitconfig'),
    `[user]\n name = Ada\n email = ada@localhost\n[protocol "file"]\n allow = always\n${shape.config ?? ''}`,
  );
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home, LC_ALL: 'C' };
  const app = path.join(beside, shape.name ?? 'app');
  const git = (folder: string, ...args: readonly string[]): string =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
  mkdirSync(app);
  git(app, 'init', '-q', '-b', shape.branch ?? 'main');
  git(app, 'config', 'user.name', 'Ada');
  git(app, 'config', 'user.email', 'ada@localhost');
  if (shape.settings !== null) {
    write(path.join(app, 'docket.yaml'), `app: app\nrunner: offline\n${shape.settings ?? ''}`);
    if (shape.isUncommitted !== true) git(app, 'add', 'docket.yaml');
  }
  git(app, '-c', 'commit.gpgsign=false', 'commit', '-q', '--allow-empty', '-m', 'first');
  const run: CodeTree['run'] = async (cwd, add, ...args) => runVerb({ ...env }, cwd, add, args);
  const quiet = ['--no-panes', '--no-daemon'];
  return {
    app,
    beside,
    env,
    git,
    write,
    run,
    workOn: async (cwd, ...args) => run(cwd, addWorkOnAll, 'work-on', ...args, ...quiet),
    async json(cwd, ...args) {
      const said = await run(cwd, addWorkOnAll, 'work-on', ...args, ...quiet, '--json');
      return { code: said.code, data: said.out === '' ? {} : (JSON.parse(said.out) as Record<string, unknown>), err: said.err };
    },
  };
}

async function runVerb(env: Readonly<Record<string, string>>, cwd: string, add: AddVerb, args: readonly string[]): Promise<Said> {
  const { io: plain, said } = rememberingIo(cwd);
  const io: Io = { ...plain, env };
  const program = new Command('docket').option('--root <folder>').option('--json').exitOverride();
  program.configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => io.err(text.trimEnd()) });
  add(program, io);
  for (const verb of program.commands) verb.copyInheritedSettings(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return said();
  } catch (error) {
    if (error instanceof CommanderError) return { ...said(), code: error.exitCode === 0 ? EXIT.done : EXIT.wrongUse };
    if (!(error instanceof CliError)) throw error;
    io.err(`docket: ${error.message}`);
    return { ...said(), code: error.exitCode };
  }
}

function write(file: string, text: string | Uint8Array): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A repository as others have it: a bare one that `app` pushes to. */
export function withRemote(code: CodeTree): string {
  const remote = path.join(code.beside, 'remote.git');
  spawnSync('git', ['init', '-q', '--bare', '-b', 'main', remote], { env: code.env });
  code.git(code.app, 'remote', 'add', 'origin', remote);
  code.git(code.app, 'push', '-q', '-u', 'origin', 'HEAD');
  return remote;
}
