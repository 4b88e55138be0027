/**
 * What is wrong with the worktrees of a repository, and what mends it. Pure: entries in, findings out. Mended by docket is only what loses nothing and touches
 * nobody else's: one link, one registration, one record. Everything else is explained, with the command that a person may give.
 */

import { printable, type FeatureId } from '#core/names.ts';
import type { Entry } from './entries.ts';
import type { ReadRecord } from './records.ts';
import type { ReadRemoval, Removal } from './removals.ts';

export type Mend =
  | { readonly do: 'relink'; readonly folder: string; readonly entry: Entry }
  | { readonly do: 'drop'; readonly folder: string }
  | { readonly do: 'follow'; readonly entry: Entry; readonly folder: string }
  | { readonly do: 'set-aside'; readonly file: string }
  | { readonly do: 'finish'; readonly removal: Removal };

export type Orphan = {
  readonly code:
    | 'moved'
    | 'link-broken'
    | 'deleted'
    | 'away'
    | 'forgotten'
    | 'record-moved'
    | 'record-alone'
    | 'record-empty'
    | 'record-damaged'
    | 'branch-gone'
    | 'detached'
    | 'locked'
    | 'half-removed'
    | 'half-restored'
    | 'case-twins';
  readonly id: FeatureId | null;
  readonly folder: string;
  readonly words: string;
  /** What a person can do; where docket mends it, what it does. */
  readonly mend: string;
  /** Null: only explained. */
  readonly by: Mend | null;
};

export type OrphanLook = {
  readonly entries: readonly Entry[];
  readonly records: readonly ReadRecord[];
  readonly removals: readonly ReadRemoval[];
  /** Branches of the repository. */
  readonly branches: ReadonlySet<string>;
  /** By folder: commits of a detached HEAD that are on no branch. */
  readonly loose: ReadonlyMap<string, number>;
  /** By folder: the newest commit that the log of its HEAD names, where its branch has no commit. */
  readonly lastCommit: ReadonlyMap<string, string>;
};

const shown = (text: string): string => printable(text, 300);
const quoted = (text: string): string => (/^[\w./:@+-]+$/.test(text) ? text : `'${shown(text)}'`);

export function findOrphans(look: OrphanLook): readonly Orphan[] {
  const { entries, records, removals } = look;
  return [
    // What a cleanup or a restore left half done is told as that.
    ...entries.filter(({ folder }) => !isHalfDone(removals, folder)).flatMap((entry) => ofEntry(entry, look)),
    ...[...records, ...removals].flatMap((one): readonly Orphan[] => {
      const read = 'record' in one ? one.record : one.removal;
      if (read.ok) return [];
      return [
        {
          code: 'record-damaged',
          id: null,
          folder: one.file,
          words: `${shown(one.file)} cannot be understood: ${shown(read.error)}`,
          mend: 'mend it by hand, or move it away: git still knows the worktree, and `docket work-on` takes it up again',
          by: null,
        },
      ];
    }),
    ...removals.flatMap(({ removal }) => (removal.ok ? ofRemoval(removal.value, entries) : [])),
    ...twins(entries),
  ];
}

const isHalfDone = (removals: readonly ReadRemoval[], folder: string): boolean =>
  removals.some(
    ({ removal }) => removal.ok && ['begun', 'tree', 'restoring'].includes(removal.value.state) && removal.value.record.folder === folder,
  );

function ofEntry(entry: Entry, look: OrphanLook): readonly Orphan[] {
  const { id, folder, record, registered, hasFolder, hasParent } = entry;
  const at = { id, folder };
  const name = id ?? quoted(folder);
  if (registered === null) return ofUnregistered(entry, look);
  if (!hasFolder) {
    const moved = look.entries.find((one) => one !== entry && one.registered === null && one.link !== null && one.link === entry.admin);
    if (moved !== undefined)
      return [
        {
          ...at,
          code: 'moved',
          words: `its folder was moved by hand to ${shown(moved.folder)}`,
          mend: `git worktree repair ${quoted(moved.folder)}`,
          by: { do: 'relink', folder: moved.folder, entry },
        },
      ];
    if (registered.locked !== null || !hasParent)
      return [
        {
          ...at,
          code: 'away',
          words: `its folder is not there${registered.locked === null ? ', nor the one above it' : `, and it is locked${registered.locked === '' ? '' : ` (${shown(registered.locked)})`}`}: maybe on a disk that is not mounted`,
          mend: `mount it; if it is gone for good: ${registered.locked === null ? '' : `git worktree unlock ${quoted(folder)}; `}git worktree remove ${quoted(folder)}, which keeps the branch`,
          by: null,
        },
      ];
    return [
      {
        ...at,
        code: 'deleted',
        words: `its folder was deleted by hand${registered.branch === null ? '' : `; the branch ${shown(registered.branch)} is there`}`,
        mend: `git's entry of it goes, the branch stays; \`docket work-on ${name}\` makes it again`,
        by: { do: 'drop', folder },
      },
    ];
  }
  if (!entry.isLinkGood)
    return [
      {
        ...at,
        code: 'link-broken',
        words: entry.link === null ? 'its .git file is gone' : `its .git file leads to ${shown(entry.link)}, where nothing is`,
        mend: `git worktree repair ${quoted(folder)}`,
        by: entry.admin === null ? null : { do: 'relink', folder, entry },
      },
    ];
  return [
    ...(record !== null && record.folder !== folder
      ? [
          {
            ...at,
            code: 'record-moved' as const,
            words: `its record says ${shown(record.folder)}`,
            mend: 'the record follows git',
            by: { do: 'follow' as const, entry, folder },
          },
        ]
      : []),
    ...ofHead(entry, look),
    ...(registered.locked === null
      ? []
      : [
          {
            ...at,
            code: 'locked' as const,
            words: `it is locked${registered.locked === '' ? '' : `: ${shown(registered.locked)}`}`,
            mend: `who locked it unlocks it: git worktree unlock ${quoted(folder)}`,
            by: null,
          },
        ]),
  ];
}

