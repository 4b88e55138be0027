/**
 * Finds the workspace: the nearest folder at or above with a docket.yaml, else --root; reads its settings; makes all its paths absolute.
 *
 * Invariant of what is returned: all paths are absolute; the history lies outside every work tree of the code repository, and neither
 * the code nor the queues lie in it.
 */

import path from 'node:path';
import type { FileFacts, Fs } from '#core/ports.ts';
import { printable } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { SettingKey, Workspace } from '#core/settings.ts';
import { fault, WHOLE_FILE } from '#prompt-spec/faults.ts';
import { packageRoot } from './package.ts';
import { loadSettings, type LoadedSettings, type SettingsFault } from './settings.ts';
import { SETTINGS_FILE_BYTES_MAX } from './settings-file.ts';
import type { Committed } from './settings-strict.ts';

export const SETTINGS_FILE = 'docket.yaml';
export const LOCAL_SETTINGS_FILE = 'docket.local.yaml';

/** What the loader needs of the file system. */
export type WorkspaceFs = Pick<Fs, 'facts' | 'readBounded' | 'realPath'>;

export type LoadOptions = {
  readonly cwd: string;
  /** --root; wins over the search. */
  readonly rootFlag: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Settings given as flags: key -> text. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly fs: WorkspaceFs;
  /** Asks git for docket.yaml as it is at HEAD; absent: the file holds as it is. Not called outside a repository. */
  readonly committed?: (root: string, name: string) => Promise<Committed>;
};

type Found<T> = Result<T, readonly SettingsFault[]>;

const refuse = (file: string, code: string, field: string, message: string, expected: string, found: string, mend: string): Found<never> =>
  err([{ ...fault(code, field, WHOLE_FILE, { message, expected, found: printable(found), mend }), file }]);

/** Facts of a path, null also when a part of it is not a folder. */
async function factsOf(fs: WorkspaceFs, file: string): Promise<FileFacts | null> {
  try {
    return await fs.facts(file);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOTDIR') return null;
    throw cause;
  }
}

/** The folder itself and all above it, nearest first. */
function* upwards(folder: string): Generator<string> {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    yield at;
    if (at === path.dirname(at)) return;
  }
}

export async function findRoot(fs: WorkspaceFs, cwd: string, rootFlag: string | null): Promise<Found<string>> {
  const init = 'run `docket init` in the folder of your application, or name a workspace with --root';
  if (rootFlag !== null) {
    const root = path.resolve(cwd, rootFlag);
    if ((await factsOf(fs, path.join(root, SETTINGS_FILE))) !== null) return ok(await fs.realPath(root));
    return refuse('--root', 'no-workspace', 'root', 'this is no workspace of docket', 'a folder with a docket.yaml', root, init);
  }
  for (const folder of upwards(cwd))
    if ((await factsOf(fs, path.join(folder, SETTINGS_FILE))) !== null) return ok(await fs.realPath(folder));
  return refuse(
    SETTINGS_FILE,
    'no-workspace',
    'root',
    'there is no workspace of docket here',
    'a docket.yaml in this folder or one above',
    cwd,
    init,
  );
}

/** Null when it is not there. */
async function readText(fs: WorkspaceFs, root: string, name: string): Promise<Found<string | null>> {
  const file = path.join(root, name);
  if ((await factsOf(fs, file)) === null) return ok(null);
  try {
    const { bytes } = await fs.readBounded(file, SETTINGS_FILE_BYTES_MAX);
    return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'EFBIG')
      return refuse(
        name,
        'settings-too-long',
        'file',
        'the file is too long',
        `at most ${String(SETTINGS_FILE_BYTES_MAX)} bytes`,
        file,
        'shorten it',
      );
    if (code === 'EINVAL' || code === 'ELOOP')
      return refuse(name, 'settings-not-a-file', 'file', 'this is no plain file', 'a file, no link', file, 'put the file itself here');
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return refuse(name, 'settings-not-utf8', 'file', 'the file is not UTF-8', 'UTF-8 text', file, 'save it as UTF-8');
    throw cause;
  }
}

/** A work tree of git: its own top folder, that of the main work tree when it is a linked one, and the git folder that all of them share. */
export type Repository = { readonly top: string; readonly main: string; readonly common: string };

/**
 * The git repository that holds a folder, without asking git; null when there is none.
 * Form of the `.git` file and of `commondir`: gitrepository-layout(5). A submodule is a repository of its own.
 */
export async function findRepository(fs: WorkspaceFs, folder: string): Promise<Repository | null> {
  for (const top of upwards(folder)) {
    const facts = await factsOf(fs, path.join(top, '.git'));
    if (facts === null) continue;
    if (facts.kind !== 'file') return { top, main: top, common: path.join(top, '.git') };
    const gitDir = /^gitdir: ([^]+?)\r?\n?$/.exec(await shortText(fs, path.join(top, '.git')))?.[1];
    if (gitDir === undefined) return { top, main: top, common: path.join(top, '.git') };
    const told = (await shortText(fs, path.join(path.resolve(top, gitDir), 'commondir'))).trim();
    const common = path.resolve(top, gitDir, told);
    return { top, main: told === '' ? top : await mainOf(fs, common), common };
  }
  return null;
}

/** The main work tree of a common git folder. A bare repository has none: then the place that one beside it would have, `app` for `app.git`. */
async function mainOf(fs: WorkspaceFs, common: string): Promise<string> {
  const set = /^[ \t]*worktree[ \t]*=[ \t]*(.+?)[ \t\r]*$/m.exec(await shortText(fs, path.join(common, 'config')))?.[1];
  if (set !== undefined) return path.resolve(common, set.replace(/^"([^]*)"$/, '$1'));
  const name = path.basename(common);
  return name.startsWith('.') || !name.endsWith('.git') ? path.dirname(common) : common.slice(0, -'.git'.length);
}

