/** The rows of `mcp`: what the MCP server gives at once (docs/mcp.md). */

import { row } from './settings-row.ts';

export const MCP_SETTINGS = {
  'mcp.rows': row<number>({
    default: 100,
    unit: 'count',
    min: 1,
    max: 10_000,
    why: 'most rows of each kind (waiting, in flight, needs a person, answered) that list_queue gives at once',
  }),
  'mcp.text_chars': row<number>({
    default: 60_000,
    unit: 'count',
    min: 1_000,
    max: 4_000_000,
    why: 'most characters of an answer that get_result gives at once; the rest comes with offset',
  }),
  'mcp.wait': row<number>({
    default: 60_000,
    unit: 'ms',
    min: 0,
    max: 3_600_000,
    why: 'longest time that one call of get_result waits for an end',
  }),
  'mcp.calls': row<number>({
    default: 32,
    unit: 'count',
    min: 1,
    max: 1_000,
    why: 'calls of one client that are answered or wait for their turn at the same time; more are refused',
  }),
} as const;
