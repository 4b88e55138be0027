/** Real tools as lines of docket.yaml and variables of a daemon, so that the real program calls them against the fake model server. */

import path from 'node:path';
import { STAGING } from './tool-stage.ts';
import type { TableTool } from './tool-table.ts';

/** All of them draw on one account here. */
export const STAGED_LANE = 'staged';

/** Lines below `runners:`. @param url of the model server, with or without a scenario */
export const runnerLine = (tool: TableTool, url: string): string =>
  `  ${tool}: { kind: ${tool}, lane: ${STAGED_LANE}, args: ${JSON.stringify(STAGING[tool].args?.(url) ?? [])} }\n`;

/** Variables for the daemon. @param home shared by tools that unpack themselves there at first */
export const stagedEnv = (tools: readonly TableTool[], bin: string, url: string, home: string): Record<string, string> => ({
  ...Object.fromEntries(tools.flatMap((tool) => Object.entries(STAGING[tool].env(url)))),
  // The tools that are JavaScript run on the Node of these tests.
  PATH: `${bin}:${path.dirname(process.execPath)}:/usr/bin:/bin`,
  HOME: home,
});