function ofHead({ id, folder, registered }: Entry, { loose, lastCommit }: OrphanLook): readonly Orphan[] {
  if (registered === null) return [];
  const at = { id, folder, by: null };
  if (registered.isDetached) {
    const count = loose.get(folder) ?? 0;
    const words =
      count === 0
        ? 'HEAD is detached; all its commits are on a branch'
        : `HEAD is detached, and ${String(count)} of its commits ${count === 1 ? 'is' : 'are'} on no branch`;
    return [
      { ...at, code: 'detached', words, mend: `git -C ${quoted(folder)} switch -c <name> keeps ${count === 0 ? 'what comes' : 'them'}` },
    ];
  }
  if (registered.head !== null || registered.branch === null) return [];
  const last = lastCommit.get(folder);
  return [
    {
      ...at,
      code: 'branch-gone',
      words: `its branch ${shown(registered.branch)} has no commit: it was deleted, or never begun`,
      mend:
        last === undefined
          ? 'commit in it, or remove the worktree'
          : `git branch ${quoted(registered.branch)} ${last} brings back the newest commit that its log names`,
    },
  ];
}

function ofUnregistered(entry: Entry, { entries, records, branches }: OrphanLook): readonly Orphan[] {
  const { id, folder, record, hasFolder } = entry;
  const at = { id, folder, by: null };
  // Told where git's entry of it is.
  if (entries.some((one) => one !== entry && one.registered !== null && !one.hasFolder && one.admin !== null && one.admin === entry.link))
    return [];
  if (hasFolder)
    return [
      {
        ...at,
        code: 'forgotten',
        words: 'the folder is there, and git knows no worktree in it: its entry was pruned, or the folder was copied',
        mend: `nothing was touched; move it aside (mv ${quoted(folder)} ${quoted(`${folder}.aside`)}), \`docket work-on ${id ?? '<id>'}\`, then copy over what you want to keep`,
      },
    ];
  if (record === null) return [];
  if (branches.has(record.branch))
    return [
      {
        ...at,
        code: 'record-alone',
        words: `there is no worktree of it any more; its branch ${shown(record.branch)} is there`,
        mend: `docket work-on ${record.id} makes it again`,
      },
    ];
  const file = records.find((one) => one.record.ok && one.record.value === record)?.file ?? null;
  return [
    {
      ...at,
      code: 'record-empty',
      words: `neither its worktree nor its branch ${shown(record.branch)} is there`,
      mend: `the record is set aside; it was begun at ${record.baseCommit}, and git reflog, git fsck --lost-found may know more`,
      by: file === null ? null : { do: 'set-aside', file },
    },
  ];
}

function ofRemoval(removal: Removal, entries: readonly Entry[]): readonly Orphan[] {
  const { id, folder } = removal.record;
  const entry = entries.find((one) => one.folder === folder && one.registered !== null);
  if (removal.state === 'restoring')
    return [
      { code: 'half-restored', id, folder, words: 'its restore was cut off', mend: `docket worktree restore ${id} ends it`, by: null },
    ];
  if (removal.state !== 'begun' && removal.state !== 'tree') return [];
  const isKept = removal.state === 'tree' || entry?.hasFolder !== true;
  return [
    {
      code: 'half-removed',
      id,
      folder,
      words: `its cleanup was cut off ${isKept ? 'after all of it was kept' : 'before anything was taken away'}`,
      mend: isKept ? 'it is brought to its end' : `docket worktree cleanup ${id} decides again`,
      by: isKept ? { do: 'finish', removal } : null,
    },
  ];
}

const differsInCase = (a: string | null | undefined, b: string | null | undefined): boolean =>
  a !== null && a !== undefined && b !== null && b !== undefined && a !== b && a.toLowerCase() === b.toLowerCase();

/** Names that differ in case only are one name on some file systems. */
function twins(entries: readonly Entry[]): readonly Orphan[] {
  return entries.flatMap((one, index) =>
    entries.slice(index + 1).flatMap((other): readonly Orphan[] => {
      const isTwin =
        differsInCase(one.folder, other.folder) ||
        differsInCase(one.id, other.id) ||
        differsInCase(one.registered?.branch, other.registered?.branch);
      if (!isTwin) return [];
      return [
        {
          code: 'case-twins',
          id: one.id,
          folder: one.folder,
          words: `it differs in case only from ${shown(other.folder)} (${shown(other.registered?.branch ?? '')}): on some file systems they are one`,
          mend: 'rename one of the two: git branch -m, git worktree move',
          by: null,
        },
      ];
    }),
  );
}
