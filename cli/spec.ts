/** `docket spec check`: are all prompt specs readable, is every released version still what it was, and does each version say how much it changed? */

import path from 'node:path';
import type { Command } from 'commander';
import { describeFault, type Fault } from '#core/fault.ts';
import type { Sha256 } from '#core/names.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { checkReleased, parseReleased, RELEASED_BYTES_MAX, renderReleased, type Hashes } from '#prompt-spec/check-released.ts';
import { fault, WHOLE_FILE } from '#prompt-spec/faults.ts';
import { isTooSmall, stepsOf, type SpecStep } from '#prompt-spec/spec-step.ts';
import { CliError, EXIT, show, table, type Common, type Io } from './io.ts';
import { commonOf, openAll } from './open.ts';
import { addSpecDiff } from './spec-diff.ts';
import { addSpecNew } from './spec-new.ts';

type Options = Common & { readonly release?: boolean };
const RELEASED = 'released.json';
const SPEC_BYTES_MAX = 262_144;
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
      const steps = stepsOf(specs).filter(({ said, found }) => isTooSmall(said, found));
      const released = new Set<string>();
      for (const folder of workspace.specFolders) {
        const checked = await checkFolder(folder, command.opts<Options>().release === true, steps);
        faults.push(...checked.faults);
        for (const file of checked.recorded) released.add(file.split('/', 1)[0] ?? '');
      }
      // A version that may still change has to be named right; of a released one nothing can be mended, so it is only told.
      faults.push(...steps.filter(({ to }) => !released.has(`v${to}`)).map(stepFault));
      const rows = specs.map((one) => [`v${one.version}`, one.role, one.summary]).toSorted((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1));
      const data = {
        ok: faults.length === 0,
        specs: specs.map(({ version, role, summary, file }) => ({ version, role, summary, file })),
        faults,
        steps,
      };
      show(
        io,
        common,
        data,
        [
          table(rows),
          ...faults.map(describeFault),
          ...steps.filter(({ to }) => released.has(`v${to}`)).map((one) => `told only, because it is released: ${stepWords(one)}`),
          faults.length === 0 ? 'all released versions are what they were' : '',
        ]
          .join('\n')
          .trimEnd(),
      );
      if (faults.length > 0) io.setExitCode(EXIT.notWell);
    });
  addSpecNew(spec, io);
  addSpecDiff(spec, io);
}

const stepWords = ({ role, from, to, said, found, changes }: SpecStep): string =>
  `${role} ${to} says ${said.toUpperCase()}, and against ${from} it is a ${found.toUpperCase()} change: ${changes
    .filter(({ step }) => step === found)
    .map(({ words }) => words)
    .join('; ')}`;

const stepFault = (step: SpecStep): Fault =>
  fault('spec-step-too-small', 'version', WHOLE_FILE, {
    message: stepWords(step),
    expected: `a ${step.found.toUpperCase()} version after ${step.from}`,
    found: step.to,
    mend: `rename its folder, or make it again with docket spec new --${step.found}`,
  });

type Checked = { readonly faults: readonly Fault[]; readonly recorded: readonly string[] };

/** @param steps versions that say less than they changed: none of them is recorded */
async function checkFolder(folder: string, release: boolean, steps: readonly SpecStep[]): Promise<Checked> {
  const fs = makeFs();
  const digest = makeDigest();
  if ((await fs.facts(folder))?.kind !== 'folder') return { faults: [], recorded: [] };
  const present = new Map<string, Sha256>();
  for (const version of await fs.list(folder)) {
    if (version.kind !== 'folder' || version.name === null || !VERSION_FOLDER.test(version.name)) continue;
    for (const file of await fs.list(path.join(folder, version.name))) {
      if (file.name === null || !/\.(?:md|json)$/.test(file.name)) continue;
      const { bytes } = await fs.readBounded(path.join(folder, version.name, file.name), SPEC_BYTES_MAX);
      present.set(`${version.name}/${file.name}`, digest.sha256(bytes));
    }
  }
  const recordFile = path.join(folder, RELEASED);
  const isThere = (await fs.facts(recordFile)) !== null;
  const recorded = isThere ? parseReleased(new TextDecoder().decode((await fs.readBounded(recordFile, RELEASED_BYTES_MAX)).bytes)) : null;
  if (recorded !== null && !recorded.ok) return { faults: recorded.error, recorded: [] };
  const known: Hashes = recorded === null ? new Map() : recorded.value;
  const faults = recorded === null ? [] : checkReleased(recorded.value, present);
  if (release) {
    if (faults.length > 0)
      throw new CliError(
        `nothing was recorded, because released versions were changed:\n${faults.map(describeFault).join('\n')}`,
        EXIT.notWell,
      );
    const early = steps.find(({ to }) => hasVersion(present, to) && !hasVersion(known, to));
    if (early !== undefined)
      throw new CliError(`nothing was recorded: ${stepWords(early)} (docket spec new --${early.found})`, EXIT.notWell);
    await fs.replace(recordFile, renderReleased(present), 'safety', 0o644);
  }
  return { faults, recorded: [...(release ? present : known).keys()] };
}

const hasVersion = (files: Hashes, version: string): boolean => [...files.keys()].some((one) => one.startsWith(`v${version}/`));
