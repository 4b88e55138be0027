/**
 * The attempts of one job, in its lane, until it is answered or the failure table says stop (core/retry.ts decides).
 * Each attempt has a folder of its own, a<n>/; an attempt that was under way when the daemon died is taken up where it lies.
 */

import { runAttempt } from '#agents/attempt.ts';
import { classOf, describe, type Failure } from '#core/failure.ts';
import { priced } from '#core/money.ts';
import { decide, type RetryPolicy } from '#core/retry.ts';
import type { AttemptRecord, RunLimits, RunOutcome, RunRequest } from '#core/run.ts';
import { unreachable } from '#core/result.ts';
import { afford } from './afford.ts';
import type { Wish } from './budget.ts';
import { Leaving } from './leaving.ts';
import type { Ports } from './ports.ts';
import { reachedState } from './progress.ts';
import { BRIEF_FILE, byWhom, type Ended, type Submitted } from './task.ts';
import { withoutSecrets } from './tool-words.ts';

export async function answer(ports: Ports, job: Submitted): Promise<Ended> {
  const { claimed, cancel } = job.task;
  const log = ports.log.with({ job: claimed.job.id, role: claimed.job.role, feature: job.identity.feature });
  const policy = policyOf(ports, job);
  const lane = ports.laneOf(job.identity.role, job.prompt.runner);
  const before = ports.journal.attempts(claimed.job.id);
  // An attempt that was answered before a crash is understood again, not run again.
  const attempts: AttemptRecord[] = before.filter((earlier) => earlier.failure !== null);
  let spent = before.filter((earlier) => earlier.failure !== null && earlier.spent).length;
  const last = attempts.at(-1);
  let n = Math.max(1, job.task.lastAttempt, (last?.n ?? 0) + 1);
  // Killed between the last failure and the end that follows from it: that attempt is understood again where it lies, and no tool is started.
  if (last !== undefined && job.task.lastAttempt <= last.n && isLastWord(ports, last, spent, policy)) {
    attempts.pop();
    if (isSpentBy(last.failure)) spent--;
    n = last.n;
  }

  for (;;) {
    const run = await afford(
      ports,
      job,
      { wish: wishOf(ports, job, lane), isUnderWay: n <= job.task.lastAttempt },
      async (work) => inLane(ports, lane, job, work),
      async () => attempt(ports, job, lane, n),
    );
    if (run === 'cancelled') return ended('cancelled', attempts, null, { kind: 'cancelled', by: byWhom(cancel) });
    if (run.outcome.ok) {
      attempts.push(run.record);
      await ports.journal.commit([
        ...reachedState(ports, claimed.job.id, 'running'),
        { do: 'attempt', id: claimed.job.id, attempt: run.record, spent: true },
        { do: 'move', id: claimed.job.id, to: 'ran', at: run.record.endedAt },
      ]);
      ports.reached('ran', claimed.job.id);
      const scan = await ports.secrets.scan('answer', run.outcome.answer);
      if (!scan.ok) {
        // For archive/: out/ will not show it.
        await ports.spool.keep(claimed, `a${String(n)}/answer`, run.outcome.answer);
        return { ...ended('held', attempts, run, scan.error), answerScan: scan.error.kind === 'secret-found' ? 'found' : 'failed' };
      }
      return { ...ended(run.outcome.status, attempts, run, null), answer: run.outcome.answer, answerScan: 'passed' };
    }

    const failure = await withoutSecrets(ports, claimed, n, run.outcome.failure);
    const record: AttemptRecord = { ...run.record, failure };
    // A look at a lane that is held for its environment starts no tool: it is no attempt, and a long outage leaves no long list.
    const isProbe = record.starts === 0 && classOf(failure) === 'environment-fault';
    if (!isProbe) attempts.push(record);
    const isSpent = isSpentBy(failure);
    if (isSpent) spent++;
    await ports.journal.commit([
      ...reachedState(ports, claimed.job.id, 'running'),
      ...(isProbe ? [] : [{ do: 'attempt' as const, id: claimed.job.id, attempt: record, spent: isSpent }]),
      { do: 'move', id: claimed.job.id, to: 'waiting', reason: describe(failure), at: record.endedAt },
    ]);
    const next = decide(failure, spent, policy, ports.clock.now().getTime(), ports.random());
    log.warn(`attempt ${String(n)} failed (${classOf(failure)}): ${describe(failure)}`, { attempt: n, run_id: record.runId });
    switch (next.do) {
      case 'again':
        log.info(`again in ${String(Math.ceil(next.delayMs / 1000))} s`, { attempt: n });
        await ports.clock.sleep(next.delayMs, AbortSignal.any([cancel, ports.stopping]));
        if (ports.stopping.aborted) throw new Leaving();
        break;
      case 'hold-lane':
        await ports.lanes.hold(lane, next.untilMs, next.delayMs, describe(failure));
        break;
      case 'hold-job':
        return ended('held', attempts, run, failure);
      case 'cancel':
        return ended('cancelled', attempts, run, failure);
      case 'give-up':
        return ended('failed', attempts, run, failure);
      default:
        unreachable(next);
    }
    if (!isProbe) n++;
  }
}

