/**
 * Makes the work tree of a feature, or finds, adopts or mends the one there is. Called inside the repository's lock.
 *
 *   what is known (a record, a todo) -> look at it: there | gone | half made
 *   nothing known                    -> look for the feature's branch and work tree: adopt, or begin from the base
 *
 * Invariants: the todo is written before the first change and holds the whole record, so a kill at any moment is mended by the next call; nothing that git
 * calls dirty is thrown away; only this feature's registration is ever touched; a locked work tree is left to whoever locked it.
 */

import path from 'node:path';
import { printable, type Feature } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { Stream } from '#core/prompt.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork, WorktreeRecord, WorktreeSource } from '#core/worktrees.ts';
import { branchesOf, collision, findBase, listBranches, streamOfBranch, type Base, type Branch } from './branches.ts';
import { choosePlace } from './place.ts';
import { readRecord, recordFile, writeRecord } from './records.ts';
import { askLine, defaultBranch, gitWords, remoteOf, type RegisteredWorktree, type RepositoryFacts } from './repository.ts';
import { completeTree, dropRegistration, fillEmpty, isHealthy, MAKING } from './mend.ts';
import { readTodo, writeTodo } from './todo.ts';

export type RepositoryPorts = { readonly git: GitWork; readonly fs: Fs };
export type MakePorts = RepositoryPorts & {
  /** Is a git program at work at or below this folder? Null: the system does not tell. */
  readonly isAtWork: (folder: string) => Promise<boolean | null>;
  readonly checkoutMs: number;
};

export type MakeRequest = {
  readonly feature: Feature;
  readonly stream: Stream;
  /** Null: `<stream>/<name>`. */
  readonly branch: string | null;
  /** --from, else worktrees.base; null: the default branch. */
  readonly from: string | null;
  readonly source: WorktreeSource | null;
  readonly app: string;
  /** worktrees.folder */
  readonly folder: string;
  readonly history: string;
  readonly by: string | null;
  /** ISO 8601. */
  readonly at: string;
};

export type Made = {
  readonly record: WorktreeRecord;
  /** made: it was not there; adopted: somebody else had made it; reopened: docket had; mended: what was left of it was put right. */
  readonly how: 'made' | 'adopted' | 'reopened' | 'mended';
  readonly notes: readonly string[];
};

/** `use`: another request would do; `state`: something has to be put right first. */
export type Refused = { readonly kind: 'use' | 'state'; readonly words: string };
const state = (words: string): Result<never, Refused> => err({ kind: 'state', words });
const use = (words: string): Result<never, Refused> => err({ kind: 'use', words });

type Answer = Promise<Result<Made, Refused>>;

export async function makeWorktree(ports: MakePorts, facts: RepositoryFacts, request: MakeRequest): Answer {
  const { git, fs } = ports;
  const { common } = facts;
  const { id } = request.feature;
  const read = await readRecord(fs, common, id);
  if (read?.ok === false)
    return state(
      `${printable(recordFile(common, id))} is no record of a work tree (${read.error}): move it aside, then the work tree is adopted as it is`,
    );
  const todo = await readTodo(fs, common, id);
  const known = read?.value ?? todo?.record ?? null;
  const remote = await remoteOf(git, common);
  const branches = await listBranches(git, common, remote);
  if (branches === null) return state(`git cannot list the branches of ${printable(common)}`);
  const look: Look = { ports, facts, request, remote, branches };
  return known === null ? find(look) : open(look, known, todo?.step ?? null);
}

type Look = {
  readonly ports: MakePorts;
  readonly facts: RepositoryFacts;
  readonly request: MakeRequest;
  readonly remote: string | null;
  readonly branches: readonly Branch[];
};

