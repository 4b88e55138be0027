/**
 * What did a run change, and may it? Looked at before it starts and after its end (and now and then between), over the working folder, the state of its git,
 * and the other work trees of the repository.
 *
 *   before (a look)  ->  the run  ->  after (a look, compared)  ->  changes, and those of them that the rules do not allow
 *
 * Invariants: a look that is handed to somebody began after it was asked for; many that ask at the same time share one, so a look goes on at most once at
 * a time for a folder, however many runs there are. A file is hashed only where writing is allowed, and again only when the system says that it changed.
 * What another run of docket was allowed to change meanwhile in the same folder is not laid at this one's door.
 */

import path from 'node:path';
import type { Sha256 } from '#core/names.ts';
import { CHECKED_OUT_ELSEWHERE } from '#core/scope.ts';
import type { Before, ChangeKind, FileChange, ScopeFinding, ScopeRules, Tree, TreePort } from '#core/scope.ts';
import { decideScope } from './scope.ts';
import { foldPath } from './scope-paths.ts';

export type WatchOptions = {
  /** More files than this are not looked at: the check fails. */
  readonly filesMax: number;
  /** A larger file is compared by what the system says of it alone. */
  readonly hashBytesMax: number;
  /** Absolute, links resolved: docket's own folders, which it writes to all the time. */
  readonly ownFolders: readonly string[];
  /** Is this path (relative to a work tree) one that other programs write to, by the settings? */
  readonly isUnwatched: (relative: string) => boolean;
};

export type Looked = {
  readonly changes: readonly FileChange[];
  readonly findings: readonly ScopeFinding[];
  /** What would be against the rules, but for a setting: it is told, and stands among the changes. */
  readonly told?: readonly ScopeFinding[];
};

/** A run that may be going on. */
export type Watched = { readonly root: string; readonly rules: ScopeRules; readonly began: number; ended: number | null };

export type ScopeWatch = {
  /** @param isBoxed a sandbox keeps it from everything but its working folder */
  before(folder: string, rules: ScopeRules, isBoxed: boolean): Promise<Before>;
  /** From here on what it may change is its own; before its tool starts. */
  begin(before: Before, rules: ScopeRules): Watched;
  look(before: Before, run: Watched): Promise<Looked>;
  end(run: Watched): void;
};

type Changed = { readonly file: string; readonly change: ChangeKind };
type Entry = {
  readonly kind: string;
  readonly mode: string;
  readonly content: string;
  readonly inode: string;
  readonly links: number;
  readonly own: string;
};

/** @param key as platform/tree-facts.ts writes it */
function entryOf(key: string): Entry {
  const [own = '', ...led] = key.split(' -> ');
  const [kind = '', mode = '', size = '', inode = '', links = '1', changed = '', written = ''] = own.split(' ');
  return {
    kind,
    mode,
    inode,
    links: Number(links),
    content: `${kind} ${size} ${inode} ${changed} ${written} ${led.join(' -> ').split(' ')[0] ?? ''}`,
    own,
  };
}

function changeOf(before: string | undefined, after: string | undefined): ChangeKind | null {
  if (before === after) return null;
  if (before === undefined) return 'create';
  if (after === undefined) return 'delete';
  const [old, now] = [entryOf(before), entryOf(after)];
  return old.mode !== now.mode && withoutTimes(old) === withoutTimes(now) ? 'mode' : 'modify';
}
/** chmod moves the time of change, and not that of writing. */
const withoutTimes = ({ content }: Entry): string => content.split(' ').filter((_, at) => at !== 3).join(' '); // prettier-ignore

