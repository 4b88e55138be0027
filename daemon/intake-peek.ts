/** What the intake must know of a waiting file, from a bounded look at its front matter. Most prompts of a backlog differ in nothing of it, and share one entry. */

import type { FeatureId } from '#core/names.ts';
import type { Dependency, Identity } from '#core/prompt.ts';
import type { Waiting } from '#core/spool.ts';
import { peekPrompt, type Peek } from '#prompt-spec/peek.ts';
import { skimPrompt } from '#prompt-spec/skim.ts';
import { lanesOf } from './lanes/choices.ts';
import type { Ports } from './ports.ts';

export type Peeked = {
  /** Null: no budget is set, so nobody asks. */
  readonly feature: FeatureId | null;
  readonly priority: number;
  readonly notBefore: string | null;
  /** Wall clock; 0 when there is none. */
  readonly notBeforeMs: number;
  readonly dependsOn: readonly Dependency[];
  /** Of one that depends on something; null: nobody asks. */
  readonly identity: Identity | null;
  readonly runner: string | null;
  readonly lane: string;
  /** That one, then those it may take instead. */
  readonly lanes: readonly string[];
  /** All who may go where this one may: when one of them finds no place, none does. */
  readonly group: string;
};
/** Most entries that are shared. */
const SHARED_MAX = 2_000;
const NO_NEEDS: readonly Dependency[] = [];

const identityOf = ({ feature, agent, name, revision }: Peek): Identity => ({ feature, role: agent, name, revision });

/** Null: it is no prompt, and is claimed to be refused. */
export function makePeek(
  ports: Pick<Ports, 'spool' | 'purse' | 'roles' | 'runners' | 'laneOf'>,
): (waiting: Waiting) => Promise<Peeked | null> {
  const shared = new Map<string, Peeked>();
  return async (waiting) => {
    if (waiting.kind !== 'file') return null;
    const head = await ports.spool.head(waiting);
    const skimmed = head === null ? null : skimPrompt(head);
    const peeked = head === null || skimmed !== null ? null : peekPrompt(head);
    const seenInIt = skimmed ?? peeked;
    if (seenInIt === null) return null;
    // Nothing more than is needed here: a hundred thousand may wait.
    const { priority, notBefore, dependsOn, runner } = seenInIt;
    const feature = ports.purse.isOn ? seenInIt.feature : null;
    const lanes = lanesOf(ports, waiting.role, runner);
    const [lane = ''] = lanes;
    const name = dependsOn.length > 0 ? null : JSON.stringify([feature, priority, notBefore, runner, lanes]);
    const same = name === null ? undefined : shared.get(name);
    if (same !== undefined) return same;
    const made: Peeked = {
      feature,
      priority,
      notBefore,
      notBeforeMs: notBefore === null ? 0 : Date.parse(notBefore),
      dependsOn: dependsOn.length === 0 ? NO_NEEDS : dependsOn,
      identity: peeked === null || dependsOn.length === 0 ? null : identityOf(peeked),
      runner,
      lane,
      lanes,
      group: lanes.join(' '),
    };
    if (name !== null && shared.size < SHARED_MAX) shared.set(name, made);
    return made;
  };
}
