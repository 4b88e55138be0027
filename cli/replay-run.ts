/**
 * One run of a recorded brief outside the daemon, on the daemon's own path: the runner's contract, the keeper, program gate, sandbox, limits, budget,
 * and the secret scan before and after. It has a keeper of its own in the replay's folder, so a daemon that runs meanwhile is not concerned.
 *
 *   policy -> money -> code at its commit -> runAttempt -> what it cost is noted -> scan
 */

import path from 'node:path';
import { runAttempt, type Attempted } from '#agents/attempt.ts';
import { followAttempt } from '#agents/progress.ts';
import { makeRunners } from '#agents/registry.ts';
import type { Runner, RunnerPorts } from '#agents/runner.ts';
import { classOf, describe } from '#core/failure.ts';
import { microsOf, priced } from '#core/money.ts';
import type { Log } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { AttemptRecord, RunLimits, RunRequest, RunnerFacts } from '#core/run.ts';
import type { Workspace } from '#core/settings.ts';
import type { Wish } from '#daemon/budget.ts';
import { holdToBudget } from '#daemon/hold-to-budget.ts';
import { makeLiveRuns } from '#daemon/live-runs.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeClean } from './clean.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { connectWorkspaceKeeper } from './keeper-door.ts';
import { profilesOf } from './open.ts';
import { clock, historyOf, readJournal, runnerPorts } from './parts.ts';
import { programGate, programsOf } from './programs.ts';
import type { Replayable } from './replay-materials.ts';
import { purseOf } from './purse.ts';
import { noteReplay } from './replay-spending.ts';
import { sandboxOf } from './sandbox.ts';
import { openSecretScan } from './secret-scan-of.ts';
import { accountsOf } from './shared.ts';
import { loadPrices } from './settings-prices.ts';
import { openUserState } from './user-state.ts';

export type Chosen = { readonly runner: Runner; readonly facts: RunnerFacts; readonly model: string | null };

/** The tools as the daemon sees them, but a program that nobody has accepted yet is not accepted by a replay. */
async function toolPorts(workspace: Workspace, env: Io['env']): Promise<RunnerPorts> {
  const ports = runnerPorts(env);
  return {
    ...ports,
    account: (await accountsOf(workspace, await openUserState(env, makeFs(), makeDigest()), makeFs(), makeDigest())).letters,
    sandbox: sandboxOf(workspace, ports),
    ...programGate(workspace, programsOf(workspace), false),
  };
}

/** The runner that was asked for, or the one of then. Throws CliError with words. */
export async function chooseRunner(
  workspace: Workspace,
  env: Io['env'],
  installed: Role | undefined,
  recorded: Replayable,
  asked: { readonly runner?: string; readonly model?: string },
): Promise<Chosen> {
  const runners = makeRunners(workspace, await profilesOf(workspace), await toolPorts(workspace, env));
  await runners.prepare();
  const { evidence } = recorded;
  const name = asked.runner ?? evidence.runner.name ?? '';
  const allowed = (installed ?? recorded.role).allowedRunners;
  if (allowed.length > 0 && !allowed.includes(name))
    throw new CliError(`the role ${recorded.role.name} does not allow the runner ${name} (allowed: ${allowed.join(', ')})`, EXIT.notWell);
  const standing = workspace.settings.model === '' ? null : workspace.settings.model;
  const model = asked.model ?? (asked.runner === undefined || asked.runner === evidence.runner.name ? (recorded.prompt.model ?? evidence.runner.model) : null) ?? standing; // prettier-ignore
  const runner = runners.resolve(null, name, model);
  if (!runner.ok) throw new CliError(`the runner cannot be used: ${describe(runner.error)}`, EXIT.environment);
  const fit = await runner.value.check();
  if (!fit.ok) throw new CliError(`the runner ${name} cannot run now: ${describe(fit.error)}`, EXIT.environment);
  return { runner: runner.value, facts: await runner.value.facts(), model };
}

export function limitsFor({ settings }: Workspace, { prompt, role }: Replayable): RunLimits {
  return {
    timeoutMs: prompt.limits.timeoutMs ?? role.timeoutMs ?? settings['limits.timeout'],
    idleMs: role.idleTimeoutMs ?? settings['limits.idle_timeout'],
    outputBytes: settings['limits.output_bytes'],
    answerBytes: settings['limits.answer_bytes'],
    turns: prompt.limits.turns ?? settings['limits.turns'],
    budgetUsd: prompt.limits.budgetUsd ?? settings['limits.budget_usd'],
    memoryMb: settings['limits.memory_mb'],
    processes: settings['limits.processes'],
  };
}

export type Replayed = {
  readonly attempted: Attempted;
  readonly usage: AttemptRecord['usage'];
  /** Null: it may be written; else why not. */
  readonly held: string | null;
};

export type ReplayOf = {
  readonly workspace: Workspace;
  readonly env: Io['env'];
  readonly log: Log;
  readonly recorded: Replayable;
  readonly chosen: Chosen;
  readonly wish: Pick<Wish, 'job' | 'feature' | 'role'>;
  /** Absolute: the replay's own folder; the brief lies in it. */
  readonly dir: string;
  readonly cwd: string;
  readonly access: Role['access'];
  readonly signal: AbortSignal;
};

