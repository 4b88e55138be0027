/** `docket tool`: the profiles of AI tools and other programs: which are known, what one says, is a file valid, and a draft for a tool that nobody knows. */

import type { Command } from 'commander';
import { wholeNumber, type Io } from './io.ts';
import { commonOf } from './open.ts';
import { checkProfile } from './tool-check.ts';
import { listTools, showTool } from './tool-list.ts';
import { probe, type ProbeFlags } from './tool-probe.ts';

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addTool(program: Command, io: Io): void {
  const tool = program.command('tool').description('the profiles of tools: what is known of each, and a draft for a new one');
  tool
    .command('list')
    .description('print every profile: how it was tested, which version is installed, where its file lies')
    .addHelpText('after', '\nStarts nothing but `--version` of each program.\n\nExample:\n  docket tool list')
    .action(async (_options: unknown, command: Command) => listTools(io, commonOf(command)));
  tool
    .command('show')
    .description('print what a profile says')
    .argument('<id>', 'the id of a profile')
    .addHelpText('after', '\nExample:\n  docket tool show codex')
    .action(async (id: string, _options: unknown, command: Command) => showTool(io, commonOf(command), id));
  tool
    .command('check')
    .description('validate a profile, a draft too')
    .argument('<file>', 'a profile: <id>.yaml or <id>.yaml.draft')
    .addHelpText('after', '\nExit code 1 when it is not valid.\n\nExample:\n  docket tool check agents/tools/mine.yaml.draft')
    .action(async (file: string, _options: unknown, command: Command) => checkProfile(io, commonOf(command), file));
  tool
    .command('probe')
    .description('make a draft of a profile for a command-line AI tool, from its help and a few tries')
    .argument('<program>', 'a name in PATH, or an absolute path')
    .option('--out <file>', 'where the draft goes (default: agents/tools/<id>.yaml.draft of the workspace, which nothing reads)')
    .option('--id <id>', 'the id of the profile (default: the name of the program)')
    .option('--model <model>', 'the model that is asked for (default: the tool decides)')
    .option('--pass-env <name>', 'hand this variable to the tool, too; may be repeated', several)
    .option('--arg <argument>', 'an argument that it always gets, written into the draft (no secrets); may be repeated', several)
    .option('--own-login', 'let it use your own home, where it may be logged in (default: an empty one)')
    .option('--timeout <seconds>', 'the longest that one prompt may take', wholeNumber('--timeout'), 60)
    .option('-y, --yes', 'send the harmless prompts without asking first: they may cost money')
    .addHelpText(
      'after',
      `
It reads --version and --help, and then asks before it sends a prompt: up to 12 that ask for two words back, each in an empty folder, and one with a model
that does not exist, to see an error. The tool is given its own variables only, and an empty home. The draft says what was seen and what was not; look at
each line, then rename it to <id>.yaml.

Exit code 1 when no answer was seen; the draft is written all the same.

Examples:
  docket tool probe newtool
  docket tool probe newtool --own-login --model small --yes
  docket tool probe /opt/bin/newtool --pass-env NEW_API_KEY --out newtool.yaml.draft`,
    )
    .action(async (name: string, _options: unknown, command: Command) => probe(io, commonOf(command), name, command.opts<ProbeFlags>()));
}
