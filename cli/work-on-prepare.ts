/**
 * A new work tree becomes a workspace: docket.yaml, queues, the files of .worktreeinclude, cloned folders, then the commands of worktrees.setup.
 * Each step tests its own effect, so a second call only does what is left; one process at a time prepares a work tree.
 *
 * Invariant: commands and cloned folders are those of the docket.yaml that is committed on the base branch; of another one none is taken.
 */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import type { WorktreeRecord } from '#core/worktrees.ts';
import { cloneFolder, copyNewFile } from '#platform/copy-tree.ts';
import { makeFs } from '#platform/files.ts';
import { runSetupProgram, tailOf } from '#platform/setup-program.ts';
import { INCLUDE_FILE, includeFiles } from '#worktrees/include.ts';
import { isInside } from '#worktrees/place.ts';
import { recordsFolder } from '#worktrees/records.ts';
import { removeTodo } from '#worktrees/todo.ts';
import { splitWords } from '#worktrees/words.ts';
import { baseForm } from './committed.ts';
import { excludeQueues } from './init-exclude.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { loadRoles } from './load.ts';
import { log, openWorkspace } from './open.ts';
import { spoolOf, whileLocked } from './parts.ts';
import { logFolder } from './places.ts';
import { openSecretScan } from './secret-scan-of.ts';
import { SETTINGS_FILE } from './workspace.ts';
import { makePorts } from './worktree-ports.ts';

const SETTINGS_BYTES_MAX = 65_536;
const TAIL_BYTES = 2_000;
const TAIL_LINES = 15;

export type Source = {
  /** The work tree that files come from, and the workspace in it. */
  readonly top: string;
  readonly root: string;
};

export type Prepared = {
  /** Null: it has no docket.yaml. */
  readonly workspace: Workspace | null;
  /** Why it is not ready; null: it is. */
  readonly failed: string | null;
  readonly notes: readonly string[];
};

const setupLog = (workspace: Workspace): string => path.join(logFolder(workspace.state), 'setup.log');

/** The workspace of a work tree that is prepared already. Null: it has no docket.yaml. */
export async function openIn(io: Io, root: string): Promise<Workspace | null> {
  if ((await makeFs().facts(path.join(root, SETTINGS_FILE))) === null) return null;
  return openWorkspace(io, { root });
}

/** @param root of the workspace in the new work tree */
export async function prepare(io: Io, common: string, record: WorktreeRecord, source: Source, root: string): Promise<Prepared> {
  const file = path.join(recordsFolder(common), `${record.id.toLowerCase()}.preparing.lock`);
  const prepared = await whileLocked(file, async () => prepareAlone(io, common, record, source, root));
  if (prepared !== null) return prepared;
  return { workspace: await openIn(io, root), failed: null, notes: ['another docket is preparing it right now'] };
}

async function prepareAlone(io: Io, common: string, record: WorktreeRecord, source: Source, root: string): Promise<Prepared> {
  const fs = makeFs();
  const notes: string[] = [...(await bringSettings(record, source, root))];
  const workspace = await openIn(io, root);
  if (workspace === null) {
    await removeTodo(fs, common, record.id);
    return {
      workspace,
      failed: null,
      notes: [...notes, `it has no ${SETTINGS_FILE}, so no queues and no daemon: run \`docket init\` in ${printable(root)}`],
    };
  }
  const roles = await loadRoles(fs, workspace);
  if (!roles.ok) throw new CliError(`the roles of ${printable(root)} cannot be read: run \`docket doctor\` there`, EXIT.environment);
  await spoolOf(workspace, [...roles.value.values()], log).prepare();
  await fs.makeFolders(workspace.state, 0o700);
  const excluded = await excludeQueues(fs, workspace);
  if (excluded.problem !== null) notes.push(excluded.problem);
  notes.push(...(await bringFiles(io, workspace, record, source)));
  const isCommitted = (await baseForm(root, SETTINGS_FILE, record)).kind === 'text';
  const { settings } = workspace;
  if (!isCommitted && settings['worktrees.setup'].length + settings['worktrees.clone'].length > 0) {
    notes.push(
      `worktrees.setup and worktrees.clone are not followed: ${SETTINGS_FILE} is not committed on ${record.base ?? record.baseCommit}`,
    );
  } else {
    notes.push(...(await bringFolders(workspace, record, source)));
    const failed = await runSetup(io, workspace, record);
    if (failed !== null) return { workspace, failed, notes };
  }
  await removeTodo(fs, common, record.id);
  return { workspace, failed: null, notes };
}

