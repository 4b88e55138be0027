/** The rows of `contract`: how an answer is held to what its spec and role ask for (docs/contracts.md). */

import { row } from './settings-row.ts';

export const CONTRACT_SETTINGS = {
  'contract.repair': row<number>({
    default: 1,
    unit: 'count',
    min: 0,
    max: 3,
    why: 'attempts at mending an answer that does not keep its contract, beside those that other failures may have; 0: it fails at once',
  }),
  'contract.findings': row<number>({
    default: 50,
    unit: 'count',
    min: 1,
    max: 500,
    why: 'most findings about one answer that are told to the agent, and kept in the evidence',
  }),
  'contract.quote_bytes': row<number>({
    default: 120_000,
    unit: 'bytes',
    min: 0,
    max: 4_000_000,
    why: 'longest answer that is quoted in the brief of its repair; of a longer one only the findings are told',
  }),
  'contract.document_bytes': row<number>({
    default: 1_000_000,
    unit: 'bytes',
    min: 1_000,
    max: 16_000_000,
    why: 'largest OpenAPI, JSON or YAML block of an answer that is checked; a larger one does not pass',
  }),
  'contract.timeout': row<number>({
    default: 20_000,
    unit: 'ms',
    min: 100,
    max: 600_000,
    why: 'longest check of one such block; after it the block does not pass',
  }),
} as const;
