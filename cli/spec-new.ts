/**
 * `docket spec new`: the newest spec of a role, or of each role, copied into a folder of its next version in the workspace's prompt-spec/.
 * Nothing is overwritten and nothing is opened; a version whose hashes are recorded takes no new file.
 */

import path from 'node:path';
import type { Command } from 'commander';
import type { Fs } from '#core/ports.ts';
import type { PromptSpec } from '#core/role.ts';
import { makeFs } from '#platform/files.ts';
import { parseReleased, RELEASED_BYTES_MAX } from '#prompt-spec/check-released.ts';
import { newer, nextVersion, STEP_RULES, versionsOf } from '#prompt-spec/spec-step.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, openAll } from './open.ts';

type Options = Common & { readonly major?: boolean; readonly minor?: boolean; readonly patch?: boolean };
const STEPS = ['major', 'minor', 'patch'] as const;
const SPEC_BYTES_MAX = 262_144;

export function addSpecNew(spec: Command, io: Io): void {
  spec
    .command('new')
    .description('copy the newest prompt spec into the folder of its next version, for you to edit')
    .argument('[role]', 'one role; without it each role')
    .option('--major', 'what readers of answers rely on is removed, renamed or changed')
    .option('--minor', 'something is added, and what was there stays')
    .option('--patch', 'other words that ask for the same')
    .addHelpText(
      'after',
      `\n${STEP_RULES.join('\n')}\n\nNothing is overwritten. Until \`docket spec check --release\` the new version may change.\n\nExamples:\n  docket spec new --minor architect\n  docket spec new --major`,
    )
    .action(async (role: string | undefined, _options: Options, command: Command) => {
      const common = commonOf(command);
      const options = command.opts<Options>();
      const [step, ...others] = STEPS.filter((one) => options[one] === true);
      if (step === undefined || others.length > 0) throw new CliError('choose one: --major, --minor or --patch', EXIT.wrongUse);
      const { workspace, specs } = await openAll(io, common);
      const newest = newestOf(specs, role);
      const from = newest.map(({ version }) => version).reduce(newer);
      const version = nextVersion(from, step);
      const fs = makeFs();
      const [own] = workspace.specFolders;
      if (own === undefined) throw new CliError('this workspace has no folder for prompt specs', EXIT.environment);
      const files = await copies(fs, newest, path.join(own, `v${version}`));
      await mustBeOpen(
        fs,
        own,
        version,
        files.map(({ to }) => to),
      );
      await fs.makeFolders(path.join(own, `v${version}`), 0o755);
      for (const { to, bytes } of files) await fs.writeNew(to, bytes, 'safety', 0o644);
      const shown = files.map(({ to }) => path.relative(workspace.root, to));
      const todo = [
        `edit ${shown.length === 1 ? 'it' : 'them'}: the summary and \`output\` in the front matter, then the text`,
        ...(step === 'major' ? ['where the handover names its contract (`contract: <role>/N`), N is the new MAJOR'] : []),
        `say what changed, and why, in ${path.join('prompt-spec', 'CHANGELOG.md')}`,
        `\`docket spec diff${role === undefined ? '' : ` ${role}`}\` shows what changed and what kind of change it is`,
        '`docket spec check`, and when it is ready `docket spec check --release`: from then on it never changes',
      ];
      const text = [
        `v${version}, from v${from}:`,
        ...shown.map((file) => `  ${file}`),
        '',
        ...todo.map((one) => `- ${one}`),
        '',
        ...STEP_RULES,
      ].join('\n');
      show(io, common, { version, from, step, files: shown, todo, rules: STEP_RULES }, text);
    });
}

/** The newest release of the role, or of each. */
export function newestOf(specs: readonly PromptSpec[], role: string | undefined): PromptSpec[] {
  const roles = [...new Set(specs.map((one): string => one.role))];
  if (role !== undefined && !roles.includes(role))
    throw new CliError(`no prompt spec is installed for a role ${JSON.stringify(role)} (there are ${roles.join(', ')})`, EXIT.wrongUse);
  return (role === undefined ? roles : [role]).flatMap((one) => versionsOf(specs, one).slice(-1));
}

type Copy = { readonly to: string; readonly bytes: Uint8Array | string };

/** Each spec, and the schemas that it names. */
async function copies(fs: Fs, specs: readonly PromptSpec[], folder: string): Promise<Copy[]> {
  const files = new Map<string, Copy>();
  for (const { file, source, output } of specs) {
    const to = path.join(folder, path.basename(file));
    files.set(to, { to, bytes: source });
    for (const check of output) {
      if (!('fence' in check) || check.schema === undefined) continue;
      const beside = path.join(folder, check.schema.file);
      const { bytes } = await fs.readBounded(path.join(path.dirname(file), check.schema.file), SPEC_BYTES_MAX);
      files.set(beside, { to: beside, bytes });
    }
  }
  return [...files.values()];
}

async function mustBeOpen(fs: Fs, own: string, version: string, files: readonly string[]): Promise<void> {
  const record = path.join(own, 'released.json');
  const isThere = (await fs.facts(record)) !== null;
  const recorded = isThere ? parseReleased(new TextDecoder().decode((await fs.readBounded(record, RELEASED_BYTES_MAX)).bytes)) : null;
  if (recorded !== null && !recorded.ok)
    throw new CliError('prompt-spec/released.json cannot be read: take it from the last release', EXIT.notWell);
  if (recorded !== null && [...recorded.value.keys()].some((one) => one.startsWith(`v${version}/`)))
    throw new CliError(`v${version} is released, and takes no new file: choose a larger step`, EXIT.notWell);
  for (const file of files)
    if ((await fs.facts(file)) !== null) throw new CliError(`${file} is there already: edit it, or take it away first`, EXIT.notWell);
}
