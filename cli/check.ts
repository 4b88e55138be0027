/** `docket check`: are these prompts valid? Nothing is run, dropped or recorded. All faults of a file at once, with line and column. */

import path from 'node:path';
import type { Command } from 'commander';
import type { Fault } from '#core/fault.ts';
import { describeFault } from '#core/fault.ts';
import type { RoleName } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { resolveSpec } from '#prompt-spec/resolve.ts';
import { EXIT, paint, show, type Common, type Io } from './io.ts';
import { commonOf, openAll, roleNamed, type Opened } from './open.ts';
import { parseFile } from './parse-file.ts';

export type Checked = {
  readonly file: string;
  readonly ok: boolean;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  readonly spec: string | null;
};
type Options = Common & { readonly role?: string };

export function addCheck(program: Command, io: Io): void {
  program
    .command('check')
    .description('validate prompts without running them')
    .argument('<file...>', 'prompt files')
    .option('--role <role>', 'the role whose inbox they are meant for (default: the one each file names)')
    .addHelpText(
      'after',
      '\nExit code 1 when one is not valid.\n\nExamples:\n  docket check prompt.md\n  docket check --role architect drafts/*.md --json',
    )
    .action(async (files: string[], _options: Options, command: Command) => {
      const common = commonOf(command);
      const opened = await openAll(io, common);
      const wanted = command.opts<Options>().role;
      const role = wanted === undefined ? null : roleNamed(opened.roles, wanted).name;
      const checked: Checked[] = [];
      for (const file of files) checked.push(await checkFile(io, opened, file, role));
      show(io, common, checked, checked.map((one) => words(io, one)).join('\n'));
      if (checked.some((one) => !one.ok)) io.setExitCode(EXIT.notWell);
    });
}

async function checkFile(io: Io, opened: Opened, file: string, role: RoleName | null): Promise<Checked> {
  const { settings } = opened.workspace;
  const bad = (...faults: readonly Fault[]): Checked => ({ file, ok: false, faults, warnings: [], spec: null });
  let bytes: Uint8Array;
  try {
    ({ bytes } = await makeFs().readBounded(path.resolve(io.cwd, file), settings['limits.prompt_bytes']));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const tooLarge = code === 'EFBIG';
    return bad({
      code: tooLarge ? 'file-too-large' : 'file-unreadable',
      line: 0,
      column: 0,
      field: 'file',
      message: tooLarge ? 'the file is too large' : 'the file cannot be read',
      expected: tooLarge ? `at most ${String(settings['limits.prompt_bytes'])} bytes` : 'a regular file, no link',
      found: tooLarge ? 'more' : code,
      mend: tooLarge ? 'shorten it, or raise limits.prompt_bytes in docket.yaml' : 'look at its name and permissions',
    });
  }
  return checkBytes(opened, file, bytes, role);
}

/** @param file for words */
export function checkBytes(opened: Opened, file: string, bytes: Uint8Array, role: RoleName | null): Checked {
  const bad = (...faults: readonly Fault[]): Checked => ({ file, ok: false, faults, warnings: [], spec: null });
  const parsed = parseFile(bytes, opened, role);
  if (!parsed.ok) return bad(...parsed.error);
  const spec = resolveSpec(parsed.value.specVersion, parsed.value.agent, opened.specs);
  if (!spec.ok) return bad(spec.error);
  return { file, ok: true, faults: [], warnings: parsed.value.warnings, spec: spec.value.version };
}

const words = (io: Io, one: Checked): string =>
  [
    `${one.ok ? paint(io, 'green', 'valid') : paint(io, 'red', 'not valid')}  ${one.file}${one.spec === null ? '' : ` (prompt spec ${one.spec})`}`,
    ...one.faults.map((fault) => describeFault(fault).replaceAll(/^/gm, '  ')),
    ...one.warnings.map((warning) => `  note: ${describeFault(warning).replaceAll(/^/gm, '  ').trimStart()}`),
  ].join('\n');
