/**
 * `docket worktree cleanup` and `restore`: asks decide.ts, asks a person where one must say so, takes the locks, and lets worktrees/remove.ts do it.
 *
 * Invariant: what is decided counts as it is found under both locks (the repository's, and that of the worktree's daemon), not as it was shown before. A reason
 * is accepted only by a person who typed the worktree's name at a terminal, and never by a program that docket started.
 */

import path from 'node:path';
import { isCancel, text } from '@clack/prompts';
import { printable, type FeatureId } from '#core/names.ts';
import type { Workspace } from '#core/settings.ts';
import { moveFolder } from '#worktrees/archive.ts';
import type { WorktreeFacts } from '#worktrees/cleanup-facts.ts';
import { decideCleanup, standing, type Decision, type Reason } from '#worktrees/decide.ts';
import { entriesNamed, type Entry } from '#worktrees/entries.ts';
import { finishRemoval, removeWorktree, type Removed, type RemovePorts } from '#worktrees/remove.ts';
import { archiveFolder, madeUpRecord, newestRemoval, timeWord, type Removal } from '#worktrees/removals.ts';
import { CliError, EXIT } from './io.ts';
import { connectControl, openWorkspace } from './open.ts';
import { clock, withKernelLock } from './parts.ts';
import { personOf, personWords } from './person.ts';
import { isInside, SETTINGS_FILE } from './workspace.ts';
import { lookAt, reopen, type Place } from './worktree-look.ts';
import { inRepository } from './worktree-ports.ts';

export type Wish = {
  readonly accepted: ReadonlySet<string>;
  readonly base: string | null;
  readonly isDown: boolean;
  readonly isDryRun: boolean;
};
/** How it went with one. `removed` null: refused, with the reasons that stand against it; or it would be done (`--dry-run`). */
export type Cleaned = {
  readonly id: string | null;
  readonly folder: string;
  readonly removed: Removed | null;
  readonly decision: Decision | null;
  readonly standing: readonly Reason[];
  /** What failed on the way; the same command goes on. */
  readonly failed: string | null;
};

export const removePorts = ({ git, fs, repository, workspace }: Place, reached?: RemovePorts['reached']): RemovePorts => ({
  git,
  fs,
  primary: repository.primary.folder,
  common: repository.common,
  included: { files: workspace.settings['worktrees.include_files'], bytes: workspace.settings['worktrees.include_bytes'] },
  ...(reached === undefined ? {} : { reached }),
});

/** One command at a time changes the worktrees. Throws CliError 3 that says who has the repository. */
export const locked = async <T>(place: Place, act: () => Promise<T>): Promise<T> =>
  inRepository(place.workspace, place.repository.common, act);

/** Throws CliError 2 when the word names none, or more than one. */
export function entryNamed({ entries }: Place, word: string): Entry {
  const named = entriesNamed(entries, word);
  const [first] = named;
  if (first === undefined) {
    const ids = entries.map(({ id, folder }) => id ?? folder).join(', ');
    throw new CliError(
      `there is no worktree of ${JSON.stringify(printable(word))}; there are: ${ids === '' ? 'none' : printable(ids, 500)}`,
      EXIT.wrongUse,
    );
  }
  if (named.length > 1)
    throw new CliError(
      `${printable(word)} has more than one worktree: ${named.map(({ folder }) => printable(folder)).join(', ')}; name the folder`,
      EXIT.wrongUse,
    );
  return first;
}

/** Asks the person to type the name. Throws CliError when nobody can be asked, or something else was typed. */
export async function typeName(io: Place['io'], isBelowRun: boolean, name: string, reasons: readonly Reason[]): Promise<void> {
  const codes = reasons.map(({ code }) => code).join(', ');
  if (isBelowRun)
    throw new CliError('what stands against a cleanup is accepted by a person: this program was started by docket', EXIT.wrongUse);
  if (!io.canAsk) throw new CliError(`--accept takes a terminal, where a person types the name of the worktree (${codes})`, EXIT.wrongUse);
  const typed = await text({ message: `Type ${name} to accept: ${codes}` });
  if (isCancel(typed) || typed.trim() !== name) throw new CliError('nothing was changed', EXIT.stopped);
}

export async function cleanOne(before: Place, word: string, wish: Wish, reached?: RemovePorts['reached']): Promise<Cleaned> {
  if (wish.isDown) await stopDaemon(before, entryNamed(before, word));
  return locked(before, async () => {
    const place = await reopen(before);
    const open = openRemoval(place, word);
    const entry = entriesNamed(place.entries, word).find(({ registered }) => registered !== null) ?? null;
    if (open !== null && (open.state === 'tree' || entry === null || !entry.hasFolder)) return finish(place, open, wish);
    const one = entryNamed(place, word);
    if (open !== null && !wish.isDryRun) await bringQueuesBack(place, open);
    const decide = async (isLockHeld: boolean): Promise<Cleaned> => {
      const { facts } = await lookAt(place, one, { isLockHeld, base: wish.base, isDiskWanted: false });
      return decideAndRemove(place, one, facts, wish, open, reached);
    };
    const workspace = wish.isDryRun ? null : await ownQueues(place, one);
    if (workspace === null) return decide(false);
    return (await withKernelLock(workspace, async () => decide(true))) ?? decide(false);
  });
}

