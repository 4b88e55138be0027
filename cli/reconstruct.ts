/** `docket reconstruct`: a record of the history as files in a folder of its own, each hash checked, and what is missing told plainly. */

import path from 'node:path';
import type { Command } from 'commander';
import { printable } from '#core/names.ts';
import { describeIdentity } from '#core/prompt.ts';
import { findRecord } from '#history/reconstruct-find.ts';
import { makeFs } from '#platform/files.ts';
import { codeObjectsFolder } from './code.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { commonOf } from './open.ts';
import { wantedRecord, withReader, type HistoryFlag } from './reconstruct-name.ts';
import { writeRecord, type Manifest } from './reconstruct-write.ts';

type Options = Common & HistoryFlag & { readonly to: string; readonly code?: string };

export function addReconstruct(program: Command, io: Io): void {
  program
    .command('reconstruct')
    .description('write a recorded prompt, its answer, evidence and materials into a folder, each hash checked')
    .argument('<record...>', 'FEATURE role@revision, FEATURE/role/name@revision, or a job id; without @ the newest revision')
    .requiredOption('--to <folder>', 'a new folder, or an empty one')
    .option('--history <folder>', 'a clone of the history; no workspace is needed then')
    .option('--code <repository>', 'write the code at its base commit too, into code/')
    .addHelpText(
      'after',
      '\nReads only; the code repository is not touched. README.md in the folder says how to check it by hand. Exit code 1 when a hash differs, or something\nis missing that nobody purged.\n\nExamples:\n  docket reconstruct FEAT-123 architect@2 --to /tmp/audit\n  docket reconstruct FEAT-123/ui/filter-panel@1 --to audit --history my-app-ai-history --code my-app',
    )
    .action(async (words: readonly string[], _options: Options, command: Command) => {
      const common = commonOf(command);
      const { to, history, code } = command.opts<Options>();
      const wanted = wantedRecord(words);
      const dir = path.resolve(io.cwd, to);
      const repository = code === undefined ? null : path.resolve(io.cwd, code);
      // Wrong words are told before anything is written.
      if (repository !== null) await codeObjectsFolder(makeFs(), repository);
      await withReader(io, common, history === undefined ? {} : { history }, async (reader, place) => {
        const found = await findRecord(reader, wanted);
        if (found === null) throw new CliError(`nothing is recorded as ${printable(words.join(' '))} in ${place}`, EXIT.wrongUse);
        const manifest = await writeRecord(makeFs(), reader, found, dir, repository);
        show(io, common, { folder: dir, ...manifest }, text(io, dir, describeIdentity(found.identity), manifest));
        if (!manifest.ok) io.setExitCode(EXIT.notWell);
      });
    });
}

function text(io: Io, dir: string, identity: string, manifest: Manifest): string {
  const { ok, record, files, code, missing } = manifest;
  const where = code.written === null ? 'not written (--code <repository>)' : `${String(code.written.files)} files in code/`;
  return [
    `${ok ? paint(io, 'green', 'reconstructed') : paint(io, 'red', 'NOT ALL OF IT')}: ${identity}, ${record.status}, job ${record.job}`,
    `${String(files.length)} files in ${printable(dir, 1_000)}, ${String(files.filter((file) => file.ok).length)} with the hash that was stated; README.md says how to check them`,
    ...(code.base_commit === null ? [] : [`code at ${printable(code.base_commit)}: ${where}`]),
    ...files.filter((file) => !file.ok).map((file) => `differs: ${file.path} (${file.from})`),
    ...missing.map(({ what, why, words }) => `${why}: ${printable(what)}: ${printable(words, 600)}`),
  ].join('\n');
}