export function makeScopeWatch(tree: TreePort, options: WatchOptions): ScopeWatch {
  const running = new Map<string, Promise<Tree>>();
  const waiting = new Map<string, Promise<Tree>>();
  const hashed = new Map<string, Map<string, { readonly key: string; readonly sha256: Sha256 | null }>>();
  const befores = new WeakMap<Tree, Map<string, Promise<Before>>>();
  const compared = new WeakMap<Before['files'], WeakMap<Tree, readonly Changed[]>>();
  let runs: Watched[] = [];
  let clock = 0;

  /** A look that begins now, or when the one that is going on is over. */
  async function treeOf(root: string, without: readonly string[]): Promise<Tree> {
    const going = running.get(root);
    if (going === undefined) {
      const look = tree.read(root, leftOut(root, without), options.filesMax).finally(() => running.delete(root));
      running.set(root, look);
      return look;
    }
    const next =
      waiting.get(root) ??
      going
        .catch(() => undefined)
        .then(async () => {
          waiting.delete(root);
          return treeOf(root, without);
        });
    waiting.set(root, next);
    return next;
  }

  const leftOut = (root: string, without: readonly string[]): ((relative: string) => boolean) => {
    const out = new Set([...options.ownFolders, ...without].map((one) => path.relative(root, one)));
    return (relative) => out.has(relative) || options.isUnwatched(relative);
  };

  async function hashesOf(root: string, files: Tree): Promise<Record<string, Sha256>> {
    const old = hashed.get(root);
    const now = new Map<string, { readonly key: string; readonly sha256: Sha256 | null }>();
    for (const [file, key] of files) {
      const known = old?.get(file);
      const sha256 = known?.key === key ? known.sha256 : await tree.hash(path.join(root, file), options.hashBytesMax);
      now.set(file, { key, sha256 });
    }
    hashed.set(root, now);
    return Object.fromEntries([...now].flatMap(([file, { sha256 }]) => (sha256 === null ? [] : [[file, sha256]])));
  }

  /** Of several runs in one folder at the same time, others may have been allowed to do this. */
  const isOthers = (run: Watched, root: string, file: string, change: ChangeKind): boolean =>
    runs.some(
      (one) =>
        one !== run &&
        one.root === root &&
        one.rules.access === 'worktree' &&
        (one.ended === null || one.ended > run.began) &&
        decideScope(one.rules, file, change).verdict === 'allowed',
    );

  async function lookAtFiles(before: Before, run: Watched, now: Tree): Promise<Looked> {
    const changes: FileChange[] = [];
    const findings: ScopeFinding[] = [];
    const isHashed = run.rules.access === 'worktree';
    let folds: Map<string, string[]> | null = null;
    let names: Map<string, number> | null = null;
    for (const { file, change } of changed(before.files, now)) {
      const [oldKey, key] = [before.files[file], now.get(file)];
      const at = path.join(before.root, file);
      const old = before.hashes[file] ?? null;
      const sha256 = key === undefined ? null : await tree.hash(at, options.hashBytesMax);
      const isSame =
        isHashed && change === 'modify' && old !== null && old === sha256 && entryOf(oldKey ?? '').mode === entryOf(key ?? '').mode;
      // Its link count changed, or it was written again as it was.
      if (isSame && entryOf(key ?? '').links <= entryOf(oldKey ?? '').links) continue;
      const verdict = decideScope(run.rules, file, change);
      if (verdict.verdict !== 'allowed' && isOthers(run, before.root, file, change)) continue;
      changes.push({ path: file, change, before: old, sha256 });
      if (verdict.verdict !== 'allowed') findings.push({ path: file, change, ...verdict });
      if (key === undefined || verdict.verdict !== 'allowed') continue;
      folds ??= foldsOf(now);
      names ??= namesOf(now);
      const words = (await leadsOut(before.root, file, key, run.rules, names, oldKey)) ?? twin(folds, file, change);
      if (words !== null) findings.push({ path: file, change, verdict: 'out-of-scope', words });
    }
    return { changes, findings };
  }

  /** Of all that asked for this look: what is not in it is looked at after it, so after all of them asked. */
  async function makeBefore(root: string, files: Tree, siblings: readonly string[], isHashed: boolean, isBoxed: boolean): Promise<Before> {
    const hashes = isHashed ? await hashesOf(root, files) : {};
    const others: Record<string, Readonly<Record<string, string>>> = {};
    for (const other of siblings)
      others[other] = Object.fromEntries(await treeOf(other, [root, ...siblings.filter((one) => one !== other)]));
    return { v: 1, root, files: Object.fromEntries(files), hashes, git: isBoxed ? null : ((await tree.git(root)) ?? {}), others };
  }

  /** The paths that are not as they were; once for all runs that share both looks. */
  function changed(before: Before['files'], now: Tree): readonly Changed[] {
    const known = compared.get(before)?.get(now);
    if (known !== undefined) return known;
    const found: Changed[] = [];
    const see = (file: string): void => {
      const change = changeOf(before[file], now.get(file));
      if (change !== null) found.push({ file, change });
    };
    for (const [file, key] of now) if (before[file] !== key) see(file);
    for (const file of Object.keys(before)) if (!now.has(file)) see(file);
    compared.set(before, (compared.get(before) ?? new WeakMap<Tree, readonly Changed[]>()).set(now, found));
    return found;
  }

  /** Where a change in this place is a change somewhere else; null: nowhere. */
  async function leadsOut(
    root: string,
    file: string,
    key: string,
    rules: ScopeRules,
    names: ReadonlyMap<string, number>,
    oldKey: string | undefined,
  ): Promise<string | null> {
    const { kind, inode, links, own } = entryOf(key);
    if (kind === 'link') {
      const target = await tree.leads(path.join(root, file));
      const inside = target === null ? '' : path.relative(root, target);
      if (inside === '..' || inside.startsWith(`..${path.sep}`) || path.isAbsolute(inside)) {
        const isWritten = oldKey !== undefined && entryOf(oldKey).own === own;
        return isWritten
          ? `what it leads to, outside of the working folder, was changed: ${target ?? ''}`
          : `a link that leads out of the working folder, to ${target ?? ''}`;
      }
      if (inside === '' || inside.split(path.sep).includes('.git')) return 'a link to the folder itself or into .git';
      const { verdict, words } = decideScope({ ...rules, files: null, create: null }, inside, 'modify');
      return verdict === 'allowed' ? null : `a link to ${inside}: ${words}`;
    }
    if (kind !== 'file') return 'it is neither a file nor a link';
    if (links <= 1) return null;
    return (names.get(inode) ?? 0) < links ? 'a hard link: the same file has another name outside of the working folder' : null;
  }

  /** What was changed where nothing may be: compared by what the system says. */
  async function lookAtOthers(before: Before, run: Watched): Promise<readonly ScopeFinding[]> {
    const findings: ScopeFinding[] = [];
    const roots = Object.keys(before.others);
    for (const [root, files] of Object.entries(before.others)) {
      const now = await treeOf(root, [before.root, ...roots.filter((one) => one !== root)]);
      for (const { file, change } of changed(files, now)) {
        if (isOthers(run, root, file, change)) continue;
        findings.push({ path: path.join(root, file), change, verdict: 'out-of-scope', words: 'another work tree of this repository' });
      }
    }
    return findings;
  }

  return {
    async before(folder, rules, isBoxed) {
      const root = await tree.root(folder);
      const siblings = isBoxed ? [] : await tree.siblings(root);
      const files = await treeOf(root, siblings);
      const how = `${rules.access} ${String(isBoxed)}`;
      const known = befores.get(files) ?? new Map<string, Promise<Before>>();
      befores.set(files, known);
      const made = known.get(how) ?? makeBefore(root, files, siblings, rules.access === 'worktree', isBoxed);
      known.set(how, made);
      return made;
    },
    begin({ root }, rules) {
      const run: Watched = { root, rules, began: ++clock, ended: null };
      runs.push(run);
      return run;
    },
    async look(before, run) {
      const now = await treeOf(before.root, Object.keys(before.others));
      const { changes, findings } = await lookAtFiles(before, run, now);
      const git = before.git === null ? [] : gitFindings(before.git, (await tree.git(before.root)) ?? {});
      return { changes, findings: [...findings, ...git, ...(await lookAtOthers(before, run))] };
    },
    end(run) {
      run.ended = ++clock;
      const first = Math.min(...runs.filter((one) => one.ended === null).map((one) => one.began));
      runs = runs.filter((one) => one.ended === null || one.ended > first);
    },
  };
}

