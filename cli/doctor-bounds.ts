/** Whether the workspace is as closed as it should be: who runs docket, who may drop prompts, who decided the settings, and whether the newest answers are as published. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { userId } from '#platform/system.ts';
import { makeLayout } from '#spool/layout.ts';
import { faultOfFolder } from '#spool/owner.ts';
import type { Spool } from '#core/spool.ts';
import { notesOf } from './committed.ts';
import { bad, codeOf, warn, well, type Check } from './doctor-checks.ts';

/** Of all roles together; `docket verify` looks at every one. */
const NEWEST = 20;
const FILE_BYTES_MAX = 300_000_000;
const ANY_WRITE = 0o222;

export async function lookAtSettings(workspace: Pick<Workspace, 'notes' | 'root'>): Promise<readonly Check[]> {
  const notes = await notesOf(workspace);
  if (notes.length === 0) return [well('settings', 'no security setting is looser than what was committed')];
  return notes.map((note) =>
    warn('settings', note, 'review docket.yaml and commit it, or put the committed one back (`docket config` shows what holds)'),
  );
}

export async function lookAtOwners(fs: Pick<Fs, 'facts'>, queues: string, roles: readonly Role[]): Promise<readonly Check[]> {
  const uid = userId();
  if (uid === null) return [];
  const layout = makeLayout(queues);
  const folders = [
    queues,
    ...roles.flatMap(({ folder }) => [layout.role(folder), layout.in(folder), layout.out(folder), layout.work(folder)]),
  ];
  const checks: Check[] = [];
  for (const folder of folders) {
    const facts = await fs.facts(folder);
    const fault = facts === null ? null : faultOfFolder({ uid, gids: [] }, folder, facts);
    if (fault !== null) checks.push(bad('owners', fault, '`docket up` refuses to start until this is mended'));
  }
  if (uid === 0)
    checks.push(
      warn(
        'user',
        'you are root: a daemon that you start can do anything, and so can every tool it calls',
        'give docket a user of its own',
      ),
    );
  return checks.length > 0 ? checks : [well('owners', 'the queues belong to you, and not everybody may write there')];
}

/** The newest answers against the evidence beside them: a hand in out/ or in/ is seen here at once, one that changed evidence too by `docket verify`. */
export async function lookAtPublished(
  fs: Pick<Fs, 'facts' | 'readBounded'>,
  spool: Pick<Spool, 'list'>,
  queues: string,
  roles: readonly Role[],
): Promise<readonly Check[]> {
  const layout = makeLayout(queues);
  const digest = makeDigest();
  const hashOf = async (file: string): Promise<string | null> => {
    try {
      return digest.sha256((await fs.readBounded(file, FILE_BYTES_MAX)).bytes);
    } catch (error) {
      // Whoever consumes answers may have taken it away.
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  };
  const checks: Check[] = [];
  const ended = (await spool.list({ limit: NEWEST })).filter(({ state }) => state === 'answered' || state === 'briefed');
  for (const view of ended) {
    const role = roles.find(({ name }) => name === view.role);
    if (role === undefined) continue;
    const input = view.archived ?? path.join(layout.in(role.folder), `${view.stem}.processed`);
    const facts = await fs.facts(input);
    if (facts !== null && (facts.mode & ANY_WRITE) !== 0)
      checks.push(warn('published', `${input} may be written to (docket left it read-only)`, 'run `docket verify`, then chmod a-w'));
    const evidence = path.join(layout.out(role.folder), `${view.stem}_evidence.json`);
    const [said, is] = [
      await statedIn(fs, evidence),
      [await hashOf(input), await hashOf(path.join(layout.out(role.folder), `${view.stem}_result.md`))],
    ];
    for (const [index, file] of [input, `${view.stem}_result.md`].entries())
      if (said !== null && is[index] !== null && said[index] !== undefined && said[index] !== is[index])
        checks.push(bad('published', `${file} is not what was answered (SHA-256)`, '`docket verify` compares it with the history'));
  }
  return checks.length > 0 ? checks : [well('published', `the newest ${String(ended.length)} answers are as they were published`)];
}

/** SHA-256 of prompt and result as an evidence file names them; null: it is not there, or says nothing. */
async function statedIn(fs: Pick<Fs, 'readBounded'>, file: string): Promise<readonly (string | undefined)[] | null> {
  try {
    const { subject } = JSON.parse(new TextDecoder().decode((await fs.readBounded(file, FILE_BYTES_MAX)).bytes)) as {
      readonly subject?: readonly { readonly name: string; readonly digest: { readonly sha256?: string } }[];
    };
    const hashOf = (start: string): string | undefined => subject?.find(({ name }) => name.startsWith(start))?.digest.sha256;
    return [hashOf('prompt_'), hashOf('result_')];
  } catch {
    return null;
  }
}
