/** A code repository with a workspace, a history with one answer, and docket's hooks, for tests of the hooks: everything is real but the AI. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { addHooks } from '#cli/hooks.ts';
import { makeTempWorkspace, seedJob, type Said, type TempWorkspace } from './workspace.ts';

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

export type CodeRepository = {
  readonly workspace: TempWorkspace;
  readonly root: string;
  /** `docket hooks …` */
  hooks(...args: string[]): Promise<Said>;
  /** git in the work tree; `env` on top of a small one. */
  git(
    args: readonly string[],
    options?: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly input?: string },
  ): Ran;
  write(name: string, text: string | Uint8Array, cwd?: string): string;
  read(name: string): string;
  /** Its message. */
  message(commit?: string, cwd?: string): string;
  /** A prompt that was answered with this text, recorded in the history. */
  answer(name: string, text: string): Promise<void>;
};

/** @param settings lines of docket.yaml */
export async function makeCodeRepository(t: Pick<TestContext, 'after'>, settings = ''): Promise<CodeRepository> {
  const workspace = await makeTempWorkspace(t, `runner: offline\n${settings}`);
  const home = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-home-')));
  t.after(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'ann',
    GIT_AUTHOR_EMAIL: 'ann@localhost',
    GIT_COMMITTER_NAME: 'ann',
    GIT_COMMITTER_EMAIL: 'ann@localhost',
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'init.defaultBranch',
    GIT_CONFIG_VALUE_0: 'main',
    GIT_CONFIG_KEY_1: 'protocol.file.allow',
    GIT_CONFIG_VALUE_1: 'always',
  };
  const repository: CodeRepository = {
    workspace,
    root: workspace.root,
    hooks: async (...args) => workspace.run(addHooks, 'hooks', ...args),
    git(args, options = {}) {
      const { status, stdout, stderr } = spawnSync('git', args, {
        cwd: options.cwd ?? workspace.root,
        env: { ...env, ...options.env },
        input: options.input ?? '',
        encoding: 'utf8',
      });
      return { code: status, out: stdout, err: stderr };
    },
    write(name, text, cwd = workspace.root) {
      const file = path.join(cwd, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    read: (name) => readFileSync(path.join(workspace.root, name), 'utf8'),
    message: (commit = 'HEAD', cwd = workspace.root) =>
      execFileSync('git', ['log', '-1', '--format=%B', commit], { cwd, env, encoding: 'utf8' }),
    async answer(name, text) {
      await seedJob(await workspace.rooms(), name, { name }, { status: 'answered', answer: text });
    },
  };
  repository.git(['init', '-q']);
  repository.write('.git/info/exclude', 'queues/\n');
  return repository;
}
