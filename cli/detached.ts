/** A daemon in the background: started with its words going to a file, and waited for until it answers. */

import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { makeProcesses } from '#platform/process.ts';
import { describeHolder, readHolder } from './holder.ts';
import { CliError, EXIT, type Io } from './io.ts';
import { connectControl } from './open.ts';
import { packageFile } from './package.ts';
import { clock } from './parts.ts';
import { outputFile } from './places.ts';

/** How long a detached daemon may take until it answers. */
const DETACHED_START_MS = 20_000;
const LAST_WORDS_BYTES = 16_384;

export function mustHaveRunner(workspace: Workspace): void {
  if (workspace.settings.runner !== '') return;
  throw new CliError(
    `docket.yaml chooses no runner, so that no tool is called by accident: write \`runner: offline\` (no AI is called), \`runner: claude\`, or \`runner: auto\` into ${workspace.root}/docket.yaml`,
    EXIT.wrongUse,
  );
}

/** Throws CliError 3: one runs already, it ended at once, or it does not answer. @param startMs how long it may take */
export async function startInBackground(
  io: Pick<Io, 'env'>,
  workspace: Workspace,
  startMs = DETACHED_START_MS,
): Promise<{ readonly pid: number }> {
  const fs = makeFs();
  await fs.makeFolders(workspace.state, 0o700);
  const running = await connectControl(workspace);
  if (running !== null) {
    running.close();
    throw new CliError(describeHolder(workspace, await readHolder(fs, workspace.state)), EXIT.environment);
  }
  const output = outputFile(workspace.state);
  const before = (await fs.facts(output))?.sizeBytes ?? 0;
  const ended = Promise.withResolvers<number | null>();
  const child = await makeProcesses().startDetached({
    program: process.execPath,
    args: [packageFile('bin/docket.js'), '--root', workspace.root, 'up'],
    env: Object.fromEntries(Object.entries(io.env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    cwd: workspace.root,
    outputPath: output,
  });
  child.onExit((code) => {
    ended.resolve(code);
  });
  const answers = async (): Promise<'answers'> => {
    const untilMs = clock.monotonicMs() + startMs;
    while (clock.monotonicMs() < untilMs) {
      const control = await connectControl(workspace);
      if (control !== null) {
        control.close();
        return 'answers';
      }
      await clock.sleep(25);
    }
    throw new CliError(`the daemon (pid ${String(child.pid)}) does not answer; what it said is in ${output}`, EXIT.environment);
  };
  const outcome = await Promise.race([answers(), ended.promise]);
  if (outcome === 'answers') return { pid: child.pid };
  const words = await lastWords(output, before);
  throw new CliError(`the daemon ended at once${words === '' ? '' : ` (${words})`}; what it said is in ${output}`, EXIT.environment);
}

/** The last line of docket's own that came since then. */
async function lastWords(file: string, fromByte: number): Promise<string> {
  try {
    const open = await makeFs().openRead(file);
    try {
      const from = Math.max(fromByte, open.sizeBytes - LAST_WORDS_BYTES);
      const text = new TextDecoder().decode(await open.readAt(from, open.sizeBytes - from));
      return text.split('\n').findLast((line) => line.startsWith('docket: '))?.slice('docket: '.length) ?? ''; // prettier-ignore
    } finally {
      await open.close();
    }
  } catch {
    return '';
  }
}
