/**
 * Is the client of the MCP server itself a run of docket? Then what it enqueues came out of that run's job: it gets `parent`, and counts as a generation.
 *
 *   no DOCKET_RUN_ID              somebody's own agent: no parent; asked of this process and of those that it came from
 *   DOCKET_RUN_ID of a live run   its job, found by the run.json that the keeper wrote
 *   any other DOCKET_RUN_ID       refused: a mark that no run in flight has says nothing about where the prompt comes from
 */

import path from 'node:path';
import { isJobId, type JobId } from '#core/names.ts';
import { markAbove } from '#platform/process-facts.ts';
import { readFrontMatter } from '#prompt-spec/front-matter.ts';
import { MARKER } from '#tools/end-tree.ts';
import { readRun } from '#tools/exit.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { isInFlight } from './job-words.ts';
import { listAll, type Sources } from './job-words-sources.ts';

/** Null: the environment says nothing of a run. Throws CliError when it names one that is not in flight. */
export async function jobOfRun(io: Io, sources: Sources): Promise<JobId | null> {
  const runId = markAbove(MARKER, io.env);
  if (runId === null) return null;
  const { views } = await listAll(sources.spool);
  for (const view of views.filter(isInFlight)) {
    const folder = sources.roles.get(view.role)?.folder;
    if (folder === undefined || view.id === null) continue;
    const { dir } = sources.layout.job(folder, view.id);
    for (let attempt = view.attempts; attempt > 0; attempt--) {
      const run = await readRun(path.join(dir, `a${String(attempt)}`), sources.fs);
      if (run?.runId === runId) return view.id;
    }
  }
  throw new CliError(
    `${MARKER} is set (here, or where this program was started), and no job in flight has that run: nothing was enqueued. A run of docket enqueues only while it runs, in its own workspace`,
    EXIT.wrongUse,
  );
}

/** How many answers a prompt with this parent comes out of, one after the other, from a prompt that a person dropped: at least 1. Stops counting behind `max`. */
export async function generationOf(sources: Sources, parent: JobId, max: number): Promise<number> {
  const history = await sources.history();
  let generation = 1;
  for (let job = parent; generation <= max; generation++) {
    const next = history === null ? null : await parentOf(sources, history, job);
    if (next === null) return generation;
    job = next;
  }
  return generation;
}

async function parentOf(
  sources: Sources,
  history: NonNullable<Awaited<ReturnType<Sources['history']>>>,
  job: JobId,
): Promise<JobId | null> {
  const { settings } = sources.workspace;
  for await (const { identity, folder } of history.records({ job })) {
    const bytes = await history.read(`${folder}/prompt_v${String(identity.revision)}.md`);
    const limits = { promptBytes: settings['limits.prompt_bytes'], frontMatterBytes: settings['limits.front_matter_bytes'] };
    const front = bytes === null ? null : readFrontMatter(bytes, limits);
    const parent = front?.ok === true ? front.value.data['parent'] : undefined;
    return typeof parent === 'string' && isJobId(parent) ? parent : null;
  }
  return null;
}
