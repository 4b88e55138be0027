/** The checkpoint that `docket verify --against` compares with: read, its signature and its time stamp judged. */

import { Buffer } from 'node:buffer';
import path from 'node:path';
import type { Checkpoint, Finding } from '#core/history.ts';
import type { AskProgram, Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { parseAllowedSigners, type AllowedSigner } from '#history/allowed-signers.ts';
import { checkpointFault, readCheckpoint } from '#history/checkpoint.ts';
import { judgeTime } from './checkpoint-time.ts';
import { CliError, EXIT } from './io.ts';

const CHECKPOINT_BYTES_MAX = 64 * 1024;

export type Against = {
  readonly checkpoint: Checkpoint;
  /** What speaks against the document itself. */
  readonly findings: readonly Finding[];
  /** What it is worth, in sentences. */
  readonly said: readonly string[];
};

const missed = (file: string, detail: string, message: string): Finding => ({
  what: 'checkpoint-missed',
  detail,
  path: file,
  expected: null,
  found: null,
  message,
});

/** @param signers the text of an allowed_signers file; null: there is none. Throws CliError 2 on what is no checkpoint */
export async function readAgainst(
  ports: { readonly fs: Fs; readonly ask: AskProgram },
  workspace: Pick<Workspace, 'root' | 'settings'>,
  file: string,
  signers: string | null,
): Promise<Against> {
  let bytes: Buffer;
  try {
    bytes = Buffer.from((await ports.fs.readBounded(file, CHECKPOINT_BYTES_MAX)).bytes);
  } catch (error) {
    throw new CliError(`the checkpoint ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, EXIT.wrongUse);
  }
  const read = readCheckpoint(bytes);
  if (read === null) throw new CliError(`${file} is no checkpoint as docket writes them`, EXIT.wrongUse);
  const findings: Finding[] = [];
  const said: string[] = [];
  if (read.signedBy === null) said.push('the checkpoint is not signed: it proves as much as the place where it was kept');
  else {
    const fault = checkpointFault(bytes, signersIn(signers));
    if (fault === null) said.push(`the checkpoint is signed by ${read.signedBy}`);
    else if (signers === null) said.push(`the checkpoint names the key ${read.signedBy}: ${fault}`);
    else findings.push(missed(file, 'signature', `the checkpoint's signature is not good: ${fault}`));
  }
  const { settings, root } = workspace;
  const ca = settings['checkpoint.time_stamp_ca'];
  const time = await judgeTime(ports, file, ca === '' ? '' : path.resolve(root, ca), settings['checkpoint.time_limit']);
  if (time !== null) {
    if (time.fault === null) said.push(time.said);
    else findings.push(missed(file, 'time-stamp', time.fault));
  }
  return { checkpoint: read.checkpoint, findings, said };
}

function signersIn(text: string | null): readonly AllowedSigner[] | null {
  if (text === null) return null;
  const parsed = parseAllowedSigners(text);
  if (!parsed.ok) throw new CliError(`the allowed signers cannot be understood: ${parsed.error}`, EXIT.environment);
  return parsed.value;
}
