/**
 * What an agent behind the Agent Client Protocol may do. It asks before it acts (session/request_permission), and has docket read and write for it
 * (fs/read_text_file, fs/write_text_file); each is judged here, and the rule that decided goes into evidence.
 *
 *   read-only   reads inside the working folder                  never: writes, commands, the network, anything outside
 *   worktree    that, and writes inside it, but for .git         commands only where the profile says so (acp.execute)
 *               and what the run's declaration does not hold (policy/scope.ts)
 *
 * Invariant: inside means after every link; a path that cannot be followed, and one that several programs would read differently, is outside.
 * It binds agents that ask. What one does without asking is bound by its own settings (its profile), and by a sandbox around it.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { ToolAsk } from '#core/run.ts';
import type { ChangeKind } from '#core/scope.ts';

export type AcpPolicy = {
  readonly access: 'read-only' | 'worktree';
  /** May it run commands, where the access is `worktree`? */
  readonly execute: boolean;
  /** Absolute, its links resolved. */
  readonly cwd: string;
  /** Why this path (relative to it) may not be changed so; null: it may. Absent: all inside may, but for .git. */
  readonly mayNotChange?: (path: string, change: ChangeKind) => string | null;
  /** Why this path may not be read; null: it may. Absent: all inside may. */
  readonly mayNotRead?: (path: string) => string | null;
};
export type Asked = Pick<ToolAsk, 'kind' | 'paths'>;
export type Verdict = Pick<ToolAsk, 'decision' | 'rule'>;
type Look = Pick<Fs, 'facts' | 'realPath'>;

/** The kinds of the protocol that change a file. */
export const WRITES: ReadonlySet<string> = new Set(['edit', 'delete', 'move', 'write']);
const READS: ReadonlySet<string> = new Set(['read', 'search']);

const allowed = (rule: string): Verdict => ({ decision: 'allowed', rule });
const rejected = (rule: string): Verdict => ({ decision: 'rejected', rule });

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Where a path leads, its links resolved, also when its last parts are not there yet; null: nowhere that can be told. */
async function followed(file: string, fs: Look): Promise<string | null> {
  const missing: string[] = [];
  for (let at = file; ; at = path.dirname(at)) {
    try {
      return path.join(await fs.realPath(at), ...missing.toReversed());
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || at === path.dirname(at)) return null;
      // A link that leads nowhere: whoever writes to it makes a file elsewhere.
      if ((await fs.facts(at).catch(() => undefined)) !== null) return null;
      missing.push(path.basename(at));
    }
  }
}

/** The path relative to the working folder, after every link; null: outside of it. */
export async function insideOf(cwd: string, given: string, fs: Look): Promise<string | null> {
  // "..", after a link, means one thing to the system and another to a program that shortens the text; "~" and URLs mean something only to some.
  if (given === '' || given.includes('\0') || /^~|^[A-Za-z][\w+.-]*:/.test(given) || given.split(/[/\\]/).includes('..')) return null;
  const real = await followed(path.resolve(cwd, given), fs);
  if (real === null) return null;
  const relative = path.relative(cwd, real);
  return relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative) ? null : relative;
}

/** What a write of this kind is to a file: an agent that edits or moves makes what is not there. */
async function changeOf(kind: string, file: string, fs: Look): Promise<ChangeKind> {
  if ((await fs.facts(file)) === null) return 'create';
  return kind === 'delete' || kind === 'move' ? 'delete' : 'modify';
}

async function judgePaths(kind: string, paths: readonly string[], policy: AcpPolicy, fs: Look, isWrite: boolean): Promise<Verdict> {
  for (const one of paths) {
    const inside = await insideOf(policy.cwd, one, fs);
    if (inside === null) return rejected('outside of the working folder');
    if (isWrite && (inside === '' || inside.split(path.sep).includes('.git'))) return rejected('no writes to the folder itself or to .git');
    const unread = policy.mayNotRead?.(inside.split(path.sep).join('/')) ?? null;
    if (unread !== null) return rejected(unread);
    if (!isWrite || policy.mayNotChange === undefined) continue;
    const words = policy.mayNotChange(inside.split(path.sep).join('/'), await changeOf(kind, path.join(policy.cwd, inside), fs));
    if (words !== null) return rejected(words);
  }
  return allowed(isWrite ? 'writes inside the working folder' : 'reads inside the working folder');
}

/** @param asked `kind` as the protocol has it; `paths` as the agent names them, absolute or relative to the working folder */
export async function judge({ kind, paths }: Asked, policy: AcpPolicy, fs: Look): Promise<Verdict> {
  if (kind === 'think') return allowed('thinks only');
  if (READS.has(kind)) {
    if (paths.length === 0 && kind === 'read') return rejected('a read that names no file');
    return judgePaths(kind, paths, policy, fs, false);
  }
  if (WRITES.has(kind)) {
    if (policy.access === 'read-only') return rejected('read-only: no writes');
    return paths.length === 0 ? rejected('a write that names no file') : judgePaths(kind, paths, policy, fs, true);
  }
  if (kind === 'execute') {
    if (policy.access === 'read-only') return rejected('read-only: no commands');
    return policy.execute ? allowed('the profile allows commands') : rejected('no commands: the profile does not allow them');
  }
  if (kind === 'fetch') return rejected('nothing from the network');
  return rejected(`nothing allows ${kind === 'other' ? 'a tool of no known kind' : kind}`);
}
