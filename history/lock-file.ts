/**
 * Git's own lock files: `index.lock` and `refs/heads/main.lock`, made with O_EXCL as git makes them, so that a person's git and docket
 * never write the same file at once. Only called while docket's kernel lock is held: a lock that carries docket's mark was left by the dead.
 *
 *   free -> taken (ours) -> free
 *   taken by a git -> wait; left by a killed git (old, nobody has it open, no git works here) -> removed; else an error with words
 * Invariant: `index.lock` comes with docket's mark in it, by one link of a file that is whole: a docket that dies while it takes the lock leaves no
 * empty one, which nobody could tell from a git's. (Where hard links do not exist, and after a loss of power, an empty one may be left: a killed git's.)
 */

import { Buffer } from 'node:buffer';
import type { Clock, FileFacts, Fs, Log } from '#core/ports.ts';
import type { RepositoryGit } from './git-door.ts';

export type LockPorts = { readonly fs: Fs; readonly clock: Clock; readonly log: Log; readonly git: RepositoryGit };

const STALE_AFTER_MS = 4_000;
const WAIT_MS_MAX = 15_000;
const PAUSE_MS_FIRST = 5;
const PAUSE_MS_MAX = 250;
const MARK = 'docket ';
/** A file system without hard links says one of these. */
const NO_LINKS = new Set<unknown>(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EMLINK']);

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** Content of docket's index.lock: the tip that is being written. */
export const lockMark = (tip: string): string => `${MARK}${tip}\n`;

async function contentOf(fs: Fs, path: string): Promise<string | null> {
  try {
    return Buffer.from((await fs.readHead(path, 100)).bytes).toString('latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** The tip a dead docket was writing, when this lock is docket's; null for a git's lock, and for none. */
export async function markOf(fs: Fs, path: string): Promise<string | null> {
  const content = await contentOf(fs, path);
  return content?.startsWith(MARK) === true ? content.slice(MARK.length).trim() : null;
}

/** A lock that stands in the way, and since when (monotonic) it has been the very same. */
type Seen = { readonly facts: FileFacts; readonly sinceMs: number };

async function look({ fs, clock }: LockPorts, path: string, before: Seen | null): Promise<Seen | null> {
  const facts = await fs.facts(path);
  if (facts === null) return null;
  const isSame = before !== null && before.facts.ino === facts.ino && before.facts.ctimeNs === facts.ctimeNs;
  return { facts, sinceMs: isSame ? before.sinceMs : clock.monotonicMs() };
}

/** Two clocks are asked: one that was set back would take the file for a new one for as long as it is behind. */
async function isLeftByTheDead(ports: LockPorts, path: string, workTree: string, { facts, sinceMs }: Seen): Promise<boolean> {
  const { fs, clock, git } = ports;
  const ageMs = clock.now().getTime() - Number(facts.mtimeNs / 1_000_000n);
  if (ageMs < STALE_AFTER_MS && clock.monotonicMs() - sinceMs < STALE_AFTER_MS) return false;
  const open = await fs.openForWriting([path]);
  if (open === null || open.has(path)) return false;
  return (await git.isAtWork(workTree, facts.uid)) === false;
}

/** Made under another name, and there at once with all its bytes. EEXIST when it is taken. */
async function linkNew(fs: Fs, path: string, content: string, draft: string): Promise<void> {
  const write = async (): Promise<unknown> => fs.writeDerived(draft, content, 0o644);
  await write().catch(async (error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
    await removeLock(fs, draft);
    await write();
  });
  try {
    await fs.link(draft, path);
  } catch (error) {
    if (!NO_LINKS.has(codeOf(error))) throw error;
    await fs.writeDerived(path, content, 0o644);
  } finally {
    // One that stays is removed by the next one.
    await removeLock(fs, draft).catch(() => undefined);
  }
}

/**
 * Makes the lock file with this content. Waits for a git that holds it.
 * @param options.draft where the content is written before it is linked; null: the file becomes the real one by a rename, so it is synced
 * @param options.clearOwn removes what a dead docket left, when that is what stands in the way
 * @throws `code: 'ELOCKED'` with words after 15 s
 */
export async function takeLock(
  ports: LockPorts,
  path: string,
  workTree: string,
  content: string,
  options: { readonly draft: string | null; readonly clearOwn: () => Promise<boolean> },
): Promise<void> {
  const { fs, clock } = ports;
  const untilMs = clock.monotonicMs() + WAIT_MS_MAX;
  let seen: Seen | null = null;
  for (let pauseMs = PAUSE_MS_FIRST; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    try {
      if (options.draft === null) await fs.writeNew(path, content, 'safety', 0o644);
      else await linkNew(fs, path, content, options.draft);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    if (await options.clearOwn()) continue;
    seen = await look(ports, path, seen);
    if (seen !== null && (await isLeftByTheDead(ports, path, workTree, seen))) {
      ports.log.warn(`removed a lock that a killed git left: ${path}`);
      await removeLock(fs, path);
      continue;
    }
    if (clock.monotonicMs() >= untilMs) {
      const words = `another git holds ${path} for more than ${String(WAIT_MS_MAX)} ms; finish it (an open commit message?), or remove the file when no git runs in ${workTree}`;
      throw Object.assign(new Error(`ELOCKED: ${words}`), { code: 'ELOCKED', path });
    }
    await clock.sleep(pauseMs);
  }
}

/** Fine when it is gone. */
export async function removeLock(fs: Fs, path: string): Promise<void> {
  await fs.unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}
