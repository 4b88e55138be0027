/**
 * The sandbox around a tool, where this machine has one: bubblewrap on Linux, sandbox-exec on macOS. It is tried once, with a program that does nothing;
 * what came of it is remembered, told by `docket doctor`, and stands in the evidence of each run.
 *
 *   not looked yet -> there | not there (why)
 *
 * Invariant: a run that is said to be sandboxed can write only its working folder (access: worktree), its temporary and configuration folder, and what its
 * profile or its runner names; docket's sockets, /run and /tmp cannot be seen. With `required`, nothing starts without it.
 */

import path from 'node:path';
import type { Failure } from '#core/failure.ts';
import { printable } from '#core/names.ts';
import { err, ok, type Result } from '#core/result.ts';
import type { ProgramPlan, RunRequest } from '#core/run.ts';
import type { Sandbox, SandboxFound, SandboxMode, SandboxPlaces } from './sandbox-places.ts';
import { bwrapArgs, type Mount, type View } from './sandbox-bwrap.ts';
import { seatbeltProfile } from './sandbox-macos.ts';
import { NAMES } from './exit.ts';
import { isBoxed } from './sandbox-exit.ts';
import type { RawRun } from './outcome.ts';
import { findProgram, searchPath, type ProgramFacts, type ToolPorts } from './program.ts';
import { makeRunFolder } from './run-folder.ts';

/** What one run needs. */
export type Needs = {
  readonly access: RunRequest['access'];
  readonly dir: string;
  readonly config: string | null;
  /** Besides: where it keeps a state of its own. What is not there is passed over. */
  readonly writes: readonly string[];
  /** False: a program of a person's own, of which nobody knows what it writes where; it is put into a sandbox only where that is required. */
  readonly isAsked: boolean;
  /** Absolute: what it may not read, whatever else it may (ScopeRules.unread). What is not there is passed over. */
  readonly unread?: readonly string[];
};

const TRY_MS = 10_000;
const SAID_BYTES_MAX = 300;
/** Sockets of system services, container engines and the session lie here. */
const RUN = '/run';
/** In /run, and no service: NixOS has its programs there. */
const PROGRAMS_IN_RUN = '/run/current-system';
const RESOLVER = '/etc/resolv.conf';
/** Longer texts hold a prompt or a document, and no path that matters. */
const PATHS_LENGTH_MAX = 16_384;

const firstLine = (text: string): string => text.trim().split('\n', 1)[0] ?? '';

