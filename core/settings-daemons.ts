/** The rows of `daemons` and `service`: how many daemons run beside one another, and what a service manager lets one have (docs/daemons.md). */

import { row } from './settings-row.ts';

export const DAEMON_SETTINGS = {
  'daemons.max': row<number>({
    default: 16,
    unit: 'count',
    min: 1,
    max: 1_000,
    why: 'daemons of one user that run at the same time on a machine: one more is refused, so that a script that starts them by mistake comes to an end',
  }),
  'service.memory_mb': row<number>({
    default: 8_000,
    unit: 'count',
    min: 0,
    max: 10_000_000,
    why: 'memory that the service may hold with all its tools, in MB (1,000,000 bytes), for systemd; 0: no limit',
  }),
  'service.tasks': row<number>({
    default: 2_000,
    unit: 'count',
    min: 0,
    max: 1_000_000,
    why: 'processes and threads of the service with all its tools, for systemd; 0: no limit',
  }),
  'service.cpu_weight': row<number>({
    default: 50,
    unit: 'count',
    min: 1,
    max: 10_000,
    why: 'share of the processors of the service against others, for systemd, where 100 is usual: what a person does goes first; below 100 launchd runs it in the background',
  }),
  'service.restart': row<number>({
    default: 5_000,
    unit: 'ms',
    min: 1_000,
    max: 3_600_000,
    why: 'how long a service manager waits before it starts a daemon that died',
  }),
  'service.restart_max': row<number>({
    default: 300_000,
    unit: 'ms',
    min: 1_000,
    max: 86_400_000,
    why: 'the longest such wait, as it grows from one death to the next (systemd 254 and newer)',
  }),
  'service.restarts': row<number>({
    default: 8,
    unit: 'count',
    min: 1,
    max: 1_000,
    why: 'starts within service.restart_window after which systemd gives up until a person starts it',
  }),
  'service.restart_window': row<number>({
    default: 3_600_000,
    unit: 'ms',
    min: 1_000,
    max: 604_800_000,
    why: 'the time in which those starts are counted',
  }),
} as const;
