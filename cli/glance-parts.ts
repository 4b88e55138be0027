/** What a glance is made of (daemon/glance.ts), for the daemon and for a status that finds none. */

import { parseFeature, type RoleName } from '#core/names.ts';
import type { History } from '#core/history.ts';
import type { Clock, Fs, Journal } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import type { SpendLine } from '#core/spending.ts';
import { addressOf } from '#core/verdict.ts';
import { makeBoard, type Board } from '#daemon/board.ts';
import { makeTally, type Tally } from '#daemon/tally.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { boardFile } from './places.ts';
import { calendarOf } from './since.ts';

const FRONT_MATTER = { promptBytes: 8_000_000, frontMatterBytes: 65_536 };

export type GlanceParts = {
  readonly board: Board;
  readonly tally: Tally;
  readonly spentBefore: (since: string) => Promise<readonly SpendLine[]>;
};

export function glanceParts(
  workspace: Workspace,
  roles: ReadonlyMap<RoleName, Role>,
  ports: {
    readonly fs: Pick<Fs, 'readBounded' | 'writeDerived' | 'rename' | 'unlink'>;
    readonly clock: Clock;
    /** Null: nothing was ever recorded. */
    readonly history: Pick<History, 'log' | 'read' | 'records' | 'spending'> | null;
    readonly journal: Pick<Journal, 'spending'> | null;
  },
): GlanceParts {
  const { history, journal, fs, clock } = ports;
  const board =
    history === null
      ? { standings: async () => Promise.resolve(new Map<never, never>()) }
      : makeBoard({
          history,
          fs,
          file: boardFile(workspace.state),
          roles,
          listed: workspace.settings['review.unreviewed_roles'],
          authorOf: async (feature, role, name, revision) => authorOf(history, { feature, role, name, revision }),
        });
  return { board, tally: makeTally(clock, calendarOf(workspace)), spentBefore: async (since) => spentSince(history, journal, since) };
}

type Place = { readonly feature: string; readonly role: RoleName; readonly name: string | null; readonly revision: number };

/** Who wrote the prompt of an answer, by its front matter; null: nobody said. */
async function authorOf(history: Pick<History, 'read' | 'records'>, { feature, role, name, revision }: Place): Promise<string | null> {
  if (!parseFeature(feature).ok) return null;
  for await (const { identity, folder } of history.records({ feature, role })) {
    if (identity.name !== name || identity.revision !== revision) continue;
    const bytes = await history.read(`${folder}/prompt_v${String(revision)}.md`);
    const front = bytes === null ? null : readFrontMatter(bytes, FRONT_MATTER);
    return front?.ok === true ? addressOf(front.value.data['author']) : null;
  }
  return null;
}

/** Runs that ended since then. The journal knows them at once; where it lacks one that the history has, all evidence is read. */
async function spentSince(
  history: Pick<History, 'log' | 'spending'> | null,
  journal: Pick<Journal, 'spending'> | null,
  since: string,
): Promise<readonly SpendLine[]> {
  const known = journal?.spending(since) ?? [];
  if (history === null) return known;
  const jobs = new Set(known.map(({ job }) => job));
  for await (const { at, trailers } of history.log({})) {
    if (at < since.slice(0, at.length)) break;
    const { 'Docket-Status': status = 'submitted', 'Docket-Job': job = '', Runner: runner } = trailers;
    if (status === 'submitted' || status === 'briefed' || runner === 'offline' || jobs.has(job)) continue;
    const all = [...known];
    for await (const line of history.spending()) if (line.atMs >= Date.parse(since)) all.push(line);
    return all;
  }
  return known;
}
