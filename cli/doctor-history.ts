/** The history repository: is it there, in the form docket writes, free of left locks, whole? Reads only. */

import path from 'node:path';
import type { AskProgram, Clock, Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { HOOK_MARK, PRE_PUSH } from '#history/setup-texts.ts';
import { gitConfigValue, gitFsck } from '#platform/git-program.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { bad, warn, well, type Check } from './doctor-checks.ts';
import { lookAtPlace } from './doctor-queues.ts';
import { journalFile } from './places.ts';
import { remotesOf } from './purge-words.ts';

const LOCKS = ['index.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock', 'refs/heads/main.lock'];
/** A git or a daemon at work holds them for a moment only. */
const LOCK_IS_OLD_MS = 10_000;
const HOOK = 'hooks/pre-push';
const HOOK_BYTES_MAX = 64 * 1024;
const HISTORY_MOVED = 'set history: in docket.yaml to where it lies now, or bring it back; `docket up` would begin a new one';

export async function lookAtHistory(
  ports: { readonly fs: Fs; readonly ask: AskProgram; readonly clock: Clock },
  workspace: Workspace,
  isDeep: boolean,
): Promise<readonly Check[]> {
  const { fs, ask, clock } = ports;
  const { history } = workspace;
  const kind = (await fs.facts(history))?.kind;
  if (kind === undefined) {
    const words = `${history} is not there yet`;
    if (await isUsed(fs, workspace)) return [bad('history', `${words}, but there is a journal of one`, HISTORY_MOVED)];
    return [warn('history', words, '`docket init` or the first `docket up` makes it')];
  }
  const gitDir = path.join(history, '.git');
  const inside = (await fs.facts(gitDir))?.kind;
  if (kind !== 'folder' || inside !== 'folder')
    return [
      bad(
        'history',
        `${history} is no repository with a .git folder of its own`,
        'set history: in docket.yaml to a folder of its own beside the code',
      ),
    ];
  const format = await lookAtFormat(gitDir);
  if (format !== null)
    return [
      bad(
        'history format',
        `${history}: ${format}`,
        'set history: in docket.yaml to another folder; docket writes SHA-1 repositories with plain files',
      ),
    ];
  return [
    ...(await lookAtPlace(fs, 'history', history)),
    ...(await lookAtLocks(fs, clock, gitDir)),
    ...(await lookAtHook(fs, gitDir)),
    ...(await lookAtPushes(ask, fs, workspace)),
    ...(await lookAtObjects(ask, history, isDeep)),
  ];
}

/** A journal without its history: the history was moved or removed. */
const isUsed = async (fs: Fs, workspace: Workspace): Promise<boolean> => (await fs.facts(journalFile(workspace.state))) !== null;

/** Null: the form that docket writes. */
async function lookAtFormat(gitDir: string): Promise<string | null> {
  const config = await makeHistoryGit().config(gitDir, ['extensions.objectformat', 'extensions.refstorage', 'core.bare']);
  const value = (key: string): string => config(key).at(-1)?.toLowerCase() ?? '';
  const objects = value('extensions.objectformat');
  if (objects !== '' && objects !== 'sha1') return `its object format is ${objects}`;
  const refs = value('extensions.refstorage');
  if (refs !== '' && refs !== 'files') return `it keeps its branches as ${refs}`;
  return value('core.bare') === 'true' ? 'it is a bare repository' : null;
}

async function lookAtLocks(fs: Fs, clock: Clock, gitDir: string): Promise<readonly Check[]> {
  const left: string[] = [];
  for (const name of LOCKS) {
    const facts = await fs.facts(path.join(gitDir, name));
    if (facts !== null && clock.now().getTime() - Number(facts.mtimeNs / 1_000_000n) > LOCK_IS_OLD_MS) left.push(name);
  }
  if (left.length === 0) return [well('history locks', 'none left')];
  const next = 'docket removes its own at the next start; another git’s: finish it, or remove the file when no git runs there';
  return [
    warn('history locks', `${left.map((name) => path.join(gitDir, name)).join(', ')} left by a git or a daemon that was killed`, next),
  ];
}

async function lookAtHook(fs: Fs, gitDir: string): Promise<readonly Check[]> {
  const file = path.join(gitDir, HOOK);
  const facts = await fs.facts(file);
  const text = facts === null ? null : new TextDecoder().decode((await fs.readHead(file, HOOK_BYTES_MAX)).bytes);
  if (facts !== null && (facts.mode & 0o100) !== 0 && text === PRE_PUSH) return [];
  const how = facts === null ? 'not there' : text === PRE_PUSH ? 'not executable' : 'not as docket wrote it';
  const isOwn = text?.includes(HOOK_MARK) !== false;
  const next = isOwn
    ? '`docket init` or the next `docket up` puts it back'
    : 'it is a hook of your own: call docket’s from it, or move it away and run `docket up`';
  return [warn('history hook', `${file} is ${how}: a push of the history is not guarded`, next)];
}

/** Where git would take hooks from, where it could push to, and a purge that is not at its end. */
async function lookAtPushes(ask: AskProgram, fs: Fs, { history, settings }: Workspace): Promise<readonly Check[]> {
  const found: Check[] = [];
  const hooks = await gitConfigValue(ask, history, 'core.hooksPath');
  if (hooks !== null && hooks !== '.git/hooks')
    found.push(
      warn(
        'history hook',
        `git takes the hooks of ${history} from ${hooks} (core.hooksPath): docket's pre-push is not called`,
        `git -C ${history} config --unset core.hooksPath`,
      ),
    );
  const allowed = new Set(settings['policy.push_remotes']);
  const others = (await remotesOf(fs, history)).filter((remote) => !allowed.has(remote.slice(remote.indexOf(' ') + 1)));
  if (others.length > 0)
    found.push(
      well(
        'history remotes',
        `${others.join(', ')}: not in policy.push_remotes, so pushes there are refused (git push --no-verify is not)`,
      ),
    );
  if ((await fs.facts(path.join(history, '.git', 'docket', 'purge', 'plan.json'))) !== null)
    found.push(bad('history purge', 'a purge was begun and is not at its end: the content is still there', '`docket purge --resume`'));
  return found;
}

async function lookAtObjects(ask: AskProgram, history: string, isDeep: boolean): Promise<readonly Check[]> {
  const check = 'history objects';
  const result = await gitFsck(ask, history, isDeep);
  if (result === null)
    return [warn(check, 'not looked at: there is no git', 'install git; `docket verify` recomputes every hash without it')];
  if (/dubious ownership/.test(result.words))
    return [warn(check, `not looked at: ${history} belongs to another user`, 'run `docket doctor` as that user')];
  if (!result.isWhole)
    return [
      bad(
        check,
        `git fsck says: ${result.words}`,
        'keep a copy of the folder as it is; `docket verify` names what differs; bring the missing objects from a clone or a backup',
      ),
    ];
  return [
    well(
      check,
      isDeep ? 'git fsck --full: whole, every object read' : 'git fsck --connectivity-only: nothing is missing (--deep reads every object)',
    ),
  ];
}
