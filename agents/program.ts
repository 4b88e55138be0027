/** Finding the program of a runner, and its facts for evidence. Nothing here runs anything but `<program> --version`. */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { Sha256 } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { RunnerPorts } from './runner.ts';

const VERSION_TIMEOUT_MS = 15_000;

/** The folders a program is looked for in: absolute ones only (an empty entry would mean the working folder), and none of docket's own. */
export const searchFolders = (ports: Pick<RunnerPorts, 'env' | 'ownBinFolders'>): string[] =>
  (ports.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder) && !ports.ownBinFolders.includes(path.resolve(folder)));

/** The PATH that programs are given. */
export const searchPath = (ports: Pick<RunnerPorts, 'env' | 'ownBinFolders'>): string => searchFolders(ports).join(path.delimiter);

/**
 * @param program a name, looked up in PATH, or an absolute path
 * @returns the absolute path after symbolic links, or `missing-program`
 */
export async function findProgram(program: string, ports: RunnerPorts): Promise<Result<string, Failure>> {
  const found = await ports.find(program, searchPath(ports));
  if (found !== null) return ok(found);
  return err({
    kind: 'missing-program',
    program,
    searched: path.isAbsolute(program) ? path.dirname(program) : `PATH (${searchPath(ports)})`,
  });
}

export type ProgramFacts = { readonly program: string | null; readonly programSha256: Sha256 | null; readonly version: string | null };
export const NO_PROGRAM: ProgramFacts = { program: null, programSha256: null, version: null };

/**
 * Remembers hash and version until the file behind the name is another one (tools update themselves while the daemon runs).
 * @param versionArgs null: the program is never started to ask for its version
 */
export function rememberFacts(program: string, versionArgs: readonly string[] | null, ports: RunnerPorts): () => Promise<ProgramFacts> {
  let known: { readonly key: string; readonly facts: Promise<ProgramFacts> } | null = null;
  const look = async (file: string): Promise<ProgramFacts> => {
    const { sha256 } = await ports.hashFile(file);
    return { program: file, programSha256: sha256, version: versionArgs === null ? null : await askVersion(file, versionArgs, ports) };
  };
  return async () => {
    const found = await findProgram(program, ports);
    const facts = found.ok ? await ports.fs.facts(found.value) : null;
    if (!found.ok || facts === null) return NO_PROGRAM;
    const key = [found.value, facts.dev, facts.ino, facts.sizeBytes, facts.mtimeNs].join(' ');
    if (known?.key !== key) known = { key, facts: look(found.value).catch(() => ({ ...NO_PROGRAM, program: found.value })) };
    return known.facts;
  };
}

/** The first thing in the answer that looks like a version; null when there is none or the program does not answer. */
async function askVersion(file: string, args: readonly string[], ports: RunnerPorts): Promise<string | null> {
  try {
    const answer = await ports.ask(file, args, { env: { PATH: searchPath(ports), ...homeOf(ports) }, timeoutMs: VERSION_TIMEOUT_MS });
    return /\d+\.\d+(?:\.\d+)?[0-9A-Za-z.+-]*/.exec(answer.stdout)?.[0] ?? null;
  } catch {
    return null;
  }
}

const homeOf = (ports: RunnerPorts): Record<string, string> => {
  const home = ports.env['HOME'];
  return home === undefined ? {} : { HOME: home };
};

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;
/** A command as people read it: never given to a shell. */
export const showCommand = (program: string, args: readonly string[]): string =>
  [program, ...args].map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
