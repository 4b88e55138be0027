/** What a glance is made of (daemon/glance.ts), for the daemon and for a status that finds none. */

import type { RoleName } from '#core/names.ts';
import type { History } from '#core/history.ts';
import type { Clock, Fs, Journal } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import type { SpendLine } from '#core/spending.ts';
import { makeAcceptance, type Acceptance } from '#daemon/acceptance.ts';
import { makeBoard, type Board } from '#daemon/board.ts';
import { makeGlance, type GlanceAnswer } from '#daemon/glance.ts';
import type { Ports } from '#daemon/ports.ts';
import { makeTally, type Tally } from '#daemon/tally.ts';
import { makeDigest } from '#platform/digest.ts';
import { boardFile } from './places.ts';
import { calendarOf } from './since.ts';

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
    readonly history: Pick<History, 'log' | 'read' | 'records' | 'spending' | 'verdicts' | 'stamps'> | null;
    /** The daemon's own; absent: one is made when it is needed. */
    readonly acceptance?: Acceptance;
    readonly journal: Pick<Journal, 'spending'> | null;
  },
): GlanceParts {
  const { history, journal, fs, clock } = ports;
  let made: Acceptance | null = ports.acceptance ?? null;
  const acceptance = (of: NonNullable<typeof history>): Acceptance =>
    (made ??= makeAcceptance({
      history: of,
      roles,
      code: { fs, digest: makeDigest(), root: workspace.code },
      settings: workspace.settings,
    }));
  const board =
    history === null
      ? { standings: async () => Promise.resolve(new Map<never, never>()) }
      : makeBoard({
          history,
          fs,
          file: boardFile(workspace.state),
          roles,
          listed: workspace.settings['review.unreviewed_roles'],
          standing: async (identity) => acceptance(history).standing(identity),
          clock,
        });
  return { board, tally: makeTally(clock, calendarOf(workspace)), spentBefore: async (since) => spentSince(history, journal, since) };
}

/** What a daemon tells `docket status` beside its lanes. */
export function glanceOf(ports: Ports, parts: GlanceParts, settingsSha256: string): () => Promise<GlanceAnswer> {
  const { clock, log, journal, live, roles, workspace } = ports;
  const { root, queues, history, settings } = workspace;
  const facts = { root, queues, history, runner: settings.runner, settings_sha256: settingsSha256 };
  return makeGlance({ clock, log, journal, live, roles, listed: settings['review.unreviewed_roles'], ...parts, workspace: facts });
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
    const { 'Docket-Status': status = 'submitted', 'Docket-Job': job = '' } = trailers;
    if (status === 'submitted' || status === 'briefed' || jobs.has(job)) continue;
    const all = [...known];
    for await (const line of history.spending()) if (line.atMs >= Date.parse(since)) all.push(line);
    return all;
  }
  return known;
}
