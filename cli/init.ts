/**
 * `docket init`: makes a workspace of a folder, or mends one: docket.yaml, the queues, the history repository, and git's exclude file.
 *
 *   look (place, name, paths, roles, write permission, tools) -> ask -> history -> queues -> exclude -> docket.yaml
 *
 * Invariant: what a person wrote is never changed, docket.yaml above all; it is written last, so where it stands, the rest stands too.
 */

import path from 'node:path';
import type { Command } from 'commander';
import type { FileFacts, Fs } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { askProgram } from '#platform/ask.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { repositoryRoot } from '#platform/git.ts';
import { gitUntracked } from '#platform/git-program.ts';
import { excludeQueues, type Excluded } from './init-exclude.ts';
import { chooseApp, choosePlace, needWritable, refuseForeignQueues, settingsFileOf, type AppName } from './init-place.ts';
import { settingsText } from './init-settings.ts';
import { askSigning, makeSigned, type Signed } from './init-sign.ts';
import { initWords, type Made } from './init-words.ts';
import { committed } from './committed.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { loadRoles } from './load.ts';
import { askRunner, findTools, OFFLINE, withRunners, type Tool } from './offer.ts';
import { commonOf, describeFileFaults, log } from './open.ts';
import { historyOf, spoolOf } from './parts.ts';
import { describeSettingsFaults } from './settings.ts';
import { isSigning } from './signing.ts';
import { loadWorkspace, SETTINGS_FILE, type WorkspaceFs } from './workspace.ts';

export type InitOptions = Common & {
  readonly app?: string;
  readonly runner?: string;
  readonly history?: string;
  readonly queues?: string;
  readonly yes?: boolean;
  readonly sign?: boolean;
};

export function addInit(program: Command, io: Io): void {
  program
    .command('init')
    .description('make a workspace: docket.yaml, the queues, the history repository')
    .argument('[folder]', 'the folder of your application (default: the current one)')
    .option('--app <name>', "the application's name (default: from package.json, the remote or the folder)")
    .option('--runner <name>', 'who answers: offline, claude or auto (default: asks on a terminal, else offline)')
    .option('--history <folder>', 'the history repository (default: ../<app>-ai-history)')
    .option('--queues <folder>', 'the queue folders (default: queues)')
    .option(
      '--sign',
      'sign all records: makes a key for docket unless you have one, and the list of who may sign (default: asks on a terminal, else no)',
    )
    .option('-y, --yes', 'ask nothing')
    .addHelpText(
      'after',
      '\nIn a git repository `git status` shows docket.yaml as the only new file: the queues are excluded through .git/info/exclude.\nRun again it mends what is missing; an existing docket.yaml is never changed.\n\nExamples:\n  docket init\n  docket init --runner claude --yes ~/src/shop\n  docket init --app shop --runner offline --json\n  docket init --sign --yes',
    )
    .action(async (folder: string | undefined, _options: InitOptions, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<InitOptions>();
      if (folder !== undefined && common.root !== undefined)
        throw new CliError(
          `two folders are named, ${JSON.stringify(folder)} and --root ${JSON.stringify(common.root)}: name one`,
          EXIT.wrongUse,
        );
      const made = await init(io, common, options, folder ?? common.root);
      const words = initWords(io, made);
      for (const note of words.notes) io.err(`note: ${note}`);
      show(io, common, words.data, words.text);
    });
}

