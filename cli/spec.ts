/** `docket spec check`: are all prompt specs readable, and is every released version still what it was? */

import path from 'node:path';
import type { Command } from 'commander';
import { describeFault, type Fault } from '#core/fault.ts';
import type { Sha256 } from '#core/names.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { checkReleased, parseReleased, renderReleased } from '#prompt-spec/check-released.ts';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { commonOf, openAll } from './open.ts';

type Options = Common & { readonly release?: boolean };
const RELEASED = 'released.json';
const SPEC_BYTES_MAX = 262_144;
const RELEASED_BYTES_MAX = 4_000_000;
const VERSION_FOLDER = /^v[0-9]+\.[0-9]+\.[0-9]+/;

export function addSpec(program: Command, io: Io): void {
  const spec = program.command('spec').description('the prompt specs');
  spec
    .command('check')
    .description('read every prompt spec, and compare released versions with their recorded hashes')
    .option('--release', 'record the hashes of versions that are not recorded yet: from then on they never change')
    .addHelpText(
      'after',
      '\nExit code 1 when a spec is not valid or a released version was changed.\n\nExamples:\n  docket spec check\n  docket spec check --release',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { workspace, specs } = await openAll(io, common);
      const faults: Fault[] = [];
      for (const folder of workspace.specFolders) faults.push(...(await checkFolder(folder, command.opts<Options>().release === true)));
      const rows = specs.map((one) => [`v${one.version}`, one.role, one.summary]).toSorted((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1));
      const data = {
        ok: faults.length === 0,
        specs: specs.map(({ version, role, summary, file }) => ({ version, role, summary, file })),
        faults,
      };
      show(
        io,
        common,
        data,
        [table(rows), ...faults.map(describeFault), faults.length === 0 ? 'all released versions are what they were' : '']
          .join('\n')
          .trimEnd(),
      );
      if (faults.length > 0) io.setExitCode(EXIT.notWell);
    });
}

async function checkFolder(folder: string, release: boolean): Promise<readonly Fault[]> {
  const fs = makeFs();
  const digest = makeDigest();
  if ((await fs.facts(folder))?.kind !== 'folder') return [];
  const present = new Map<string, Sha256>();
  for (const version of await fs.list(folder)) {
    if (version.kind !== 'folder' || version.name === null || !VERSION_FOLDER.test(version.name)) continue;
    for (const file of await fs.list(path.join(folder, version.name))) {
      if (file.name === null || !file.name.endsWith('.md')) continue;
      const { bytes } = await fs.readBounded(path.join(folder, version.name, file.name), SPEC_BYTES_MAX);
      present.set(`${version.name}/${file.name}`, digest.sha256(bytes));
    }
  }
  const recordFile = path.join(folder, RELEASED);
  const isThere = (await fs.facts(recordFile)) !== null;
  const recorded = isThere ? parseReleased(new TextDecoder().decode((await fs.readBounded(recordFile, RELEASED_BYTES_MAX)).bytes)) : null;
  if (recorded !== null && !recorded.ok) return recorded.error;
  const faults = recorded === null ? [] : checkReleased(recorded.value, present);
  if (release) {
    if (faults.length > 0)
      throw new CliError(
        `nothing was recorded, because released versions were changed:\n${faults.map(describeFault).join('\n')}`,
        EXIT.notWell,
      );
    await fs.replace(recordFile, renderReleased(present), 'safety', 0o644);
  }
  return faults;
}
