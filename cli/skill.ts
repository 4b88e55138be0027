/**
 * `docket skill`: the SKILL.md that teaches agents how to work with docket (skills/docket/SKILL.md), put where their tools look for skills.
 *
 * Invariant: a file that a person wrote or changed is left as it is, unless --force; what is the same is not written again.
 */

import path from 'node:path';
import { printable } from '#core/names.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { homeFolder } from '#platform/system.ts';
import type { Command } from 'commander';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { commonOf, openWorkspace } from './open.ts';
import { packageFile, packageVersion } from './package.ts';
import { isOurs, isSkillTool, marked, SKILL_PLACES, USUAL, type SkillTool } from './skill-places.ts';

type Options = Common & { readonly user?: boolean; readonly project?: boolean; readonly for?: readonly string[]; readonly force?: boolean };

const SKILL = 'docket';
const digest = makeDigest();
const sha256 = (text: string): string => digest.sha256(text);
const FILE_BYTES_MAX = 1_000_000;
const TOOLS = Object.keys(SKILL_PLACES).join(', ');

export function addSkill(program: Command, io: Io): void {
  const skill = program.command('skill').description('the skill that teaches agents to work with docket');
  skill
    .command('show')
    .description('print SKILL.md')
    .action(async (_options: Common, command: Command) => {
      const text = await skillText();
      show(io, commonOf(command), { name: SKILL, text }, text.trimEnd());
    });
  skill
    .command('install')
    .description('write SKILL.md where AI tools look for skills')
    .option('--project', 'below the workspace, for everybody who works on it (default)')
    .option('--user', 'below your home folder, for all your projects')
    .option('--for <tool...>', `${TOOLS} (default: ${USUAL.join(' and ')}, which all of these read)`)
    .option('--force', 'also over a file that somebody changed')
    .addHelpText(
      'after',
      [
        '',
        'Again it brings older files of docket up to date and leaves the others. A file that a person changed stays, and the exit code is 1. docs/mcp.md',
        '',
        'Examples:',
        '  docket skill install',
        '  docket skill install --user --for claude',
      ].join('\n'),
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      if (options.user === true && options.project === true) throw new CliError('--user or --project, not both', EXIT.wrongUse);
      const scope = options.user === true ? 'user' : 'project';
      const root = scope === 'user' ? homeOf(io) : (await openWorkspace(io, common)).root;
      const tools = (options.for ?? USUAL).flatMap((one) => one.split(',')).map(toolNamed);
      const text = marked(await skillText(), packageVersion(), sha256);
      const files = [...new Set(tools.map((tool) => path.join(root, ...SKILL_PLACES[tool][scope], SKILL, 'SKILL.md')))];
      const done: { readonly file: string; readonly did: Did }[] = [];
      for (const file of files) done.push({ file, did: await put(file, text, options.force === true) });
      show(io, common, { scope, files: done }, table(done.map(({ file, did }) => [WORDS[did], file])));
      if (!done.some(({ did }) => did === 'kept')) return;
      io.err(
        'a file that docket did not write, or that somebody changed since, is left as it is: compare it with `docket skill show`, or --force',
      );
      io.setExitCode(EXIT.notWell);
    });
}

type Did = 'written' | 'updated' | 'unchanged' | 'kept';
const WORDS: Readonly<Record<Did, string>> = {
  written: 'wrote',
  updated: 'brought up to date',
  unchanged: 'unchanged',
  kept: 'left as it is',
};

const skillText = async (): Promise<string> =>
  new TextDecoder().decode((await makeFs().readBounded(packageFile(`skills/${SKILL}/SKILL.md`), FILE_BYTES_MAX)).bytes);

const homeOf = (io: Io): string => io.env['HOME'] ?? homeFolder();

function toolNamed(text: string): SkillTool {
  if (isSkillTool(text)) return text;
  throw new CliError(`${JSON.stringify(printable(text))} is no tool whose place for skills is known; there are: ${TOOLS}`, EXIT.wrongUse);
}

async function put(file: string, text: string, isForced: boolean): Promise<Did> {
  const fs = makeFs();
  const facts = await fs.facts(file);
  // A link is somebody's own arrangement: it is neither followed nor replaced.
  if (facts !== null && facts.kind !== 'file')
    throw new CliError(
      `${file} is ${facts.kind === 'folder' ? 'a folder' : 'no regular file'}: take it away first, nothing was written there`,
      EXIT.environment,
    );
  if (facts !== null) {
    const found = await fs.readBounded(file, FILE_BYTES_MAX).then(
      ({ bytes }) => new TextDecoder().decode(bytes),
      () => null,
    );
    if (found === text) return 'unchanged';
    if (!isForced && (found === null || !isOurs(found, sha256))) return 'kept';
  }
  await fs.makeFolders(path.dirname(file));
  await (facts === null ? fs.writeNew(file, text, 'safety', 0o644) : fs.replace(file, text, 'safety', 0o644));
  return facts === null ? 'written' : 'updated';
}
