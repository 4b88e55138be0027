/**
 * The contract of a runner: it plans the call of one AI tool and understands what the tool left behind. It starts nothing itself
 * (agents/attempt.ts does, through the keeper) and adds nothing to the brief it is given.
 * Every body passes test/contracts/runner.ts: offline, command, claude.
 */

import type { Failure } from '#core/failure.ts';
import type { Sha256 } from '#core/names.ts';
import type { AskProgram, Fs } from '#core/ports.ts';
import type { Result } from '#core/result.ts';
import type { ExitFile, Plan, RunnerFacts, RunOutcome, RunRequest } from '#core/run.ts';

/** What a run left on disk, checked against the hashes of its exit.json. */
export type RawRun = { readonly exit: ExitFile; readonly stdout: Uint8Array; readonly stderr: Uint8Array };

export type Runner = {
  readonly name: string;
  /** The schedule it runs in when role and workspace say nothing. */
  readonly lane: string;
  /** Which program would be called. Cheap when nothing changed: the program's version and hash are remembered by its inode and time. */
  facts(): Promise<RunnerFacts>;
  /** Could it run now? `missing-program`, `not-logged-in` or `environment` when it could not. */
  check(): Promise<Result<null, Failure>>;
  /** Everything resolved. Its only effect on the disk may be a private configuration folder. */
  plan(request: RunRequest): Promise<Result<Plan, Failure>>;
  /** Pure: the same files give the same outcome, so a run that outlived the daemon is understood like any other. */
  understand(raw: RawRun, request: RunRequest): RunOutcome;
};

/** The outside as runners see it; cli/start.ts hands it in. */
export type RunnerPorts = {
  readonly fs: Pick<Fs, 'facts' | 'makeFolders'>;
  readonly ask: AskProgram;
  /** The executable file that a name (looked up in these folders) or an absolute path means, its links resolved; null: there is none. */
  readonly find: (name: string, pathText: string) => Promise<string | null>;
  /** SHA-256 of a file of any size, read in pieces (an AI tool may be 400 MB). */
  readonly hashFile: (path: string) => Promise<{ readonly sha256: Sha256; readonly sizeBytes: number }>;
  /** The daemon's own environment, of which a program gets only what its profile names. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** 8 letters for an account, by the workspace's own salt; absent: lanes are told apart by their provider alone. */
  readonly account?: (credential: string) => string;
  /** docket's own `node_modules/.bin` folders: never searched, so that a tool of docket's tests is not taken for the user's. */
  readonly ownBinFolders: readonly string[];
};
