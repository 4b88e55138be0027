/** Explores one share of one scenario in a thread of its own. */

import { parentPort, workerData } from 'node:worker_threads';
import { ALL_SITES, type Done, type Work } from './crew.ts';
import { explore, type Options } from './explore.ts';
import { faults } from './faults.ts';
import { SCENARIOS } from './scenarios.ts';
import { isAt, siteOf } from './sites.ts';

// Errors are answers here (ENOENT), and nobody reads where they came from.
Error.stackTraceLimit = 0;

const { scenario: name, site, faults: isFaults, ...options } = workerData as Work;
const scenario = SCENARIOS.find((one) => one.name === name);
if (scenario === undefined) throw new Error(`there is no scenario ${name}`);

const sites = new Map<string, string>();
const collects: Options['leavesOut'] = (sync) => {
  const here = siteOf(sync);
  if (here !== null) sites.set(here, sync.why);
  return false;
};
const leavesOut = site === null ? undefined : site === ALL_SITES ? collects : isAt(site);
const NONE = new Float64Array();
const found: Omit<Done, 'sites'> = isFaults
  ? { lived: [], states: NONE, cases: NONE, ...(await faults(scenario)) }
  : { faults: 0, ...(await explore(scenario, { ...options, leavesOut })) };
// eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread of Node, not a window
parentPort?.postMessage({ ...found, sites: [...sites] });
