/** Where a workspace may be made, and how its application is called. Everything is looked at before anything is written. */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { AskProgram, Fs } from '#core/ports.ts';
import { gitOrigin } from '#platform/git-program.ts';
import { homeFolder } from '#platform/system.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { findRepository, findRoot, SETTINGS_FILE } from './workspace.ts';

const PACKAGE_BYTES_MAX = 1_000_000;
const NAME_LENGTH_MAX = 64;
/** The state folder of a workspace, and the mark of a history repository (history/setup.ts). */
const STATE_FOLDER = '.docket';
const HISTORY_MARK = path.join('.git', 'docket', 'config');

const wrong = (message: string): CliError => new CliError(`${message}; nothing was made`, EXIT.wrongUse);

function* upwards(folder: string): Generator<string> {
  for (let at = folder; ; at = path.dirname(at)) {
    yield at;
    if (at === path.dirname(at)) return;
  }
}

const realOrSelf = async (fs: Fs, place: string): Promise<string> => fs.realPath(place).catch(() => path.resolve(place));

/**
 * The folder that becomes a workspace, or is one already; absolute, links resolved. Throws CliError 2 that says why another one is needed.
 * @param named the argument or --root; undefined: the current folder, or the workspace it lies in
 */
export async function choosePlace(fs: Fs, io: Io, named: string | undefined): Promise<string> {
  const wanted = path.resolve(io.cwd, named ?? '.');
  const shown = printable(wanted);
  const root = await fs.realPath(wanted).catch(() => {
    throw wrong(`there is no folder ${shown}: make it first`);
  });
  if ((await fs.facts(root))?.kind !== 'folder') throw wrong(`${shown} is not a folder`);
  if (path.dirname(root) === root) throw wrong(`${shown} is the root of the file system: choose the folder of your application`);
  if (root === (await realOrSelf(fs, io.env['HOME'] ?? homeFolder())))
    throw wrong(`${shown} is your home folder: choose the folder of your application`);
  if (root.split(path.sep).includes('.git')) throw wrong(`${shown} is inside a .git folder: choose the folder of your application`);
  const names = new Set((await fs.list(root)).map(({ name }) => name));
  if (names.has('HEAD') && names.has('objects') && names.has('refs'))
    throw wrong(`${shown} is a bare git repository: choose a folder with its files (git worktree add)`);
  for (const folder of upwards(root)) {
    if ((await fs.facts(path.join(folder, STATE_FOLDER)))?.kind === 'folder')
      throw wrong(`${shown} is inside the queues folder ${printable(folder)} of a workspace: choose the folder of your application`);
    if ((await fs.facts(path.join(folder, HISTORY_MARK))) !== null)
      throw wrong(`${shown} is inside the history repository ${printable(folder)}: choose the folder of your application`);
  }
  if (named === undefined) {
    const above = await findRoot(fs, root, null);
    if (above.ok && above.value !== root)
      throw wrong(
        `${shown} belongs to the workspace ${printable(above.value)} already: run \`docket init\` there, or name this folder to make it a workspace of its own (\`docket init .\`)`,
      );
  }
  return root;
}

/** Can files be made there? Tried, because permissions, read-only mounts and full disks all answer differently. Throws CliError 3. */
export async function needWritable(fs: Fs, folder: string, what: string, next: string, uuid: string): Promise<void> {
  let at = folder;
  while ((await fs.facts(at)) === null && path.dirname(at) !== at) at = path.dirname(at);
  const probe = path.join(at, `.docket-${uuid}.tmp`);
  try {
    await fs.writeDerived(probe, '');
    await fs.unlink(probe);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === '') throw error;
    throw new CliError(`${what} cannot be written: ${printable(at)} [${code}] (${next}); nothing was made`, EXIT.environment);
  }
}

/** `@acme/My Shop` -> `my-shop`: what can be a folder's name on every system. Empty when nothing is left. */
export const safeName = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, NAME_LENGTH_MAX)
    .replaceAll(/^-+|-+$/g, '');

export type AppName = { readonly app: string; readonly from: string };

/** --app, else the name in package.json, else the remote's, else the folder's (of the main work tree when this is a linked one). */
export async function chooseApp(fs: Fs, ask: AskProgram, root: string, flag: string | undefined): Promise<AppName> {
  if (flag !== undefined) {
    const safe = safeName(flag);
    if (flag === safe && safe !== '') return { app: flag, from: '--app' };
    throw wrong(
      `--app takes lower-case letters, digits and hyphens, at most ${String(NAME_LENGTH_MAX)}, got ${JSON.stringify(printable(flag))}${safe === '' ? '' : `: ${safe} would do`}`,
    );
  }
  const packaged = safeName((await packageName(fs, root)).replace(/^@[^/]*\//, ''));
  if (packaged !== '') return { app: packaged, from: 'package.json' };
  const repository = await findRepository(fs, root);
  const isTop = repository?.top === root;
  if (isTop) {
    const remote = safeName(/([^/:\\]+?)(?:\.git)?\/*$/.exec((await gitOrigin(ask, root)) ?? '')?.[1] ?? '');
    if (remote !== '') return { app: remote, from: 'the remote origin' };
  }
  const folder = safeName(path.basename(isTop ? repository.main : root));
  return folder === '' ? { app: 'app', from: 'the default' } : { app: folder, from: "the folder's name" };
}

/** Empty when there is none that can be read. */
async function packageName(fs: Fs, root: string): Promise<string> {
  try {
    const data: unknown = JSON.parse(
      new TextDecoder().decode((await fs.readBounded(path.join(root, 'package.json'), PACKAGE_BYTES_MAX)).bytes),
    );
    return typeof data === 'object' && data !== null && 'name' in data && typeof data.name === 'string' ? data.name : '';
  } catch {
    return '';
  }
}

/** What docket itself puts there, and what keeps an empty folder in a repository. */
const OURS = /^(?:\.docket|[0-9]{2}-[a-z0-9-]+|README\.md|\.gitkeep|\.gitignore|\.docket-.*\.tmp)$/;

/** A folder called queues may be somebody's code: docket would hide new files of it from git. Throws CliError 2. */
export async function refuseForeignQueues(fs: Fs, queues: string): Promise<void> {
  const kind = (await fs.facts(queues))?.kind;
  if (kind === undefined) return;
  if (kind !== 'folder') throw wrong(`${printable(queues)} is a ${kind}, not a folder: name another one with --queues`);
  const others = (await fs.list(queues)).map(({ name }) => name ?? '?').filter((name) => !OURS.test(name));
  if (others.length > 0)
    throw wrong(
      `the folder ${printable(queues)} holds other things already (${printable(others.slice(0, 3).join(', '))}${others.length > 3 ? ' …' : ''}): name another one with --queues`,
    );
}

export const settingsFileOf = (root: string): string => path.join(root, SETTINGS_FILE);
