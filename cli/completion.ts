/** `docket completion`: a script for a shell, made from the verbs and options there are; the script asks `docket completion --list` for names. */

import { Argument, Option, type Command } from 'commander';
import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import { LISTS, shapesOf, type ListName, type VerbShape } from './completion-shape.ts';
import { zshScript } from './completion-zsh.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, log, openAll } from './open.ts';
import { spoolOf } from './parts.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Readonly<
  Record<string, (shapes: readonly VerbShape[]) => string>
>;
type Shell = keyof typeof SCRIPTS;
type Options = Common & { readonly list?: ListName };

const STEMS_MAX = 500;

export function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('[shell]', 'the shell').choices(Object.keys(SCRIPTS)))
    .addOption(new Option('--list <what>', 'print names, one per line').choices([...LISTS]).hideHelp())
    .addHelpText(
      'after',
      '\nInstall it once:\n  bash   docket completion bash > ~/.local/share/bash-completion/completions/docket\n         (or in ~/.bashrc: source <(docket completion bash))\n  zsh    docket completion zsh > "${fpath[1]}/_docket"    (or in ~/.zshrc, after compinit: source <(docket completion zsh))\n  fish   docket completion fish > ~/.config/fish/completions/docket.fish\n\nExamples:\n  docket completion bash\n  source <(docket completion zsh)',
    )
    .action(async (shell: Shell | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const { list } = command.opts<Options>();
      if (list !== undefined) {
        const names = await namesOf(io, common, list);
        if (common.json === true || names.length > 0) show(io, common, names, names.join('\n'));
        return;
      }
      if (shell === undefined) throw new CliError(`for which shell? docket completion ${Object.keys(SCRIPTS).join('|')}`, EXIT.wrongUse);
      const script = SCRIPTS[shell](shapesOf(program));
      show(io, common, { shell, script }, script.trimEnd());
    });
}

async function namesOf(io: Io, common: Common, list: ListName): Promise<readonly string[]> {
  const { workspace, roles } = await openAll(io, common);
  if (list === 'roles') return [...roles.keys()];
  const jobs = await spoolOf(workspace, [...roles.values()], log).list({
    ended: true,
    limit: STEMS_MAX,
    onFault: () => undefined,
  });
  return [...new Set(jobs.map((job) => job.stem))];
}