/** How many names each file has here, by its inode. */
function namesOf(files: Tree): Map<string, number> {
  const names = new Map<string, number>();
  for (const key of files.values()) {
    const { kind, inode } = entryOf(key);
    if (kind === 'file') names.set(inode, (names.get(inode) ?? 0) + 1);
  }
  return names;
}

function foldsOf(files: Tree): Map<string, string[]> {
  const folds = new Map<string, string[]>();
  for (const file of files.keys()) {
    const fold = foldPath(file);
    folds.set(fold, [...(folds.get(fold) ?? []), file]);
  }
  return folds;
}

/** A new name beside one that some systems and eyes take for the same. */
function twin(folds: Map<string, string[]>, file: string, change: ChangeKind): string | null {
  if (change !== 'create') return null;
  const other = folds.get(foldPath(file))?.find((one) => one !== file);
  return other === undefined ? null : `some systems take it for ${other}`;
}

const GIT_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^HEAD$/, 'another branch or commit is checked out'],
  [/^refs\/stash$/, 'something was stashed'],
  [/^refs\//, 'a commit was made, or a branch or tag was moved'],
  [/^hooks\//, 'a hook of git was put there, changed or taken away'],
  [/^config/, 'the configuration of git was changed'],
  [/^index$/, 'something was staged'],
  [/^worktrees\//, 'a worktree was added or removed'],
];

/** Of HEAD and refs it is told what they were and are; of other files a hash would say nothing to a person. */
const fromTo = (name: string, before: string | undefined, now: string | undefined): string =>
  /^(?:HEAD$|refs\/)/.test(name) ? `, from ${shortRef(before)} to ${shortRef(now)}` : '';
const shortRef = (value: string | undefined): string =>
  value === undefined ? 'nothing' : /^[0-9a-f]{40,64}$/.test(value) ? value.slice(0, 12) : value.replace(/^ref: refs\/heads\//, '');

/** A commit, what is staged, another branch: what policy.git_change lets pass with a word. */
export const isGitChange = ({ path: name }: Pick<ScopeFinding, 'path'>): boolean =>
  /^\.git: (?:HEAD|index|refs\/.*|MERGE_HEAD|CHERRY_PICK_HEAD|REVERT_HEAD|BISECT_LOG|rebase-merge|rebase-apply)$/.test(name);

function gitFindings(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): readonly ScopeFinding[] {
  const isElsewhere = (name: string): boolean => before[name] === CHECKED_OUT_ELSEWHERE || now[name] === CHECKED_OUT_ELSEWHERE;
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (name) => before[name] !== now[name] && !isElsewhere(name),
  );
  return names.map((name) => ({
    path: `.git: ${name}`,
    change: before[name] === undefined ? 'create' : now[name] === undefined ? 'delete' : 'modify',
    verdict: 'forbidden',
    words: `${GIT_WORDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'the state of git was changed'}${fromTo(name, before[name], now[name])}`,
  }));
}
