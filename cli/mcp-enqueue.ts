/**
 * The tool enqueue_prompt: what `docket add` does with a text, for a program. The prompt is composed, checked and dropped by the same functions, and the
 * daemon takes it like any other file.
 *
 * Invariant: `parent` and `author` are docket's own words. `parent` is the job of the run that asks, `author` the git identity of this workspace; a prompt
 * that says anything else of itself is refused.
 */

import { classifyError } from '#core/disk.ts';
import type { Identity } from '#core/prompt.ts';
import { generationOf } from '#daemon/emit-check.ts';
import { drop, poke } from './add.ts';
import { authorOf } from './person.ts';
import { compose, type Composed, type ComposeFlags, type OwnKeys } from './compose.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { withSources } from './job-words-sources.ts';
import { quietIo } from './mcp-call.ts';
import { jobOfRun } from './mcp-run.ts';
import { openAll, roleNamed } from './open.ts';

export type Enqueued = {
  readonly name: string;
  readonly path: string;
  readonly identity: Identity;
  readonly sha256: string;
  readonly parent: string | null;
  readonly daemon: boolean;
  readonly notes: readonly string[];
};

/** Throws CliError with every fault; nothing was dropped then. */
export async function enqueue(io: Io, common: Common, roleText: string, text: string, flags: ComposeFlags): Promise<Enqueued> {
  const quiet = quietIo(io, text);
  const opened = await openAll(quiet.io, common);
  const role = roleNamed(opened.roles, roleText);
  const own = await ownKeys(io, common);
  const composed = await compose(quiet.io, opened, role, '-', { ...flags, own });
  mustBeOwn(composed, own);
  const dropped = await drop(quiet.io, opened, role, composed).catch((error: unknown) => {
    throw unwritable(error);
  });
  const daemon = await poke(opened);
  const notes = [...quiet.said().notes, ...(daemon ? [] : ['no daemon runs: it waits until somebody starts `docket up`'])];
  return {
    name: `${role.name}/${composed.stem}`,
    path: dropped.path,
    identity: composed.identity,
    sha256: composed.sha256,
    parent: own.parent ?? null,
    daemon,
    notes,
  };
}

async function ownKeys(io: Io, common: Common): Promise<OwnKeys> {
  return withSources(io, common, async (sources) => {
    const person = await authorOf(sources.workspace);
    const author = person === null ? {} : { author: person };
    const parent = await jobOfRun(io, sources);
    if (parent === null) return author;
    const max = sources.workspace.settings['emit.generations'];
    const history = await sources.history();
    const generation = history === null ? 1 : await generationOf({ history }, parent, max + 1);
    if (generation > max)
      throw new CliError(
        `nothing was enqueued: this would be generation ${String(generation)} of prompts that came out of answers, and emit.generations allows ${String(max)}; name the prompt in your answer, so that a person drops it`,
        EXIT.notWell,
      );
    return { ...author, parent };
  });
}

function mustBeOwn({ prompt }: Composed, own: OwnKeys): void {
  for (const key of ['parent', 'author'] as const) {
    const said = prompt.rest[key];
    if (said === undefined || said === null || said === own[key]) continue;
    const is = own[key] === undefined ? 'and docket knows of none here' : 'and docket would write another one';
    throw new CliError(`nothing was enqueued: the front matter says ${key}, ${is}: remove the line, docket writes it`, EXIT.notWell);
  }
}

/** Inside of a sandbox, and for another user, the inbox cannot be written. */
function unwritable(error: unknown): unknown {
  if (!(error instanceof Error) || classifyError(error) !== 'environment') return error;
  return new CliError(
    `the inbox cannot be written from here (${error.message}): nothing was enqueued. In the sandbox of a run the queue folders can only be read: put the prompt into your answer instead`,
    EXIT.environment,
  );
}
