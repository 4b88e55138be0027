/**
 * The contract of a runner: it plans the call of one AI tool and understands what the tool left behind. It starts nothing itself
 * (agents/attempt.ts does, through the keeper) and adds nothing to the brief it is given.
 * Every body passes test/contracts/runner.ts: offline, command, and one with a profile for each tool.
 */

import type { Failure } from '#core/failure.ts';
import type { Result } from '#core/result.ts';
import type { Plan, RunnerFacts, RunOutcome, RunRequest } from '#core/run.ts';
import type { RawRun } from '#tools/outcome.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import type { ToolPorts } from '#tools/program.ts';

export type RunnerPorts = ToolPorts;

export type Runner = {
  readonly name: string;
  /** The schedule it runs in when role and workspace say nothing. */
  readonly lane: string;
  /** How it is called and understood; offline and command have none. */
  readonly profile?: ToolProfile;
  /** Which program would be called. Cheap when nothing changed: the program's version and hash are remembered by its inode and time. */
  facts(): Promise<RunnerFacts>;
  /** Could it run now? `missing-program`, `not-logged-in` or `environment` when it could not. */
  check(): Promise<Result<null, Failure>>;
  /** Everything resolved. Its only effect on the disk may be a private configuration folder. */
  plan(request: RunRequest): Promise<Result<Plan, Failure>>;
  /** Pure: the same files give the same outcome, so a run that outlived the daemon is understood like any other. */
  understand(raw: RawRun, request: RunRequest): RunOutcome;
};