/** A docket.yaml that nobody has committed is copied: the work tree would be no workspace without it. */
async function bringSettings(record: WorktreeRecord, source: Source, root: string): Promise<readonly string[]> {
  const fs = makeFs();
  const [from, to] = [path.join(source.root, SETTINGS_FILE), path.join(root, SETTINGS_FILE)];
  if ((await fs.facts(to)) !== null || (await fs.facts(from))?.kind !== 'file') return [];
  const { bytes } = await fs.readBounded(from, SETTINGS_BYTES_MAX);
  await fs.makeFolders(root);
  await fs.writeNew(to, bytes, 'safety', 0o644);
  return [
    `${SETTINGS_FILE} is not committed on ${record.branch}, so the primary checkout's was copied: commit it on ${record.base ?? 'the base branch'}`,
  ];
}

async function bringFiles(io: Io, workspace: Workspace, record: WorktreeRecord, source: Source): Promise<readonly string[]> {
  const fs = makeFs();
  if ((await fs.facts(path.join(source.top, INCLUDE_FILE))) === null) return [];
  const scan = await openSecretScan(fs, workspace, { makesKey: true });
  try {
    const { copied, notes } = await includeFiles(
      {
        git: makePorts(io, workspace).git,
        fs,
        copyNewFile,
        async secretIn(text) {
          const found = await scan.scan('context', text);
          return found.ok ? null : found.error.kind;
        },
      },
      {
        from: source.top,
        to: record.folder,
        queues: path.relative(record.folder, workspace.queues),
        filesMax: workspace.settings['worktrees.include_files'],
        bytesMax: workspace.settings['worktrees.include_bytes'],
      },
    );
    return copied.length === 0 ? notes : [`${INCLUDE_FILE}: copied ${copied.map((name) => printable(name)).join(', ')}`, ...notes];
  } finally {
    await scan.close();
  }
}

/** Only where the file system shares blocks: a plain copy of such a folder takes minutes and gigabytes. */
async function bringFolders({ settings }: Workspace, record: WorktreeRecord, source: Source): Promise<readonly string[]> {
  const fs = makeFs();
  const notes: string[] = [];
  for (const name of settings['worktrees.clone']) {
    const [from, to] = [path.resolve(source.top, name), path.resolve(record.folder, name)];
    if (!isInside(source.top, from) || from === source.top || name.split(/[/\\]/).includes('.git')) {
      notes.push(`worktrees.clone: ${printable(name)} is no folder inside the work tree`);
      continue;
    }
    if ((await fs.facts(from))?.kind !== 'folder' || (await fs.facts(to)) !== null) continue;
    const above = await fs.realPath(path.dirname(to)).catch(() => null);
    if (above === null || !isInside(record.folder, above)) {
      notes.push(`worktrees.clone: there is no place for ${printable(name)} in the new work tree`);
      continue;
    }
    const cloned = await cloneFolder(from, to, settings['worktrees.clone_files']);
    if (cloned.kind === 'cloned') notes.push(`${printable(name)} is a copy-on-write copy (${String(cloned.files)} entries)`);
    else if (cloned.kind === 'unsupported')
      notes.push(`${printable(name)} was not copied: this file system has no copy on write; worktrees.setup can make it`);
    else
      notes.push(
        `${printable(name)} was not copied: it holds more than ${String(settings['worktrees.clone_files'])} entries (worktrees.clone_files)`,
      );
  }
  return notes;
}

/** Words why it is not ready; null: all commands ended well. */
async function runSetup(io: Io, workspace: Workspace, record: WorktreeRecord): Promise<string | null> {
  const lines = workspace.settings['worktrees.setup'];
  const commands = lines.map((line) => ({ line, words: splitWords(line) }));
  for (const { line, words } of commands) if (!words.ok) return `worktrees.setup: ${JSON.stringify(printable(line))}: ${words.error}`;
  const fs = makeFs();
  const logFile = setupLog(workspace);
  if (commands.length > 0) await fs.makeFolders(path.dirname(logFile), 0o700);
  for (const { line, words } of commands) {
    if (!words.ok) continue;
    await fs.append(logFile, `$ ${line}\n`);
    io.err(`setup: ${printable(line)}`);
    const end = await runSetupProgram(words.value, io.env, {
      cwd: record.folder,
      logFile,
      timeoutMs: workspace.settings['worktrees.setup_timeout'],
    });
    if (end.how === 'exited' && end.code === 0) continue;
    const last = tailOf(logFile, TAIL_BYTES).trimEnd().split('\n').slice(-TAIL_LINES);
    const said = last.map((one) => `  ${printable(one)}`).join('\n');
    return `the work tree is there, but setup failed: ${printable(line)}: ${end.why}\n${said}\n  all of it: ${printable(logFile)}\n  next: mend that, then the same \`docket work-on\` runs only the setup again`;
  }
  return null;
}
