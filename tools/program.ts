/** Finding the program of a runner, and its facts for evidence. Nothing here runs anything but `<program> --version`. */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import type { Sha256 } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { AskProgram, Fs } from '#core/ports.ts';
import type { Sandbox } from './sandbox-places.ts';

const VERSION_TIMEOUT_MS = 15_000;

/** The outside as tools see it; cli/parts.ts hands it in. */
export type ToolPorts = {
  readonly fs: Pick<Fs, 'facts' | 'makeFolders' | 'readBounded' | 'replace'>;
  readonly ask: AskProgram;
  /** The executable file that a name (looked up in these folders) or an absolute path means, its links resolved; null: there is none. */
  readonly find: (name: string, pathText: string) => Promise<string | null>;
  /** SHA-256 of a file of any size, read in pieces (an AI tool may be 400 MB). */
  readonly hashFile: (path: string) => Promise<{ readonly sha256: Sha256; readonly sizeBytes: number }>;
  /** Puts a symbolic link at `at`; fine when one to the same target is there. */
  readonly linkTo: (target: string, at: string) => Promise<void>;
  /** The daemon's own environment, of which a program gets only what its profile names. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How docket's own program for HTTP calls is started: the Node that runs docket, and its entry. */
  readonly httpCall: { readonly program: string; readonly args: readonly string[] };
  /** 8 letters for an account, by the workspace's own salt; absent: lanes are told apart by their provider alone. */
  readonly account?: (credential: string) => string;
  /** docket's own `node_modules/.bin` folders: never searched, so that a tool of docket's tests is not taken for the user's. */
  readonly ownBinFolders: readonly string[];
  /** Around each run; absent: none was asked for (tests, questions). */
  readonly sandbox?: Sandbox;
  /** May this program be called, or has it changed since a person accepted it? Absent: any. */
  readonly mayCall?: (runner: string, facts: ProgramFacts) => Promise<Failure | null>;
};

/** The folders a program is looked for in: absolute ones only (an empty entry would mean the working folder), and none of docket's own. */
export const searchFolders = (ports: Pick<ToolPorts, 'env' | 'ownBinFolders'>): string[] =>
  (ports.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder) && !ports.ownBinFolders.includes(path.resolve(folder)));

/** The PATH that programs are given. */
export const searchPath = (ports: Pick<ToolPorts, 'env' | 'ownBinFolders'>): string => searchFolders(ports).join(path.delimiter);

/**
 * @param program a name, looked up in PATH, or an absolute path
 * @returns the absolute path after symbolic links, or `missing-program`
 */
export async function findProgram(program: string, ports: ToolPorts): Promise<Result<string, Failure>> {
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
 * A program that was not accepted (policy.program_change) is not started to ask for its version.
 * @param versionArgs null: the program is never started to ask for its version
 */
export function rememberFacts(
  runner: string,
  program: string,
  versionArgs: readonly string[] | null,
  ports: ToolPorts,
): () => Promise<ProgramFacts> {
  let known: { readonly key: string; readonly facts: Promise<ProgramFacts> } | null = null;
  const look = async (file: string): Promise<ProgramFacts> => {
    const unasked = { program: file, programSha256: (await ports.hashFile(file)).sha256, version: null };
    if (versionArgs === null) return unasked;
    if (ports.mayCall !== undefined && (await ports.mayCall(runner, unasked)) !== null) {
      // Looked at again next time: it may be accepted by then.
      known = null;
      return unasked;
    }
    return { ...unasked, version: await askVersion(file, versionArgs, ports) };
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
async function askVersion(file: string, args: readonly string[], ports: ToolPorts): Promise<string | null> {
  try {
    const answer = await ports.ask(file, args, { env: { PATH: searchPath(ports), ...homeOf(ports) }, timeoutMs: VERSION_TIMEOUT_MS });
    return /\d+\.\d+(?:\.\d+)?[0-9A-Za-z.+-]*/.exec(answer.stdout)?.[0] ?? null;
  } catch {
    return null;
  }
}

const homeOf = (ports: ToolPorts): Record<string, string> => {
  const home = ports.env['HOME'];
  return home === undefined ? {} : { HOME: home };
};

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;
/** A command as people read it: never given to a shell. */
export const showCommand = (program: string, args: readonly string[]): string =>
  [program, ...args].map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
