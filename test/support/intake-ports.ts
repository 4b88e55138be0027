/** The part of the daemon's ports that an intake looks at, in one place for all its tests. */

import type { History } from '#core/history.ts';
import { makeAcceptance } from '#daemon/acceptance.ts';
import { orderOf } from '#daemon/lanes/order.ts';
import { NO_PURSE } from '#daemon/budget.ts';
import type { Ports } from '#daemon/ports.ts';
import { ROLES } from '#test/support/prompts.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';

export type IntakeParts = Pick<Ports, 'spool' | 'clock' | 'log' | 'scanIntervalMs'> & {
  readonly room: () => number;
  readonly isShut: () => boolean;
  /** limits.role_rate; absent: none. */
  readonly roleRate?: number;
  /** limits.owner_rate; absent: none. */
  readonly ownerRate?: number;
  /** review.awaiting_max; absent: no limit. */
  readonly awaitingMax?: number;
  /** schedule.aging; absent: nobody grows older. */
  readonly agingMs?: number;
  /** Absent: nothing is recorded. */
  readonly history?: Pick<History, 'stamps' | 'records' | 'verdicts' | 'read' | 'log' | 'closings'>;
};

async function* none(): AsyncGenerator<never> {
  yield* await Promise.resolve([]);
}

const NO_CODE = { fs: makeFs(), digest: makeDigest(), root: '/nowhere' };
const NO_HISTORY: Required<IntakeParts>['history'] = {
  stamps: async (features) => Promise.resolve({ commit: 'first', features: features.map(() => '') }),
  records: none,
  verdicts: async () => Promise.resolve([]),
  read: async () => Promise.resolve(null),
  log: none,
  closings: async () => Promise.resolve([]),
};

export const makeIntakePorts = ({
  room,
  isShut,
  roleRate = 0,
  ownerRate = 0,
  awaitingMax = 0,
  agingMs = 0,
  history = NO_HISTORY,
  ...ports
}: IntakeParts): Ports =>
  ({
    ...ports,
    workspace: { settings: { 'limits.role_rate': roleRate, 'limits.owner_rate': ownerRate, 'review.awaiting_max': awaitingMax } },
    acceptance: makeAcceptance({ history, roles: new Map(), code: NO_CODE, settings: { 'review.unreviewed_roles': [] } }),
    history,
    purse: NO_PURSE,
    laneOf: (_role: string, runner: string | null) => runner ?? 'offline',
    roles: new Map(ROLES.map((name) => [name, {}])),
    lanes: {
      isShut,
      roleShut: () => null,
      room,
      orderOf: (priority: number, sinceMs: number) => orderOf(priority, sinceMs, agingMs),
      view: () => [{ lane: 'offline', reason: 'a test', paused: null }],
    },
  }) as unknown as Ports;
