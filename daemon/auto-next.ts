/**
 * `emit.auto_next`: when an answer becomes accepted, the daemon writes the prompts that come next, as `docket next` does (next-plan.ts).
 *
 *   idle -> (a poke, an unreviewed answer, the start, the scan interval) -> looks at the features with new approvals -> idle
 *
 * Invariants: it looks beside the rounds, one feature after the other, and no round waits for it; what a crash cut short is looked at again by the start,
 * and a role that has its prompt gets no other one, so nothing is written twice.
 */

import type { FeatureId } from '#core/names.ts';
import type { Judged } from '#core/verdict.ts';
import { nextFacts, planNext, type NextUp } from './next-plan.ts';
import type { Ports } from './ports.ts';

export type AutoNext = {
  /** Looks now, or once more when it looks already. @param isNews false: only when it has not looked for a while */
  look(isNews: boolean): void;
  /** Resolves when it is idle. */
  settled(): Promise<void>;
};

type NextPorts = Pick<
  Ports,
  'history' | 'acceptance' | 'spool' | 'fs' | 'workspace' | 'roles' | 'specs' | 'clock' | 'log' | 'stopping' | 'scanIntervalMs'
>;

export function makeAutoNext(ports: NextPorts, { author, features }: NextUp, wake: () => void): AutoNext {
  const { history, log } = ports;
  let running: Promise<void> | null = null;
  /** How often it was asked. */
  let asked = 0;
  let isFirst = true;
  let lastMs = Number.NEGATIVE_INFINITY;
  let commit: string | null = null;
  let seen: readonly Judged[] = [];

  /** Answers of an earlier start that count without a verdict. */
  const unreviewed = async (): Promise<void> => {
    for (const role of ports.roles.values()) {
      if (role.next.length === 0 || ports.acceptance.needsVerdict(role.name)) continue;
      for await (const { identity, filed } of history.records({ role: role.name }))
        if (filed.status === 'answered') features.add(identity.feature);
    }
  };

  const judged = async (): Promise<void> => {
    const tip = (await history.stamps([])).commit;
    if (tip === commit) return;
    const all = await history.verdicts({});
    const last = seen.at(-1);
    // Merged or rewritten: the order is another one, so all of them are looked at again.
    const isMore = last === undefined || all[seen.length - 1]?.path === last.path;
    for (const { identity, verdict } of isMore ? all.slice(seen.length) : all)
      if (verdict.verdict === 'approved') features.add(identity.feature);
    seen = all;
    commit = tip;
  };

  const write = async (feature: FeatureId): Promise<void> => {
    const { roles, specs, workspace, spool, fs, acceptance } = ports;
    const planPorts = { history, acceptance, spool, fs, roles, specs, queues: workspace.queues, author: await author() };
    const facts = await nextFacts(planPorts, feature);
    if (facts === null) return;
    for (const { role, stem, text, dependsOn } of planNext(facts, planPorts).prompts) {
      const { name } = await spool.drop(role, stem, text, true);
      log.info(`${role}/${name} comes next in ${feature}, after ${dependsOn.join(', ')}`, { role, feature });
      wake();
    }
  };

  const round = async (): Promise<void> => {
    if (isFirst) await unreviewed();
    isFirst = false;
    await judged();
    for (const feature of features) {
      if (ports.stopping.aborted) return;
      features.delete(feature);
      try {
        await write(feature);
      } catch (error) {
        features.add(feature);
        throw error;
      }
    }
  };

  const run = async (): Promise<void> => {
    let before: number;
    do {
      before = asked;
      lastMs = ports.clock.monotonicMs();
      try {
        await round();
      } catch (error) {
        log.warn(
          `what comes next could not be written, the next look tries again: ${error instanceof Error ? error.message : String(error)}`,
        );
        return;
      }
    } while (asked !== before && !ports.stopping.aborted);
  };

  return {
    look(isNews) {
      if (!isNews && ports.clock.monotonicMs() - lastMs < ports.scanIntervalMs) return;
      asked++;
      running ??= run().finally(() => {
        running = null;
      });
    },
    async settled() {
      await running;
    },
  };
}
