/** What `docket status` shows beside the folders: told by the daemon (daemon/glance.ts), worked out from history and journal while none runs. */

import type { SpendSum } from './spending.ts';
import type { RoleFolder, RoleName } from './names.ts';
import { ruleOf, type Standing } from './verdict.ts';

/** How many newest answers of a role stand how. The offline runner's briefs are none. */
export type StandingCounts = Readonly<Record<Standing, number>>;

export const NO_STANDINGS: StandingCounts = {
  accepted: 0,
  unreviewed: 0,
  awaiting: 0,
  'changes-requested': 0,
  rejected: 0,
  held: 0,
  lapsed: 0,
};

/** Of the runs that ended since midnight, in the time zone of the budgets. */
export type Today = Readonly<SpendSum> & {
  /** `2026-11-20` */
  readonly day: string;
};

export type RoleFacts = {
  readonly role: RoleFolder;
  readonly name: RoleName;
  /** `unreviewed`: its answers count without a verdict, and that is shown. */
  readonly review: 'required' | 'unreviewed';
};

type Reviewable = Parameters<typeof ruleOf>[0];

/** Its answers count without a verdict. */
export const isUnreviewed = (role: Reviewable, listed: readonly string[]): boolean => ruleOf(role, listed).review === 'none';

/** What of `review: none` and `review.unreviewed_roles` holds, and what is without effect: shown in every status. */
export function reviewNotes(roles: readonly Reviewable[], listed: readonly string[]): readonly string[] {
  const notes = roles.flatMap((role): string[] => {
    const { name, review, emits } = role;
    const isListed = listed.includes(name);
    if (isUnreviewed(role, listed)) return [`role ${name} is NOT REVIEWED: its answers count without a verdict`];
    if (isListed && emits !== 'document')
      return [`role ${name} is in review.unreviewed_roles without effect: it emits ${emits}, and only documents go unreviewed`];
    if (isListed) return [`role ${name} is in review.unreviewed_roles without effect: its role.yaml does not say review: none`];
    if (review === 'none')
      return [`role ${name} says review: none without effect: review.unreviewed_roles does not name it, so its answers await a verdict`];
    return [];
  });
  const unknown = listed.filter((name) => !roles.some((role) => role.name === name));
  return [...notes, ...unknown.map((name) => `review.unreviewed_roles names ${name}, and there is no such role`)];
}
