/** What of a workspace's own rules nobody committed, asked of git: docket.yaml, which may loosen nothing before it is (settings-strict.ts), and roles, profiles and specs, which are told. */

import path from 'node:path';
import type { Fs, Log } from '#core/ports.ts';
import type { Stream } from '#core/prompt.ts';
import type { Workspace } from '#core/settings.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import { printable } from '#core/names.ts';
import { askProgram } from '#platform/ask.ts';
import { makeFs } from '#platform/files.ts';
import { gitBranchTip, gitCommitted, gitUncommitted } from '#platform/git-program.ts';
import { readRecords } from '#worktrees/records.ts';
import { warnOfRoot } from './owners.ts';
import type { Committed } from './settings-strict.ts';
import { SETTINGS_FILE_BYTES_MAX } from './settings-file.ts';
import { findRepository, homeOf, type Repository } from './workspace.ts';

/**
 * docket.yaml as it counts: at HEAD; in a work tree that docket has a record of, at the tip of the branch that it was begun from, because its own branch is
 * what an agent may commit to. Where that branch has none, the primary checkout's file counts, which lies outside of the work tree.
 */
export async function committed(root: string, name: string): Promise<Committed> {
  const fs = makeFs();
  const repository = await findRepository(fs, root);
  const record = repository === null ? null : await recordAt(fs, repository);
  if (repository === null || record === null) return gitCommitted(askProgram, root, name);
  const found = await baseForm(root, name, record);
  if (found.kind !== 'absent') return found;
  const file = path.join(homeOf(repository, root), name);
  if (repository.main === repository.top || (await fs.facts(file))?.kind !== 'file') return found;
  const { bytes } = await fs.readBounded(file, SETTINGS_FILE_BYTES_MAX);
  return { kind: 'text', text: new TextDecoder().decode(bytes), of: file };
}

/** A file as the tip of the base branch of a work tree has it; where that branch is gone, the commit that the work was begun at. */
export async function baseForm(root: string, name: string, { base, baseCommit }: WorktreeRecord): Promise<Committed> {
  const tip = base === null ? null : await gitBranchTip(askProgram, root, base);
  const found = await gitCommitted(askProgram, root, name, tip ?? baseCommit);
  return found.kind === 'text' ? { ...found, of: base ?? baseCommit } : found;
}

/** Stream and branch of the work tree that a workspace lies in; null: docket has written down nothing of it. */
export async function workAt(fs: RecordFs, root: string): Promise<{ readonly stream: Stream; readonly branch: string } | null> {
  const repository = await findRepository(fs, root);
  const record = repository === null ? null : await recordAt(fs, repository);
  return record === null ? null : { stream: record.stream, branch: record.branch };
}

/** What docket has written down of a linked work tree; null: nothing, or it is the main one. */
export async function recordAt(fs: RecordFs, { top, main, common }: Repository): Promise<WorktreeRecord | null> {
  if (main === top) return null;
  const folder = await fs.realPath(top);
  const records = await readRecords(fs, common);
  return records.flatMap(({ record }) => (record.ok && record.value.folder === folder ? [record.value] : []))[0] ?? null;
}

type RecordFs = Pick<Fs, 'list' | 'facts' | 'readBounded' | 'realPath'>;

/** They say what a role may do, which program a tool is, and what a model is told: whoever can write there can widen it. */
const RULES = ['agents', 'prompt-spec'] as const;
const SHOWN_MAX = 5;

/** Notes on docket.yaml, and on rules of the workspace's own that differ from HEAD. Outside git, or where git cannot be asked, there is nothing to hold them against. */
export async function notesOf(workspace: Pick<Workspace, 'root' | 'notes'>): Promise<readonly string[]> {
  const notes = workspace.notes ?? [];
  const fs = makeFs();
  const there: string[] = [];
  for (const name of RULES) if ((await fs.facts(`${workspace.root}/${name}`))?.kind === 'folder') there.push(name);
  if (there.length === 0 || (await findRepository(fs, workspace.root)) === null) return notes;
  const changed = (await gitUncommitted(askProgram, workspace.root, there)) ?? [];
  if (changed.length === 0) return notes;
  const more = changed.length > SHOWN_MAX ? `, and ${String(changed.length - SHOWN_MAX)} more` : '';
  const shown = changed
    .slice(0, SHOWN_MAX)
    .map((file) => printable(file))
    .join(', ');
  return [...notes, `rules of roles or tools are not as they were committed: ${shown}${more} (they hold; review and commit them)`];
}

/** What a person should know who starts a daemon here. */
export async function tellAtStart(log: Pick<Log, 'warn'>, workspace: Pick<Workspace, 'root' | 'notes'>): Promise<void> {
  warnOfRoot(log);
  for (const note of await notesOf(workspace)) log.warn(note);
}
