/** The part of the daemon's ports that an intake looks at, in one place for all its tests. */

import { NO_PURSE } from '#daemon/budget.ts';
import type { Ports } from '#daemon/ports.ts';

export type IntakeParts = Pick<Ports, 'spool' | 'clock' | 'log' | 'scanIntervalMs'> & {
  readonly room: () => number;
  readonly isShut: () => boolean;
  /** limits.role_rate; absent: none. */
  readonly roleRate?: number;
};

export const makeIntakePorts = ({ room, isShut, roleRate = 0, ...ports }: IntakeParts): Ports =>
  ({
    ...ports,
    workspace: { settings: { 'limits.role_rate': roleRate } },
    purse: NO_PURSE,
    laneOf: (_role: string, runner: string | null) => runner ?? 'offline',
    roles: new Map(),
    lanes: {
      isShut,
      roleShut: () => null,
      room,
      orderOf: (priority: number) => priority,
      view: () => [{ lane: 'offline', reason: 'a test', paused: null }],
    },
  }) as unknown as Ports;
