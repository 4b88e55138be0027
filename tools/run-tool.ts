/**
 * One program by its profile, from start to end: the entry for AI tools, linters and tests alike. It runs in the keeper's hands like every attempt
 * (output in files, limits of time, silence and size, nothing left of its tree), and what came of it is told in a class.
 *
 *   planned -> started -> ended -> read
 */

import path from 'node:path';
import type { FailureClass } from '#core/failure.ts';
import { classOf } from '#core/failure.ts';
import type { Digest, Fs, Keeper } from '#core/ports.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { Failure } from '#core/failure.ts';
import type { ExitFile, RunOutcome, RunRequest } from '#core/run.ts';
import { NAMES } from './exit.ts';
import { secretValues, type RawRun } from './outcome.ts';
import { asItIs, planTool, REPORT_NAME, shownFor } from './plan-tool.ts';
import type { ToolProfile } from './profiles.ts';
import type { ToolPorts } from './program.ts';
import { understandRun } from './understand.ts';
import { waitForRun } from './wait-run.ts';

export type RunToolPorts = ToolPorts & {
  readonly profiles: ReadonlyMap<string, ToolProfile>;
  readonly keeper: Pick<Keeper, 'start' | 'wait' | 'stop'>;
  readonly digest: Pick<Digest, 'randomBytes'>;
  readonly output: Pick<Fs, 'facts' | 'readHead'>;
  /** The workspace's state folder, absolute. */
  readonly state: string;
};

export type ToolRun = {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Null: a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly elapsedMs: number;
  /** `findings`: a check or test that ran well and found something (success.findings_exit of its profile). */
  readonly class: 'success' | 'findings' | FailureClass;
  readonly outcome: RunOutcome;
};

/**
 * @param context what it is given: `brief` is its input, `dir` (absolute) is where its files go
 * @param signal aborting it ends the whole process tree; the class is then `cancelled`
 * @returns a failure when nothing was started: no such profile, no such program, no keeper
 */
export async function runTool(
  ports: RunToolPorts,
  id: string,
  context: RunRequest,
  signal: AbortSignal,
): Promise<Result<ToolRun, Failure>> {
  const profile = ports.profiles.get(id);
  if (profile === undefined) return err(noProfile(ports, id));
  const planned = await planTool(profile, asItIs(profile), context, ports.state, ports);
  if (!planned.ok) return planned;
  const { dir, runId, limits } = context;
  await ports.fs.makeFolders(dir, 0o700);
  const token = Buffer.from(ports.digest.randomBytes(16)).toString('hex');
  const begun = await ports.keeper.start({ plan: planned.value, dir, runId, token, limits });
  if (!begun.ok) return begun;
  const exit = await waitForRun(ports.keeper, context, signal);
  if (exit === null) return err({ kind: 'interrupted', message: 'the keeper ended, and the run with it' });
  return ok(await runOf(ports, profile, context, exit));
}

async function runOf(ports: RunToolPorts, profile: ToolProfile, context: RunRequest, exit: ExitFile): Promise<ToolRun> {
  const read = async (name: string): Promise<Uint8Array> => {
    const file = path.join(context.dir, name);
    return (await ports.output.facts(file))?.kind === 'file'
      ? (await ports.output.readHead(file, context.limits.outputBytes)).bytes
      : new Uint8Array();
  };
  const raw: RawRun = { exit, stdout: await read(NAMES.stdout), stderr: await read(NAMES.stderr), report: await read(REPORT_NAME) };
  const named = {
    name: profile.id,
    shown: shownFor(profile, asItIs(profile), context),
    secrets: secretValues(ports.env, [...profile.passEnv, ...profile.login.tokenEnv]),
  };
  const outcome = understandRun(profile, named, raw, context);
  return {
    stdout: raw.stdout,
    stderr: raw.stderr,
    exitCode: exit.code,
    signal: exit.signal,
    elapsedMs: Math.max(0, Date.parse(exit.endedAt) - Date.parse(exit.startedAt)),
    class: classOfRun(profile, exit, outcome),
    outcome,
  };
}

function classOfRun(profile: ToolProfile, exit: ExitFile, outcome: RunOutcome): ToolRun['class'] {
  if (outcome.ok) return 'success';
  const isCheck = profile.kind !== 'ai';
  if (exit.stopped !== null) return classOf(outcome.failure);
  if (isCheck && exit.code !== null && profile.success.findingsExit.includes(exit.code)) return 'findings';
  // A check that has nothing to say is content.
  if (isCheck && outcome.failure.kind === 'no-answer' && exit.code !== null && profile.success.exit.includes(exit.code)) return 'success';
  return classOf(outcome.failure);
}

const noProfile = ({ profiles, state }: RunToolPorts, id: string): Failure => ({
  kind: 'environment',
  what: `tool ${JSON.stringify(id)}`,
  path: state,
  code: 'UNKNOWN_TOOL',
  message: `there is no such profile (known: ${[...profiles.keys()].join(', ')})`,
});
