/**
 * Which issue is mended next: the most severe open one that nobody works on and nothing blocks; among equals the one with the smaller number, which is
 * the older one. Pure: who works on what was looked up before.
 */

import type { Issue } from './issue-log.ts';
import { rankOf } from './issue-words.ts';

/** Somebody works on it. `where` says how that is known. */
export type Claim = {
  readonly number: number;
  readonly where: 'worktree' | 'local-branch' | 'remote-branch' | 'history' | 'log';
  /** A name, a branch or a folder, in words. */
  readonly by: string;
};
export type Place = {
  readonly issue: Issue;
  readonly claims: readonly Claim[];
  /** Open issues that it waits for. */
  readonly blockedBy: readonly number[];
  readonly isFree: boolean;
  /** One line: why it stands here, and why it is taken or not. */
  readonly why: string;
};

/** Open ones, the next one first; those that cannot be taken keep their place in the order. */
export function fixOrder(issues: readonly Issue[], claims: readonly Claim[]): readonly Place[] {
  const open = issues.filter(({ state }) => state !== 'done');
  const isOpen = new Set(open.map(({ number }) => number));
  const byNumber = new Map<number, Claim[]>();
  for (const claim of claims) byNumber.set(claim.number, [...(byNumber.get(claim.number) ?? []), claim]);
  return open
    .toSorted((a, b) => rankOf(a.severity) - rankOf(b.severity) || a.number - b.number)
    .map((issue) => {
      const own = [...(byNumber.get(issue.number) ?? []), ...claimsOfLog(issue)];
      const blockedBy = issue.blockedBy.filter((number) => isOpen.has(number));
      const isFree = own.length === 0 && blockedBy.length === 0 && issue.state !== 'blocked';
      return { issue, claims: own, blockedBy, isFree, why: whyOf(issue, own, blockedBy) };
    });
}

function claimsOfLog({ number, state, assignee }: Issue): readonly Claim[] {
  if (assignee !== null) return [{ number, where: 'log', by: assignee }];
  return state === 'taken' ? [{ number, where: 'log', by: 'somebody, says its status' }] : [];
}

const WHERE: Readonly<Record<Claim['where'], string>> = {
  worktree: 'in a worktree of this repository',
  'local-branch': 'a branch of this repository',
  'remote-branch': 'a branch of a remote',
  history: 'prompts in the history',
  log: 'in the log',
};

function whyOf({ severity, severityText, opened, state }: Issue, claims: readonly Claim[], blockedBy: readonly number[]): string {
  const said =
    severityText === null ? `${severity}: the log gives no severity` : severityText.toLowerCase() === severity ? severity : `${severity} (${severityText})`; // prettier-ignore
  return [
    said,
    ...(opened === null ? [] : [`open since ${opened}`]),
    ...claims.map(({ by, where }) => `taken by ${by} (${WHERE[where]})`),
    ...(blockedBy.length === 0 ? [] : [`waits for ${blockedBy.map((number) => `#${String(number)}`).join(', ')}`]),
    ...(state === 'blocked' ? ['blocked, says its status'] : []),
  ].join('; ');
}
