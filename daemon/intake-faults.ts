/**
 * What keeps a role from its folders now, in words: for the log, for `docket status` and `docket why`, and for the intake, which takes nothing new meanwhile.
 *
 * A role is told of by three: a look at its folders (each tells all there is), a claim that could not be made (until one can), and a job in flight that
 * stumbled over the disk (until it goes on). It is sound when none of them has anything to say; nobody has to tell docket.
 * Invariant: told once when it begins or its words change, once when it is over; it costs no attempt.
 */

import { describe, type Failure } from '#core/failure.ts';
import type { JobId, RoleName } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import { codeOf } from '#spool/error-code.ts';
import { isSystemWide, wordsOf } from '#spool/folder-faults.ts';

export type RoleFaults = {
  /** What a look at all folders found: one that is not named here was sound. */
  scanned(faults: readonly { readonly role: RoleName; readonly failure: Failure }[]): void;
  /** Files of this role could not be taken. */
  refused(role: RoleName, error: unknown): void;
  /** They could. */
  taken(role: RoleName): void;
  /** A job in flight cannot go on. Answers the words. */
  stumbled(job: JobId, role: RoleName, error: unknown): string;
  /** It can, or it is over. */
  goesOn(job: JobId): void;
  /** What keeps the role, in words; null: nothing. */
  words(role: RoleName): string | null;
  /** Nothing new is taken until a job in flight goes on, because it would stumble over the same. */
  isHeld(role: RoleName): boolean;
  /** Those that stumbled and do not go on yet. */
  jobs(): readonly JobId[];
  ofJob(job: JobId): string | null;
  /** One for each role that something keeps from its folders. */
  all(): readonly { readonly role: RoleName; readonly words: string }[];
};

type Stumble = { readonly role: RoleName; readonly code: string; readonly words: string };

export function makeRoleFaults(log: Log): RoleFaults {
  const looks = new Map<RoleName, string>();
  const claims = new Map<RoleName, string>();
  const stumbles = new Map<JobId, Stumble>();
  const told = new Map<RoleName, string>();

  /** One job alone may have stumbled over its own file; what the whole system says, or two of them in the same words, is the folder's. */
  const ofFlight = (role: RoleName): string | null => {
    const mine = [...stumbles.values()].filter((one) => one.role === role);
    return mine.find(({ code }, at) => isSystemWide(code) || mine.some((other, n) => n < at && other.code === code))?.words ?? null;
  };
  const wordsFor = (role: RoleName): string | null => looks.get(role) ?? claims.get(role) ?? ofFlight(role);

  const tell = (role: RoleName): void => {
    const words = wordsFor(role);
    if (words === null) {
      if (told.delete(role)) log.info(`role ${role} goes on: nothing keeps it any more`, { role });
      return;
    }
    if (told.get(role) !== words) log.error(`role ${role} waits: ${words}`, { role });
    told.set(role, words);
  };

  return {
    scanned(faults) {
      const before = [...looks.keys()];
      looks.clear();
      for (const { role, failure } of faults) looks.set(role, describe(failure));
      for (const role of new Set([...before, ...looks.keys()])) tell(role);
    },
    refused(role, error) {
      claims.set(role, wordsOf(error));
      tell(role);
    },
    taken(role) {
      if (claims.delete(role)) tell(role);
    },
    stumbled(job, role, error) {
      const words = wordsOf(error);
      stumbles.set(job, { role, code: codeOf(error), words });
      tell(role);
      return words;
    },
    goesOn(job) {
      const role = stumbles.get(job)?.role;
      stumbles.delete(job);
      if (role !== undefined) tell(role);
    },
    words: wordsFor,
    isHeld: (role) => ofFlight(role) !== null,
    jobs: () => [...stumbles.keys()],
    ofJob: (job) => stumbles.get(job)?.words ?? null,
    all: () => [...told].map(([role, words]) => ({ role, words })),
  };
}
