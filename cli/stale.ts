/** `docket stale`: fix worktrees that became graveyards, and what to do with each. Changes nothing. docs/worktree-cleanup.md. */

import type { Command } from 'commander';
import { sameFeature, parseFeature } from '#core/names.ts';
import { decideCleanup } from '#worktrees/decide.ts';
import { staleOf, type Stale } from '#worktrees/stale.ts';
import { show, table, wholeNumber, type Common, type Io } from './io.ts';
import { withSources } from './job-words-sources.ts';
import { commonOf } from './open.ts';
import { clock } from './parts.ts';
import { lookAt, openPlace } from './worktree-look.ts';

type Options = Common & { readonly days?: number; readonly all?: boolean };
const DAY_MS = 86_400_000;

export function addStale(program: Command, io: Io): void {
  program
    .command('stale')
    .description('fix worktrees that became graveyards: no commit, prompt or edit for a while; and what to do with each')
    .option('--days <n>', 'for so many days (default: worktrees.stale)', wholeNumber('--days'))
    .option('--all', 'worktrees of features, too')
    .addHelpText(
      'after',
      '\nExit code 0, whatever it finds: nothing is broken.\n\nExamples:\n  docket stale\n  docket stale --days 3 --all --json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      const place = await openPlace(io, common);
      const afterMs = options.days === undefined ? place.workspace.settings['worktrees.stale'] : options.days * DAY_MS;
      const closed = await closedFeatures(io, common);
      const nowMs = clock.now().getTime();
      const stale: Stale[] = [];
      for (const entry of place.entries) {
        const { facts } = await lookAt(place, entry, { isDiskWanted: false });
        if (options.all !== true && facts.stream !== 'fix') continue;
        const found = staleOf(facts, decideCleanup(facts), nowMs, afterMs, facts.id === null ? null : closed(facts.id));
        if (found !== null) stale.push(found);
      }
      const rows = stale.toSorted((a, b) => b.days - a.days);
      const text = table(
        rows.map((one) => [one.id ?? '?', `${String(one.days)} days`, `base +${String(one.behindBase)}`, one.branch ?? '-', one.advice]),
      );
      show(
        io,
        common,
        {
          stale: rows.map((one) => ({
            id: one.id,
            folder: one.folder,
            stream: one.stream,
            branch: one.branch,
            days: one.days,
            behind: one.behindBase,
            issue: one.issue,
            resolved: one.isResolved,
            cleanable: one.isCleanable,
            advice: one.advice,
          })),
        },
        rows.length === 0 ? 'no worktree is stale' : text,
      );
    });
}

/** A feature whose last closing record is no reopening is at its end, its issue resolved. Without a history nobody knows. */
async function closedFeatures(io: Io, common: Common): Promise<(id: string) => boolean | null> {
  return withSources(io, common, async (sources) => {
    const history = await sources.history();
    if (history === null) return () => null;
    const closings = await history.closings();
    return (id) => {
      const feature = parseFeature(id);
      if (!feature.ok) return null;
      const last = closings.findLast((one) => {
        const other = parseFeature(one.feature);
        return other.ok && sameFeature(other.value.id, feature.value.id);
      });
      return last?.kind === 'closing';
    };
  });
}
