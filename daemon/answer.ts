/**
 * The attempts of one job, in its lane, until it is answered or the failure table says stop (core/retry.ts decides).
 * Each attempt has a folder of its own, a<n>/; an attempt that was under way when the daemon died is taken up where it lies.
 * A job whose role names several runners takes the next one while the lane of the one before is held for a limit or its environment; which one an
 * attempt was made with, and why, stands in a<n>/runner.json before anything is started, and in the evidence.
 */

import { runAttempt } from '#agents/attempt.ts';
import { followAttempt } from '#agents/progress.ts';
import { classOf, describe, type Failure } from '#core/failure.ts';
import { priced } from '#core/money.ts';
import type { ScanNote } from '#core/policy.ts';
import { decide, isSpentBy, spentOn, type RetryPolicy } from '#core/retry.ts';
import type { AttemptRecord, RunLimits, RunOutcome, RunRequest } from '#core/run.ts';
import { unreachable } from '#core/result.ts';
import { afford } from './afford.ts';
import type { Wish } from './budget.ts';
import { breachesBefore, breachOf, briefOf, type Brief } from './contract.ts';
import { holdToBudget } from './hold-to-budget.ts';
import { holdToScope, rulesOf } from './hold-to-scope.ts';
import { Leaving } from './leaving.ts';
import type { OutsideAsk } from './lanes/outside.ts';
import { verdictOf, type Verdict } from './lanes/verdict.ts';
import type { Ports } from './ports.ts';
import { reachedState } from './progress.ts';
import { BRIEF_FILE, byWhom, type Choice, type Ended, type Submitted } from './task.ts';
import { actsWithoutSecrets, withoutSecrets } from './tool-words.ts';

export async function answer(ports: Ports, job: Submitted): Promise<Ended> {
  const { claimed, cancel } = job.task;
  const log = ports.log.with({ job: claimed.job.id, role: claimed.job.role, feature: job.identity.feature });
  const policy = policyOf(ports, job);
  const before = ports.journal.attempts(claimed.job.id);
  // An attempt that was answered before a crash is understood again, not run again.
  const attempts: AttemptRecord[] = before.filter((earlier) => earlier.failure !== null);
  const spent: Failure[] = before.flatMap(({ failure, spent: isSpent }) => (failure !== null && isSpent ? [failure] : []));
  const last = attempts.at(-1);
  let n = Math.max(1, job.task.lastAttempt, (last?.n ?? 0) + 1);
  // Killed between the last failure and the end that follows from it: that attempt is understood again where it lies, and no tool is started.
  if (last !== undefined && job.task.lastAttempt <= last.n && isLastWord(last, spent, policy)) {
    attempts.pop();
    if (before.find(({ n: known }) => known === last.n)?.spent === true) spent.pop();
    n = last.n;
  }

  let bound = await boundTo(ports, job, n);
  for (;;) {
    const attemptN = n;
    const begun = bound;
    bound = null;
    const brief = await briefOf(ports, job, n, attempts);
    await keepBriefAhead(ports, job, n);
    const run = await afford<Given, Run>(
      ports,
      job,
      {
        wishOf: (lane) => wishOf(ports, job, attemptN, lane),
        lane: begun?.choice.facts.lane ?? ports.laneOf(job.identity.role, job.prompt.runner),
        isUnderWay: n <= job.task.lastAttempt,
      },
      async (work, verdict) => inLane(ports, job, attemptN, begun, work, verdict),
      async (given) => attempt(ports, job, given, attemptN, brief),
      ({ outcome, choice }) => verdictOf(outcome.ok ? null : outcome.failure, choice.facts.name),
    );
    if (run === 'cancelled') return ended('cancelled', attempts, null, { kind: 'cancelled', by: byWhom(cancel) });
    const judged = await judge(ports, job, attempts, run);
    if (judged.is !== 'failure') {
      const { outcome } = judged;
      attempts.push(run.record);
      // exit.json says it as well: whoever comes after a power cut understands the same files again.
      await ports.journal.note([
        ...reachedState(ports, claimed.job.id, 'running'),
        { do: 'attempt', id: claimed.job.id, attempt: run.record, spent: true },
        { do: 'move', id: claimed.job.id, to: 'ran', at: run.record.endedAt },
      ]);
      ports.reached('ran', claimed.job.id);
      if (judged.is === 'secret') {
        // For archive/: out/ will not show it.
        await ports.spool.keep(claimed, `a${String(n)}/answer`, outcome.answer);
        return { ...ended('held', attempts, run, judged.why), answerScan: judged.why.kind === 'secret-scan-failed' ? 'failed' : 'found' };
      }
      return { ...ended(outcome.status, attempts, run, null), answer: outcome.answer, answerScan: 'passed', answerNote: judged.note };
    }

    const { failure } = judged;
    const { record } = judged.run;
    // A look at a lane that is held for its environment starts no tool: it is no attempt, and a long outage leaves no long list.
    const isProbe = record.starts === 0 && classOf(failure) === 'environment-fault';
    if (!isProbe) attempts.push(record);
    const isSpent = isSpentBy(failure, run.isProbe);
    if (isSpent) spent.push(failure);
    await ports.journal.commit([
      ...reachedState(ports, claimed.job.id, 'running'),
      ...(isProbe ? [] : [{ do: 'attempt' as const, id: claimed.job.id, attempt: record, spent: isSpent }]),
      { do: 'move', id: claimed.job.id, to: 'waiting', reason: describe(failure), at: record.endedAt },
    ]);
    const count =
      failure.kind === 'contract' ? Math.max(spentOn(failure, spent), 1 + (await breachesBefore(ports, job, n))) : spentOn(failure, spent);
    const next = decide(failure, count, policy, ports.random());
    log.warn(`attempt ${String(n)} failed (${classOf(failure)}): ${describe(failure)}`, { attempt: n, run_id: record.runId });
    switch (next.do) {
      case 'again':
        log.info(`again in ${String(Math.ceil(next.delayMs / 1000))} s`, { attempt: n });
        if (next.delayMs > 0) await ports.clock.sleep(next.delayMs, AbortSignal.any([cancel, ports.stopping]));
        if (ports.stopping.aborted) throw new Leaving();
        break;
      case 'hold-lane':
        // Its lane has heard it already, before anybody else could start: the next turn comes when it comes.
        break;
      case 'hold-job':
        return ended('held', attempts, judged.run, failure);
      case 'cancel':
        return ended('cancelled', attempts, judged.run, failure);
      case 'give-up':
        return ended('failed', attempts, judged.run, failure);
      default:
        unreachable(next);
    }
    if (!isProbe) n++;
  }
}