/** What docket knows is looked at as it stands now. */
async function open(look: Look, known: WorktreeRecord, step: 'adding' | 'preparing' | null): Answer {
  const { ports, facts } = look;
  const isHalf = step === 'adding';
  const here = facts.worktrees.find((one) => one.folder === known.folder) ?? null;
  const elsewhere = here === null ? (facts.worktrees.find((one) => one.branch === known.branch) ?? null) : null;
  if (elsewhere?.folder === facts.primary.folder) return state(outInPrimary(facts, known.branch));
  const tree = here ?? elsewhere;
  const notes: string[] = known.stream === look.request.stream ? [] : [`it is a work tree of the stream ${known.stream}`];
  if (tree === null && (await ports.fs.facts(known.folder)) !== null) return reattach(look, known, notes);
  if (tree === null) return anew(look, known, notes);
  const isThere = (await ports.fs.facts(tree.folder)) !== null;
  if (!isThere) {
    if (tree.locked !== null && !(isHalf && tree.locked === MAKING)) return state(lockedWords(tree));
    const refused = await dropRegistration(ports, facts, tree);
    return refused === null ? anew(look, known, [...notes, `its folder ${printable(tree.folder)} was gone`]) : state(refused);
  }
  if (isHalf && (await wasLeftHalf(ports, tree))) {
    const completed = await completeTree(ports, facts, tree);
    if (!completed.ok) return state(completed.error);
    notes.push('the work of a command that was killed was brought to its end');
    return completed.value === 'dropped' ? anew(look, known, notes) : keep(look, known, 'mended', notes);
  }
  if (!(await isHealthy(ports.git, facts, tree))) return reattach(look, known, notes);
  if (tree.folder !== known.folder) notes.push(`it lies in ${printable(tree.folder)} now`);
  if (tree.isDetached) notes.push(`no branch is out there (detached HEAD): git -C ${printable(tree.folder)} switch ${known.branch}`);
  else if (tree.branch !== known.branch) notes.push(`the branch ${printable(tree.branch ?? '')} is out there, not ${known.branch}`);
  if (tree.locked !== null && tree.locked !== MAKING) notes.push(`it is locked${tree.locked === '' ? '' : `: ${printable(tree.locked)}`}`);
  return keep(look, { ...known, folder: tree.folder }, isHalf ? 'mended' : 'reopened', notes, step !== null);
}

/** Was `git worktree add` ended before its end? It locks what it makes, and writes the index last. */
async function wasLeftHalf({ git, fs }: MakePorts, tree: RegisteredWorktree): Promise<boolean> {
  if (tree.locked === MAKING || tree.head === null) return true;
  const index = await askLine(git, tree.folder, ['rev-parse', '--path-format=absolute', '--git-path', 'index']);
  return index === null || (await fs.facts(index)) === null || (await fs.facts(`${index}.lock`)) !== null;
}

/** The folder stands there, and git does not know it: git's own repair finds out what can be put right. */
async function reattach({ ports, facts }: Look, known: WorktreeRecord, notes: readonly string[]): Answer {
  await ports.git(facts.primary.folder, ['worktree', 'repair', known.folder]);
  const again = await ports.git(facts.primary.folder, ['worktree', 'list', '--porcelain', '-z']);
  const isListed = again.stdout.split('\0').includes(`worktree ${known.folder}`);
  if (isListed && (await isHealthy(ports.git, facts, { folder: known.folder }))) {
    await fillEmpty(ports.git, known.folder);
    return ok({
      record: known,
      how: 'mended',
      isToPrepare: false,
      notes: [...notes, 'git worktree repair joined it to its repository again'],
    });
  }
  return state(
    `${printable(known.folder)} is there, but it is no work tree of ${printable(facts.primary.folder)} any more: look what it holds (docket worktree status), move it aside, then try again`,
  );
}

/** Its record is kept, its work tree made again. */
async function anew(look: Look, known: WorktreeRecord, notes: readonly string[]): Answer {
  const mine = look.branches.find((one) => one.name === known.branch);
  if (mine !== undefined) return add(look, known, mine, null, 'mended', notes);
  const base = await baseOf(look, look.request.from ?? known.base ?? known.baseCommit);
  if (!base.ok) return base;
  const lost =
    (await askLine(look.ports.git, look.facts.common, ['rev-parse', '--verify', '--quiet', `${known.baseCommit}^{commit}`])) === null;
  const record = { ...known, base: base.value.name, baseCommit: base.value.commit };
  return add(look, record, null, base.value, 'made', [
    ...notes,
    ...base.value.notes,
    ...(lost ? ['the commit it was begun at is not there any more'] : []),
  ]);
}

