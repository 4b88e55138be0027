/** `docket worktree list | status | repair | cleanup | restore`: the worktrees of features and fixes. docs/worktree-cleanup.md. */

import { confirm, isCancel } from '@clack/prompts';
import type { Command } from 'commander';
import { parseFeature, printable, type FeatureId } from '#core/names.ts';
import { decideCleanup, isReasonCode, REASONS, standing } from '#worktrees/decide.ts';
import { letGo } from '#worktrees/remove.ts';
import { newestRemoval, removalRef, type Removal } from '#worktrees/removals.ts';
import { restoreWorktree } from '#worktrees/restore.ts';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { isBelowRun } from './person.ts';
import { cleanOne, entryNamed, locked, removePorts, typeName, type Cleaned, type Wish } from './worktree-cleanup.ts';
import { lookAt, openPlace, reopen, type Place } from './worktree-look.ts';
import { runRepair } from './worktree-repair.ts';
import { HEADER, reasonLines, removalData, removalRow, rowOf, statusText, worktreeData } from './worktree-words.ts';

type CleanupOptions = {
  readonly allMerged?: boolean;
  readonly dryRun?: boolean;
  readonly accept?: readonly string[];
  readonly base?: string;
  readonly down?: boolean;
  readonly expired?: boolean;
  readonly yes?: boolean;
};

export function addWorktree(program: Command, io: Io): void {
  const worktree = program.command('worktree').description('worktrees of features and fixes: what is in them, cleaning up, bringing back');

  worktree
    .command('list')
    .description('every worktree: branch, changes, base, queues, daemon, disk use')
    .option('--removed', 'those that were cleaned up, and can be brought back')
    .action(async (options: { readonly removed?: boolean }, command: Command) => {
      const common = commonOf(command);
      const place = await openPlace(io, common);
      if (options.removed === true) listRemoved(io, common, place);
      else await list(io, common, place);
    });

  worktree
    .command('status')
    .description('all that is known about one worktree, and what stands against its cleanup')
    .argument('[id]', 'a feature id, or a folder; none: all')
    .action(async (id: string | undefined, _options: unknown, command: Command) => {
      const common = commonOf(command);
      const place = await openPlace(io, common);
      const entries = id === undefined ? place.entries : [entryNamed(place, id)];
      const looked = await Promise.all(entries.map(async (entry) => lookAt(place, entry)));
      const decided = looked.map(({ facts }) => ({ facts, decision: decideCleanup(facts) }));
      const data = { worktrees: decided.map(({ facts, decision }) => worktreeData(facts, decision)) };
      const text = decided.map(({ facts, decision }) => statusText(facts, decision)).join('\n\n');
      show(io, common, data, text === '' ? 'there is no worktree' : text);
    });

  worktree
    .command('repair')
    .description('find worktrees that were moved, deleted, cut off or forgotten; mend what loses nothing, explain the rest')
    .option('--dry-run', 'only say what is wrong')
    .addHelpText('after', '\nExit code 1 while something is left that a person must look at.')
    .action(async (options: { readonly dryRun?: boolean }, command: Command) => {
      await runRepair(io, commonOf(command), options.dryRun === true);
    });

  worktree
    .command('cleanup')
    .description('take a worktree away once everything of it is merged, recorded and kept; refuses otherwise, and says why')
    .argument('[id]', 'a feature id, or a folder')
    .option('--all-merged', 'every worktree that nothing stands against')
    .option('--dry-run', 'only say what would be done')
    .option('--down', 'stop its daemon first')
    .option('--base <branch>', 'the branch that must have its commits (default: the one that it was begun from)')
    .option('--accept <codes...>', 'a person accepts these reasons, and types the name of the worktree at a terminal')
    .option('--expired', 'let go of what was kept of worktrees that were cleaned up long ago (worktrees.keep_removed)')
    .option('--yes', 'with --expired: do not ask')
    .addHelpText(
      'after',
      '\nWhat goes is kept first: `docket worktree restore` brings it back.\nExit code 1 when a worktree was refused.\n\nExamples:\n  docket worktree cleanup FEAT-123\n  docket worktree cleanup FEAT-123 --accept unmerged untracked\n  docket worktree cleanup --all-merged --dry-run',
    )
    .action(async (id: string | undefined, _options: unknown, command: Command) => {
      await cleanup(io, commonOf(command), id, command.opts<CleanupOptions>());
    });

  worktree
    .command('restore')
    .description('bring a worktree back that was cleaned up: branch, files, queues')
    .argument('<id>', 'a feature id')
    .option('--at <time>', 'which one, as `docket worktree list --removed` names it (default: the newest)')
    .addHelpText('after', '\nExamples:\n  docket worktree list --removed\n  docket worktree restore FEAT-123')
    .action(async (id: string, options: { readonly at?: string }, command: Command) => {
      await restore(io, commonOf(command), id, options.at);
    });
}

