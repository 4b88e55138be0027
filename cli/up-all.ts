/**
 * `docket up --all`: starts, in the background, the daemon of each workspace of this application (the same folder of every work tree of its repository);
 * outside of a workspace, of all that are remembered. Never more than daemons.max of each.
 */

import path from 'node:path';
import { whereaboutsOf } from '#core/daemons.ts';
import { printable } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { makeGitWork } from '#platform/git-work.ts';
import { workTrees } from '#worktrees/siblings.ts';
import { openRegistry, remembered } from './daemons.ts';
import { wordsOf } from './doctor-checks.ts';
import { mustHaveRunner, startInBackground } from './detached.ts';
import { readHolder } from './holder.ts';
import { CliError, EXIT, show, type Common, type Io } from './io.ts';
import { connectControl, openWorkspace } from './open.ts';
import { clock } from './parts.ts';
import { thisMachine } from './registry.ts';
import { soon } from './soon.ts';
import { silentWords } from './stop-daemon.ts';
import { findRepository, findRoot, SETTINGS_FILE } from './workspace.ts';

type Start = {
  readonly root: string;
  readonly did: 'started' | 'up already' | 'failed';
  readonly pid: number | null;
  readonly words: string | null;
};

/** A start is mostly work of the processor. */
const STARTS_AT_ONCE = 4;
const START_MS = 60_000;
const ANSWER_MS = 5_000;

/** Each with a docket.yaml; real paths. */
async function ofApplication(io: Io, root: string): Promise<readonly string[]> {
  const fs = makeFs();
  const repository = await findRepository(fs, root);
  if (repository === null) return [root];
  const below = path.relative(await fs.realPath(repository.top), root);
  const roots = new Set([root]);
  const trees = await workTrees(makeGitWork(io.env), root).catch((error: unknown) => {
    throw new CliError(`the work trees of ${root} cannot be listed: ${wordsOf(error)}`, EXIT.environment);
  });
  for (const tree of trees) {
    const folder = path.join(tree, below);
    const isWorkspace = await fs.facts(path.join(folder, SETTINGS_FILE)).catch(() => null);
    if (isWorkspace !== null) roots.add(await fs.realPath(folder));
  }
  return [...roots];
}

async function whichRoots(io: Io, common: Common): Promise<readonly string[]> {
  const fs = makeFs();
  const found = await findRoot(fs, io.cwd, common.root ?? null);
  if (found.ok) return ofApplication(io, found.value);
  if (common.root !== undefined) throw new CliError(`${common.root} is no workspace: it has no docket.yaml`, EXIT.wrongUse);
  const machine = thisMachine();
  const known = await remembered(fs, await openRegistry(io).read());
  return known.filter(({ entry }) => whereaboutsOf(entry, machine) !== 'elsewhere').map(({ entry }) => entry.root);
}

/** How many run, those that are being started here among them. */
type Room = { taken: number };

async function startOne(io: Io, root: string, room: Room): Promise<Start> {
  let isTaken = false;
  try {
    const workspace = await openWorkspace(io, { root });
    const control = await connectControl(workspace);
    if (control !== null) {
      const told = await soon(clock, control.ask('status'), ANSWER_MS);
      control.close();
      if (told === null) throw new CliError(silentWords(await readHolder(makeFs(), workspace.state)), EXIT.environment);
      return { root, did: 'up already', pid: null, words: null };
    }
    mustHaveRunner(workspace);
    const max = workspace.settings['daemons.max'];
    if (room.taken >= max)
      throw new CliError(
        `${String(room.taken)} daemons of yours run on this machine, and daemons.max is ${String(max)}: \`docket down\` stops one, or raise daemons.max in docket.yaml`,
        EXIT.environment,
      );
    room.taken += 1;
    isTaken = true;
    const { pid } = await startInBackground(io, workspace, START_MS);
    return { root, did: 'started', pid, words: null };
  } catch (error) {
    if (isTaken) room.taken -= 1;
    if (!(error instanceof CliError)) throw error;
    return { root, did: 'failed', pid: null, words: error.message };
  }
}

const lineOf = ({ root, did, pid, words }: Start): string =>
  `${did.padEnd(10)}  ${printable(root, 500)}${pid === null ? '' : ` (pid ${String(pid)})`}${words === null ? '' : `: ${words}`}`;

export async function upAll(io: Io, common: Common): Promise<void> {
  const roots = await whichRoots(io, common);
  const { entries } = await openRegistry(io).read();
  const machine = thisMachine();
  const room: Room = { taken: entries.filter(({ entry }) => whereaboutsOf(entry, machine) === 'alive').length };
  const left = [...roots];
  const starts: Start[] = [];
  const work = async (): Promise<void> => {
    for (let root = left.shift(); root !== undefined; root = left.shift()) starts.push(await startOne(io, root, room));
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, work));
  const inOrder = roots.flatMap((root) => starts.filter((one) => one.root === root));
  const nothing = 'no workspace is remembered on this machine: run `docket up --all` in a repository with a docket.yaml';
  show(io, common, { daemons: inOrder }, inOrder.length === 0 ? nothing : inOrder.map(lineOf).join('\n'));
  if (inOrder.some(({ did }) => did === 'failed')) io.setExitCode(EXIT.notWell);
}