/** What an earlier try had moved before it was cut off: the decision is made on the whole. */
async function bringQueuesBack({ fs, repository }: Place, { queues, ...open }: Removal): Promise<void> {
  if (queues !== null && (await fs.facts(queues)) === null)
    await moveFolder(fs, path.join(archiveFolder(repository.common, open), 'queues'), queues);
}

/** The workspace whose queues lie in the worktree; null: there are none, or nobody can say, which a look then says. */
async function ownQueues({ io, fs, inner }: Place, { folder }: Entry): Promise<Workspace | null> {
  const root = path.join(folder, inner);
  if ((await fs.facts(path.join(root, SETTINGS_FILE)).catch(() => null)) === null) return null;
  const workspace = await openWorkspace(io, { root }).catch(() => null);
  return workspace !== null && isInside(folder, workspace.queues) && (await fs.facts(workspace.queues)) !== null ? workspace : null;
}

/** One of this id that was cut off. */
function openRemoval(place: Place, word: string): Removal | null {
  const [entry] = entriesNamed(place.entries, word);
  const id = (entry?.id ?? word) as FeatureId;
  return newestRemoval(place.removals, id, ['begun', 'tree']);
}

async function finish(place: Place, open: Removal, { isDryRun }: Wish): Promise<Cleaned> {
  const { id, folder } = open.record;
  const nothing = { id, folder, decision: null, standing: [], failed: null };
  if (isDryRun) return { ...nothing, removed: null };
  const done = await finishRemoval(
    removePorts(place),
    open,
    place.repository.worktrees.some((one) => one.folder === folder),
  );
  return done.ok ? { ...nothing, removed: done.value } : { ...nothing, removed: null, failed: done.error };
}

async function decideAndRemove(
  place: Place,
  entry: Entry,
  facts: WorktreeFacts,
  wish: Wish,
  open: Removal | null,
  reached: RemovePorts['reached'],
): Promise<Cleaned> {
  const decision = decideCleanup(facts);
  const against = standing(decision, wish.accepted);
  const told = { id: facts.id, folder: facts.folder, decision, standing: against, failed: null };
  if (against.length > 0 || wish.isDryRun || facts.git === null) return { ...told, removed: null };
  const removal = await removalOf(place, entry, facts, decision, open);
  if (removal === null)
    return {
      ...told,
      removed: null,
      failed: 'it has no feature id: `docket work-on <id>` adopts it, or remove it with git worktree remove',
    };
  const done = await removeWorktree(removePorts(place, reached), removal, facts.git);
  return done.ok ? { ...told, removed: done.value } : { ...told, removed: null, failed: done.error };
}

/** What is written down of it. A try that was cut off before anything went is taken up under its own time. */
async function removalOf(
  place: Place,
  entry: Entry,
  { id, git, queues, stream }: WorktreeFacts,
  { reasons }: Decision,
  open: Removal | null,
): Promise<Removal | null> {
  const now = clock.now();
  const by = await personOf(place.workspace);
  const made =
    entry.record ??
    madeUpRecord(id ?? '', {
      stream: stream ?? 'feature',
      branch: git?.branch ?? id ?? '',
      folder: entry.folder,
      base: git?.base ?? null,
      baseCommit: git?.head ?? '0'.repeat(40),
      createdAt: now.toISOString(),
      createdBy: by === null ? null : personWords(by),
    });
  if (made === null || git === null) return null;
  return {
    v: 1,
    time: open?.time ?? timeWord(now),
    state: 'begun',
    at: now.toISOString(),
    by: by === null ? null : personWords(by),
    record: { ...made, folder: entry.folder },
    hadRecord: entry.record !== null,
    branch: git.branch,
    head: git.head,
    mergedAs: git.mergedAs,
    mergedInto: git.mergedInto,
    accepted: reasons.map(({ code }) => code),
    queues: queues?.folder ?? null,
  };
}

const PAUSE_MS = 20;
const AFTER_DRAIN_MS = 10_000;

/** As `docket down` there. */
async function stopDaemon(place: Place, entry: Entry): Promise<void> {
  const { facts, workspace } = await lookAt(place, entry, { isDiskWanted: false });
  if (facts.daemon === null || workspace === null) return;
  const control = await connectControl(workspace);
  await control?.ask('stop');
  control?.close();
  await untilGone(workspace);
}

async function untilGone(workspace: Workspace): Promise<void> {
  const untilMs = clock.monotonicMs() + workspace.settings['stop.drain'] + AFTER_DRAIN_MS;
  while ((await withKernelLock(workspace, async () => Promise.resolve(true))) === null) {
    if (clock.monotonicMs() > untilMs)
      throw new CliError(`the daemon of ${workspace.root} is still there; \`docket status\` says what it does`, EXIT.notWell);
    await clock.sleep(PAUSE_MS);
  }
}
