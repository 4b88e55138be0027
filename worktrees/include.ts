/**
 * `.worktreeinclude`: names untracked files (settings of a developer, templates) that a new work tree gets as well, in the syntax of gitignore(5).
 * git itself reads the patterns. Never a tracked file, a link, a folder of its own repository, the queues, or a file with what looks like a secret;
 * never over a file that is there, and never out of the work tree.
 */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { GitWork } from '#core/worktrees.ts';
import { isInside } from './place.ts';
import { gitWords } from './repository.ts';

export const INCLUDE_FILE = '.worktreeinclude';
const SHOWN_MAX = 5;

export type IncludePorts = {
  readonly git: GitWork;
  readonly fs: Pick<Fs, 'facts' | 'readBounded' | 'makeFolders' | 'realPath'>;
  /** EEXIST when it is there. */
  readonly copyNewFile: (from: string, to: string) => Promise<void>;
  /** Words what was found; null: it may be copied. */
  readonly secretIn: (text: string) => Promise<string | null>;
};

export type IncludeRules = {
  /** Of the new work tree, and of the one that the files come from. */
  readonly to: string;
  readonly from: string;
  /** Relative to the top: what is docket's own. */
  readonly queues: string;
  readonly filesMax: number;
  readonly bytesMax: number;
};

export type Included = { readonly copied: readonly string[]; readonly notes: readonly string[] };

const shown = (names: readonly string[]): string =>
  `${names
    .slice(0, SHOWN_MAX)
    .map((name) => printable(name))
    .join(', ')}${names.length > SHOWN_MAX ? `, and ${String(names.length - SHOWN_MAX)} more` : ''}`;

export async function includeFiles(ports: IncludePorts, rules: IncludeRules): Promise<Included> {
  const { git, fs } = ports;
  const list = path.join(rules.from, INCLUDE_FILE);
  if ((await fs.facts(list))?.kind !== 'file') return { copied: [], notes: [] };
  const asked = await git(rules.from, ['ls-files', '-z', '--others', '--ignored', `--exclude-from=${list}`]);
  if (asked.code !== 0) return { copied: [], notes: [`${INCLUDE_FILE} was not followed: ${gitWords(asked)}`] };
  const names = asked.stdout.split('\0').filter((name) => name !== '' && !name.endsWith('/') && !isOurs(name, rules.queues));
  const files: { readonly name: string; readonly sizeBytes: number }[] = [];
  const links: string[] = [];
  for (const name of names) {
    const facts = await fs.facts(path.join(rules.from, name));
    if (facts?.kind === 'file') files.push({ name, sizeBytes: facts.sizeBytes });
    else links.push(name);
  }
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const too =
    files.length > rules.filesMax
      ? `${String(files.length)} files, at most ${String(rules.filesMax)} (worktrees.include_files)`
      : bytes > rules.bytesMax
        ? `${String(bytes)} bytes, at most ${String(rules.bytesMax)} (worktrees.include_bytes)`
        : null;
  if (too !== null) return { copied: [], notes: [`none of ${INCLUDE_FILE} was copied: it names ${too}`] };
  const copied: string[] = [];
  const notes = links.length === 0 ? [] : [`${INCLUDE_FILE}: no plain files, not copied: ${shown(links)}`];
  const secret: string[] = [];
  for (const { name } of files) {
    const end = await copyOne(ports, rules, name);
    if (end === 'copied') copied.push(name);
    else if (end === 'secret') secret.push(name);
    else if (end !== 'there') notes.push(`${INCLUDE_FILE}: ${printable(name)} was not copied: ${end}`);
  }
  if (secret.length > 0) notes.push(`${INCLUDE_FILE}: these look as if they hold a secret, and were not copied: ${shown(secret)}`);
  return { copied, notes };
}

const isOurs = (name: string, queues: string): boolean => isInside(queues, name) || name.split('/').includes('.git');

/** What came of it; other words: why not. */
async function copyOne({ fs, copyNewFile, secretIn }: IncludePorts, rules: IncludeRules, name: string): Promise<string> {
  const [from, to] = [path.join(rules.from, name), path.join(rules.to, name)];
  if ((await fs.facts(to)) !== null) return 'there';
  try {
    const { bytes } = await fs.readBounded(from, rules.bytesMax);
    // Each byte is a character where it is no UTF-8: a key in a binary file is seen as well.
    if ((await secretIn(new TextDecoder('latin1').decode(bytes))) !== null) return 'secret';
    // A folder of the work tree may be a link to another place.
    let above = path.dirname(to);
    while ((await fs.facts(above)) === null) above = path.dirname(above);
    if (!isInside(rules.to, await fs.realPath(above))) return 'its folder leads out of the work tree';
    await fs.makeFolders(path.dirname(to));
    await copyNewFile(from, to);
    return 'copied';
  } catch (error) {
    return error instanceof Error ? printable(error.message) : String(error);
  }
}
