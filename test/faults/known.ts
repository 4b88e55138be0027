/**
 * Findings that are known: each has a failing story in found.test.ts and a row in docs/faults.md. They are counted and named, and do not fail the walk
 * over all calls, so that what is new is seen. An entry goes with the mend of its bug.
 */

import type { Ended } from './calls.ts';
import type { Finding } from './model.ts';

type Known = { readonly id: string; readonly isIt: (ended: Ended, finding: Finding) => boolean };

const KNOWN: readonly Known[] = [
  { id: 'F2', isIt: (_ended, { kind, what }) => kind === 'left' && (what.startsWith('git status: ') || what.endsWith('.git/index.lock')) },
  { id: 'F6', isIt: ({ call }, { kind, what }) => kind === 'left' && call.startsWith('unlink ') && call.endsWith(what) },
  {
    id: 'F8',
    isIt: ({ fault }, { kind, what }) => fault.mode !== 'kill' && kind === 'doubled' && what.endsWith('its evidence tells 2 starts'),
  },
];

/** @returns the id of the known bug that this is, or null */
export const knownAs = (ended: Ended, finding: Finding): string | null => KNOWN.find(({ isIt }) => isIt(ended, finding))?.id ?? null;