async function init(io: Io, common: Common, options: InitOptions, named: string | undefined): Promise<Made> {
  const fs = makeFs();
  const root = await choosePlace(fs, io, named);
  const isNew = (await fs.facts(settingsFileOf(root))) === null;
  const name: AppName | null = isNew ? await chooseApp(fs, askProgram, root, options.app) : null;
  const textFor = (runner: string, isSigned = false): string =>
    settingsText({
      app: name?.app ?? '',
      runner,
      history: asWritten(io, root, options.history),
      queues: asWritten(io, root, options.queues),
      isSigned,
    });
  const like = await fs.facts(root);
  const loadWith = async (isSigned: boolean): Promise<Workspace> =>
    load(io, root, isNew ? withFile(fs, settingsFileOf(root), textFor(OFFLINE, isSigned), like) : fs);
  const plain = await loadWith(false);
  const roles = await loadRoles(fs, plain);
  if (!roles.ok) throw new CliError(`${describeFileFaults(roles.error)}\nnothing was made`, EXIT.environment);
  const folders = [...roles.value.values()];

  if (isNew) await refuseForeignQueues(fs, plain.queues);
  await needAllWritable(fs, plain, isNew);
  const kept: Choice = { tools: [], runner: plain.settings.runner, isChosen: true };
  const { tools, runner, isChosen } = isNew ? await chooseRunner(io, common, options, plain) : kept;
  const isSigned = isNew && (options.sign ?? (mayAsk(io, common, options) ? await askSigning() : false));
  const workspace = isSigned ? await loadWith(true) : plain;

  const signed = isSigned ? await signing(fs, workspace) : null;
  const history = await makeHistory(fs, workspace);
  const queues = await makeQueues(fs, workspace, folders);
  const excluded = await excludeQueues(fs, workspace);
  if (isNew) await writeSettings(fs, root, textFor(runner, isSigned));
  return {
    workspace,
    app: workspace.app,
    appFrom: name?.from ?? null,
    runner,
    isChosen,
    isNew,
    unused: isNew ? [] : unusedFlags(options, workspace),
    roles: folders.map((role) => role.folder),
    newRoles: queues,
    isNewHistory: history,
    excluded,
    untracked: await untracked(workspace, excluded, signed),
    tools,
    signed,
  };
}

/** A folder as it stands in docket.yaml: relative to it unless it was given as an absolute one. */
const asWritten = (io: Io, root: string, flag: string | undefined): string | null =>
  flag === undefined ? null : path.isAbsolute(flag) ? flag : path.relative(root, path.resolve(io.cwd, flag)) || '.';

/** The file system with one file more: the settings are checked, and all paths settled, before anything is written. */
const withFile = (fs: Fs, file: string, text: string, like: FileFacts | null): WorkspaceFs => ({
  realPath: (at) => fs.realPath(at),
  facts: async (at) => (at === file && like !== null ? { ...like, kind: 'file' } : fs.facts(at)),
  readBounded: async (at, maxBytes) =>
    at === file && like !== null
      ? { bytes: new TextEncoder().encode(text), facts: { ...like, kind: 'file' } }
      : fs.readBounded(at, maxBytes),
});

async function load(io: Io, root: string, fs: WorkspaceFs): Promise<Workspace> {
  const loaded = await loadWorkspace({ cwd: root, rootFlag: root, env: io.env, flags: {}, fs, committed });
  if (loaded.ok) return loaded.value;
  throw new CliError(`${root} cannot be a workspace like this; nothing was made:\n${describeSettingsFaults(loaded.error)}`, EXIT.wrongUse);
}

async function needAllWritable(fs: Fs, workspace: Workspace, isNew: boolean): Promise<void> {
  const uuid = makeDigest().uuid();
  if (isNew) await needWritable(fs, workspace.root, SETTINGS_FILE, 'choose a folder that is yours', uuid);
  await needWritable(fs, workspace.queues, 'the queues', 'choose a folder that is yours with --queues or queues: in docket.yaml', uuid);
  if ((await fs.facts(workspace.history)) === null)
    await needWritable(
      fs,
      workspace.history,
      'the history repository',
      'choose a folder outside the code that is yours with --history',
      uuid,
    );
}

type Choice = { readonly tools: readonly Tool[]; readonly runner: string; /** A person or a flag chose it. */ readonly isChosen: boolean };

