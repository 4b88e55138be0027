/**
 * From the decision to the last rename: record, enqueue (what an answer emits), publish, finish, clean. Each step tests its own effect before it acts,
 * so the whole of it may be repeated after a crash at any point.
 */

import type { FinalFile, JobState, Outcome } from '#core/job.ts';
import { describe, type Failure } from '#core/failure.ts';
import { describeIdentity } from '#core/prompt.ts';
import type { JournalChange } from '#core/ports.ts';
import type { Claimed } from '#core/spool.ts';
import { AlteredCopy } from '#spool/decided-bytes.ts';
import { mendAltered } from './altered.ts';
import { enqueueChildren } from './emit.ts';
import { errorPage } from './error-page.ts';
import type { Ports } from './ports.ts';
import { reachedState } from './progress.ts';
import { tellEnd } from './tell-events.ts';
import { readTold, type Told } from './told-note.ts';

/** Somebody who writes to work/ again and again is not outrun: the job stays there, and is told as one that cannot go on. */
const MENDS_MAX = 3;

/** @param told what history will be told, for whoever has just decided it */
export async function conclude(ports: Ports, claimed: Claimed, sealed: FinalFile, told: Told | null = null): Promise<Outcome> {
  let final = sealed;
  for (let mends = 0; ; mends++) {
    try {
      return await concludeAs(ports, claimed, final, final.outcome === sealed.outcome ? told : null);
    } catch (error) {
      if (!(error instanceof AlteredCopy) || mends === MENDS_MAX) throw error;
      final = await mendAltered(ports, claimed, final, told, error);
    }
  }
}

async function concludeAs(ports: Ports, claimed: Claimed, sealed: FinalFile, told: Told | null): Promise<Outcome> {
  const { id } = claimed.job;
  const recorded = await record(ports, claimed, sealed, told);
  ports.reached('recorded', id);
  const decided = await enqueueChildren(ports, claimed, recorded);

  const published = await ports.spool.publish(claimed, decided);
  ports.reached('published', id);
  await tellEnd(ports, claimed, published);

  const { late } = await ports.spool.finish(claimed, published);
  ports.reached('renamed', id);
  if (late !== null)
    ports.log.warn(`somebody wrote to the file after it was claimed; those bytes were not used, they are in ${late}`, {
      job: id,
      role: claimed.job.role,
    });
  // One transaction for the last three steps: they take milliseconds, and after a crash the folder tells how far it came, not the journal. Only why an
  // end was bad stands nowhere else in this form.
  const steps = [
    ...moved(ports, claimed, 'recorded', published),
    ...moved(ports, claimed, 'published', published),
    ...moved(ports, claimed, 'done', published),
  ];
  await (published.failure === null ? ports.journal.note(steps) : ports.journal.commit([...steps, ...whyBad(ports, claimed, published)]));
  await ports.spool.clean(claimed);
  ports.reached('done', id);
  return published.outcome;
}

/** One commit: nothing is visible that is not recorded. Prompts that were never accepted have no record. */
async function record(ports: Ports, claimed: Claimed, sealed: FinalFile, fresh: Told | null): Promise<FinalFile> {
  if (sealed.outcome === 'held') return sealed;
  const told = fresh ?? (await readTold(ports.spool, claimed, sealed));
  if (told === null) return sealed;
  const { answer, attempt } = told;
  const filed = await ports.history.record(answer);
  if (filed.ok) {
    ports.acceptance.recorded(answer.identity);
    return sealed;
  }
  // Another daemon's job took the place: the answer stays in archive/, a person decides.
  if (answer.result !== null && attempt > 0) await ports.spool.keep(claimed, `a${String(attempt)}/answer`, answer.result);
  const failure: Failure = { kind: 'identity-taken', identity: describeIdentity(answer.identity), byJob: filed.error.byJob };
  return ports.spool.decide(claimed, {
    outcome: 'held',
    failure,
    files: [{ as: '_error.md', bytes: errorPage(ports, claimed, 'held', failure, []) }],
  });
}

/** For the journal's table of errors; why an attempt failed is there already. */
const whyBad = (ports: Ports, { job }: Claimed, { failure }: FinalFile): readonly JournalChange[] =>
  failure === null ? [] : [{ do: 'error', id: job.id, attempt: null, failure, at: ports.clock.now().toISOString() }];

function moved(ports: Ports, claimed: Claimed, to: JobState, final: FinalFile): readonly JournalChange[] {
  const reason = final.failure === null ? {} : { reason: describe(final.failure) };
  return reachedState(ports, claimed.job.id, to, { outcome: final.outcome, ...reason });
}
