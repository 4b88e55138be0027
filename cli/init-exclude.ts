/**
 * Keeps the code repository clean without touching a file of it: docket's queues and a person's own settings are listed in git's
 * info/exclude, which all linked worktrees of a repository share and which is never committed (gitignore(5)).
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { gitCommonFolder, repositoryRoot } from '#platform/git.ts';
import { isInside, LOCAL_SETTINGS_FILE } from './workspace.ts';

const EXCLUDE_BYTES_MAX = 4_000_000;
const COMMENT = "# docket's queues and your own docket settings (written by `docket init`)";

export type Excluded = {
  /** Null: the folder is in no git repository. */
  readonly file: string | null;
  /** Lines that were added; none when all were there. */
  readonly added: readonly string[];
  /** Paths that git must not show, relative to the work tree's top. */
  readonly paths: readonly string[];
  /** Why nothing could be written; the lines then have to be added by hand. */
  readonly problem: string | null;
};

/** A path as a pattern of gitignore(5) that means only itself. */
const patternOf = (relative: string): string => `/${relative.replaceAll(/[\\*?[\]]/g, String.raw`\$&`).replace(/ $/, String.raw`\ `)}`;

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** Adds what is missing, once, at the end. */
export async function excludeQueues(fs: Fs, workspace: Pick<Workspace, 'root' | 'queues'>): Promise<Excluded> {
  const top = await repositoryRoot(workspace.root);
  const common = top === null ? null : await gitCommonFolder(workspace.root);
  if (top === null || common === null) return { file: null, added: [], paths: [], problem: null };
  const file = path.join(common, 'info', 'exclude');
  const hidden = [
    { place: workspace.queues, isFolder: true },
    { place: path.join(workspace.root, LOCAL_SETTINGS_FILE), isFolder: false },
  ].filter(({ place }) => place !== top && isInside(top, place));
  const paths = hidden.map(({ place }) => path.relative(top, place));
  const wanted = hidden.map(({ place, isFolder }) => `${patternOf(path.relative(top, place))}${isFolder ? '/' : ''}`);
  if (wanted.some((line) => /[\r\n]/.test(line))) return { file, added: [], paths, problem: 'a folder has a line break in its name' };
  try {
    const before = await textOf(fs, file);
    const lines = new Set(before.split('\n').map((line) => line.replace(/\r$/, '')));
    const added = wanted.filter((line) => !lines.has(line));
    if (added.length > 0) {
      await fs.makeFolders(path.dirname(file), 0o755);
      await fs.append(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${[COMMENT, ...added].join('\n')}\n`, 0o644);
    }
    return { file, added, paths, problem: null };
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return { file, added: [], paths, problem: `add these lines to ${file} yourself: ${wanted.join(' ')} (${(error as Error).message})` };
  }
}

async function textOf(fs: Fs, file: string): Promise<string> {
  try {
    // What stands there need not be UTF-8: only its lines are compared, nothing is written back.
    return Buffer.from((await fs.readBounded(file, EXCLUDE_BYTES_MAX)).bytes).toString('utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