/** Nothing is written down: the feature may have a branch or a work tree all the same. */
async function find(look: Look): Answer {
  const { ports, facts, request, branches } = look;
  const { id, name, slug } = request.feature;
  const exact = request.branch ?? `${request.stream}/${name}`;
  const base = await baseOf(look, request.from);
  if (!base.ok) return base;
  const mine = branchesOf(branches, id, request.stream, exact).filter((one) => one.name !== base.value.name);
  const isOut = (one: Branch): boolean => one.remote === null && facts.worktrees.some((tree) => tree.branch === one.name);
  const chosen = mine.find(isOut) ?? mine[0] ?? null;
  const others = mine.filter((one) => one !== chosen).map((one) => printable(one.name));
  const notes = [
    ...base.value.notes,
    ...(others.length === 0 ? [] : [`other branches of ${id} are left as they are: ${others.join(', ')}`]),
  ];
  const record = (branch: string, folder: string, adopted: boolean, baseCommit: string): WorktreeRecord => ({
    v: 1, id, slug, branch, folder, adopted, baseCommit,
    stream: streamOfBranch(branch, id) ?? request.stream,
    base: base.value.name, createdAt: request.at, createdBy: request.by, source: request.source,
  }); // prettier-ignore
  const tree = chosen === null ? null : (facts.worktrees.find((one) => one.branch === chosen.name && chosen.remote === null) ?? null);
  if (chosen !== null && tree !== null && tree.folder === facts.primary.folder) return state(outInPrimary(facts, chosen.name));
  if (chosen !== null && tree !== null && (await ports.fs.facts(tree.folder)) !== null) {
    if (!(await isHealthy(ports.git, facts, tree)))
      return state(
        `${printable(tree.folder)} is registered for ${printable(chosen.name)}, but git cannot work there: git worktree repair ${printable(tree.folder)}`,
      );
    return keep(look, record(chosen.name, tree.folder, true, await forkOf(look, base.value, chosen)), 'adopted', notes);
  }
  if (tree !== null) {
    if (tree.locked !== null) return state(lockedWords(tree));
    const refused = await dropRegistration(ports, facts, tree);
    if (refused !== null) return state(refused);
  }
  const place = await choosePlace(ports, facts, { app: request.app, id, setting: request.folder, history: request.history });
  if (!place.ok) return state(place.error);
  if (chosen !== null) {
    const known = record(chosen.name, place.value, true, await forkOf(look, base.value, chosen));
    return add(look, known, chosen, base.value, 'adopted', notes.slice(base.value.notes.length));
  }
  return add(look, record(exact, place.value, false, base.value.commit), null, base.value, 'made', notes);
}

/** Where a branch left its base; it may have nothing to do with it. */
const forkOf = async (look: Look, base: Base, branch: Branch): Promise<string> =>
  (await askLine(look.ports.git, look.facts.common, ['merge-base', base.commit, branch.commit])) ?? base.commit;

async function baseOf(look: Look, from: string | null): Promise<Result<Base, Refused>> {
  const { ports, facts, remote } = look;
  const wanted = from ?? (await defaultBranch(ports.git, facts))?.name ?? null;
  if (wanted === null) {
    const isEmpty = look.branches.length === 0 && facts.primary.head === null;
    return state(
      isEmpty
        ? `${printable(facts.primary.folder)} has no commit yet, so there is nothing to begin from: make the first commit, then try again`
        : 'it is not clear which branch work is begun from: say it with --from, or with worktrees.base in docket.yaml',
    );
  }
  const base = await findBase(ports.git, facts.common, remote, wanted);
  return base.ok ? base : use(base.error);
}

