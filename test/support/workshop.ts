/** A code repository with a workspace and worktrees of features, all with real git, and docket's verbs called on it in this process. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { FeatureId } from '#core/names.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import { makeFs } from '#platform/files.ts';
import { writeRecord } from '#worktrees/records.ts';
import { runCli, type CliAnswer } from './cli.ts';
import { temporaryFolder } from './temp-folder.ts';

export type Workshop = {
  /** The folder that all of it lies in. */
  readonly beside: string;
  /** The primary checkout. */
  readonly app: string;
  readonly env: Record<string, string>;
  readonly git: (folder: string, ...args: readonly string[]) => string;
  readonly write: (folder: string, name: string, text: string | Uint8Array) => string;
  commit(folder: string, name: string, text: string): string;
  /** A worktree `app-<id>` on `feature/<id>`, with a record. */
  worktree(
    id: string,
    more?: { readonly folder?: string; readonly stream?: 'feature' | 'fix'; readonly isRecorded?: boolean },
  ): Promise<string>;
  docket(...args: readonly string[]): Promise<CliAnswer>;
  json(...args: readonly string[]): Promise<{ readonly code: number; readonly data: Record<string, never>; readonly err: string }>;
};

const write: Workshop['write'] = (folder, file, text) => {
  const at = path.join(folder, file);
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(at, text);
  return at;
};

/** @param name of the primary checkout's folder */
export async function makeWorkshop(t: TestContext, { name = 'app', branch = 'main', settings = '' } = {}): Promise<Workshop> {
  const beside = await temporaryFolder(t);
  const app = path.join(beside, name);
  const home = path.join(beside, 'home');
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home };
  const git: Workshop['git'] = (folder, ...args) =>
    execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      env: { ...env, GIT_CONFIG_NOSYSTEM: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  mkdirSync(app, { recursive: true });
  write(home, '.gitconfig', '[user]\n\tname = ada\n\temail = ada@localhost\n[protocol "file"]\n\tallow = always\n');
  git(app, 'init', '-q', '-b', branch);
  write(app, 'docket.yaml', `app: app\nrunner: offline\n${settings}`);
  write(app, 'README.md', '# app\n');
  write(app, '.gitignore', 'queues/\nbuild/\n.env\n');
  git(app, 'add', '.');
  git(app, 'commit', '-q', '-m', 'first');
  const docket: Workshop['docket'] = async (...args) => runCli(args, { cwd: app, env });
  return {
    beside,
    app,
    env,
    git,
    write,
    commit(folder, file, text) {
      write(folder, file, text);
      git(folder, 'add', '--', file);
      git(folder, 'commit', '-q', '-m', `change ${file}`);
      return git(folder, 'rev-parse', 'HEAD');
    },
    async worktree(id, { folder = path.join(beside, `app-${id}`), stream = 'feature', isRecorded = true } = {}) {
      git(app, 'worktree', 'add', '-q', '-b', `${stream}/${id}`, '--', folder);
      const record: WorktreeRecord = {
        v: 1,
        id: id as FeatureId,
        slug: null,
        stream,
        branch: `${stream}/${id}`,
        folder,
        base: branch,
        baseCommit: git(app, 'rev-parse', 'HEAD'),
        createdAt: '2026-11-21T11:00:00.000Z',
        createdBy: null,
        adopted: false,
        source: null,
      };
      if (isRecorded) await writeRecord(makeFs(), path.join(app, '.git'), record);
      return folder;
    },
    docket,
    async json(...args) {
      const { code, out, err } = await docket(...args, '--json');
      assert.notEqual(out, '', err);
      return { code, data: JSON.parse(out) as Record<string, never>, err };
    },
  };
}
