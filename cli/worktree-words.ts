/** How worktrees are told: rows of a list, one in full, reasons, removals; and the same as data (schemas/worktree.schema.json). */

import { printable } from '#core/names.ts';
import type { WorktreeFacts } from '#worktrees/cleanup-facts.ts';
import type { Decision, Reason } from '#worktrees/decide.ts';
import type { Orphan } from '#worktrees/orphans.ts';
import { removalRef, type Removal } from '#worktrees/removals.ts';
import { table } from './io.ts';

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;
export function sizeWords(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${unit === 0 || size >= 10 ? String(Math.round(size)) : size.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

const dirtWords = ({ git }: WorktreeFacts): string => {
  if (git === null) return '-';
  const parts = [
    git.changed.count > 0 ? `${String(git.changed.count)} changed` : '',
    git.untracked.count > 0 ? `${String(git.untracked.count)} new` : '',
    ...git.inProgress,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'clean' : parts.join(', ');
};
const commitWords = ({ git }: WorktreeFacts): string =>
  git === null
    ? '-'
    : git.unmerged === 0
      ? `merged${git.behindBase > 0 ? ` -${String(git.behindBase)}` : ''}`
      : `+${String(git.aheadOfBase)} -${String(git.behindBase)}`;
const queueWords = ({ queues }: WorktreeFacts): string => {
  if (queues === null) return '-';
  const parts = [
    ['waiting', queues.waiting.count],
    ['held', queues.held.count],
    ['in flight', queues.inFlight.count],
    ['unrecorded', queues.unrecorded.count],
  ].flatMap(([words, count]) => (count === 0 ? [] : [`${String(count)} ${String(words)}`]));
  return parts.length === 0 ? 'idle' : parts.join(', ');
};
const daemonWords = ({ daemon }: WorktreeFacts): string =>
  daemon === null ? '-' : daemon.pid === null ? 'up' : `up (${String(daemon.pid)})`;
const diskWords = ({ disk }: WorktreeFacts): string => (disk === null ? '-' : `${disk.isWhole ? '' : '>'}${sizeWords(disk.bytes)}`);
const stateWords = (facts: WorktreeFacts): string =>
  !facts.isRegistered ? 'not registered' : !facts.hasFolder ? 'folder gone' : facts.git === null ? 'unreadable' : dirtWords(facts);

export const HEADER = ['worktree', 'branch', 'files', 'base', 'queues', 'daemon', 'disk', 'folder'] as const;
export const rowOf = (facts: WorktreeFacts): readonly string[] => [
  facts.id ?? '?',
  facts.git?.branch ?? (facts.git?.isDetached === true ? '(detached)' : (facts.record?.branch ?? '-')),
  `${stateWords(facts)}${facts.locked === null ? '' : ', locked'}`,
  commitWords(facts),
  queueWords(facts),
  daemonWords(facts),
  diskWords(facts),
  facts.folder,
];

export const reasonLines = (reasons: readonly Reason[], indent = '  '): readonly string[] =>
  reasons.flatMap(({ code, words, mend, canAccept }) => [
    `${indent}${code}: ${words}`,
    `${indent}  ${mend}${canAccept ? `  [a person may: --accept ${code}]` : ''}`,
  ]);

export function statusText(facts: WorktreeFacts, decision: Decision): string {
  const { git } = facts;
  const rows: (readonly [string, string])[] = [
    ['folder', facts.folder],
    ['branch', rowOf(facts)[1] ?? '-'],
    [
      'files',
      `${stateWords(facts)}${git !== null && git.ignored.count > 0 ? `; ignored: ${git.ignored.first.slice(0, 5).join(' ')}` : ''}`,
    ],
    [
      'base',
      git === null
        ? '-'
        : `${git.base ?? 'unknown'}: ${commitWords(facts)}${git.mergedAs === null || git.aheadOfBase === 0 ? '' : ` (${git.mergedAs})`}`,
    ],
    [
      'upstream',
      git?.upstream === undefined || git.upstream === null
        ? 'none'
        : `${git.upstream.name} +${String(git.upstream.ahead)} -${String(git.upstream.behind)}`,
    ],
    ['queues', queueWords(facts)],
    ['daemon', daemonWords(facts)],
    ['processes', facts.processes === null ? 'this system does not tell' : String(facts.processes.length)],
    ['disk', diskWords(facts)],
    ['active', facts.activeAt ?? '-'],
  ];
  const verdict = decision.isAllowed
    ? [`cleanup: allowed; everything of it is kept elsewhere (docket worktree cleanup ${facts.id ?? '<id>'})`]
    : ['cleanup: refused', ...reasonLines(decision.reasons)];
  return [
    `${facts.id ?? '?'}${facts.record?.adopted === true ? ' (adopted)' : ''}`,
    table(rows),
    ...verdict,
    ...decision.notes.map((note) => `  ${note}`),
  ].join('\n');
}

export const worktreeData = (facts: WorktreeFacts, { isAllowed, reasons, notes }: Decision): Record<string, unknown> => ({
  id: facts.id,
  folder: facts.folder,
  stream: facts.stream,
  branch: facts.git?.branch ?? facts.record?.branch ?? null,
  head: facts.git?.head ?? null,
  detached: facts.git?.isDetached ?? false,
  registered: facts.isRegistered,
  there: facts.hasFolder,
  locked: facts.locked,
  base: facts.git?.base ?? null,
  ahead: facts.git?.aheadOfBase ?? null,
  behind: facts.git?.behindBase ?? null,
  unmerged: facts.git?.unmerged ?? null,
  merged_as: facts.git?.mergedAs ?? null,
  unpushed: facts.git?.unpushed ?? null,
  upstream: facts.git?.upstream ?? null,
  changed: facts.git?.changed.count ?? null,
  untracked: facts.git?.untracked.count ?? null,
  ignored: facts.git?.ignored.count ?? null,
  in_progress: facts.git?.inProgress ?? [],
  stashes: facts.git?.stashes.count ?? null,
  submodules: facts.git?.submodules.count ?? null,
  queues:
    facts.queues === null
      ? null
      : {
          folder: facts.queues.folder,
          waiting: facts.queues.waiting.count,
          held: facts.queues.held.count,
          in_flight: facts.queues.inFlight.count,
          unrecorded: facts.queues.unrecorded.count,
          failed: facts.queues.failed,
          rejected: facts.queues.rejected,
        },
  daemon: facts.daemon,
  processes: facts.processes,
  disk: facts.disk === null ? null : { bytes: facts.disk.bytes, files: facts.disk.files, whole: facts.disk.isWhole },
  active_at: facts.activeAt,
  recorded: facts.record !== null,
  cleanup: {
    allowed: isAllowed,
    reasons: reasons.map(({ code, words, mend, canAccept }) => ({ code, words, mend, can_accept: canAccept })),
    notes,
  },
});

export const removalData = (removal: Removal): Record<string, unknown> => ({
  id: removal.record.id,
  time: removal.time,
  state: removal.state,
  at: removal.at,
  by: removal.by,
  folder: removal.record.folder,
  branch: removal.branch,
  head: removal.head,
  merged_as: removal.mergedAs,
  accepted: removal.accepted,
  ref: removalRef(removal),
});
export const removalRow = ({ record, time, state, by, branch }: Removal): readonly string[] => [
  record.id,
  time,
  state,
  branch ?? '(detached)',
  by ?? '?',
  record.folder,
];

export const orphanData = ({ code, id, folder, words, mend, by }: Orphan): Record<string, unknown> => ({
  code,
  id,
  folder,
  words,
  mend,
  mendable: by !== null,
});
export const orphanLines = ({ code, id, folder, words, mend }: Orphan): readonly string[] => [
  `${id ?? printable(folder)}  ${code}: ${words}`,
  `  ${mend}`,
];
