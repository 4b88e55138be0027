/**
 * Findings that are known: each has a failing story in found.test.ts and a row in docs/faults.md. They are counted and named, and do not fail the walk
 * over all calls, so that what is new is seen. An entry goes with the mend of its bug.
 */

import type { Ended } from './calls.ts';
import type { Finding } from './model.ts';

type Known = { readonly id: string; readonly isIt: (ended: Ended, finding: Finding) => boolean };

const KNOWN: readonly Known[] = [
  {
    id: 'F2',
    isIt: ({ call }, { kind, what }) => kind === 'left' && what.endsWith('.git/index.lock') && /^unlink .*\/index\.lock$/.test(call),
  },
  {
    id: 'F4',
    isIt: ({ call, fault }, { what }) => what.startsWith('the fault was not told') && fault.mode === 'for ever' && /\/a[0-9]+\//.test(call),
  },
];

/** @returns the id of the known bug that this is, or null */
export const knownAs = (ended: Ended, finding: Finding): string | null => KNOWN.find(({ isIt }) => isIt(ended, finding))?.id ?? null;
