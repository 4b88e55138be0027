/**
 * Who works on which issue: records of this repository, its branches, the remote's branches. And the claim that is made on the remote: a branch that must not
 * be there yet, so of two people who take the same issue at once one is refused. docs/streams.md.
 *
 *   looked -> chosen -> claimed here (a file, as long as the command runs) -> claimed there (the branch) -> the work tree's record says it from then on
 * Invariant: what is pushed as a claim is a commit that the remote has already; nothing of the person's leaves with it.
 */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { GitWork, WorktreeRecord } from '#core/worktrees.ts';
import type { Claim } from './fix-order.ts';
import { gitWords } from './repository.ts';

/** `fix/14-totals`, `fix/14`, `fix/ISSUE-14-totals`, `bugfix/14-…`. Null: no issue. */
export function issueOfBranch(name: string): number | null {
  const found = /^(?:fix|bugfix|hotfix)\/(?:issue-|#)?0*([0-9]{1,9})(?:[-_].*)?$/i.exec(name)?.[1];
  return found === undefined ? null : Number(found);
}

/** By records: whose source is an issue of the log, or whose id says so. */
export function claimsOfRecords(records: readonly WorktreeRecord[]): readonly Claim[] {
  return records.flatMap(({ id, source, createdBy, folder }): Claim[] => {
    const number = source?.kind === 'issue' ? Number(source.number) : Number(/^ISSUE-([0-9]{1,9})$/i.exec(id)?.[1] ?? 0);
    return number === 0 ? [] : [{ number, where: 'worktree', by: `${createdBy ?? 'somebody'}, ${folder}` }];
  });
}

type Heads = { readonly local: readonly Claim[]; readonly remote: readonly Claim[] };

/** Branches as this repository knows them; of remotes, as they were at the last fetch. */
export async function claimsOfBranches(git: GitWork, common: string): Promise<Heads> {
  const { code, stdout } = await git(common, ['for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/remotes']);
  const local: Claim[] = [];
  const remote: Claim[] = [];
  for (const ref of code === 0 ? stdout.split('\n') : []) {
    const own = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null;
    const far = /^refs\/remotes\/([^/]+)\/(.+)$/.exec(ref);
    const number = issueOfBranch(own ?? far?.[2] ?? '');
    if (number === null) continue;
    if (own !== null) local.push({ number, where: 'local-branch', by: own });
    else remote.push({ number, where: 'remote-branch', by: `${far?.[1] ?? ''}/${far?.[2] ?? ''}` });
  }
  return { local, remote };
}

/** What the remote has at this moment. Words: it could not be asked. */
export async function askRemote(
  git: GitWork,
  common: string,
  remote: string,
  timeoutMs: number,
): Promise<Result<readonly Claim[], string>> {
  try {
    const answer = await git(common, ['ls-remote', '--heads', '--quiet', remote], { timeoutMs });
    if (answer.code !== 0) return err(gitWords(answer));
    return ok(
      answer.stdout.split('\n').flatMap((line): Claim[] => {
        const name = /^[0-9a-f]+\trefs\/heads\/(.+)$/.exec(line)?.[1] ?? '';
        const number = issueOfBranch(name);
        return number === null ? [] : [{ number, where: 'remote-branch', by: `${remote}/${name}` }];
      }),
    );
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT')) throw error;
    return err(`no answer within ${String(timeoutMs)} ms`);
  }
}

/** One claim for each way to know it, and of a branch that a record or a local branch speaks of already none more. */
export function merged(records: readonly Claim[], { local, remote }: Heads, asked: readonly Claim[] | null): readonly Claim[] {
  const known = new Set(records.map(({ number }) => number));
  const own = local.filter(({ number }) => !known.has(number));
  for (const { number } of own) known.add(number);
  const far = (asked ?? remote).filter(({ number }) => !known.has(number));
  return [...records, ...own, ...far];
}

export type Pushed =
  | { readonly kind: 'claimed'; readonly undo: () => Promise<void> }
  | { readonly kind: 'taken'; readonly by: string }
  | { readonly kind: 'not-asked'; readonly why: string };

type Place = { readonly git: GitWork; readonly common: string; readonly remote: string; readonly timeoutMs: number };

/** @param commit what the work begins from; of it the newest part that the remote has is pushed */
export async function claimOnRemote(place: Place, branch: string, commit: string): Promise<Pushed> {
  const { git, common, remote, timeoutMs } = place;
  const known = await knownThere(place, commit);
  if (known === null) return { kind: 'not-asked', why: `${printable(remote)} has no commit of what this begins from` };
  // By its address: by its name git would note the branch as the remote's, and the work tree would be made from that.
  const address = (await git(common, ['remote', 'get-url', '--push', remote])).stdout.replace(/\n$/, '');
  const ref = `refs/heads/${branch}`;
  const push = async (lease: string, what: string): ReturnType<GitWork> =>
    git(common, ['push', '--porcelain', `--force-with-lease=${ref}:${lease}`, '--', address, `${what}:${ref}`], { timeoutMs });
  const undo = async (): Promise<void> => {
    await push(known, '').catch(() => undefined);
  };
  try {
    const answer = await push('', known);
    // git-push(1), OUTPUT: `=` is a branch that was there at the same commit, which is no failure to git.
    const isThere = /^=\t/m.test(answer.stdout);
    if (answer.code !== 0 || isThere)
      return isThere || /stale info|\[rejected\]|already exists|cannot lock ref/.test(`${answer.stdout}${answer.stderr}`)
        ? { kind: 'taken', by: `${remote}/${branch}` }
        : { kind: 'not-asked', why: `the branch could not be pushed: ${gitWords(answer)}` };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT')) throw error;
    return { kind: 'not-asked', why: `no answer to the push within ${String(timeoutMs)} ms` };
  }
  // The title may differ between two clones, and so the branch: the name that sorts first has it, and both see both.
  const number = issueOfBranch(branch);
  const others = await askRemote(git, common, address, timeoutMs);
  const names = others.ok ? others.value.filter((one) => one.number === number).map(({ by }) => by.slice(address.length + 1)) : [];
  const [first = branch] = names.toSorted();
  if (first === branch) return { kind: 'claimed', undo };
  await undo();
  return { kind: 'taken', by: `${remote}/${first}` };
}

async function knownThere({ git, common, remote }: Place, commit: string): Promise<string | null> {
  const heads = await git(common, ['for-each-ref', '--format=%(objectname)', '--contains', commit, '--count=1', `refs/remotes/${remote}`]);
  if (heads.code === 0 && heads.stdout.trim() !== '') return commit;
  const all = await git(common, ['for-each-ref', '--format=%(objectname)', '--count=1', `refs/remotes/${remote}`]);
  const tip = all.stdout.trim();
  if (tip === '') return null;
  const base = await git(common, ['merge-base', commit, tip]);
  return base.code === 0 ? base.stdout.trim() : null;
}

/** As long as the command runs that took it. */
type Held = { readonly v: 1; readonly number: number; readonly pid: number; readonly startTime: string };
const heldFile = (common: string, number: number): string => path.join(common, 'docket', 'fix', `${String(number)}.json`);

type HeldFs = Pick<Fs, 'facts' | 'list' | 'makeFolders' | 'readBounded' | 'replace' | 'unlink'>;
export async function hold(fs: HeldFs, common: string, held: Omit<Held, 'v'>): Promise<() => Promise<void>> {
  const file = heldFile(common, held.number);
  await fs.makeFolders(path.dirname(file), 0o700);
  await fs.replace(file, `${JSON.stringify({ v: 1, ...held })}\n`, 'safety', 0o600);
  return async () => {
    if ((await fs.facts(file)) !== null) await fs.unlink(file);
  };
}

/** Of commands that run at this moment; what a killed one left says nothing. */
export async function claimsHeld(
  fs: HeldFs,
  common: string,
  isAlive: (pid: number, startTime: string) => boolean,
): Promise<readonly Claim[]> {
  const folder = path.dirname(heldFile(common, 1));
  if ((await fs.facts(folder))?.kind !== 'folder') return [];
  const claims: Claim[] = [];
  for (const { name } of await fs.list(folder)) {
    if (name?.endsWith('.json') !== true) continue;
    try {
      const { number, pid, startTime } = JSON.parse(
        new TextDecoder().decode((await fs.readBounded(path.join(folder, name), 4_096)).bytes),
      ) as Held;
      if (isAlive(pid, startTime)) claims.push({ number, where: 'worktree', by: `docket fix, pid ${String(pid)}` });
    } catch {
      // Half written by a kill, or gone meanwhile: nobody holds it.
    }
  }
  return claims;
}