/** Does this failure end the job? */
function isLastWord({ failure }: AttemptRecord, spent: readonly Failure[], policy: RetryPolicy): boolean {
  if (failure === null) return false;
  const next = decide(failure, spentOn(failure, spent), policy, 0);
  return next.do === 'give-up' || next.do === 'hold-job' || next.do === 'cancel';
}

type Answered = Extract<RunOutcome, { readonly ok: true }>;
type Judged =
  | { readonly is: 'answer'; readonly outcome: Answered; readonly note: ScanNote | null }
  | { readonly is: 'secret'; readonly outcome: Answered; readonly why: Failure }
  | { readonly is: 'failure'; readonly run: Run; readonly failure: Failure };

/**
 * May the answer be shown, and is it what was asked for? What may not be shown is a person's affair, whatever its shape.
 * The brief that the offline runner gives back is no answer.
 */
async function judge(ports: Ports, job: Submitted, attempts: readonly AttemptRecord[], run: Run): Promise<Judged> {
  const { outcome, record } = run;
  if (!outcome.ok) return { is: 'failure', run, failure: outcome.failure };
  const scan = await ports.secrets.scan('answer', outcome.answer);
  if (!scan.ok) return { is: 'secret', outcome, why: scan.error };
  const failure = outcome.status === 'answered' ? await breachOf(ports, job, [...attempts, record], record.n, outcome.answer) : null;
  if (failure === null) return { is: 'answer', outcome, note: scan.value };
  const { usage, model, sessionId, acts } = outcome;
  const failed: RunOutcome = { ok: false, failure, usage, model, sessionId, ...(acts === undefined ? {} : { acts }) };
  return { is: 'failure', run: { ...run, outcome: failed, record: { ...record, outcome: classOf(failure), failure } }, failure };
}

const isCancelled = (job: Submitted): boolean => job.task.cancel.aborted;

type Run = {
  readonly record: AttemptRecord;
  /** A failure's words may be shown: what looked like a secret is out of them. */
  readonly outcome: RunOutcome;
  readonly command: string | null;
  readonly choice: Choice;
  /** It went alone, to see whether its lane works again. */
  readonly isProbe: boolean;
};

/** In a<n>/, where a job has more than one runner: who understands what the run leaves. */
const RUNNER_FILE = 'runner.json';
const runnerFile = (n: number): string => `a${String(n)}/${RUNNER_FILE}`;

const choicesOf = (job: Submitted): readonly Choice[] => [{ runner: job.runner, facts: job.facts, model: job.model }, ...job.fallbacks];