async function list(io: Io, common: Common, place: Place): Promise<void> {
  const looked = await Promise.all(place.entries.map(async (entry) => lookAt(place, entry)));
  const data = { worktrees: looked.map(({ facts }) => worktreeData(facts, decideCleanup(facts))) };
  const rows = looked.map(({ facts }) => rowOf(facts));
  show(io, common, data, rows.length === 0 ? 'there is no worktree beside the primary checkout' : table([HEADER, ...rows]));
}

function listRemoved(io: Io, common: Common, { removals }: Place): void {
  const all = removals.flatMap(({ removal }) => (removal.ok ? [removal.value] : []));
  const rows = all.map((one) => removalRow(one));
  show(
    io,
    common,
    { removed: all.map((one) => removalData(one)) },
    rows.length === 0 ? 'no worktree was cleaned up here' : table([['worktree', 'time', 'state', 'branch', 'by', 'folder'], ...rows]),
  );
}

async function cleanup(io: Io, common: Common, id: string | undefined, options: CleanupOptions): Promise<void> {
  const isBelow = isBelowRun(io.env);
  if (isBelow && options.dryRun !== true)
    throw new CliError('a worktree is cleaned up by a person: this program was started by docket (--dry-run is fine)', EXIT.wrongUse);
  const place = await openPlace(io, common);
  if (options.expired === true) {
    await expire(io, common, place, options);
    return;
  }
  const accepted = acceptedOf(options.accept ?? []);
  if (options.allMerged === true ? id !== undefined || accepted.size > 0 : id === undefined)
    throw new CliError('name one worktree, or say --all-merged, which accepts nothing', EXIT.wrongUse);
  const wish: Wish = { accepted, base: options.base ?? null, isDown: options.down === true, isDryRun: options.dryRun === true };
  if (id !== undefined && accepted.size > 0 && !wish.isDryRun) await askFirst(io, place, id, wish, isBelow);
  const words = id === undefined ? place.entries.filter(({ registered }) => registered !== null).map(({ folder }) => folder) : [id];
  const cleaned: Cleaned[] = [];
  for (const word of words) cleaned.push(await cleanOne(place, word, wish));
  tell(io, common, cleaned, wish);
}

function acceptedOf(codes: readonly string[]): ReadonlySet<string> {
  const may = Object.entries(REASONS).flatMap(([code, can]) => (can ? [code] : []));
  for (const code of codes) {
    if (!isReasonCode(code))
      throw new CliError(`there is no reason ${JSON.stringify(printable(code))}; a person may accept: ${may.join(', ')}`, EXIT.wrongUse);
    if (!REASONS[code])
      throw new CliError(
        `nobody accepts ${code}: mend it (docket worktree status says how). A person may accept: ${may.join(', ')}`,
        EXIT.wrongUse,
      );
  }
  return new Set(codes);
}

/** Before the locks: a person may take a while. What is found under them counts. */
async function askFirst(io: Io, place: Place, word: string, wish: Wish, isBelow: boolean): Promise<void> {
  const entry = entryNamed(place, word);
  const decision = decideCleanup((await lookAt(place, entry, { base: wish.base, isDiskWanted: false })).facts);
  const used = decision.reasons.filter(({ code }) => wish.accepted.has(code));
  if (standing(decision, wish.accepted).length === 0 && used.length > 0) await typeName(io, isBelow, entry.id ?? entry.folder, used);
}

