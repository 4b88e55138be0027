/**
 * Prompts that wait for answers of others to be accepted. They stand apart from those whose turn may come, so that a thousand of them cost the others
 * nothing; they are looked at when they come, when somebody may have given a verdict, and with each whole look at the folders.
 *
 *   parked -> (all it depends on is accepted) free  |  (it closes a cycle) refused  |  (its file is gone) forgotten
 *
 * Invariant: a look that finds the tip of the history where it was reads nothing; otherwise only what depends on features that changed is judged again.
 */

import type { History } from '#core/history.ts';
import type { RoleName } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { Dependency, Identity } from '#core/prompt.ts';
import type { Acceptance } from './acceptance.ts';
import { describeMissing, missingDependencies, type Looked } from './dependencies.ts';
import type { Awaiting } from './intake-awaiting.ts';
import { makeCycles, type Cycle } from './intake-cycles.ts';

export type ParkedPorts = {
  readonly history: Pick<History, 'stamps'>;
  readonly acceptance: Pick<Acceptance, 'of' | 'news'>;
  readonly awaiting: Pick<Awaiting, 'isOn' | 'refresh' | 'full'>;
  readonly log: Log;
  readonly roles: () => Iterable<RoleName>;
};

export type Parked<T extends object> = {
  /** It waits from now on, and is looked at soon. */
  add(one: T, identity: Identity, dependsOn: readonly Dependency[]): void;
  remove(one: T): void;
  has(one: T): boolean;
  all(): Iterable<T>;
  size(): number;
  /** What it waits for, in words. */
  words(one: T): string;
  /** Begins a look, in the background. @param isAll false: only at those that nobody has looked at */
  look(isAll: boolean): void;
  /** The same, when there was news since the last one. */
  lookAtNews(): void;
  /** Is everything accepted at this moment? */
  /** Of which word of news what is known is. */
  news(): number;
  isMet(dependsOn: readonly Dependency[]): Promise<boolean>;
  cycleOf(identity: Identity, missing: readonly Dependency[]): Cycle | null;
};

type Entry = { readonly identity: Identity; readonly dependsOn: readonly Dependency[]; isFresh: boolean; usesCode: boolean; words: string };

const NOT_LOOKED_AT = 'what it depends on is looked at';

/**
 * @param goesOn told of each that is free, or refused because of a cycle; it is parked no more
 * @param wake called when a look has changed what may be taken
 */
export function makeParked<T extends object>(
  ports: ParkedPorts,
  goesOn: (one: T, cycle: Cycle | null) => void,
  wake: () => void,
): Parked<T> {
  const { history, acceptance, awaiting, log } = ports;
  const entries = new Map<T, Entry>();
  const cycles = makeCycles();
  /** By feature in lower case: how it was when it was last looked at. */
  let stamps = new Map<string, string>();
  let commit: string | null = null;
  let hasLost = false;
  let seenNews = 0;
  let wanted: 'nothing' | 'fresh' | 'all' = 'nothing';
  let isLooking = false;
  let told = '';

  const leave = (one: T, cycle: Cycle | null): void => {
    entries.delete(one);
    cycles.remove(one);
    goesOn(one, cycle);
  };

  const judge = (one: T, entry: Entry, missing: readonly Looked[]): boolean => {
    if (missing.length === 0) {
      leave(one, null);
      return true;
    }
    // Files that are put back make an approval count again, and no commit tells it.
    entry.usesCode = missing.some(({ newest }) => newest?.usesCode === true);
    entry.words = missing.map((looked) => describeMissing(looked).because).join('; ');
    const needs = missing.flatMap(({ wanted: dependency, newest }) => (newest === null ? [dependency] : []));
    if (!entry.isFresh) {
      cycles.update(one, needs);
      return false;
    }
    entry.isFresh = false;
    const cycle = cycles.add(one, { identity: entry.identity, needs });
    if (cycle !== null) leave(one, cycle);
    return cycle !== null;
  };

  const shutRoles = (): string => [...ports.roles()].filter((role) => awaiting.full(role) !== null).join(' ');

  /** @returns has anything changed for who may be taken */
  const pass = async (isAll: boolean): Promise<boolean> => {
    const names = new Map<string, string>();
    for (const { dependsOn, isFresh } of entries.values())
      if (isAll || isFresh) for (const { feature } of dependsOn) names.set(feature.toLowerCase(), feature);
    const features = [...names.keys()];
    const tip = await history.stamps([...names.values()]);
    const isNew = tip.commit !== commit;
    const before = shutRoles();
    if (isAll && isNew) await awaiting.refresh(tip.commit);
    let hasChanged = before !== shutRoles();
    const now = new Map(features.map((feature, index) => [feature, tip.features[index] ?? '']));
    const view: Pick<Acceptance, 'of'> = { of: async (series) => acceptance.of(series, now.get(series.feature.toLowerCase())) };
    for (const [one, entry] of entries) {
      const { dependsOn, isFresh } = entry;
      const isTouched = ({ feature }: Dependency): boolean => now.get(feature.toLowerCase()) !== stamps.get(feature.toLowerCase());
      if (!isFresh && !(isAll && (entry.usesCode || (isNew && dependsOn.some(isTouched))))) continue;
      const missing = await missingDependencies(view, dependsOn);
      // Its file may have gone meanwhile.
      if (entries.get(one) === entry) hasChanged = judge(one, entry, missing) || hasChanged;
    }
    for (const { key, cycle } of hasLost ? cycles.stuck() : []) {
      leave(key as T, cycle);
      hasChanged = true;
    }
    hasLost = false;
    if (isAll) {
      stamps = now;
      commit = tip.commit;
    } else for (const [feature, stamp] of now) if (!stamps.has(feature)) stamps.set(feature, stamp);
    return hasChanged;
  };

  const run = async (): Promise<void> => {
    isLooking = true;
    try {
      while (wanted !== 'nothing') {
        const isAll = wanted === 'all';
        wanted = 'nothing';
        if (await pass(isAll)) wake();
        told = '';
      }
    } catch (error) {
      const words = `what prompts depend on cannot be looked at, and they wait: ${error instanceof Error ? error.message : String(error)}`;
      if (words !== told) log.error(words);
      told = words;
    } finally {
      isLooking = false;
    }
  };

  const look = (isAll: boolean): void => {
    if (entries.size === 0 && !awaiting.isOn) return;
    if (isAll) wanted = 'all';
    else if (wanted === 'nothing') wanted = 'fresh';
    if (!isLooking) void run();
  };

  return {
    add(one, identity, dependsOn) {
      entries.set(one, { identity, dependsOn, isFresh: true, usesCode: false, words: NOT_LOOKED_AT });
    },
    remove(one) {
      if (!entries.delete(one)) return;
      cycles.remove(one);
      hasLost = true;
    },
    has: (one) => entries.has(one),
    all: () => entries.keys(),
    size: () => entries.size,
    words: (one) => entries.get(one)?.words ?? NOT_LOOKED_AT,
    look,
    lookAtNews() {
      const news = acceptance.news();
      if (news === seenNews) return;
      seenNews = news;
      look(true);
    },
    news: () => acceptance.news(),
    isMet: async (dependsOn) => (await missingDependencies(acceptance, dependsOn)).length === 0,
    cycleOf: (identity, missing) => cycles.cycleOf({ identity, needs: missing }),
  };
}
