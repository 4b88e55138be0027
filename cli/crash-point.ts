/** The named points of the crash tests. */

import { CRASH_POINTS, EMIT_POINTS, type CrashPoint } from '#core/job.ts';

/** For the crash tests: DOCKET_CRASH_AT=<point> kills the process right after that point, as a power switch would. Unset: nothing. */
export function crashPoint(wanted: string | undefined): (point: CrashPoint) => void {
  if (![...CRASH_POINTS, ...EMIT_POINTS].some((point) => point === wanted)) return () => undefined;
  return (point) => {
    if (point === wanted) process.kill(process.pid, 'SIGKILL');
  };
}