/** A small file of git's; empty when it is not there. */
async function shortText(fs: WorkspaceFs, file: string): Promise<string> {
  if ((await factsOf(fs, file)) === null) return '';
  return new TextDecoder().decode((await fs.readBounded(file, 8_192)).bytes);
}

export const isInside = (folder: string, inner: string): boolean => {
  const relative = path.relative(folder, inner);
  return relative === '' || (relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative));
};

/** All links of the part that exists are resolved; the rest is put behind it. */
async function settled(fs: WorkspaceFs, wanted: string): Promise<string> {
  for (const folder of upwards(wanted)) {
    if ((await factsOf(fs, folder)) === null) continue;
    return path.join(await fs.realPath(folder), path.relative(folder, wanted));
  }
  return wanted;
}

/** The same folder in the main work tree. */
export const homeOf = (repository: Repository, folder: string): string => path.join(repository.main, path.relative(repository.top, folder));

/** The system's own trees: nothing can be kept there, and creating folders in them may never return. */
const SYSTEM_TREES = ['/proc', '/sys', '/dev'];

type Paths = { readonly code: string; readonly queues: string; readonly history: string; readonly app: string };

async function pathsOf(fs: WorkspaceFs, root: string, { settings, sources }: LoadedSettings): Promise<Found<Paths>> {
  const code = await settled(fs, path.resolve(root, settings.code));
  const queues = await settled(fs, path.resolve(root, settings.queues));
  const repository = await findRepository(fs, code);
  // In a linked work tree the workspace of the main one gives its name and its place.
  const home = repository !== null && isInside(repository.top, root) ? homeOf(repository, root) : root;
  const app =
    settings.app === ''
      ? path
          .basename(home)
          .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
          .replace(/^[.-]+/, '') || 'app'
      : settings.app;
  const codeHome = repository?.main ?? code;
  const history = await settled(
    fs,
    settings.history === '' ? path.join(path.dirname(codeHome), `${app}-ai-history`) : path.resolve(home, settings.history),
  );

  const faults: SettingsFault[] = [];
  const wrong = (key: SettingKey, message: string, expected: string, found: string, mend: string): void => {
    const file = sources[key] === 'default' ? SETTINGS_FILE : sources[key];
    faults.push({ ...fault('setting-path', key, WHOLE_FILE, { message, expected, found: printable(found), mend }), file });
  };
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(app))
    wrong(
      'app',
      'this name cannot be a folder everywhere',
      'letters, digits, dots, hyphens and underscores, at most 64, a letter or digit first',
      app,
      'choose another name',
    );
  for (const [key, folder] of [
    ['code', code],
    ['queues', queues],
    ['history', history],
  ] as const) {
    if (SYSTEM_TREES.some((tree) => isInside(tree, folder)) || folder === path.parse(folder).root)
      wrong(key, 'nothing can be kept there', 'a folder of your own', folder, 'choose another folder');
  }
  const codeTrees = [code, ...(repository === null ? [] : [repository.top, repository.main])];
  const holder = codeTrees.find((tree) => isInside(tree, history));
  if (holder !== undefined)
    wrong(
      'history',
      'the history would lie inside the code repository',
      `a folder outside ${printable(holder)}`,
      history,
      'leave `history` out (it then lies beside the code), or name a folder outside',
    );
  else if (isInside(history, code) || isInside(history, queues))
    wrong('history', 'the code or the queues would lie inside the history', 'a folder of its own', history, 'name another folder');
  return faults.length > 0 ? err(faults) : ok({ code, queues, history, app });
}

/** All that is wrong with the files is told at once; paths are looked at when the files are right. */
export async function loadWorkspace(options: LoadOptions): Promise<Found<Workspace>> {
  const { fs } = options;
  const root = await findRoot(fs, options.cwd, options.rootFlag);
  if (!root.ok) return root;
  const shared = await readText(fs, root.value, SETTINGS_FILE);
  const own = await readText(fs, root.value, LOCAL_SETTINGS_FILE);
  const repository = await findRepository(fs, root.value);
  const isLinked = repository !== null && repository.main !== repository.top;
  // A linked work tree without one of its own has that of the main one.
  const local = isLinked && own.ok && own.value === null ? await readText(fs, homeOf(repository, root.value), LOCAL_SETTINGS_FILE) : own;
  if (!shared.ok || !local.ok) return err([...(shared.ok ? [] : shared.error), ...(local.ok ? [] : local.error)]);
  const committed: Committed =
    options.committed !== undefined && repository !== null ? await options.committed(root.value, SETTINGS_FILE) : { kind: 'no-repository' };
  const loaded = loadSettings({ docketYaml: shared.value, committed, localYaml: local.value, env: options.env, flags: options.flags });
  if (!loaded.ok) return loaded;
  const paths = await pathsOf(fs, root.value, loaded.value);
  if (!paths.ok) return paths;
  const packaged = packageRoot();
  const overlaid = (name: string): readonly string[] => [...new Set([path.join(root.value, name), path.join(packaged, name)])];
  return ok({
    root: root.value,
    ...paths.value,
    state: path.join(paths.value.queues, '.docket'),
    ...loaded.value,
    roleFolders: overlaid('agents'),
    specFolders: overlaid('prompt-spec'),
  });
}
