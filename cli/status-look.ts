/** What a status shows, however it can be found out: asked of the daemon, else read from journal and history, which takes longer. */

import { isUnreviewed, reviewNotes } from '#core/glance.ts';
import { describe } from '#core/failure.ts';
import type { RoleFolder, RoleName } from '#core/names.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { folderFailure, ROLE_FAULTS } from '#spool/folder-faults.ts';
import { makeLayout } from '#spool/layout.ts';
import { codeOf } from './doctor-checks.ts';
import { glanceParts } from './glance-parts.ts';
import { readHolder } from './holder.ts';
import type { RoleFault } from './fault-words.ts';
import type { Sources } from './job-words-sources.ts';
import { connectControl, type Control } from './open.ts';
import { clock } from './parts.ts';
import { readPauses } from './pauses.ts';
import { factsOf, settingsOf } from './status-ask.ts';
import { statusData, type StatusData, type StatusFacts } from './status-data.ts';
import { lookAtFolders, rolesToLookAt, type Folders } from './status-folders.ts';
import { settingsBytes } from './status-place.ts';

export type Looked = { readonly facts: StatusFacts; readonly data: StatusData };

/** @param control an open connection; null: no daemon runs; absent: it is tried */
export async function lookAtStatus(sources: Sources, given?: Control | null): Promise<Looked> {
  const { workspace, roles } = sources;
  const control = given === undefined ? await connectControl(workspace) : given;
  const told = control === null ? null : await askOrOlder(control);
  if (given === undefined) control?.close();
  const own = told?.ok === true ? await toldFacts(workspace, told) : await foundFacts(sources);
  const asked = [...roles.values()].map(({ folder, name }) => ({ role: folder, name }));
  const folders = await lookAtFolders(makeFs(), workspace.queues, rolesToLookAt(workspace.queues, asked, own.faults));
  const faults = [...own.faults, ...unread(workspace, roles, folders).filter(({ role }) => !own.faults.some((one) => one.role === role))];
  const facts = { ...own, faults };
  return { facts, data: statusData(facts, folders) };

  /** One that was started by an older docket knows `status` alone. */
  async function askOrOlder(to: Control): ReturnType<Control['ask']> {
    const reply = await to.ask('glance');
    if (reply.ok || reply.error?.startsWith('unknown question') !== true) return reply;
    const { runner } = workspace.settings;
    const older = await to.ask('status');
    return {
      ...older,
      workspace: { root: workspace.root, queues: workspace.queues, history: workspace.history, runner, settings_sha256: '' },
      role_facts: roleFacts(roles, workspace),
      review_notes: ['the daemon was started by an older docket, which counts no reviews: `docket down`, then `docket up`'],
      in_work: ((older['in_flight'] ?? []) as readonly { readonly role: string }[]).map(({ role }) => ({ role, state: 'claimed' })),
    };
  }
}

const roleFacts = (roles: ReadonlyMap<RoleName, Role>, { settings }: Workspace): StatusFacts['roles'] =>
  [...roles.values()].map((role) => ({
    role: role.folder,
    name: role.name,
    review: isUnreviewed(role, settings['review.unreviewed_roles']) ? 'unreviewed' : 'required',
  }));

function unread({ queues }: Workspace, roles: ReadonlyMap<RoleName, Role>, { faults }: Folders): readonly RoleFault[] {
  const layout = makeLayout(queues);
  const nameOf = (folder: RoleFolder): string => [...roles.values()].find((role) => role.folder === folder)?.name ?? folder;
  return faults.map(({ role, error }) => {
    const code = codeOf(error);
    if (!ROLE_FAULTS.has(code)) throw error;
    return { role: nameOf(role), words: describe(folderFailure(layout.role(role), code, error)) };
  });
}

/** A daemon runs. */
async function toldFacts(workspace: Workspace, told: Parameters<typeof factsOf>[0]): Promise<StatusFacts> {
  const fs = makeFs();
  const facts = factsOf(told, await readHolder(fs, workspace.state));
  const { shared, local } = await settingsBytes(fs, workspace.root);
  const isSame = settingsOf(told) === '' || settingsOf(told) === makeDigest().sha256(`${shared ?? ''}\0${local ?? ''}`);
  const notes = isSame ? [] : ['docket.yaml or docket.local.yaml has changed since the daemon started: `docket down`, then `docket up`'];
  return { ...facts, paused: await readPauses(workspace), notes: [...facts.notes, ...notes] };
}

/** None runs: all of it is read. */
async function foundFacts(sources: Sources): Promise<StatusFacts> {
  const { workspace, roles, journal, fs, spool } = sources;
  const listed = workspace.settings['review.unreviewed_roles'];
  const history = await sources.history();
  const { board, tally, spentBefore } = glanceParts(workspace, roles, { fs, clock, history, journal });
  for (const line of await spentBefore(tally.since())) tally.charge(line);
  const nowMs = clock.now().getTime();
  const holds = (journal?.holds() ?? []).filter(({ untilMs }) => untilMs === null || untilMs > nowMs);
  const inWork = await spool.list({ ended: false, waiting: false, onFault: () => undefined });
  return {
    up: false,
    daemon: null,
    version: null,
    since: null,
    root: workspace.root,
    runner: workspace.settings.runner,
    history: workspace.history,
    roles: roleFacts(roles, workspace),
    reviewNotes: reviewNotes([...roles.values()], listed),
    standings: Object.fromEntries(await board.standings()),
    inWork,
    runningNow: [],
    lanes: [],
    paused: await readPauses(workspace),
    holds: holds.map(({ lane, untilMs, reason }) => ({ lane, until: untilMs === null ? null : new Date(untilMs).toISOString(), reason })),
    // Their wait may be over: the next start lets one run go first.
    circuits: (journal?.lanes() ?? []).filter(({ cause }) => cause === 'errors').map(({ lane }) => lane),
    budgets: [],
    faults: [],
    waitsForMoney: [],
    today: tally.today(),
    notes: [],
  };
}