function tell(io: Io, common: Common, cleaned: readonly Cleaned[], { isDryRun }: Wish): void {
  const lines = cleaned.flatMap((one) => {
    const name = one.id ?? printable(one.folder);
    if (one.removed !== null) {
      const { removal, isBranchGone, notes } = one.removed;
      const branch =
        removal.branch === null
          ? 'it was detached'
          : `the branch ${removal.branch} ${isBranchGone ? `is gone (${removal.mergedAs ?? 'merged'})` : 'stays'}`;
      return [
        `${name}: cleaned up; ${branch}; kept as ${removalRef(removal)}: docket worktree restore ${removal.record.id}`,
        ...notes.map((note) => `  ${printable(note, 300)}`),
      ];
    }
    if (one.failed !== null) return [`${name}: ${printable(one.failed, 500)}`];
    if (one.standing.length > 0) return [`${name}: refused`, ...reasonLines(one.standing)];
    return [`${name}: ${isDryRun ? 'would be cleaned up' : 'nothing to do'}`, ...(one.decision?.notes ?? []).map((note) => `  ${note}`)];
  });
  const data = {
    dry_run: isDryRun,
    removed: cleaned.flatMap(({ removed }) =>
      removed === null ? [] : [{ ...removalData(removed.removal), branch_deleted: removed.isBranchGone, notes: removed.notes }],
    ),
    refused: cleaned
      .filter(({ removed, standing: against, failed }) => removed === null && (against.length > 0 || failed !== null))
      .map(({ id, folder, standing: against, failed }) => ({
        id,
        folder,
        reasons: against.map(({ code, words, mend, canAccept }) => ({ code, words, mend, can_accept: canAccept })),
        failed,
      })),
    allowed: cleaned
      .filter(({ removed, standing: against, failed }) => removed === null && against.length === 0 && failed === null)
      .map(({ id, folder }) => ({ id, folder })),
  };
  show(io, common, data, lines.length === 0 ? 'there is no worktree to clean up' : lines.join('\n'));
  if (data.refused.length > 0) io.setExitCode(EXIT.notWell);
}

async function expire(io: Io, common: Common, place: Place, options: CleanupOptions): Promise<void> {
  const before = clock.now().getTime() - place.workspace.settings['worktrees.keep_removed'];
  const old = place.removals.flatMap(({ removal }): Removal[] =>
    removal.ok && (removal.value.state === 'removed' || removal.value.state === 'restored') && Date.parse(removal.value.at) < before
      ? [removal.value]
      : [],
  );
  const rows = table(old.map((one) => removalRow(one)));
  const isAsked = old.length > 0 && options.dryRun !== true && options.yes !== true;
  if (isAsked && !io.canAsk)
    throw new CliError(`${rows}\n\nnothing was changed: without a terminal a person says so with --yes`, EXIT.wrongUse);
  if (isAsked) {
    io.out(rows);
    const answer = await confirm({ message: 'Let go of these for good? They cannot be brought back.', initialValue: false });
    if (isCancel(answer) || !answer) throw new CliError('nothing was changed', EXIT.stopped);
  }
  const failed: string[] = [];
  if (options.dryRun !== true && old.length > 0)
    await locked(place, async () => {
      for (const removal of old) {
        const gone = await letGo(removePorts(place), removal);
        if (!gone.ok) failed.push(`${removal.record.id}: ${gone.error}`);
      }
    });
  const words =
    old.length === 0
      ? 'nothing that was kept is old enough (worktrees.keep_removed)'
      : `${options.dryRun === true ? 'would let go of' : 'let go of'}:\n${rows}`;
  show(
    io,
    common,
    { dry_run: options.dryRun === true, expired: old.map((one) => removalData(one)), failed },
    [words, ...failed].join('\n'),
  );
  if (failed.length > 0) io.setExitCode(EXIT.notWell);
}

async function restore(io: Io, common: Common, word: string, at: string | undefined): Promise<void> {
  const feature = parseFeature(word);
  if (!feature.ok) throw new CliError(`${JSON.stringify(printable(word))} is no feature id: ${feature.error}`, EXIT.wrongUse);
  const id: FeatureId = feature.value.id;
  const before = await openPlace(io, common);
  await locked(before, async () => {
    const place = await reopen(before);
    const removal = newestRemoval(place.removals, id, ['restoring', 'removed', 'restored'], at);
    if (removal === null)
      throw new CliError(
        `nothing is kept of ${id}${at === undefined ? '' : ` at ${printable(at)}`} (docket worktree list --removed)`,
        EXIT.wrongUse,
      );
    const done = await restoreWorktree({ git: place.git, fs: place.fs }, place.repository, removal);
    if (!done.ok) throw new CliError(printable(done.error, 500), EXIT.notWell);
    const { isTreeBack, files, queues } = done.value;
    const { record, branch } = removal;
    const lines = [
      `${record.id} is back: ${printable(record.folder, 300)}${branch === null ? ' (detached)' : `, branch ${branch}`}`,
      ...(isTreeBack ? ['  with the files that were not committed'] : []),
      ...(files.length > 0 ? [`  with ${String(files.length)} files of .worktreeinclude`] : []),
      ...(queues === null ? [] : ['  with its queues']),
      ...(removal.queues !== null && queues === null ? ['  its queues were brought back before'] : []),
    ];
    show(io, common, { ...removalData(done.value.removal), tree: isTreeBack, files, queues }, lines.join('\n'));
  });
}
