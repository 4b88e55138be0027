/**
 * Makes the history repository, or takes an existing one, and refuses places where it would do harm. Every step tests its own effect,
 * so a crash in the middle is mended by the next start. Nothing of a person's is changed: configuration goes into an included file.
 */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { FileKind, Fs, Log } from '#core/ports.ts';
import { ATTRIBUTES, README } from './layout.ts';
import type { RepositoryGit } from './git-door.ts';
import { decodeCommit, type Oid } from './objects.ts';
import { openObjects } from './read-objects.ts';
import { BRANCH, isOnMain, readTip } from './ref.ts';
import { ATTRIBUTES_TEXT, HOOK_MARK, MARK, PRE_PUSH, README_TEXT, settingsText, type PushRules } from './setup-texts.ts';
import { openSnapshot } from './snapshot.ts';

export type SetupPorts = { readonly fs: Fs; readonly git: RepositoryGit; readonly log: Log };

const TEXT_BYTES_MAX = 4 * 1024 * 1024;
const FOLDERS = ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'hooks', 'info', 'logs/refs/heads'];
const INCLUDE = '[include]\n\tpath = docket/config\n';

/** A place that history must not take; `code: 'EHISTORY'`, the message says what to do. */
function refuse(words: string): Error {
  return Object.assign(new Error(words), { code: 'EHISTORY' });
}

const mend = 'set `history:` in docket.yaml to a folder of its own beside the code';

