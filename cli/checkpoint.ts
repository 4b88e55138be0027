/** `docket checkpoint`: prints, writes and sends the head of the chain, signed when signing is on, with an external time beside it when one is set up. */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Command } from 'commander';
import type { Checkpoint } from '#core/history.ts';
import { printable } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import type { Settings, Workspace } from '#core/settings.ts';
import { CHECKPOINT_TYPE, renderCheckpoint } from '#history/checkpoint.ts';
import { wrap } from '#history/dsse.ts';
import { askProgram } from '#platform/ask.ts';
import { makeFs } from '#platform/files.ts';
import { httpPost } from '#platform/http-post.ts';
import { askForTime, checkWords, stampFileOf, wantsTime } from './checkpoint-time.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { commonOf, log, openWorkspace } from './open.ts';
import { historyOf } from './parts.ts';
import { signingOf } from './signing.ts';

type Options = Common & { readonly to?: string; readonly send?: boolean };

export function addCheckpoint(program: Command, io: Io): void {
  program
    .command('checkpoint')
    .description('the head of the chain, to be kept elsewhere; `docket verify --against` compares')
    .option('--to <file>', 'write it into a new file, with a time stamp beside it when checkpoint.time_stamp is set')
    .option('--send', 'hand it to the program of checkpoint.command')
    .addHelpText(
      'after',
      '\nWithout --to the document is printed. It holds no content: a commit, a hash, a count, a time.\n\nExamples:\n  docket checkpoint\n  docket checkpoint --to /mnt/other/app-2026-11.json\n  docket checkpoint --send\n  docket verify --against /mnt/other/app-2026-11.json',
    )
    .action(async (_options: Options, command: Command) => {
      const common = commonOf(command);
      const { to, send } = command.opts<Options>();
      const workspace = await openWorkspace(io, common);
      if (send === true && workspace.settings['checkpoint.command'].length === 0)
        throw new CliError(
          '--send hands the checkpoint to a program: name it in docket.yaml (checkpoint: { command: [mail, …] })',
          EXIT.wrongUse,
        );
      const fs = makeFs();
      const checkpoint = await headOf(fs, workspace);
      const signer = (await signingOf(workspace, fs)?.signer()) ?? null;
      const plain = renderCheckpoint(checkpoint);
      const text = signer === null ? plain : wrap(signer, CHECKPOINT_TYPE, plain);
      const file = to === undefined ? null : path.resolve(io.cwd, to);
      const stamp = file === null ? null : await write(fs, workspace.settings, file, text);
      if (send === true) await hand(workspace.settings, text);
      if (signer === null) io.err('not signed: signing is off (docs/signing.md)');
      show(
        io,
        common,
        { checkpoint, signed_by: signer?.fingerprint ?? null, document: text, file, time_stamp: stamp, sent: send === true },
        file === null ? text.trimEnd() : told(workspace.settings, file, checkpoint, stamp),
      );
    });
}

async function headOf(fs: Fs, workspace: Workspace): Promise<Checkpoint> {
  if ((await fs.facts(path.join(workspace.history, '.git')))?.kind !== 'folder')
    throw new CliError(`there is no history yet in ${workspace.history}`, EXIT.notWell);
  const history = historyOf(workspace, log);
  try {
    await history.open();
    return await history.checkpoint();
  } finally {
    await history.close();
  }
}

/** @returns the time stamp's file; null: none was asked for */
async function write(fs: Fs, settings: Settings, file: string, text: string): Promise<string | null> {
  const bytes = Buffer.from(text);
  try {
    await fs.writeNew(file, bytes, 'safety', 0o644);
    await fs.syncFolder(path.dirname(file), 'safety');
  } catch (error) {
    const isThere = (error as { code?: unknown }).code === 'EEXIST';
    throw new CliError(
      isThere ? `${file} is there already: a checkpoint is never overwritten` : `${file} cannot be written: ${String(error)}`,
      isThere ? EXIT.wrongUse : EXIT.environment,
    );
  }
  if (!wantsTime(settings)) return null;
  const reply = await askForTime({ fs, ask: askProgram, post: httpPost }, settings, file, bytes);
  await fs.writeNew(stampFileOf(file), reply, 'safety', 0o644);
  return stampFileOf(file);
}

async function hand(settings: Settings, text: string): Promise<void> {
  const [program = '', ...args] = settings['checkpoint.command'];
  const asked = await askProgram(program, args, { timeoutMs: settings['checkpoint.time_limit'], input: text }).catch((error: unknown) => {
    throw new CliError(`the checkpoint was not sent: ${error instanceof Error ? error.message : String(error)}`, EXIT.environment);
  });
  if (asked.code !== 0)
    throw new CliError(
      `the checkpoint was not sent: ${program} ended with ${String(asked.code)}: ${printable(asked.stderr.trim(), 500)}`,
      EXIT.environment,
    );
}

const told = (settings: Settings, file: string, { records, commit }: Checkpoint, stamp: string | null): string =>
  [
    `${file}: ${String(records)} records, up to commit ${commit.slice(0, 10)}`,
    ...(stamp === null ? [] : [`time stamp: ${stamp}`, `  ${checkWords(file, settings['checkpoint.time_stamp_ca'])}`]),
  ].join('\n');