async function chooseRunner(io: Io, common: Common, options: InitOptions, workspace: Workspace): Promise<Choice> {
  const { names, tools } = await withRunners(io, workspace, async (runners) => ({
    names: runners.names(),
    tools: await findTools(runners),
  }));
  if (options.runner !== undefined) {
    if (!names.includes(options.runner))
      throw new CliError(
        `there is no runner ${JSON.stringify(options.runner)}; there are: ${names.join(', ')} (a program of your own becomes one under \`runners:\` in docket.yaml); nothing was made`,
        EXIT.wrongUse,
      );
    return { tools, runner: options.runner, isChosen: true };
  }
  const isAsked = mayAsk(io, common, options);
  return { tools, runner: isAsked ? await askRunner(tools) : OFFLINE, isChosen: isAsked };
}

const mayAsk = (io: Io, common: Common, options: InitOptions): boolean => io.canAsk && options.yes !== true && common.json !== true;

async function signing(fs: Fs, workspace: Workspace): Promise<Signed> {
  try {
    return await makeSigned(fs, workspace);
  } catch (error) {
    throw error instanceof CliError ? error : asEnvironment('the signing key cannot be made', error);
  }
}

/** What went wrong with the disk, or the place, in words; a bug of docket stays one. */
function asEnvironment(what: string, error: unknown): Error {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof CliError) throw error;
  return new CliError(`${what}: ${error.message} (mend it, then run \`docket init\` again)`, EXIT.environment);
}

/** @returns was it made just now? */
async function makeHistory(fs: Fs, workspace: Workspace): Promise<boolean> {
  const isNew = (await fs.facts(path.join(workspace.history, '.git'))) === null;
  const history = historyOf(workspace, log);
  try {
    await history.open();
  } catch (error) {
    throw asEnvironment('the history repository cannot be made', error);
  } finally {
    await history.close();
  }
  return isNew;
}

/** @returns folders of the roles that had no inbox yet */
async function makeQueues(fs: Fs, workspace: Workspace, roles: readonly Role[]): Promise<readonly string[]> {
  const inbox = (role: Role): string => path.join(workspace.queues, role.folder, 'in');
  const missing: string[] = [];
  for (const role of roles) if ((await fs.facts(inbox(role))) === null) missing.push(role.folder);
  try {
    await spoolOf(workspace, roles, log).prepare();
    await fs.makeFolders(workspace.state, 0o700);
    await fs.chmod(workspace.state, 0o700);
  } catch (error) {
    throw asEnvironment('the queues cannot be made', error);
  }
  return missing;
}

async function writeSettings(fs: Fs, root: string, text: string): Promise<void> {
  try {
    await fs.writeNew(settingsFileOf(root), text, 'safety', 0o644);
    await fs.syncFolder(root, 'safety');
  } catch (error) {
    throw asEnvironment(`${SETTINGS_FILE} cannot be written`, error);
  }
}

async function untracked(workspace: Workspace, excluded: Excluded, signed: Signed | null): Promise<readonly string[] | null> {
  if (excluded.file === null) return null;
  const top = await topOf(workspace);
  return gitUntracked(askProgram, workspace.root, [
    ...excluded.paths,
    ...[settingsFileOf(workspace.root), ...(signed === null ? [] : [signed.signersFile])].map((file) => path.relative(top, file)),
  ]);
}

const topOf = async (workspace: Workspace): Promise<string> => (await repositoryRoot(workspace.root)) ?? workspace.root;

/** Flags that say something else than the docket.yaml that stays. */
function unusedFlags(options: InitOptions, workspace: Workspace): readonly string[] {
  const { settings } = workspace;
  const unused = (['app', 'runner', 'history', 'queues'] as const).filter(
    (key) => options[key] !== undefined && options[key] !== settings[key],
  );
  return [...unused, ...(options.sign === true && !isSigning(workspace) ? ['sign'] : [])].map((key) => `--${key}`);
}
