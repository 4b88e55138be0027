/**
 * Secrets in the files that a workspace is made of: settings, roles, tool profiles, prompt specs, hooks and scripts. For `docket doctor`, and for the
 * start: settings, roles and specs are recorded with every prompt, and a history cannot forget, so a secret in the settings keeps the daemon from starting
 * (one in a role or spec holds each prompt of it); one in a hook or a script is told.
 */

import path from 'node:path';
import type { Fs } from '#core/ports.ts';
import type { Workspace } from '#core/settings.ts';
import { scanText } from '#policy/scan-text.ts';
import { bad, warn, well, type Check } from './doctor-checks.ts';
import { CliError, EXIT } from './io.ts';
import { fingerprintsOf } from './secret-scan-of.ts';

type FileFinding = {
  /** Relative to the workspace. */
  readonly file: string;
  readonly rule: string;
  readonly line: number;
  readonly column: number;
  readonly excerpt: string;
  readonly fingerprint: string | null;
  readonly isSettings: boolean;
};

type Found = { readonly findings: readonly FileFinding[]; readonly files: number; readonly unread: number };

const SETTINGS_FILES = ['docket.yaml', 'docket.local.yaml'];
const FOLDERS = ['agents', 'prompt-spec', 'hooks', 'scripts'];
const FILES_MAX = 1_000;
const FILE_BYTES_MAX = 262_144;
const DEPTH_MAX = 4;

/** No links are followed. */
async function filesIn(fs: Fs, folder: string, depth: number): Promise<string[]> {
  if (depth > DEPTH_MAX || (await fs.facts(folder))?.kind !== 'folder') return [];
  const files: string[] = [];
  for (const { name } of await fs.list(folder)) {
    if (name === null || name === 'node_modules' || name === '.git' || files.length > FILES_MAX) continue;
    const file = path.join(folder, name);
    const kind = (await fs.facts(file))?.kind;
    if (kind === 'file') files.push(file);
    else if (kind === 'folder') files.push(...(await filesIn(fs, file, depth + 1)));
  }
  return files;
}

async function textOf(fs: Fs, file: string): Promise<string | null> {
  try {
    return new TextDecoder().decode((await fs.readBounded(file, FILE_BYTES_MAX)).bytes);
  } catch {
    return null;
  }
}

/** By docket's own rules, which need no thread. What policy.allow_secrets names is left out. */
async function findIn(fs: Fs, workspace: Workspace, files: readonly string[], makesKey: boolean): Promise<Found> {
  const fingerprint = await fingerprintsOf(fs, workspace, makesKey);
  const allowed = new Set(workspace.allowedSecrets.map((one) => one.fingerprint));
  const findings: FileFinding[] = [];
  let unread = 0;
  for (const file of files) {
    const text = await textOf(fs, file);
    if (text === null) unread++;
    for (const { rule, line, column, excerpt, from, to } of text === null ? [] : scanText(text)) {
      const print = fingerprint?.((text ?? '').slice(from, to)) ?? null;
      if (print !== null && allowed.has(print)) continue;
      const relative = path.relative(workspace.root, file);
      findings.push({ file: relative, rule, line, column, excerpt, fingerprint: print, isSettings: SETTINGS_FILES.includes(relative) });
    }
  }
  return { findings, files: files.length, unread };
}

async function settingsFiles(fs: Fs, { root }: Workspace): Promise<string[]> {
  const files = SETTINGS_FILES.map((name) => path.join(root, name));
  const facts = await Promise.all(files.map(async (file) => fs.facts(file)));
  return files.filter((_, index) => facts[index]?.kind === 'file');
}

const words = ({ rule, line, column, excerpt, fingerprint }: FileFinding): string =>
  `line ${String(line)}, column ${String(column)}: ${rule} (${[excerpt, ...(fingerprint === null ? [] : [fingerprint])].join(', ')})`;

const NEXT =
  'take it out (a runner gets it by pass_env, an HTTP runner by its key variable) and treat it as leaked when the file is committed; docs/secrets.md';

/** For doctor: a line for each finding, with file, line and rule. */
export async function lookAtSecrets(fs: Fs, workspace: Workspace): Promise<readonly Check[]> {
  const inFolders = await Promise.all(FOLDERS.map(async (name) => filesIn(fs, path.join(workspace.root, name), 1)));
  const { findings, files, unread } = await findIn(fs, workspace, [...(await settingsFiles(fs, workspace)), ...inFolders.flat()], false);
  const told = findings.map((one) => (one.isSettings ? bad : warn)('secrets in files', `${one.file} ${words(one)}`, NEXT));
  const left = unread === 0 ? '' : `, ${String(unread)} could not be read or are longer than ${String(FILE_BYTES_MAX)} bytes`;
  return told.length > 0
    ? told
    : [well('secrets in files', `none in ${String(files)} files of settings, roles, specs, hooks and scripts${left}`)];
}

/** Throws when the settings hold a secret: they would be recorded with each prompt. */
export async function refuseSecretSettings(fs: Fs, workspace: Workspace): Promise<void> {
  const { findings } = await findIn(fs, workspace, await settingsFiles(fs, workspace), true);
  if (findings.length === 0) return;
  const lines = findings.map((one) => `  ${one.file} ${words(one)}`);
  throw new CliError(
    `not started: the settings are recorded with every prompt, and hold what looks like a secret\n${lines.join('\n')}\n  next: ${NEXT}`,
    EXIT.environment,
  );
}