/** Throws CliError 1 when a prompt may not be sent, or there is no money for it. */
export async function replayOnce(of: ReplayOf): Promise<Replayed> {
  const { workspace, recorded, log } = of;
  const secrets = await openSecretScan(makeFs(), workspace, { makesKey: true });
  try {
    const scan = await secrets.scan('prompt', new TextDecoder().decode(recorded.promptBytes));
    if (!scan.ok) throw new CliError(`not sent: ${describe(scan.error)}`, EXIT.notWell);
    const attempt = await withMoney(of, limitsFor(workspace, recorded));
    const { outcome } = attempt.attempted;
    if (!outcome.ok) return { ...attempt, held: null };
    const answer = await secrets.scan('answer', outcome.answer);
    if (!answer.ok) log.warn('the answer is held');
    return { ...attempt, held: answer.ok ? null : describe(answer.error) };
  } finally {
    await secrets.close();
  }
}

async function withMoney(of: ReplayOf, limits: RunLimits): Promise<Omit<Replayed, 'held'>> {
  const { workspace, chosen, log, wish: who } = of;
  const fs = makeFs();
  const journal = readJournal(workspace);
  const history = historyOf(workspace, log);
  try {
    await history.open();
    const releases = { hasJob: () => false, hasFile: () => false, add: async () => Promise.resolve(), take: () => undefined, forget: () => undefined, settled: async () => Promise.resolve() }; // prettier-ignore
    const purse = await purseOf({ workspace, clock, log, fs, journal, history, releases });
    const wish: Wish = {
      ...who,
      lane: chosen.facts.lane,
      ownUsd: of.recorded.prompt.limits.budgetUsd ?? null,
      capUsd: limits.budgetUsd,
      file: 'a replay',
    };
    const refused = chosen.facts.callsProvider ? purse.take(wish) : null;
    if (refused !== null) throw new CliError(`not run: ${refused}`, EXIT.notWell);
    const prices = await loadPrices(fs, workspace);
    const attempted = await supervised(of, limits, (follower, keeper) =>
      makeLiveRuns({ clock, prices }).begin({
        job: who.job,
        role: who.role,
        stem: 'replay',
        attempt: 1,
        runner: chosen.facts.name,
        model: chosen.model,
        follower,
        onUsage: holdToBudget(
          { purse, keeper, prices, log },
          {
            job: who.job,
            attempt: 1,
            model: chosen.model,
            budgetUsd: limits.budgetUsd,
            callsProvider: chosen.facts.callsProvider,
            follower,
          },
        ),
      }),
    );
    const { outcome } = attempted;
    const usage = priced(outcome.usage, outcome.model ?? chosen.model, prices);
    const record: AttemptRecord = {
      n: 1,
      runId: attempted.runId,
      startedAt: attempted.startedAt,
      endedAt: attempted.endedAt,
      outcome: outcome.ok ? outcome.status : classOf(outcome.failure),
      failure: null,
      usage,
      starts: attempted.starts,
      lane: chosen.facts.lane,
      model: outcome.model ?? chosen.model,
      runner: chosen.facts.name,
    };
    if (chosen.facts.callsProvider && attempted.starts > 0)
      await noteReplay(fs, workspace.state, record, { job: who.job, feature: who.feature, role: who.role, tool: chosen.facts.name, model: record.model ?? null, lane: chosen.facts.lane }); // prettier-ignore
    return { attempted, usage };
  } finally {
    await history.close();
    journal?.close();
  }
}

type Begin = (
  follower: ReturnType<typeof followAttempt>,
  keeper: Awaited<ReturnType<typeof connectWorkspaceKeeper>>,
) => (outcome: string) => Promise<void>;

async function supervised(
  { workspace, env, log, recorded, chosen, wish, dir, cwd, access, signal }: ReplayOf,
  limits: RunLimits,
  begin: Begin,
): Promise<Attempted> {
  const fs = makeFs();
  const digest = makeDigest();
  const state = path.join(dir, 'run');
  await fs.makeFolder(state, 0o700);
  const keeper = await connectWorkspaceKeeper({ state }, log, null);
  const request: RunRequest = {
    job: wish.job,
    attempt: 1,
    runId: digest.uuid(),
    dir: path.join(state, 'a1'),
    briefFile: path.join(dir, 'brief.md'),
    brief: recorded.brief,
    cwd,
    model: chosen.model,
    access,
    limits,
    roleFile: path.join(workspace.root, 'docket.yaml'),
  };
  const end = begin(followAttempt(chosen.runner, request.dir, cwd, fs, makeClean(env)), keeper);
  try {
    const attempted = await runAttempt({ runner: chosen.runner, keeper, fs, digest, clock, log }, request, signal);
    await end(attempted.outcome.ok ? attempted.outcome.status : classOf(attempted.outcome.failure));
    return attempted;
  } finally {
    keeper.close();
  }
}

/** What the run may cost at most, for the question before it; null: nothing. */
export const mayCostUsd = ({ facts }: Chosen, limits: RunLimits): number | null =>
  facts.callsProvider && microsOf(limits.budgetUsd) !== null ? limits.budgetUsd : null;
