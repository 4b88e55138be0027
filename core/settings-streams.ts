/** The settings of the two streams (docs/streams.md): rows of core/settings.ts. */

import { row } from './settings-row.ts';

export const STREAM_SETTINGS = {
  'streams.prd': row<string>({
    default: 'docs/prd',
    unit: 'text',
    security: true,
    why: 'where the requirements documents lie, a folder each, relative to the code: the input of the feature stream, which no run of the fix stream may read or change',
  }),
  'streams.issues': row<readonly string[]>({
    default: ['docs/issues.md', 'docs/ISSUES.md', 'ISSUES.md', 'issues.md'],
    unit: 'list',
    security: true,
    why: 'where the issue log may lie, relative to the code: the first that is there; the input of the fix stream, which no run of the feature stream may read or change',
  }),
  'streams.prd_role': row<string>({
    default: 'meta',
    unit: 'text',
    why: 'who gets the prompt of `docket work-on --prd`: meta plans one feature, project-from-prd the whole document',
  }),
  'streams.fix_role': row<string>({
    default: 'fix-from-issues',
    unit: 'text',
    why: 'who gets the prompt of `docket fix`',
  }),
  'streams.claim': row<string>({
    default: 'push',
    unit: 'choice',
    choices: ['push', 'look'],
    why: 'push: `docket fix` takes an issue by making its branch on the remote, so two people never take the same; look: it only looks for such branches there',
  }),
  'streams.doc_bytes': row<number>({
    default: 8_000_000,
    unit: 'bytes',
    min: 1_000,
    max: 64_000_000,
    why: 'longest issue log or requirements document that is read',
  }),
  'streams.issues_max': row<number>({ default: 20_000, unit: 'count', min: 1, max: 200_000, why: 'most issues of a log that are read' }),
  'streams.features_max': row<number>({
    default: 2_000,
    unit: 'count',
    min: 1,
    max: 20_000,
    why: 'most features of a requirements document that are read',
  }),
} as const;
