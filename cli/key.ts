/** `docket key`: a key to sign the records with, made and shown (docs/signing.md). A private key is written once, 0600, and never printed. */

import path from 'node:path';
import type { Command } from 'commander';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { readKeyFile, type SigningOptions } from '#history/signer.ts';
import { makeFs } from '#platform/files.ts';
import { userId } from '#platform/system.ts';
import { CliError, EXIT, paint, show, type Common, type Io } from './io.ts';
import { makeKeyFile } from './key-file.ts';
import { commonOf } from './open.ts';
import { defaultKeyFile, isSigning, keyFileOf, signersFileOf, signersLine, signingOptions } from './signing.ts';
import { loadWorkspace } from './workspace.ts';

export function addKey(program: Command, io: Io): void {
  const key = program.command('key').description('the key that signs the records: make one, show its public part');
  key
    .command('new')
    .description('make an ed25519 key for docket alone, in a file that only you may read')
    .argument('[file]', 'where it goes (default: signing.key of docket.yaml, or ~/.config/docket/signing_key)')
    .addHelpText(
      'after',
      '\nNothing is overwritten. The public part goes to <file>.pub. The words after it say what to write into docket.yaml and into the list of signers.\n\nExamples:\n  docket key new\n  docket key new ~/.config/docket/signing_key_2027',
    )
    .action(async (file: string | undefined, _options: unknown, command: Command) => makeKey(io, commonOf(command), file ?? null));
  key
    .command('show')
    .description('print fingerprint, public part and the line for a list of signers; say whether docket can sign with it')
    .argument('[file]', 'a private key (default: the one of this workspace)')
    .addHelpText(
      'after',
      '\nExit code 3 when docket cannot sign with it: the words say why.\n\nExamples:\n  docket key show\n  docket key show --json',
    )
    .action(async (file: string | undefined, _options: unknown, command: Command) => showKey(io, commonOf(command), file ?? null));
}

/** Null: there is none here; a key can be made anywhere. */
async function workspaceOf(io: Io, common: Common, fs: Fs): Promise<Workspace | null> {
  const loaded = await loadWorkspace({ cwd: io.cwd, rootFlag: common.root ?? null, env: io.env, flags: {}, fs });
  return loaded.ok ? loaded.value : null;
}

function optionsOf(io: Io, fs: Fs, workspace: Workspace | null, file: string | null): SigningOptions {
  const base =
    workspace === null
      ? { fs, keyFile: defaultKeyFile(), userId: userId(), forbidden: () => Promise.resolve([]) }
      : signingOptions(workspace, fs);
  return file === null ? base : { ...base, keyFile: path.resolve(io.cwd, file) };
}

async function makeKey(io: Io, common: Common, file: string | null): Promise<void> {
  const fs = makeFs();
  const workspace = await workspaceOf(io, common, fs);
  const options = optionsOf(io, fs, workspace, file);
  const { keyFile } = options;
  const { line, fingerprint } = await makeKeyFile(fs, options);
  const data = { file: keyFile, public_file: `${keyFile}.pub`, fingerprint, public: line, signers_line: signersLine(line) };
  show(
    io,
    common,
    data,
    [`${paint(io, 'green', 'made')}: ${keyFile}`, `  ${fingerprint}`, '', ...nextWords(workspace, keyFile, line)].join('\n'),
  );
}

function nextWords(workspace: Workspace | null, keyFile: string, line: string): readonly string[] {
  const signers = workspace === null ? null : signersFileOf(workspace);
  const isOn = workspace !== null && isSigning(workspace) && keyFileOf(workspace) === keyFile;
  const name = keyFile === defaultKeyFile() ? '' : `, key: ${keyFile}`;
  const settings = [
    'in docket.yaml:',
    `  signing: { mode: required${name}, signers: ${workspace === null || signers === null ? 'allowed_signers' : workspace.settings['signing.signers']} }`,
  ];
  return [
    `in ${signers ?? 'the list of signers, say allowed_signers beside docket.yaml'}:`,
    `  ${signersLine(line)}`,
    ...(isOn ? [] : settings),
    'then start docket again. Keep a copy of the key only where nobody else reads it; a lost one is replaced by a new one (docs/signing.md).',
  ];
}

async function showKey(io: Io, common: Common, file: string | null): Promise<void> {
  const fs = makeFs();
  const workspace = await workspaceOf(io, common, fs);
  const options = optionsOf(io, fs, workspace, file);
  const read = await readKeyFile(options);
  if (!read.ok) throw new CliError(`docket cannot sign: ${read.error}`, EXIT.environment);
  const { key } = read.value;
  const { line, fingerprint } = key.publicKey;
  const isOn = workspace !== null && isSigning(workspace);
  const data = { file: options.keyFile, fingerprint, public: line, signers_line: signersLine(line), signing: isOn };
  const state = isOn
    ? 'signing is required in this workspace'
    : 'signing is off here: signing: { mode: required } in docket.yaml turns it on';
  show(
    io,
    common,
    data,
    [
      `${options.keyFile}: docket can sign with it`,
      `  ${fingerprint}`,
      `  ${line}`,
      'for a list of signers:',
      `  ${signersLine(line)}`,
      state,
    ].join('\n'),
  );
}