/** The runner that an attempt of before a crash was made with: it alone can take it up. Null: free. */
async function boundTo(ports: Ports, job: Submitted, n: number): Promise<Bound | null> {
  if (job.task.lastAttempt < n) return null;
  const bytes = await ports.spool.kept(job.task.claimed, runnerFile(n));
  if (bytes === null) return null;
  const { runner, instead } = JSON.parse(new TextDecoder().decode(bytes)) as { readonly runner: string; readonly instead: string | null };
  const known = choicesOf(job).find((choice) => choice.facts.name === runner);
  if (known !== undefined) return { choice: known, instead };
  const other = ports.runners.get(runner);
  return other === undefined ? null : { choice: { runner: other, facts: await other.facts(), model: null }, instead };
}
type Bound = { readonly choice: Choice; readonly instead: string | null };
/** A turn: which runner, where, why not the first, and whether it goes alone. */
type Given = Bound & { readonly lane: string; readonly isProbe: boolean };

/** Waits for a slot; a cancel while waiting ends the wait, a stop of the daemon leaves the job as it lies. */
async function inLane<T>(
  ports: Ports,
  job: Submitted,
  n: number,
  bound: Bound | null,
  work: (given: Given) => Promise<T>,
  verdict: (value: T) => Verdict,
): Promise<T | 'cancelled'> {
  if (isCancelled(job)) return 'cancelled';
  const choices = bound === null ? choicesOf(job) : [bound.choice];
  const lanes = choices.map(({ facts }, index) =>
    index === 0 && bound === null ? ports.laneOf(job.identity.role, job.prompt.runner) : facts.lane,
  );
  const ask = { lanes, role: job.identity.role, order: job.task.order, outside: outsideOf(ports, job, n, choices) };
  try {
    return await ports.lanes.run(
      ask,
      job.task.cancel,
      async ({ choice, instead, isProbe }) => {
        job.task.place.begins();
        const chosen = choices[choice];
        if (chosen === undefined) throw new Error(`there is no runner ${String(choice)}`);
        return work({
          choice: chosen,
          lane: lanes[choice] ?? chosen.facts.lane,
          instead: bound === null ? instead : bound.instead,
          isProbe,
        });
      },
      verdict,
    );
  } catch (error) {
    if (error instanceof Leaving && isCancelled(job)) return 'cancelled';
    throw error;
  }
}

/** What it needs beside its lane. The offline runner and docket's own programs write nothing in the work tree. */
function outsideOf(ports: Ports, job: Submitted, n: number, choices: readonly Choice[]): OutsideAsk {
  const { id, role, stem } = job.task.claimed.job;
  return {
    run: runFolder(job, n),
    label: `${role}/${stem} (${ports.workspace.root})`,
    writes: job.role.access === 'worktree' && choices.some(({ facts }) => facts.kind !== 'offline' && facts.kind !== 'http'),
    tell(words) {
      if (words === null) ports.waitsOutside.delete(id);
      else {
        if (!ports.waitsOutside.has(id)) ports.log.info(words, { job: id, role, feature: job.identity.feature });
        ports.waitsOutside.set(id, words);
      }
    },
  };
}
const runFolder = ({ task }: Submitted, n: number): string => `${task.claimed.dir}/a${String(n)}`;

async function attempt(ports: Ports, job: Submitted, { choice, lane, instead, isProbe }: Given, n: number, brief: Brief): Promise<Run> {
  const { claimed, cancel } = job.task;
  const runId = ports.digest.uuid();
  // The offline runner starts no program: nobody reads a file of its, and nothing can be started twice.
  const isAhead = isBriefAhead(job, n);
  const beside = choice.facts.kind === 'offline' ? null : isAhead ? undefined : { name: BRIEF_FILE, bytes: job.brief };
  const dir = await ports.spool.attemptFolder(claimed, n, beside);
  if (beside !== null && job.fallbacks.length > 0)
    await ports.spool.keep(claimed, runnerFile(n), `${JSON.stringify({ runner: choice.facts.name, instead })}\n`);
  if (instead !== null)
    ports.log.warn(`${choice.facts.name} answers instead of ${job.facts.name}: ${instead}`, { job: claimed.job.id, attempt: n });
  // What is over within a moment, and can be done again for nothing, is told when it is done.
  if (beside !== null) await ports.journal.note(reachedState(ports, claimed.job.id, 'running'));
  ports.reached('attempt', claimed.job.id);
  const scope = rulesOf(ports, job);
  const request: RunRequest = {
    job: claimed.job.id,
    attempt: n,
    runId,
    dir,
    briefFile: `${claimed.dir}/${brief.file}`,
    brief: brief.text,
    cwd: ports.workspace.code,
    model: choice.model,
    access: job.role.access,
    limits: limitsOf(ports, job),
    roleFile: job.role.file,
    ...(job.role.access === 'worktree' ? { scope } : {}),
  };
  const guard = await holdToScope(ports, job, choice, request, scope);
  const end = beginLive(ports, job, choice, request);
  const run = await runAttempt({ ...ports, runner: choice.runner }, request, AbortSignal.any([cancel, guard.left]), {
    planned: guard.planned,
    spawned: async () => {
      ports.reached('spawned', claimed.job.id);
      return Promise.resolve();
    },
  }).catch(async (error: unknown) => {
    guard.done();
    await end('interrupted');
    throw error;
  });
  const seen = await guard.after(run).finally(guard.done);
  await end(seen.ok ? seen.status : classOf(seen.failure));
  ports.reached('exit', claimed.job.id);
  const outcome: RunOutcome = seen.ok ? seen : { ...seen, failure: await withoutSecrets(ports, claimed, n, seen.failure) };
  const record: AttemptRecord = {
    n,
    runId: run.runId,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    outcome: outcome.ok ? outcome.status : classOf(outcome.failure),
    failure: outcome.ok ? null : outcome.failure,
    usage: priced(outcome.usage, outcome.model ?? choice.model, ports.prices),
    starts: run.starts,
    lane,
    model: outcome.model ?? choice.model,
    runner: choice.facts.name,
    instead,
    ...(outcome.acts === undefined ? {} : { acts: await actsWithoutSecrets(ports, outcome.acts) }),
    ...(run.sandbox === undefined ? {} : { sandbox: run.sandbox }),
    ...(brief.repair === null ? {} : { brief: brief.repair }),
  };
  return { record, outcome, command: run.command, choice, isProbe };
}