/** Looks for it and tries it. Never throws. */
export async function findSandbox(places: SandboxPlaces, ports: ToolPorts): Promise<SandboxFound> {
  const { platform } = places;
  const name = platform === 'linux' ? 'bwrap' : platform === 'darwin' ? 'sandbox-exec' : null;
  if (name === null) return { isThere: false, why: `there is none for ${platform}` };
  const found = await findProgram(name, ports);
  if (!found.ok)
    return { isThere: false, why: `${name} is not installed${platform === 'linux' ? ' (the package bubblewrap of your system)' : ''}` };
  // Of itself it says its version, in a sandbox as outside.
  const trial =
    platform === 'linux'
      ? [...bwrapArgs({ isRoot: places.isRoot, mounts: mounts('empty', await emptied(places, ports)), cwd: '/' }), found.value, '--version']
      : ['-p', '(version 1)(allow default)', '/usr/bin/true'];
  try {
    const tried = await ports.ask(found.value, trial, { env: { PATH: searchPath(ports) }, timeoutMs: TRY_MS });
    if (tried.code !== 0)
      return { isThere: false, why: `${name} does not work here: ${firstLine(tried.stderr) || `code ${String(tried.code)}`}` };
    const version = /\d+(?:\.\d+)+/.exec(tried.stdout)?.[0];
    return { isThere: true, program: found.value, words: version === undefined ? name : `${name} ${version}` };
  } catch (error) {
    return { isThere: false, why: `${name} does not work here: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Tried at the first question, once; where it is required and not there, at each question, so that a lane that waits for it goes on by itself. */
export function makeSandbox(mode: SandboxMode, places: SandboxPlaces, ports: ToolPorts): Sandbox {
  let known: Promise<SandboxFound> | null = null;
  return {
    mode,
    places,
    async look() {
      known ??= findSandbox(places, ports);
      const found = await known;
      if (mode === 'required' && !found.isThere) known = null;
      return found;
    },
  };
}

/** Why no run of this runner may start now, whatever it is asked: there is no sandbox where one must be, or its program is not the one that was accepted. */
export async function startFault(runner: string, facts: () => Promise<ProgramFacts>, ports: ToolPorts): Promise<Failure | null> {
  const { sandbox, mayCall } = ports;
  const fault = mayCall === undefined ? null : await mayCall(runner, await facts());
  if (fault !== null) return fault;
  if (sandbox?.mode !== 'required') return null;
  const found = await sandbox.look();
  return found.isThere ? null : noSandbox(found.why);
}

const noSandbox = (why: string): Failure => ({
  kind: 'environment',
  what: 'tools.sandbox is required, and there is none',
  path: 'docket.yaml',
  code: 'NO_SANDBOX',
  message: `${why} (mend that, it is looked at again by itself; or set tools.sandbox to auto)`,
});

/**
 * A run in a sandbox that never came to its tool: bwrap itself says why, and nothing was spent. A tool that dies with the same words and no output at all
 * is taken for it; it cost nothing either, as far as anybody can tell.
 */
export function setupFault(words: string | undefined, raw: Pick<RawRun, 'exit' | 'stdout' | 'stderr'>): Failure | null {
  if (!isBoxed(words) || raw.exit.stopped !== null || raw.exit.code !== 1 || raw.stdout.length > 0) return null;
  const said = firstLine(new TextDecoder().decode(raw.stderr.subarray(0, SAID_BYTES_MAX)));
  if (!said.startsWith('bwrap: ')) return null;
  return {
    kind: 'environment',
    what: 'the sandbox could not be made',
    path: 'bwrap',
    code: 'SANDBOX',
    message: `${printable(said, SAID_BYTES_MAX)} (\`docket doctor\`; tools.sandbox: off goes without)`,
  };
}

/** The same plan in a sandbox, or the plan as it is with the reason why not. @returns a failure when there must be one and there is none */
export async function confine(plan: ProgramPlan, needs: Needs, ports: ToolPorts): Promise<Result<ProgramPlan, Failure>> {
  const { sandbox } = ports;
  if (sandbox === undefined) return ok(plan);
  if (sandbox.mode === 'off') return ok({ ...plan, sandbox: 'none: tools.sandbox is off' });
  if (sandbox.mode === 'auto' && !needs.isAsked)
    return ok({ ...plan, sandbox: 'none: a program of your own (sandbox: true in its runner puts it into one)' });
  const found = await sandbox.look();
  if (!found.isThere) return sandbox.mode === 'required' ? err(noSandbox(found.why)) : ok({ ...plan, sandbox: `none: ${found.why}` });
  await makeRunFolder(ports.fs, needs.dir);
  const view = await viewOf(plan, needs, sandbox.places, ports);
  const before =
    sandbox.places.platform === 'linux'
      ? bwrapArgs(view)
      : [
          '-p',
          seatbeltProfile(
            view,
            [await sandbox.places.real(sandbox.places.state)],
            await there([...sandbox.places.hidden, ...(needs.unread ?? [])], sandbox.places, ports),
          ),
        ];
  return ok({ ...plan, program: found.program, args: [...before, plan.program, ...plan.args], sandbox: found.words });
}

const isInside = (folder: string, file: string): boolean => file === folder || file.startsWith(folder === '/' ? '/' : `${folder}/`);

/** Those that are there, links resolved, none twice. */
async function there(paths: readonly string[], { real }: SandboxPlaces, { fs }: Pick<ToolPorts, 'fs'>): Promise<string[]> {
  const found: string[] = [];
  for (const one of paths) {
    const at = await real(one);
    // What this account may not look at (a folder of root's in PATH), the tool cannot need.
    const facts = found.includes(at) ? null : await fs.facts(at).catch(() => null);
    if (facts !== null) found.push(at);
  }
  return found;
}

const mounts = (how: Mount['how'], paths: readonly string[]): Mount[] => paths.map((one) => ({ how, path: one }));

/** Emptied whatever the run is. */
const emptied = async (places: SandboxPlaces, ports: ToolPorts): Promise<string[]> =>
  there([...(places.platform === 'linux' ? [RUN] : []), ...places.temporary, ...places.engines], places, ports);

/** What is asked for in a temporary folder is seen, with what lies beside it in the same top folder; what others keep there is not. */
function seenAgain(temporary: readonly string[], paths: readonly string[]): string[] {
  const seen = new Set<string>();
  for (const one of paths)
    for (const folder of temporary)
      if (one !== folder && isInside(folder, one)) seen.add(path.join(folder, path.relative(folder, one).split('/', 1)[0] ?? ''));
  return [...seen];
}

/** Absolute paths that stand in an argument or a variable: alone, behind `=`, or in a list like PATH. */
const pathsIn = (text: string): string[] =>
  text.length > PATHS_LENGTH_MAX ? [] : text.split(/[=:,]/).filter((part) => path.isAbsolute(part) && !part.includes('\n'));

/** Of the attempt's folder: its temporary and configuration folder; all of it only when the program is told to write there, and then not what docket reads. */
function ownMounts(dir: string, told: readonly string[], config: readonly string[]): readonly Mount[] {
  const narrow = [path.join(dir, NAMES.tmp), ...config];
  if (told.every((one) => narrow.some((folder) => isInside(folder, one)))) return mounts('write', narrow);
  const read = [NAMES.stdout, NAMES.stderr, NAMES.run].map((name) => path.join(dir, name));
  return [...mounts('write', [dir, ...config]), ...mounts('show', read)];
}

/** Inside the working folder only: what a setting names elsewhere is nobody's input, and a link out of it hides nothing of the machine. */
async function unreadMounts({ unread = [] }: Needs, cwd: string, places: SandboxPlaces, ports: ToolPorts): Promise<Mount[]> {
  const found = (await there(unread, places, ports)).filter((one) => one !== cwd && isInside(cwd, one));
  return Promise.all(
    found.map(async (one) => ({
      how: (await ports.fs.facts(one))?.kind === 'folder' ? ('empty' as const) : ('blank' as const),
      path: one,
    })),
  );
}

async function viewOf(plan: ProgramPlan, needs: Needs, places: SandboxPlaces, ports: ToolPorts): Promise<View> {
  const { real } = places;
  const [cwd, dir, state] = [await real(plan.cwd), await real(needs.dir), await real(places.state)];
  const temporary = await there(places.temporary, places, ports);
  const told = [...plan.args, ...Object.values(plan.env)].flatMap(pathsIn);
  const named = await there([plan.program, plan.stdin, ...told, ...needs.writes], places, ports);
  const inRun = await there([RESOLVER, PROGRAMS_IN_RUN], places, ports);
  const config = needs.config === null ? [] : await there([needs.config], places, ports);
  const toldOfDir = told
    .filter((one) => one !== plan.stdin && isInside(needs.dir, one))
    .map((one) => path.join(dir, path.relative(needs.dir, one)));
  return {
    isRoot: places.isRoot,
    cwd: plan.cwd,
    mounts: [
      ...mounts('empty', await emptied(places, ports)),
      ...mounts('show', [...seenAgain(temporary, [cwd, dir, state, ...named]), ...inRun.filter((one) => isInside(RUN, one))]),
      ...mounts('write', needs.access === 'worktree' ? [cwd] : []),
      ...mounts('show', await there([path.join(cwd, '.git'), ...places.readOnly], places, ports)),
      ...mounts('write', await there(needs.writes, places, ports)),
      ...(await unreadMounts(needs, cwd, places, ports)),
      ...mounts('empty', [state, ...(await there(places.hidden, places, ports))]),
      ...ownMounts(dir, toldOfDir, config),
    ],
  };
}
