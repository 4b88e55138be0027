/** Which branch a feature has, which commit it is begun from, and whether a new branch would find room among the names there are. */

import { parseFeature, printable, sameFeature, type FeatureId } from '#core/names.ts';
import type { Stream } from '#core/prompt.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork } from '#core/worktrees.ts';
import { askLine, gitWords } from './repository.ts';

/** What people and older scripts put before the id of a feature. */
const PREFIXES: Readonly<Record<Stream, readonly string[]>> = {
  feature: ['feature', 'features', 'feat'],
  fix: ['fix', 'bugfix', 'hotfix'],
};
const TICKET = /^[A-Za-z][A-Za-z0-9]*-[0-9]+$/;

/** A branch of the repository; `remote` null: a local one. */
export type Branch = { readonly name: string; readonly remote: string | null; readonly commit: string };

/** All local branches, and those of this remote that no local one has the name of. Null: git could not list them. */
export async function listBranches(git: GitWork, common: string, remote: string | null): Promise<readonly Branch[] | null> {
  const places = ['refs/heads', ...(remote === null ? [] : [`refs/remotes/${remote}`])];
  const listed = await askLine(git, common, ['for-each-ref', '--format=%(objectname) %(refname)', ...places]);
  if (listed === null) return null;
  const all = listed.split('\n').flatMap((line): Branch[] => {
    const [commit = '', ref = ''] = line.split(' ');
    if (ref.startsWith('refs/heads/')) return [{ name: ref.slice('refs/heads/'.length), remote: null, commit }];
    const start = `refs/remotes/${remote ?? ''}/`;
    return remote !== null && ref.startsWith(start) && ref !== `${start}HEAD` ? [{ name: ref.slice(start.length), remote, commit }] : [];
  });
  const local = new Set(all.flatMap((one) => (one.remote === null ? [one.name] : [])));
  return all.filter((one) => one.remote === null || !local.has(one.name));
}

/** Does the name of a branch say this feature? `FEAT-123`, `feature/FEAT-123-any-slug`, `fix/FEAT-123`; never `FEAT-1234`. */
function streamOf(name: string, id: FeatureId): Stream | 'bare' | null {
  const parts = name.split('/');
  const feature = parseFeature(parts.at(-1) ?? '');
  if (!feature.ok || !sameFeature(feature.value.id, id) || parts.length > 2) return null;
  const prefix = parts.length === 2 ? (parts[0] ?? '').toLowerCase() : null;
  // A word such as `main` or `prd-crm` may be anybody's branch; a ticket number is not.
  if (prefix === null) return TICKET.test(id) ? 'bare' : null;
  return PREFIXES.feature.includes(prefix) ? 'feature' : PREFIXES.fix.includes(prefix) ? 'fix' : null;
}

/** Branches that are this feature's already, the likeliest first: of its stream before others, local before remote, the exact name before all. */
export function branchesOf(branches: readonly Branch[], id: FeatureId, stream: Stream, exact: string): readonly Branch[] {
  const rank = (one: Branch): number =>
    (one.name === exact ? 0 : streamOf(one.name, id) === stream ? 2 : streamOf(one.name, id) === 'bare' ? 4 : 6) +
    (one.remote === null ? 0 : 1);
  return branches
    .filter((one) => one.name === exact || streamOf(one.name, id) !== null)
    .toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

/** Which stream the name of a branch belongs to, where it says so. */
export const streamOfBranch = (name: string, id: FeatureId): Stream | null => {
  const found = streamOf(name, id);
  return found === 'bare' ? null : found;
};

/** A branch is a file or a folder to git, never both. Null: there is room. */
export function collision(branches: readonly Branch[], wanted: string): string | null {
  const parts = wanted.split('/');
  const above = new Set(parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/')));
  const inWay = branches.find((one) => one.remote === null && (above.has(one.name) || one.name.startsWith(`${wanted}/`)));
  if (inWay === undefined) return null;
  return `the branch ${printable(inWay.name)} is in the way: git cannot have it and ${printable(wanted)} at once. Rename it (git branch -m ${printable(inWay.name)} ${printable(inWay.name.replaceAll('/', '-'))}-old), then try again`;
}

export type Base = {
  /** Short name of the branch that work goes back to; null: a commit. */
  readonly name: string | null;
  /** What git is told to begin from. */
  readonly ref: string;
  readonly commit: string;
  /** What a person should know; empty: nothing. */
  readonly notes: readonly string[];
};

const refuse = (why: string): Result<Base, string> => err(`${why}: name a branch, a tag or a commit that is there (git branch --all)`);

/**
 * The commit that work is begun from: of a branch that is here and on the remote the one that is ahead; where both went on, the local one.
 * @param wanted a branch, `origin/main`, a tag or a commit
 */
export async function findBase(git: GitWork, common: string, remote: string | null, wanted: string): Promise<Result<Base, string>> {
  if (wanted === '' || wanted.startsWith('-') || /[\0\n\r]/.test(wanted))
    return refuse(`${JSON.stringify(printable(wanted))} names no branch`);
  const commitOf = async (ref: string): Promise<string | null> =>
    askLine(git, common, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
  const local = await commitOf(`refs/heads/${wanted}`);
  const far = remote === null ? null : await commitOf(`refs/remotes/${remote}/${wanted}`);
  const ofRemote = `${remote ?? ''}/${wanted}`;
  if (local !== null && far !== null && local !== far) {
    const isAhead = await isAncestor(git, common, local, far);
    if (isAhead)
      return ok({
        name: wanted,
        ref: `refs/remotes/${ofRemote}`,
        commit: far,
        notes: [`begun from ${ofRemote}, which is ahead of ${wanted}`],
      });
    const notes = (await isAncestor(git, common, far, local))
      ? []
      : [`${wanted} and ${ofRemote} both went on: begun from ${wanted} (--from ${ofRemote} takes the other)`];
    return ok({ name: wanted, ref: `refs/heads/${wanted}`, commit: local, notes });
  }
  if (local !== null) return ok({ name: wanted, ref: `refs/heads/${wanted}`, commit: local, notes: [] });
  if (far !== null)
    return ok({
      name: wanted,
      ref: `refs/remotes/${ofRemote}`,
      commit: far,
      notes: [`begun from ${ofRemote}: there is no ${wanted} here`],
    });
  if (remote !== null && wanted.startsWith(`${remote}/`)) {
    const commit = await commitOf(`refs/remotes/${wanted}`);
    if (commit !== null) return ok({ name: wanted.slice(remote.length + 1), ref: `refs/remotes/${wanted}`, commit, notes: [] });
  }
  const asked = await git(common, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${wanted}^{commit}`]);
  const commit = asked.stdout.trim();
  if (asked.code !== 0 || commit === '') return refuse(`there is no ${JSON.stringify(printable(wanted))} (${gitWords(asked)})`);
  return ok({ name: null, ref: commit, commit, notes: [] });
}

const isAncestor = async (git: GitWork, common: string, older: string, newer: string): Promise<boolean> =>
  (await git(common, ['merge-base', '--is-ancestor', older, newer])).code === 0;