/**
 * The first attempt's brief is written before the job has a slot, so that the slot does not wait for it. What says after a crash that an attempt was begun is
 * the folder a<n>/, which is made in the slot; a brief alone is written again.
 */
async function keepBriefAhead(ports: Ports, job: Submitted, n: number): Promise<void> {
  if (isBriefAhead(job, n)) await ports.spool.keepAhead(job.task.claimed, { name: BRIEF_FILE, bytes: job.brief });
}
const isBriefAhead = ({ facts, fallbacks, task }: Submitted, n: number): boolean =>
  n === 1 && task.lastAttempt === 0 && [facts, ...fallbacks.map((one) => one.facts)].every(({ kind }) => kind !== 'offline');

/** From here on the run can be listened to, and is held to its budget. */
function beginLive(
  ports: Ports,
  job: Submitted,
  { runner, facts, model }: Choice,
  request: RunRequest,
): (outcome: string) => Promise<void> {
  const follower = followAttempt(runner, request.dir, request.cwd, ports.fs, ports.clean);
  const { id, role, stem } = job.task.claimed.job;
  const run = { job: id, attempt: request.attempt, model, follower };
  const { budgetUsd } = request.limits;
  const onUsage = holdToBudget(ports, { ...run, budgetUsd, callsProvider: facts.callsProvider });
  return ports.live.begin({ ...run, role, stem, runner: facts.name, onUsage });
}

const wishOf = (ports: Ports, job: Submitted, n: number, lane: string): Wish => ({
  job: job.task.claimed.job.id,
  feature: job.identity.feature,
  role: job.identity.role,
  lane,
  ownUsd: job.prompt.limits.budgetUsd ?? null,
  capUsd: limitsOf(ports, job).budgetUsd,
  file: `${job.identity.role}/${job.task.claimed.job.originalName}`,
  run: runFolder(job, n),
});

const policyOf = (ports: Ports, job: Submitted): RetryPolicy => ({
  attempts: job.prompt.limits.attempts ?? job.role.attempts ?? ports.workspace.settings['retry.attempts'],
  repairs: ports.workspace.settings['contract.repair'],
  baseMs: ports.workspace.settings['retry.base'],
  capMs: ports.workspace.settings['retry.cap'],
});

function limitsOf(ports: Ports, job: Submitted): RunLimits {
  const { settings } = ports.workspace;
  const { limits } = job.prompt;
  return {
    timeoutMs: limits.timeoutMs ?? job.role.timeoutMs ?? settings['limits.timeout'],
    idleMs: job.role.idleTimeoutMs ?? settings['limits.idle_timeout'],
    outputBytes: settings['limits.output_bytes'],
    answerBytes: settings['limits.answer_bytes'],
    turns: limits.turns ?? settings['limits.turns'],
    budgetUsd: limits.budgetUsd ?? settings['limits.budget_usd'],
    memoryMb: settings['limits.memory_mb'],
    processes: settings['limits.processes'],
  };
}

function ended(status: Ended['status'], attempts: readonly AttemptRecord[], run: Run | null, failure: Failure | null): Ended {
  const outcome = run?.outcome ?? null;
  return {
    status,
    answer: null,
    failure,
    attempts,
    command: run?.command ?? null,
    facts: run?.choice.facts ?? null,
    model: outcome?.model ?? run?.choice.model ?? null,
    sessionId: outcome?.sessionId ?? null,
    answerScan: null,
    answerNote: null,
  };
}
