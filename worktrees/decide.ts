/**
 * May this worktree be taken away? Pure: facts in, reasons against it out. Each reason has a stable code, words, and how to mend it.
 *
 * Invariant (property test): without a reason nothing that a person or an agent made exists only there. What a person may accept is kept all the same: by a
 * ref, by a commit of the whole tree, or because it stays where it is. Nothing accepts an unrecorded result.
 */

import { printable } from '#core/names.ts';
import type { GitFacts, Names, QueueFacts, WorktreeFacts } from './cleanup-facts.ts';

/** The codes, and whether a person at a terminal may accept each: only what cleanup keeps and restore brings back. */
export const REASONS = {
  primary: false,
  'is-base': false,
  'not-registered': false,
  'no-folder': false,
  unknown: false,
  locked: false,
  'in-progress': false,
  'other-branch': false,
  uncommitted: true,
  untracked: true,
  'hidden-edit': false,
  'nested-repository': false,
  unmerged: true,
  'loose-commits': true,
  stashed: true,
  submodules: true,
  'submodule-dirty': false,
  'submodule-unpushed': false,
  unrecorded: false,
  'in-flight': false,
  waiting: false,
  held: false,
  'daemon-up': false,
  process: false,
} as const;
export type ReasonCode = keyof typeof REASONS;
export const isReasonCode = (text: string): text is ReasonCode => Object.hasOwn(REASONS, text);

export type Reason = {
  readonly code: ReasonCode;
  readonly words: string;
  readonly mend: string;
  /** A person may say that it may go all the same. */
  readonly canAccept: boolean;
};
export type Decision = {
  readonly isAllowed: boolean;
  readonly reasons: readonly Reason[];
  /** Worth saying, and no reason. */ readonly notes: readonly string[];
};

const SHOWN = 3;
const some = ({ count, first }: Names): string =>
  `${first
    .slice(0, SHOWN)
    .map((name) => printable(name, 200))
    .join(', ')}${count > SHOWN ? ` and ${String(count - Math.min(SHOWN, first.length))} more` : ''}`;
const counted = (count: number, one: string, many = `${one}s`): string => `${String(count)} ${count === 1 ? one : many}`;
const quoted = (text: string): string =>
  /^[\w./:@+-]+$/.test(text) ? text : `'${printable(text, 300).replaceAll("'", String.raw`'\''`)}'`;

export function decideCleanup(facts: WorktreeFacts): Decision {
  const reasons: Reason[] = [];
  const refuse = (code: ReasonCode, words: string, mend: string): void =>
    void reasons.push({ code, words, mend, canAccept: REASONS[code] && isKeepable });
  // Without a commit there is nothing that a kept tree could hang on.
  const isKeepable = facts.git === null || facts.git.head !== null;
  const folder = quoted(facts.folder);
  if (facts.isPrimary)
    refuse('primary', 'it is the primary checkout of the repository', 'only worktrees of features and fixes are cleaned up');
  if (!facts.isRegistered) refuse('not-registered', 'git knows no worktree there', '`docket worktree repair` says what it is');
  else if (!facts.hasFolder)
    refuse('no-folder', 'its folder is not there', '`docket worktree repair` mends the entry and keeps the branch');
  if (facts.isRegistered && facts.hasFolder && facts.git === null && facts.unknown.length === 0)
    refuse('unknown', 'git was not asked about it', 'run the command again');
  for (const words of facts.unknown) refuse('unknown', words, 'mend that first: what nobody knows is not thrown away');
  if (facts.locked !== null)
    refuse('locked', `it is locked${facts.locked === '' ? '' : `: ${printable(facts.locked)}`}`, `git worktree unlock ${folder}`);
  if (facts.git !== null) refuseGit(facts.git, facts, refuse);
  if (facts.queues !== null) refuseQueues(facts.queues, refuse);
  if (facts.daemon !== null)
    refuse(
      'daemon-up',
      `a daemon works for it${facts.daemon.pid === null ? '' : ` (pid ${String(facts.daemon.pid)})`}`,
      '`docket down` there, or --down here',
    );
  const processes = facts.processes ?? [];
  if (processes.length > 0)
    refuse(
      'process',
      `${processes.length === 1 ? 'a process has' : `${String(processes.length)} processes have`} a current folder inside: ${processes
        .slice(0, SHOWN)
        .map(({ pid, name }) => `${printable(name, 40)} (${String(pid)})`)
        .join(', ')}`,
      'end them, or leave the folder (`cd ..`)',
    );
  return { isAllowed: reasons.length === 0, reasons, notes: notesOf(facts) };
}

type Refuse = (code: ReasonCode, words: string, mend: string) => void;