/** @param branch what is there of it; null: it is made from the base */
async function add(
  look: Look,
  record: WorktreeRecord,
  branch: Branch | null,
  base: Base | null,
  how: Made['how'],
  notes: readonly string[],
): Answer {
  const { ports, facts, branches } = look;
  const { git, fs } = ports;
  const refused = branch === null ? await nameFault(git, facts, branches, record.branch) : null;
  if (refused !== null) return state(refused);
  if ((await fs.facts(record.folder)) !== null && !(await isEmptyFolder(fs, record.folder)))
    return state(
      `${printable(record.folder)} is there already and is no work tree of ${printable(facts.primary.folder)}: move it aside, or set worktrees.folder`,
    );
  await writeTodo(fs, facts.common, { step: 'adding', record });
  const what =
    branch === null
      ? ['--no-track', '-b', record.branch, record.folder, base?.ref ?? record.baseCommit]
      : branch.remote === null
        ? [record.folder, branch.name]
        : ['--track', '-b', branch.name, record.folder, `${branch.remote}/${branch.name}`];
  const answer = await git(facts.primary.folder, ['worktree', 'add', ...what], { timeoutMs: ports.checkoutMs });
  const notesOfAdd: string[] = [];
  if (answer.code !== 0) {
    // A post-checkout hook that fails is told; what git has made stands.
    if (!(await isHealthy(git, facts, { folder: record.folder })))
      return state(`git worktree add ${printable(record.folder)}: ${gitWords(answer)}`);
    notesOfAdd.push(`git worktree add ended with code ${String(answer.code)}, a hook's perhaps: ${gitWords(answer)}`);
  }
  return keep(look, record, how, [...notes, ...notesOfAdd], true);
}

/** The record first; the todo says from then on what else is to be done. */
async function keep(
  look: Look,
  record: WorktreeRecord,
  how: Made['how'],
  notes: readonly string[],
  isToPrepare = how !== 'reopened' && how !== 'adopted',
): Answer {
  const { ports, facts } = look;
  const folder = await ports.fs.realPath(record.folder);
  const kept = { ...record, folder };
  await writeRecord(ports.fs, facts.common, kept);
  if (isToPrepare) await writeTodo(ports.fs, facts.common, { step: 'preparing', record: kept });
  return ok({ record: kept, how, notes: [...notes, ...(await shapeNotes(ports, folder))] });
}

/** What the shape of the repository means for the new work tree. */
async function shapeNotes({ git, fs }: MakePorts, folder: string): Promise<readonly string[]> {
  const notes: string[] = [];
  const asked = await askLine(git, folder, ['rev-parse', '--is-shallow-repository']);
  if (asked === 'true') notes.push('the repository is a shallow clone: what is ahead of what may not be known (git fetch --unshallow)');
  if ((await askLine(git, folder, ['config', '--get', 'core.sparseCheckout'])) === 'true')
    notes.push('it has the sparse checkout of the primary checkout');
  if ((await fs.facts(path.join(folder, '.gitmodules'))) !== null)
    notes.push(`submodules are not initialised: git -C ${printable(folder)} submodule update --init, or name that in worktrees.setup`);
  const attributes = path.join(folder, '.gitattributes');
  const text =
    (await fs.facts(attributes))?.kind === 'file' ? new TextDecoder().decode((await fs.readHead(attributes, 1_000_000)).bytes) : '';
  if (
    /\bfilter=lfs\b/.test(text) &&
    (await askLine(git, folder, ['config', '--get-regexp', String.raw`^filter\.lfs\.(process|smudge)$`])) === null
  )
    notes.push('Git LFS is not installed: files that it keeps are there as pointers');
  return notes;
}

async function nameFault(git: GitWork, { common }: RepositoryFacts, branches: readonly Branch[], name: string): Promise<string | null> {
  if ((await git(common, ['check-ref-format', '--branch', name])).code !== 0)
    return `git takes no branch called ${JSON.stringify(printable(name))}`;
  return collision(branches, name);
}

async function isEmptyFolder(fs: Fs, folder: string): Promise<boolean> {
  return (await fs.facts(folder))?.kind === 'folder' && (await fs.list(folder)).length === 0;
}

const outInPrimary = ({ primary }: RepositoryFacts, branch: string): string =>
  `the primary checkout ${printable(primary.folder)} has ${printable(branch)} out, and git lets only one work tree have it: git -C ${printable(primary.folder)} switch to another branch, then try again`;

const lockedWords = (tree: RegisteredWorktree): string =>
  `the work tree ${printable(tree.folder)} is locked${(tree.locked ?? '') === '' ? '' : ` (${printable(tree.locked ?? '')})`} and its folder is not there, on a disk that is not mounted perhaps: bring it back, or git worktree unlock ${printable(tree.folder)}`;
