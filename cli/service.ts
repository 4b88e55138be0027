/**
 * `docket service install | uninstall | status`: the daemon of a workspace as a user service of systemd, or an agent of launchd. docket writes or removes
 * one file and says which command a person runs next; it calls no service manager, starts nothing, enables nothing and asks for no rights. docs/daemons.md
 */

import type { Command } from 'commander';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { systemFacts, userId } from '#platform/system.ts';
import { mustHaveRunner } from './detached.ts';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { commonOf, connectControl, openWorkspace } from './open.ts';
import { packageFile } from './package.ts';
import { outputFile } from './places.ts';
import { serviceFile, serviceText, stateOfFile, type ServiceFile, type ServiceFileState, type ServiceManager } from './service-file.ts';
import { isPlain, isProgramPath, type ServicePlan } from './service-text.ts';

type Options = Common & { readonly dryRun?: boolean; readonly manager?: string };

/** Of the person's environment: where tools and state are. */
const HANDED_ON = ['PATH', 'XDG_STATE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_CACHE_HOME'] as const;

const STATE_WORDS: Readonly<Record<ServiceFileState, string>> = {
  none: 'not installed',
  ours: 'installed',
  older: 'installed, by other settings or another docket: `docket service install` brings it up to date',
  changed: 'installed, and changed by somebody since',
  foreign: 'not written by docket',
};

export function addService(program: Command, io: Io): void {
  const service = program.command('service').description('the daemon as a service of systemd or launchd, with limits');
  const verb = (name: string, words: string): Command =>
    service.command(name).description(words).option('--manager <name>', 'systemd or launchd (default: that of this system)');

  verb('install', 'write the unit or agent; it is not started: the next command is printed')
    .option('--dry-run', 'print the file, write nothing')
    .addHelpText(
      'after',
      '\nLimits and waits are settings (service.*). A file that somebody changed is left as it is, and the exit code is 1.\n\nExamples:\n  docket service install --dry-run\n  docket service install',
    )
    .action(async (_options: Options, command: Command) => install(io, command));
  verb('uninstall', 'remove the file, when docket wrote it and nobody changed it')
    .option('--dry-run', 'say what would be removed')
    .addHelpText('after', '\nExamples:\n  docket service uninstall --dry-run\n  docket service uninstall')
    .action(async (_options: Options, command: Command) => uninstall(io, command));
  verb('status', 'is it installed, enabled, running')
    .addHelpText('after', '\nExit code 1 when it is not installed, or somebody changed the file.\n\nExamples:\n  docket service status')
    .action(async (_options: Options, command: Command) => status(io, command));
}

function managerOf({ manager }: Options): ServiceManager {
  const { platform } = systemFacts();
  const found = manager ?? (platform === 'linux' ? 'systemd' : platform === 'darwin' ? 'launchd' : platform);
  if (found === 'systemd' || found === 'launchd') return found;
  if (manager === undefined)
    throw new CliError(`docket knows no service manager of ${platform}; it knows systemd and launchd`, EXIT.environment);
  throw new CliError(`--manager takes systemd or launchd, got ${JSON.stringify(manager)}`, EXIT.wrongUse);
}

