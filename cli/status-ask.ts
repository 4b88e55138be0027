/** A running daemon's answer about itself, as facts of a status. What is missing (a daemon that was started by an older docket) is told as unknown. */

import type { GlanceAnswer } from '#daemon/glance.ts';
import type { Holder } from './holder.ts';
import type { LaneWords } from './job-words-sources.ts';
import type { RoleFault } from './fault-words.ts';
import type { StatusFacts } from './status-data.ts';

export type GlanceReply = Readonly<Record<string, unknown>> & { readonly ok: boolean };
type Told = Partial<GlanceAnswer> & {
  readonly version?: unknown;
  readonly started_at?: unknown;
  readonly lanes?: readonly LaneWords[];
  readonly paused?: StatusFacts['paused'];
  readonly budgets?: StatusFacts['budgets'];
  readonly faults?: readonly RoleFault[];
  readonly sharing_trouble?: unknown;
  readonly waits_for_money?: Readonly<Record<string, string>>;
};

const NOT_SHARED = 'limits and budgets are not shared with the other dockets of this machine';

const textIn = (of: Readonly<Record<string, unknown>> | undefined, key: string): string => {
  const value = of?.[key];
  return typeof value === 'string' ? value : '';
};

/** The daemon runs with these very files, from this very place. */
export const isOf = (reply: GlanceReply, place: { readonly root: string; readonly queues: string; readonly sha256: string }): boolean => {
  const { workspace } = reply as Told;
  return (
    reply.ok &&
    textIn(workspace, 'root') === place.root &&
    textIn(workspace, 'queues') === place.queues &&
    textIn(workspace, 'settings_sha256') === place.sha256
  );
};

export const settingsOf = (reply: GlanceReply): string => textIn((reply as Told).workspace, 'settings_sha256');

export function factsOf(reply: GlanceReply, daemon: Holder | null): StatusFacts {
  const told = reply as Told;
  return {
    up: true,
    daemon,
    version: typeof told.version === 'string' ? told.version : null,
    since: typeof told.started_at === 'string' ? told.started_at : null,
    root: textIn(told.workspace, 'root'),
    runner: textIn(told.workspace, 'runner'),
    history: textIn(told.workspace, 'history'),
    roles: told.role_facts ?? [],
    reviewNotes: told.review_notes ?? [],
    standings: told.standings ?? null,
    inWork: told.in_work ?? [],
    runningNow: told.running_now ?? [],
    lanes: told.lanes ?? [],
    paused: told.paused ?? [],
    // They stand in its lanes.
    holds: [],
    circuits: [],
    budgets: told.budgets ?? [],
    faults: told.faults ?? [],
    waitsForMoney: Object.keys(told.waits_for_money ?? {}),
    today: told.today ?? null,
    notes: typeof told.sharing_trouble === 'string' ? [`${NOT_SHARED}: ${told.sharing_trouble} (docs/sharing.md)`] : [],
  };
}