async function textOf(fs: Fs, file: string): Promise<string | null> {
  try {
    return Buffer.from((await fs.readBounded(file, TEXT_BYTES_MAX)).bytes).toString('utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}

/** A link counts as what it leads to; null when nothing is there. */
async function kindAt(fs: Fs, place: string): Promise<FileKind | null> {
  const facts = await fs.facts(place);
  if (facts?.kind !== 'link') return facts?.kind ?? null;
  return (await fs.facts(await fs.realPath(place)))?.kind ?? null;
}

/** The path with all links of its existing part resolved. */
async function realPlace(fs: Fs, place: string): Promise<string> {
  const absolute = path.resolve(place);
  if ((await kindAt(fs, absolute)) !== null) return fs.realPath(absolute);
  return path.join(await realPlace(fs, path.dirname(absolute)), path.basename(absolute));
}

const isInside = (place: string, folder: string): boolean =>
  place === folder || place.startsWith(folder.endsWith('/') ? folder : `${folder}/`);

async function nearestFolder(fs: Fs, place: string): Promise<string> {
  return (await kindAt(fs, place)) === 'folder' ? place : nearestFolder(fs, path.dirname(place));
}

/**
 * Where the repository may be: not in or around the code repository, not inside any other one.
 * @returns the folder, links resolved
 */
export async function choosePlace(ports: SetupPorts, dir: string, codeRoot: string | null): Promise<string> {
  const { fs, git } = ports;
  const place = await realPlace(fs, dir);
  if (codeRoot !== null) {
    const code = await realPlace(fs, codeRoot);
    if (isInside(place, code)) throw refuse(`the history ${place} would lie inside the code repository ${code}: ${mend}`);
    if (isInside(code, place)) throw refuse(`the code repository ${code} lies inside the history ${place}: ${mend}`);
  }
  const around = await git.root(await nearestFolder(fs, path.dirname(place)));
  if (around !== null) throw refuse(`the history ${place} would lie inside another git repository, ${around}: ${mend}`);
  return place;
}

/** Looks only: throws when there is something in this place that docket must not touch. */
export async function inspectFolder(ports: SetupPorts, dir: string): Promise<void> {
  const { fs } = ports;
  const gitDir = `${dir}/.git`;
  const kind = await kindAt(fs, dir);
  if (kind !== null && kind !== 'folder') throw refuse(`the history ${dir} is a ${kind}, not a folder: ${mend}`);
  if (kind === null) return;
  const inside = await fs.facts(gitDir);
  if (inside !== null && inside.kind !== 'folder')
    throw refuse(`the history ${dir} is a linked worktree or submodule (its .git is a ${inside.kind}): ${mend}`);
  if (inside === null) {
    const names = new Set((await fs.list(dir)).map(({ name }) => name));
    // Another docket has begun it between the two looks: several may start on one new history at once.
    if (names.has('.git')) {
      await inspectFolder(ports, dir);
      return;
    }
    if (names.has('HEAD') && names.has('objects') && names.has('refs'))
      throw refuse(`the history ${dir} is a bare repository; docket keeps the files readable beside it: ${mend}`);
    if (names.size > 0) throw refuse(`the folder ${dir} is not empty and no history of docket: ${mend}`);
    return;
  }
  if ((await fs.facts(`${gitDir}/config`)) !== null) await refuseForeignFormat(ports, dir, gitDir);
  await refuseForeignHistory(fs, dir, gitDir);
}

/** The folders that the kernel lock needs. */
export async function makeFolders(fs: Fs, dir: string): Promise<{ gitDir: string; stateDir: string }> {
  const gitDir = `${dir}/.git`;
  const stateDir = `${gitDir}/docket`;
  if ((await kindAt(fs, dir)) === null) await fs.makeFolders(dir, 0o700);
  await fs.makeFolders(stateDir, 0o700);
  return { gitDir, stateDir };
}

/** The rest, under the kernel lock: what git needs, settings, hook. Safe to repeat. */
export async function setUpRepository(ports: SetupPorts, dir: string, gitDir: string, push: PushRules): Promise<void> {
  const { fs, log } = ports;
  for (const folder of FOLDERS) await fs.makeFolders(`${gitDir}/${folder}`, 0o755);
  await writeWhenDifferent(fs, `${gitDir}/docket/config`, settingsText(push), 0o644);
  const config = (await textOf(fs, `${gitDir}/config`)) ?? (await newConfig(fs, dir));
  if (!config.includes(INCLUDE))
    await fs.replace(`${gitDir}/config`, `${config}${config === '' || config.endsWith('\n') ? '' : '\n'}${INCLUDE}`, 'safety', 0o644);
  const hook = await textOf(fs, `${gitDir}/hooks/pre-push`);
  if (hook === null || hook.includes(HOOK_MARK)) await writeWhenDifferent(fs, `${gitDir}/hooks/pre-push`, PRE_PUSH, 0o755);
  else log.warn(`${gitDir}/hooks/pre-push is not docket's and is left as it is: pushing the history is not guarded`);
  // HEAD makes it a repository: it comes last.
  if ((await textOf(fs, `${gitDir}/HEAD`)) === null) await fs.replace(`${gitDir}/HEAD`, `ref: ${BRANCH}\n`, 'safety', 0o644);
  await fs.syncFolder(gitDir, 'safety');
  await fs.syncFolder(dir, 'safety');
}

/** What `git init` would write here. */
async function newConfig(fs: Fs, dir: string): Promise<string> {
  const ignoresCase = (await fs.facts(`${dir}/.GIT`)) !== null;
  return `[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n${ignoresCase ? '\tignorecase = true\n' : ''}`;
}

async function writeWhenDifferent(fs: Fs, file: string, text: string, mode: number): Promise<void> {
  if ((await textOf(fs, file)) !== text) await fs.replace(file, text, 'safety', mode);
}

/** What says in which form a repository is kept, and where. */
const FORMAT_KEYS = ['extensions.objectformat', 'extensions.refstorage', 'core.bare', 'core.worktree'] as const;

async function refuseForeignFormat(ports: SetupPorts, dir: string, gitDir: string): Promise<void> {
  const config = await ports.git.config(gitDir, FORMAT_KEYS);
  const value = (key: (typeof FORMAT_KEYS)[number]): string => config(key).at(-1)?.toLowerCase() ?? '';
  const format = value('extensions.objectformat');
  if (format !== '' && format !== 'sha1')
    throw refuse(
      `the history ${dir} uses the object format ${format}; docket writes SHA-1 repositories (its own hashes are SHA-256): ${mend}`,
    );
  const refs = value('extensions.refstorage');
  if (refs !== '' && refs !== 'files') throw refuse(`the history ${dir} keeps its branches as ${refs}; docket writes plain files: ${mend}`);
  for (const [name, words] of [
    ['shallow', 'was cloned without its whole past (git fetch --unshallow)'],
    ['objects/info/alternates', 'borrows objects of another repository (git repack -a -d, then remove objects/info/alternates)'],
  ] as const)
    if ((await ports.fs.facts(`${gitDir}/${name}`)) !== null) throw refuse(`the history ${dir} ${words}`);
  if (value('core.bare') === 'true') throw refuse(`the history ${dir} is configured as a bare repository: ${mend}`);
  if (value('core.worktree') !== '') throw refuse(`the history ${dir} has its work tree elsewhere (core.worktree): ${mend}`);
}

/** The files of the first commit. */
export const FIRST_FILES: readonly { readonly path: string; readonly text: string }[] = [
  { path: ATTRIBUTES, text: ATTRIBUTES_TEXT },
  { path: README, text: README_TEXT },
];
export const FIRST_MESSAGE = 'docket: a history begins\n';

/** Throws for a repository that has commits of something else: no tip on main, or one without docket's mark. */
async function refuseForeignHistory(fs: Fs, dir: string, gitDir: string, isAgain = false): Promise<void> {
  const tip = await readTip(fs, gitDir);
  if (tip === null) {
    const branches = await fs.list(`${gitDir}/refs/heads`).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === 'ENOENT') return [];
      throw error;
    });
    // Another docket that starts at the same time has made its first commit between the two looks.
    if (!isAgain && branches.some(({ name, kind }) => name === 'main' && kind === 'file')) {
      await refuseForeignHistory(fs, dir, gitDir, true);
      return;
    }
    const packed = (await textOf(fs, `${gitDir}/packed-refs`))?.includes(' refs/heads/') === true;
    if (packed || branches.some(({ name }) => name?.endsWith('.lock') === false))
      throw refuse(`${dir} is a git repository with branches, but none is called main: ${mend}`);
    return;
  }
  const store = openObjects(fs, gitDir);
  try {
    const snapshot = await openSnapshot(store, decodeCommit(await store.readType(tip, 'commit')).tree);
    const blob = await snapshot.file(ATTRIBUTES);
    const text = blob === null ? '' : (await store.readType(blob, 'blob')).toString('utf8');
    if (!text.includes(MARK))
      throw refuse(`${dir} is a git repository with commits of something else (its .gitattributes lacks the line "${MARK}"): ${mend}`);
  } finally {
    await store.close();
  }
}

/** Null: a new repository, whose HEAD is now main. */
export async function firstTip(fs: Fs, gitDir: string): Promise<Oid | null> {
  const tip = await readTip(fs, gitDir);
  if (tip === null && !(await isOnMain(fs, gitDir))) await fs.replace(`${gitDir}/HEAD`, `ref: ${BRANCH}\n`, 'safety', 0o644);
  return tip;
}
