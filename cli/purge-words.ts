/** What a person reads before and after a purge: what goes, what is rewritten, and who else will still have it. */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import { printable } from '#core/names.ts';
import type { Survey } from '#history/purge-find.ts';
import type { Held } from './purge-files.ts';

export type Shown = {
  readonly root: string;
  readonly history: string;
  readonly survey: Survey;
  readonly held: readonly Held[];
  readonly remotes: readonly string[];
  readonly isDaemonRunning: boolean;
};

const CONFIG_BYTES_MAX = 4 * 1024 * 1024;

/** `<name> <address>` of every remote that the history's own configuration names. */
export async function remotesOf(fs: Fs, history: string): Promise<string[]> {
  let text: string;
  try {
    text = new TextDecoder().decode((await fs.readBounded(path.join(history, '.git', 'config'), CONFIG_BYTES_MAX)).bytes);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return [];
    throw error;
  }
  const found: string[] = [];
  let remote: string | null = null;
  for (const line of text.split('\n')) {
    const section = /^\s*\[(.*)\]/.exec(line)?.[1];
    if (section !== undefined) remote = /^remote "(.*)"$/.exec(section)?.[1] ?? null;
    const url = /^\s*(?:url|pushurl)\s*=\s*(.*?)\s*$/i.exec(line)?.[1];
    if (remote !== null && url !== undefined) found.push(`${remote} ${url}`);
  }
  return found;
}

const size = (sizeBytes: number): string => `${String(sizeBytes)} B`;
const shown = (text: string): string => printable(text, 400);

/** Every path, size and consequence, for a person who then says yes. */
export function planWords({ root, history, survey, held, remotes, isDaemonRunning }: Shown): string {
  const { targets, commits, outOfReach, sharedWith } = survey;
  const lines: string[] = [];
  const name = path.basename(history);
  if (targets.length > 0) lines.push(`This goes out of the history ${shown(history)}; the hashes stay:`);
  for (const { paths, sizeBytes, sha256, blob } of targets) {
    const where =
      paths.length === 0 ? [`an object that main has no file of (${blob.slice(0, 10)})`] : paths.map((file) => `${name}/${file}`);
    for (const file of where) lines.push(`  ${shown(file)}  ${size(sizeBytes)}  sha256 ${sha256.slice(0, 16)}…`);
  }
  if (targets.length > 0)
    lines.push(
      `${String(commits)} commits get new ids (their messages stay), and a commit with the tombstone is put on top. Reflogs, ORIG_HEAD and old packs lose it, too.`,
    );
  if (sharedWith.length > 0) {
    lines.push('Other records use one of these materials; it goes for them as well:');
    for (const file of sharedWith) lines.push(`  ${shown(file)}`);
  }
  const section = (title: string, kinds: readonly Held['kind'][]): void => {
    const some = held.filter(({ kind }) => kinds.includes(kind));
    if (some.length === 0) return;
    lines.push(title);
    for (const one of some) lines.push(`  ${shown(path.relative(root, one.path))}  ${size(one.sizeBytes)}`);
  };
  section('In the queue folders, replaced by a placeholder:', ['ended']);
  section('Of docket itself, cleaned:', ['own']);
  section('Left to you (docket does not change prompts that wait, or files that are not its own):', ['yours']);
  if (outOfReach.length > 0) {
    lines.push(
      'Out of reach: these commits, tags or folders hold it in a message or a name, which stay (git filter-repo changes them, and ends the chain there):',
    );
    for (const oid of outOfReach) lines.push(`  ${oid}`);
  }
  lines.push('', 'What docket cannot reach, and what will still have it:');
  lines.push(
    remotes.length === 0
      ? '  clones, if somebody made one: `docket purge --again` there, after a fetch of this history'
      : `  remotes of the history: ${remotes.map(shown).join(', ')} (push there with --force, and have the server collect its garbage), and every clone of them`,
    '  backups and snapshots of this disk, and what an editor or a terminal kept',
    '  the provider that the prompt was sent to: a leaked key must be changed, whatever is purged here',
  );
  const isInItsFiles = held.some(({ kind }) => kind === 'own');
  if (isDaemonRunning)
    lines.push(
      '',
      isInItsFiles
        ? 'A daemon runs in this workspace, and its files hold it: `docket down` first.'
        : 'The daemon of this workspace goes on.',
    );
  return lines.join('\n');
}
