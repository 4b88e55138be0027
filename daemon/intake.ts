/**
 * From in/ to claimed: a scan lists what waits, a bounded look at each file's front matter tells order, lane, time and dependencies,
 * and as many are claimed as their lanes have room for. What is invalid, or no file at all, is claimed at once: it needs no lane.
 * The list of a scan is used until it is empty, so that a long backlog is not listed again for every job.
 */

import { describe, type Failure } from '#core/failure.ts';
import type { Dependency } from '#core/prompt.ts';
import type { RoleName } from '#core/names.ts';
import type { Waiting } from '#core/spool.ts';
import { peekPrompt } from '#prompt-spec/peek.ts';
import { describeDependency, missingDependencies } from './dependencies.ts';
import type { Ports } from './ports.ts';

type Peeked = {
  readonly priority: number;
  readonly notBefore: string | null;
  readonly dependsOn: readonly Dependency[];
  readonly runner: string | null;
};
export type Chosen = { readonly waiting: Waiting; readonly lane: string | null };
type Candidate = { readonly waiting: Waiting; readonly order: number; readonly seen: number; readonly peeked: Peeked | null };

export type Intake = {
  /** One look at the folders; answers when it is worth looking again (ms), null when nothing is settling. */
  look(): Promise<number | null>;
  /** The next entries to claim, in order, at most `room` of them, each with the lane it will run in (null: it will be refused). */
  next(room: number): Promise<readonly Chosen[]>;
  /** Candidates of the last look that are not claimed yet. */
  backlog(): number;
  /** Why a file is not claimed yet, by shown name: for `docket why`. */
  reasons(): ReadonlyMap<string, string>;
};

/** @param canPeek false: files are taken by name, unseen (crash-loop.ts) */
export function makeIntake(ports: Ports, canPeek: () => boolean): Intake {
  let candidates: Candidate[] = [];
  let peeks = new Map<string, Peeked | null>();
  const reasons = new Map<string, string>();
  const told = new Map<RoleName, string>();
  let seen = 0;

  /** An environment fault of one folder is told once, not at every scan. */
  const tell = (role: RoleName, failure: Failure): void => {
    const text = describe(failure);
    if (told.get(role) !== text) ports.log.error(`the folder of role ${role} cannot be read: ${text}`, { role });
    told.set(role, text);
  };

  const peek = async (waiting: Waiting): Promise<Peeked | null> => {
    if (!canPeek()) return null;
    const known = peeks.get(waiting.key);
    if (known !== undefined) return known;
    const head = await ports.spool.head(waiting);
    return head === null ? null : peekPrompt(head);
  };

  const laneOf = (candidate: Candidate): string => ports.laneOf(candidate.waiting.role, candidate.peeked?.runner ?? null);

  const reasonToWait = async (candidate: Candidate, roomOf: (lane: string) => number): Promise<string | null> => {
    const { peeked } = candidate;
    if (peeked === null) return null;
    if (peeked.notBefore !== null && Date.parse(peeked.notBefore) > ports.clock.now().getTime())
      return `waits for its time: not_before ${peeked.notBefore}`;
    if (peeked.dependsOn.length > 0) {
      const missing = await missingDependencies(ports, peeked.dependsOn);
      if (missing.length > 0) return `waits for an answer to ${missing.map(describeDependency).join(', ')}`;
    }
    const lane = laneOf(candidate);
    if (ports.lanes.isHeld(lane)) return `lane ${lane} is held: ${ports.lanes.view().find((view) => view.lane === lane)?.reason ?? ''}`;
    return roomOf(lane) <= 0 ? `lane ${lane} has no free slot` : null;
  };

  return {
    async look() {
      const { waiting, faults } = await ports.spool.scan();
      for (const { role, failure } of faults) tell(role, failure);
      for (const role of told.keys()) if (!faults.some((fault) => fault.role === role)) told.delete(role);
      const fresh = new Map<string, Peeked | null>();
      const found: Candidate[] = [];
      let againMs: number | null = null;
      for (const entry of waiting) {
        if (entry.kind === 'settling') {
          againMs = Math.min(againMs ?? Number.POSITIVE_INFINITY, entry.againInMs ?? 0);
          reasons.set(keyOf(entry), 'was changed a moment ago: waits until it is settled');
          continue;
        }
        const peeked = entry.kind === 'file' ? await peek(entry) : null;
        fresh.set(entry.key, peeked);
        found.push({ waiting: entry, order: peeked?.priority ?? -1, seen: seen++, peeked });
      }
      peeks = fresh;
      candidates = found.toSorted((a, b) => a.order - b.order || a.seen - b.seen);
      return againMs;
    },
    async next(room) {
      reasons.clear();
      const used = new Map<string, number>();
      const chosen: Chosen[] = [];
      const left: Candidate[] = [];
      for (const [index, candidate] of candidates.entries()) {
        if (chosen.length >= room) {
          left.push(...candidates.slice(index));
          break;
        }
        const reason = await reasonToWait(candidate, (lane) => ports.lanes.room(lane) - (used.get(lane) ?? 0));
        if (reason === null) {
          const lane = candidate.peeked === null ? null : laneOf(candidate);
          chosen.push({ waiting: candidate.waiting, lane });
          if (lane !== null) used.set(lane, (used.get(lane) ?? 0) + 1);
        } else {
          left.push(candidate);
          reasons.set(keyOf(candidate.waiting), reason);
        }
      }
      candidates = left;
      return chosen;
    },
    backlog: () => candidates.length,
    reasons: () => reasons,
  };
}

const keyOf = (waiting: Waiting): string => `${waiting.role}/${waiting.shownName}`;
