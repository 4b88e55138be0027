/** What a verb opens: the workspace, its roles and specs, and - when a daemon runs - the control socket. */

import type { Command } from 'commander';
import type { Fault } from '#core/fault.ts';
import { describeFault } from '#core/fault.ts';
import type { RoleName } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import type { PromptSpec, Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { silentLog } from '#platform/log.ts';
import { makeSockets } from '#platform/socket.ts';
import type { ToolProfile } from '#tools/profiles.ts';
import { committed, workAt } from './committed.ts';
import { CliError, EXIT, type Common, type Io } from './io.ts';
import { loadProfiles, loadRoles, loadSpecs, type FileFaults } from './load.ts';
import { controlSocket } from './places.ts';
import { loadWorkspace } from './workspace.ts';

export const log: Log = silentLog();

/** Flags of the program itself (--json, --root) as every verb sees them. */
export const commonOf = (command: Command): Common => command.optsWithGlobals<Common>();

const faultsText = (file: string, faults: readonly Fault[]): string => faults.map((fault) => `${file}: ${describeFault(fault)}`).join('\n');
export const describeFileFaults = (bad: readonly FileFaults[]): string =>
  `these files cannot be used:\n${bad.map(({ file, faults }) => faultsText(file, faults)).join('\n')}`;

/** Throws CliError 2 when there is no workspace or its settings are wrong. */
export async function openWorkspace(io: Io, common: Common): Promise<Workspace> {
  const fs = makeFs();
  const loaded = await loadWorkspace({ cwd: io.cwd, rootFlag: common.root ?? null, env: io.env, flags: {}, fs, committed });
  if (loaded.ok) return { ...loaded.value, work: await workAt(fs, loaded.value.root) };
  throw new CliError(
    `this is no usable workspace:\n${loaded.error.map((fault) => `${fault.file}: ${describeFault(fault)}`).join('\n')}`,
    EXIT.wrongUse,
  );
}

export type Opened = { readonly workspace: Workspace; readonly roles: ReadonlyMap<RoleName, Role>; readonly specs: readonly PromptSpec[] };

export async function openAll(io: Io, common: Common): Promise<Opened> {
  const workspace = await openWorkspace(io, common);
  const fs = makeFs();
  const roles = await loadRoles(fs, workspace);
  if (!roles.ok) throw new CliError(describeFileFaults(roles.error), EXIT.environment);
  const specs = await loadSpecs(fs, workspace);
  if (!specs.ok) throw new CliError(describeFileFaults(specs.error), EXIT.environment);
  return { workspace, roles: roles.value, specs: specs.value };
}

/** The profiles of tools. Throws CliError with every fault. */
export async function profilesOf(workspace: Workspace): Promise<ReadonlyMap<string, ToolProfile>> {
  const profiles = await loadProfiles(makeFs(), workspace);
  if (!profiles.ok) throw new CliError(describeFileFaults(profiles.error), EXIT.environment);
  return profiles.value;
}

/** `architect` or `01-architect`. Throws CliError 2 that names the roles there are. */
export function roleNamed(roles: ReadonlyMap<RoleName, Role>, text: string): Role {
  const role = [...roles.values()].find((known) => known.name === text || known.folder === text);
  if (role === undefined)
    throw new CliError(`there is no role ${JSON.stringify(text)}; there are: ${[...roles.keys()].join(', ')}`, EXIT.wrongUse);
  return role;
}

export type ControlReply = Readonly<Record<string, unknown>> & { readonly ok: boolean; readonly error?: string };

export type Control = {
  /** @param onEvent what comes before the answer */
  ask(op: string, fields?: Readonly<Record<string, unknown>>, onEvent?: (event: unknown) => void): Promise<ControlReply>;
  close(): void;
};

/** Null when no daemon runs. */
export async function connectControl(workspace: Pick<Workspace, 'state'>): Promise<Control | null> {
  const socket = await makeSockets()
    .connect(controlSocket(workspace.state))
    .catch(() => null);
  if (socket === null) return null;
  const waiting = new Map<number, (reply: ControlReply) => void>();
  const listening = new Map<number, (event: unknown) => void>();
  let nextId = 1;
  let isClosed = false;
  const gone: ControlReply = { ok: false, error: 'the daemon went away' };
  socket.onMessage((message) => {
    const reply = message as ControlReply & { readonly id?: number };
    if (typeof reply.id !== 'number') return;
    if ('event' in reply) {
      listening.get(reply.id)?.(reply['event']);
      return;
    }
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
    listening.delete(reply.id);
  });
  socket.onClose(() => {
    isClosed = true;
    for (const answer of waiting.values()) answer(gone);
    waiting.clear();
  });
  return {
    async ask(op, fields = {}, onEvent) {
      if (isClosed) return gone;
      const id = nextId++;
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        if (onEvent !== undefined) listening.set(id, onEvent);
        socket.send({ v: 1, id, op, ...fields });
      });
    },
    close() {
      socket.close();
    },
  };
}