const UNSPENT: ReadonlySet<string> = new Set(['provider-limit', 'environment-fault', 'budget', 'cancelled']);
const isSpentBy = (failure: Failure | null): boolean => failure !== null && !UNSPENT.has(classOf(failure));

/** Does this failure end the job? */
function isLastWord(ports: Ports, { failure }: AttemptRecord, spent: number, policy: RetryPolicy): boolean {
  if (failure === null) return false;
  const next = decide(failure, spent, policy, ports.clock.now().getTime(), 0);
  return next.do === 'give-up' || next.do === 'hold-job' || next.do === 'cancel';
}

const isCancelled = (job: Submitted): boolean => job.task.cancel.aborted;

type Run = { readonly record: AttemptRecord; readonly outcome: RunOutcome; readonly command: string | null };

/** Waits for a slot; a cancel while waiting ends the wait, a stop of the daemon leaves the job as it lies. */
async function inLane<T>(ports: Ports, lane: string, job: Submitted, work: () => Promise<T>): Promise<T | 'cancelled'> {
  if (isCancelled(job)) return 'cancelled';
  try {
    return await ports.lanes.run(lane, job.prompt.priority, job.task.cancel, async () => {
      job.task.place.begins();
      return work();
    });
  } catch (error) {
    if (error instanceof Leaving && isCancelled(job)) return 'cancelled';
    throw error;
  }
}

async function attempt(ports: Ports, job: Submitted, lane: string, n: number): Promise<Run> {
  const { claimed, cancel } = job.task;
  const runId = ports.digest.uuid();
  // The offline runner starts no program: nobody reads a file of its, and nothing can be started twice.
  const beside = job.facts.kind === 'offline' ? null : { name: BRIEF_FILE, bytes: job.brief };
  const dir = await ports.spool.attemptFolder(claimed, n, beside);
  // What is over within a moment, and can be done again for nothing, is told when it is done.
  if (beside !== null) await ports.journal.note(reachedState(ports, claimed.job.id, 'running'));
  ports.reached('attempt', claimed.job.id);
  const request: RunRequest = {
    job: claimed.job.id,
    attempt: n,
    runId,
    dir,
    briefFile: `${claimed.dir}/${BRIEF_FILE}`,
    brief: job.brief,
    cwd: ports.workspace.code,
    model: job.model,
    access: job.role.access,
    limits: limitsOf(ports, job),
    roleFile: job.role.file,
  };
  const run = await runAttempt({ ...ports, runner: job.runner }, request, cancel, {
    spawned: async () => {
      ports.reached('spawned', claimed.job.id);
      return Promise.resolve();
    },
  });
  ports.reached('exit', claimed.job.id);
  const { outcome } = run;
  const record: AttemptRecord = {
    n,
    runId: run.runId,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    outcome: outcome.ok ? outcome.status : classOf(outcome.failure),
    failure: outcome.ok ? null : outcome.failure,
    usage: priced(outcome.usage, outcome.model ?? job.model, ports.prices),
    starts: run.starts,
    lane,
    model: outcome.model ?? job.model,
  };
  return { record, outcome, command: run.command };
}

const wishOf = (ports: Ports, job: Submitted, lane: string): Wish => ({
  job: job.task.claimed.job.id,
  feature: job.identity.feature,
  role: job.identity.role,
  lane,
  ownUsd: job.prompt.limits.budgetUsd ?? null,
  capUsd: limitsOf(ports, job).budgetUsd,
  file: `${job.identity.role}/${job.task.claimed.job.originalName}`,
});

const policyOf = (ports: Ports, job: Submitted): RetryPolicy => ({
  attempts: job.prompt.limits.attempts ?? job.role.attempts ?? ports.workspace.settings['retry.attempts'],
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
    model: outcome?.model ?? null,
    sessionId: outcome?.sessionId ?? null,
    answerScan: null,
  };
}
