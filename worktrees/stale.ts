/**
 * Worktrees that became graveyards: no commit, no prompt and no edit for a while. Pure. A fix that lies around is worse than none: its base moves on, and
 * its issue may have been resolved by somebody else.
 */

import { printable } from '#core/names.ts';
import type { Decision } from './decide.ts';
import type { WorktreeFacts } from './cleanup-facts.ts';

export type Stale = {
  readonly id: string | null;
  readonly folder: string;
  readonly stream: string | null;
  readonly branch: string | null;
  readonly days: number;
  readonly behindBase: number;
  readonly issue: string | null;
  readonly isResolved: boolean | null;
  readonly isCleanable: boolean;
  /** What to do with it. */
  readonly advice: string;
};

const DAY_MS = 86_400_000;

/** @param isResolved of its issue in the log; null: not known */
export function staleOf(
  facts: WorktreeFacts,
  decision: Decision,
  nowMs: number,
  afterMs: number,
  isResolved: boolean | null,
): Stale | null {
  const quietMs = facts.activeAt === null ? Number.POSITIVE_INFINITY : nowMs - Date.parse(facts.activeAt);
  if (quietMs < afterMs || facts.isPrimary) return null;
  const issue = facts.record?.source?.kind === 'issue' ? facts.record.source.number : null;
  return {
    id: facts.id,
    folder: facts.folder,
    stream: facts.stream,
    branch: facts.git?.branch ?? facts.record?.branch ?? null,
    days: Number.isFinite(quietMs) ? Math.floor(quietMs / DAY_MS) : 0,
    behindBase: facts.git?.behindBase ?? 0,
    issue,
    isResolved,
    isCleanable: decision.isAllowed,
    advice: adviceOf(facts, decision, isResolved),
  };
}

function adviceOf(facts: WorktreeFacts, decision: Decision, isResolved: boolean | null): string {
  const name = facts.id ?? printable(facts.folder);
  const cleanup = `docket worktree cleanup ${name}`;
  if (decision.isAllowed) return `everything of it is in its base and in the history: ${cleanup}`;
  const [first] = decision.reasons;
  if (facts.git === null) return `docket worktree repair: ${first?.words ?? ''}`;
  if (isResolved === true) return `its issue is resolved: look at what is left (${first?.words ?? ''}), then ${cleanup}`;
  const behind = facts.git.behindBase;
  if (facts.git.unmerged > 0)
    return `${behind > 0 ? `bring it up to its base (${String(behind)} commits behind) and ` : ''}merge it, or give it up: ${cleanup} --accept unmerged keeps the branch`;
  return `${first?.words ?? ''}: ${first?.mend ?? ''}`;
}
