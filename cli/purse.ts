/** The purse of a workspace (daemon/budget.ts), with what replays cost (replay-spending.ts): for the daemon, and for a replay outside it. */

import type { Fs, Journal } from '#core/ports.ts';
import { openPurse, type Purse, type PursePorts } from '#daemon/budget.ts';
import { CliError, EXIT } from './io.ts';
import { withReplays } from './replay-spending.ts';

type Ports = Omit<PursePorts, 'journal'> & {
  readonly fs: Pick<Fs, 'readBounded'>;
  readonly journal: Pick<Journal, 'spending' | 'open'> | null;
};

/** Throws CliError 3 for a time zone that nobody knows. */
export async function purseOf({ fs, journal, ...ports }: Ports): Promise<Purse> {
  const spending = await withReplays(journal, fs, ports.workspace.state);
  return openPurse({ ...ports, journal: spending }).catch((error: unknown) => {
    if (!(error instanceof RangeError)) throw error;
    throw new CliError(`budgets.time_zone: ${error.message} (write it as in Europe/Berlin)`, EXIT.environment);
  });
}
