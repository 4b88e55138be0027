/**
 * Prompts that wait for one another's answers, and so for ever. Pure bookkeeping over those that wait (in in/, or in work/ with a claim); what history has
 * was submitted, so what it depends on was answered, and a verdict can release it: no edge of it closes a cycle.
 *
 *   a prompt can go on when each of its dependencies is open (history has something of it that a person can accept, or nobody has dropped it yet),
 *   or is what a prompt answers that can go on itself
 *
 * Invariant: among those that are kept here all can go on; who would change that is not kept, and gets the cycle told.
 */

import { identityKey, type Dependency, type Identity } from '#core/prompt.ts';
import { isWanted } from './dependencies.ts';

/** `FEAT-1/ui -> FEAT-1/openapi -> FEAT-1/ui`: the first and the last are the same. */
export type Cycle = readonly Identity[];

export type Node = {
  readonly identity: Identity;
  /** Dependencies of which history has nothing: only another prompt that waits could answer them. */
  readonly needs: readonly Dependency[];
};

export type Cycles = {
  /** Keeps it under this key. A cycle instead: it would wait for itself, and is not kept. */
  add(key: unknown, node: Node): Cycle | null;
  /** History has something of what it needed, or somebody has. */
  update(key: unknown, needs: readonly Dependency[]): void;
  remove(key: unknown): void;
  /** Of one that is not kept here. */
  cycleOf(node: Node): Cycle | null;
  /** Those that cannot go on any more, because one that could have answered was taken away. */
  stuck(): readonly { readonly key: unknown; readonly cycle: Cycle }[];
};

type Series = Pick<Identity, 'feature' | 'role' | 'name'>;
const seriesKey = ({ feature, role, name }: Series): string => identityKey({ feature, role, name, revision: 0 });

export const describeCycle = (cycle: Cycle): string =>
  cycle.map(({ feature, role, name }) => `${feature}/${role}${name === null ? '' : `/${name}`}`).join(' -> ');

export function makeCycles(): Cycles {
  const nodes = new Map<unknown, Node>();
  const bySeries = new Map<string, Set<Node>>();

  const keep = (key: unknown, node: Node): void => {
    nodes.set(key, node);
    const series = seriesKey(node.identity);
    bySeries.set(series, (bySeries.get(series) ?? new Set()).add(node));
  };
  const drop = (key: unknown): void => {
    const node = nodes.get(key);
    if (node === undefined) return;
    nodes.delete(key);
    const series = seriesKey(node.identity);
    const mates = bySeries.get(series);
    mates?.delete(node);
    if (mates?.size === 0) bySeries.delete(series);
  };

  const answersTo = (wanted: Dependency): Node[] =>
    [...(bySeries.get(seriesKey(wanted)) ?? [])].filter(({ identity }) => isWanted(wanted, identity));

  /** All that it leads to, itself among them. */
  const reachedFrom = (start: Node): Set<Node> => {
    const reached = new Set([start]);
    for (const node of reached) for (const wanted of node.needs) for (const next of answersTo(wanted)) reached.add(next);
    return reached;
  };

  const isOpen = (wanted: Dependency, free: ReadonlySet<Node>): boolean => {
    const answers = answersTo(wanted);
    return answers.length === 0 || answers.some((one) => free.has(one));
  };

  /** The ones among them that can go on. */
  const freeAmong = (some: ReadonlySet<Node>): Set<Node> => {
    const free = new Set<Node>();
    let left = [...some];
    for (let before = -1; before !== free.size;) {
      before = free.size;
      // There and back again: a long chain is done in two rounds, whichever end was dropped first.
      left = left.toReversed();
      for (const node of left) if (!free.has(node) && node.needs.every((wanted) => isOpen(wanted, free))) free.add(node);
    }
    return free;
  };

  const cycleFrom = (start: Node): Cycle | null => {
    if (start.needs.length === 0) return null;
    const reached = reachedFrom(start);
    const leadsBack = [...reached].some(({ needs }) => needs.some((wanted) => isWanted(wanted, start.identity)));
    if (!leadsBack) return null;
    const free = freeAmong(reached);
    if (free.has(start)) return null;
    // The shortest way back, over those that cannot go on.
    const cameFrom = new Map<Node, Node>();
    const seen = new Set([start]);
    for (const node of seen)
      for (const wanted of node.needs) {
        if (isOpen(wanted, free)) continue;
        for (const next of answersTo(wanted)) {
          if (next === start) return wayTo(start, node, cameFrom);
          if (!seen.has(next)) cameFrom.set(next, node);
          seen.add(next);
        }
      }
    return null;
  };

  const wayTo = (start: Node, last: Node, cameFrom: ReadonlyMap<Node, Node>): Cycle => {
    const way: Identity[] = [start.identity];
    for (let at: Node | undefined = last; at !== undefined && at !== start; at = cameFrom.get(at)) way.unshift(at.identity);
    return [start.identity, ...way];
  };

  return {
    add(key, node) {
      drop(key);
      keep(key, node);
      const cycle = cycleFrom(node);
      if (cycle !== null) drop(key);
      return cycle;
    },
    update(key, needs) {
      const node = nodes.get(key);
      if (node === undefined || node.needs.length === needs.length) return;
      drop(key);
      keep(key, { ...node, needs });
    },
    remove: drop,
    cycleOf(node) {
      const key = {};
      keep(key, node);
      const cycle = cycleFrom(node);
      drop(key);
      return cycle;
    },
    stuck() {
      const all = new Set(nodes.values());
      const free = freeAmong(all);
      return [...nodes].flatMap(([key, node]) => {
        const cycle = free.has(node) ? null : cycleFrom(node);
        return cycle === null ? [] : [{ key, cycle }];
      });
    },
  };
}