function refuseGit(git: GitFacts, { folder: at, record }: WorktreeFacts, refuse: Refuse): void {
  const folder = quoted(at);
  if (git.base !== null && git.branch === git.base)
    refuse(
      'is-base',
      `it has ${quoted(git.base)} out, the branch that others are begun from`,
      `git worktree remove ${folder}, if you mean it`,
    );
  if (git.inProgress.length > 0)
    refuse('in-progress', `${git.inProgress.join(' and ')} is not at its end`, `end it or take it back: git -C ${folder} status says how`);
  if (record !== null && git.branch !== null && git.branch !== record.branch)
    refuse(
      'other-branch',
      `it has ${quoted(git.branch)} out, and its record says ${quoted(record.branch)}`,
      `git -C ${folder} switch ${quoted(record.branch)}; what is on ${quoted(git.branch)} stays there`,
    );
  if (git.changed.count > 0)
    refuse(
      'uncommitted',
      `${counted(git.changed.count, 'file is', 'files are')} changed and not committed: ${some(git.changed)}`,
      `git -C ${folder} commit -a`,
    );
  if (git.untracked.count > 0)
    refuse(
      'untracked',
      `${counted(git.untracked.count, 'new file is', 'new files are')} neither committed nor ignored: ${some(git.untracked)}`,
      'commit, ignore or remove them',
    );
  if (git.hidden.count > 0)
    refuse(
      'hidden-edit',
      `${counted(git.hidden.count, 'file has', 'files have')} edits that git was told not to see: ${some(git.hidden)}`,
      `git -C ${folder} update-index --no-assume-unchanged --no-skip-worktree <file>, then commit or restore it`,
    );
  if (git.nested.count > 0)
    refuse(
      'nested-repository',
      `a repository of its own lies inside: ${some(git.nested)}`,
      'move it out: its commits may exist only there',
    );
  refuseCommits(git, refuse);
  if (git.stashes.count > 0)
    refuse(
      'stashed',
      `${counted(git.stashes.count, 'stash belongs', 'stashes belong')} to it: ${some(git.stashes)}`,
      `git -C ${folder} stash pop, or drop it; accepted, the stash stays in the repository`,
    );
  refuseSubmodules(git, refuse);
}

function refuseCommits(git: GitFacts, refuse: Refuse): void {
  if (git.isDetached && git.loose > 0)
    refuse(
      'loose-commits',
      `HEAD is detached, and ${counted(git.loose, 'commit is', 'commits are')} on no branch`,
      `git branch <name> ${git.head ?? ''} keeps ${git.loose === 1 ? 'it' : 'them'}`,
    );
  if (git.isDetached || git.unmerged === 0) return;
  const pushed =
    git.unpushed === null
      ? 'there is no remote'
      : git.unpushed === 0
        ? 'a remote has them'
        : `${String(git.unpushed)} of them no remote has`;
  refuse(
    'unmerged',
    git.base === null
      ? `${counted(git.unmerged, 'commit of its own', 'commits of its own')}, and no base branch was found that could have them (${pushed})`
      : `${counted(git.unmerged, 'commit is', 'commits are')} not in ${quoted(git.base)} (${pushed})`,
    git.base === null
      ? '--base <branch> names it'
      : `merge ${quoted(git.branch ?? '')} first; accepted, the branch stays, and only the worktree goes`,
  );
}

function refuseSubmodules({ submodules }: GitFacts, refuse: Refuse): void {
  if (submodules.dirty.count > 0)
    refuse('submodule-dirty', `changed submodules: ${some(submodules.dirty)}`, 'commit and push there, or take the changes back');
  if (submodules.unpushed.count > 0)
    refuse(
      'submodule-unpushed',
      `commits that no remote of the submodule has: ${some(submodules.unpushed)}`,
      'push them from the submodule',
    );
  if (submodules.count > 0)
    refuse(
      'submodules',
      `git removes no worktree with submodules (${String(submodules.count)}) without --force`,
      'accepted, docket gives it --force after it found them clean and pushed',
    );
}

function refuseQueues(queues: QueueFacts, refuse: Refuse): void {
  if (queues.unrecorded.count > 0)
    refuse(
      'unrecorded',
      `${counted(queues.unrecorded.count, 'result is', 'results are')} not in the history: ${some(queues.unrecorded)}`,
      '`docket verify` there says what differs; nothing accepts this',
    );
  if (queues.inFlight.count > 0)
    refuse(
      'in-flight',
      `${counted(queues.inFlight.count, 'job is', 'jobs are')} in flight: ${some(queues.inFlight)}`,
      '`docket up` there ends them, `docket cancel` stops them',
    );
  if (queues.waiting.count > 0)
    refuse(
      'waiting',
      `${counted(queues.waiting.count, 'prompt waits', 'prompts wait')}: ${some(queues.waiting)}`,
      'let them run, or `docket cancel` them',
    );
  if (queues.held.count > 0)
    refuse(
      'held',
      `${counted(queues.held.count, 'prompt is', 'prompts are')} held: ${some(queues.held)}`,
      '`docket release`, `docket retry` or `docket cancel` them',
    );
}

function notesOf({ folder, git, queues, processes }: WorktreeFacts): readonly string[] {
  // The queues are ignored, too, and go to the archive.
  const ignored = (git?.ignored.first ?? []).filter((name) => queues === null || `${folder}/${name}` !== `${queues.folder}/`);
  return [
    ...(git !== null && ignored.length > 0
      ? [
          `ignored files go with the worktree: ${some({ count: git.ignored.count - git.ignored.first.length + ignored.length, first: ignored })}`,
        ]
      : []),
    ...(queues !== null && queues.failed > 0
      ? [`${counted(queues.failed, 'job', 'jobs')} failed or cancelled; the history has the record`]
      : []),
    ...(queues !== null && queues.rejected > 0
      ? [`${counted(queues.rejected, 'rejected prompt goes', 'rejected prompts go')} to the archive with the queues`]
      : []),
    ...(processes === null ? ['this system does not tell whose current folder lies inside'] : []),
  ];
}

/** What still stands against it when a person has accepted these. */
export const standing = ({ reasons }: Decision, accepted: ReadonlySet<string>): readonly Reason[] =>
  reasons.filter(({ code, canAccept }) => !(canAccept && accepted.has(code)));