function planOf(io: Io, manager: ServiceManager, { app, root, state, settings }: Workspace): ServicePlan {
  const env = Object.fromEntries(
    HANDED_ON.flatMap((name) => {
      const value = io.env[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const plan: ServicePlan = {
    app,
    root,
    node: process.execPath,
    docket: packageFile('bin/docket.js'),
    env,
    drainMs: settings['stop.drain'],
    memoryMb: settings['service.memory_mb'],
    tasks: settings['service.tasks'],
    cpuWeight: settings['service.cpu_weight'],
    restartMs: settings['service.restart'],
    restartMsMax: settings['service.restart_max'],
    restarts: settings['service.restarts'],
    restartWindowMs: settings['service.restart_window'],
    output: outputFile(state),
  };
  if (manager === 'systemd' && !isProgramPath(plan.node))
    throw new CliError(
      `systemd takes no program with a quote or a backslash in its path: ${JSON.stringify(plan.node)}; install docket elsewhere`,
      EXIT.environment,
    );
  const odd = [plan.root, plan.node, plan.docket, plan.output, ...Object.values(env)].find((text) => !isPlain(text));
  if (odd !== undefined)
    throw new CliError(`${JSON.stringify(odd)} has control characters, which cannot stand in the file of a service`, EXIT.environment);
  return plan;
}

type Opened = { readonly workspace: Workspace; readonly service: ServiceFile; readonly text: string; readonly state: ServiceFileState };

async function open(io: Io, common: Common, options: Options): Promise<Opened> {
  const workspace = await openWorkspace(io, common);
  const service = serviceFile(managerOf(options), io.env, workspace);
  const text = serviceText(service, planOf(io, service.manager, workspace));
  return { workspace, service, text, state: await stateOfFile(makeFs(), service.file, text) };
}

const domain = (): string => `gui/${String(userId() ?? 0)}`;
/** For the shell, as one word. */
const quoted = (text: string): string => (/^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);

const startCommand = ({ manager, name, file }: ServiceFile, state: ServiceFileState): string => {
  if (manager === 'systemd')
    return state === 'older'
      ? `systemctl --user daemon-reload && systemctl --user restart ${name}`
      : `systemctl --user enable --now ${name}`;
  const load = `launchctl bootstrap ${domain()} ${quoted(file)}`;
  return state === 'older' ? `launchctl bootout ${domain()}/${name}; ${load}` : load;
};
const stopCommand = ({ manager, name }: ServiceFile): string =>
  manager === 'systemd' ? `systemctl --user disable --now ${name}` : `launchctl bootout ${domain()}/${name}`;

const left = ({ file }: ServiceFile, state: 'changed' | 'foreign'): string =>
  state === 'foreign'
    ? `${file} was not written by docket, and is left as it is: move it away, or remove it yourself`
    : `${file} was changed since docket wrote it, and is left as it is: remove it yourself; changes of your own go into \`systemctl --user edit\`, beside it`;

async function install(io: Io, command: Command): Promise<void> {
  const common = commonOf(command);
  const options = command.opts<Options>();
  const { workspace, service, text, state } = await open(io, common, options);
  mustHaveRunner(workspace);
  const { manager, name, file } = service;
  const next = startCommand(service, state);
  if (options.dryRun === true) {
    show(io, common, { manager, name, file, did: 'nothing', text, next }, text.trimEnd());
    if (common.json !== true) io.err(`the file: ${file}\nthen: ${next}`);
    return;
  }
  if (state === 'changed' || state === 'foreign') throw new CliError(left(service, state), EXIT.notWell);
  const fs = makeFs();
  // launchd opens the daemon's output itself.
  if (manager === 'launchd') await fs.makeFolders(workspace.state, 0o700);
  if (state === 'none') {
    await fs.makeFolders(folderOf(file), 0o700);
    await fs.writeNew(file, text, 'safety', 0o644);
  } else if (state === 'older') await fs.replace(file, text, 'safety', 0o644);
  const did = state === 'none' ? 'written' : state === 'older' ? 'updated' : 'unchanged';
  const control = await connectControl(workspace);
  control?.close();
  const note = control === null ? [] : ['a daemon runs for this workspace now: unless it is this service, `docket down` first'];
  show(io, common, { manager, name, file, did, next, notes: note }, [`${did}: ${file}`, ...note, `next: ${next}`].join('\n'));
}

const folderOf = (file: string): string => file.slice(0, file.lastIndexOf('/'));

async function uninstall(io: Io, command: Command): Promise<void> {
  const common = commonOf(command);
  const options = command.opts<Options>();
  const workspace = await openWorkspace(io, common);
  const service = serviceFile(managerOf(options), io.env, workspace);
  const { manager, name, file, enabledBy } = service;
  const fs = makeFs();
  const state = await stateOfFile(fs, file, null);
  if (state === 'none') {
    show(io, common, { manager, name, file, did: 'nothing' }, `there is no ${file}`);
    return;
  }
  if (state === 'changed' || state === 'foreign') throw new CliError(left(service, state), EXIT.notWell);
  if (enabledBy !== null && (await fs.facts(enabledBy)) !== null)
    throw new CliError(`${name} is enabled: \`${stopCommand(service)}\` first, then this again; nothing was removed`, EXIT.notWell);
  if (options.dryRun === true) {
    show(io, common, { manager, name, file, did: 'nothing' }, `would remove ${file}`);
    return;
  }
  await fs.unlink(file);
  const next = manager === 'systemd' ? 'systemctl --user daemon-reload' : stopCommand(service);
  show(io, common, { manager, name, file, did: 'removed', next }, `removed: ${file}\nnext: ${next}`);
}

async function status(io: Io, command: Command): Promise<void> {
  const common = commonOf(command);
  const { workspace, service, state } = await open(io, common, command.opts<Options>());
  const { manager, name, file, enabledBy } = service;
  const enabled = enabledBy === null ? null : (await makeFs().facts(enabledBy)) !== null;
  const control = await connectControl(workspace);
  control?.close();
  const rows = [
    ['file', `${file}: ${STATE_WORDS[state]}`],
    ...(enabled === null ? [] : [['enabled', enabled ? 'yes' : `no: \`${startCommand(service, 'none')}\``]]),
    ['daemon', control === null ? 'none runs for this workspace' : 'up'],
  ];
  // docket calls no service manager, not even to ask it.
  const ask = manager === 'systemd' ? `systemctl --user status ${name}` : `launchctl print ${domain()}/${name}`;
  const data = { manager, name, file, installed: state, enabled, up: control !== null, ask };
  show(io, common, data, table([...rows, [manager, `\`${ask}\` says what it makes of it`]]));
  if (state !== 'ours' && state !== 'older') io.setExitCode(EXIT.notWell);
}
