/** How the queue of one role stands, and what ended lately: what a pane says of it, with and without a daemon. */

import path from 'node:path';
import { printable } from '#core/names.ts';
import type { Fs, JournalJob } from '#core/ports.ts';
import type { Role } from '#core/role.ts';
import type { Workspace } from '#core/settings.ts';
import type { GlanceAnswer } from '#daemon/glance.ts';
import { describe } from '#core/failure.ts';
import { folderFailure, ROLE_FAULTS } from '#spool/folder-faults.ts';
import { makeLayout } from '#spool/layout.ts';
import { codeOf } from './doctor-checks.ts';
import { log, type Control } from './open.ts';
import { readJournal, spoolOf } from './parts.ts';
import { lookAtFolders } from './status-folders.ts';

/** A line of `docket attach <role> --json`, with event `queue`. */
export type RoleQueue = {
  readonly up: boolean;
  readonly waiting: number;
  /** Claimed, and not running: waits for its turn, or is recorded. */
  readonly claimed: number;
  readonly running: number;
  /** Nothing is wrong: they wait for an approval or for `docket release`. */
  readonly on_hold: number;
  /** Held, failed and rejected ones that wait for a person. */
  readonly needs_person: number;
  readonly done: number;
  /** Answers that await a verdict; null: nobody has counted them. */
  readonly to_review: number | null;
  /** Why the folders cannot be read; null: they can. */
  readonly problem: string | null;
};

/** A job of this role that has come to its end. */
export type EndedJob = Pick<JournalJob, 'id' | 'stem' | 'outcome' | 'feature' | 'changedAt'> & { readonly file: string };

/** So many of the newest ends are known at any time, whatever went by. */
const ENDED_MAX = 200;
const HEAD_BYTES = 4_096;
const TITLE_LENGTH = 120;
const RESULTS: Readonly<Record<string, string>> = { answered: '_result.md', briefed: '_result.md', duplicate: '_duplicate.json' };

/** @param control null: no daemon runs */
export async function lookAtQueue(
  fs: Pick<Fs, 'readHead'>,
  workspace: Workspace,
  role: Pick<Role, 'name' | 'folder'>,
  control: Control | null,
): Promise<RoleQueue> {
  const told = control === null ? null : ((await control.ask('glance')) as Partial<GlanceAnswer> & { readonly ok: boolean });
  const isUp = told?.ok === true;
  const { counts, faults } = await lookAtFolders(fs, workspace.queues, [role.folder]);
  const { waiting = 0, onHold = 0, ended = null } = counts.get(role.folder) ?? {};
  const inWork = isUp ? (told.in_work ?? []).filter((job) => job.role === role.name) : await workWithout(workspace, role);
  const standings = (isUp ? told.standings : null) ?? null;
  const running = inWork.filter(({ state }) => state === 'running').length;
  return {
    up: isUp,
    waiting,
    claimed: inWork.length - running,
    running,
    on_hold: onHold,
    needs_person: ended === null ? 0 : ended.rejected + ended.failed + ended.held - onHold,
    done: ended?.processed ?? 0,
    to_review: standings === null ? null : (standings[role.name]?.awaiting ?? 0),
    problem: faults.map(({ error }) => problemOf(workspace, role, error))[0] ?? null,
  };
}

const workWithout = async (workspace: Workspace, role: Pick<Role, 'name' | 'folder'>): Promise<readonly { readonly state: string }[]> =>
  spoolOf(workspace, [role], log).list({ role: role.name, ended: false, waiting: false, onFault: () => undefined });

function problemOf({ queues }: Workspace, { folder }: Pick<Role, 'folder'>, error: unknown): string {
  const code = codeOf(error);
  if (!ROLE_FAULTS.has(code)) return error instanceof Error ? error.message : String(error);
  return describe(folderFailure(makeLayout(queues).role(folder), code, error));
}

/** The newest ends of this role, oldest first; at most ENDED_MAX. */
export function newestEnds(workspace: Workspace, role: Pick<Role, 'name' | 'folder'>): readonly EndedJob[] {
  const journal = readJournal(workspace);
  if (journal === null) return [];
  const layout = makeLayout(workspace.queues);
  try {
    const rows = journal.recent(ENDED_MAX).filter((row) => row.role === role.name && row.state === 'done' && row.outcome !== null);
    return rows.toReversed().map(({ id, stem, outcome, feature, changedAt }) => ({
      id,
      stem,
      outcome,
      feature,
      changedAt,
      file: path.join(layout.out(role.folder), `${stem}${RESULTS[outcome ?? ''] ?? '_error.md'}`),
    }));
  } finally {
    journal.close();
  }
}

/** The first heading of an answer, or its first line; null: it cannot be read. */
export async function titleIn(fs: Pick<Fs, 'readHead'>, file: string): Promise<string | null> {
  if (!file.endsWith('.md')) return null;
  try {
    const lines = new TextDecoder().decode((await fs.readHead(file, HEAD_BYTES)).bytes).split('\n');
    const line = lines.find((one) => /^#{1,6} \S/.test(one)) ?? lines.find((one) => one.trim() !== '') ?? '';
    return printable(line.replace(/^#{1,6} /, ''), TITLE_LENGTH);
  } catch {
    return null;
  }
}

const some = (count: number, word: string): readonly string[] => (count === 0 ? [] : [`${String(count)} ${word}`]);

/** `2 waiting, 1 running, 14 done, 1 to review`: what there is none of is left out, but for what waits and what is done. */
export function queueWords({
  waiting,
  claimed,
  running,
  on_hold: onHold,
  needs_person: person,
  done,
  to_review: review,
}: RoleQueue): string {
  return [
    `${String(waiting)} waiting`,
    ...some(claimed, 'claimed'),
    ...some(running, 'running'),
    ...some(onHold, 'on hold'),
    ...some(person, person === 1 ? 'needs a person' : 'need a person'),
    `${String(done)} done`,
    ...some(review ?? 0, 'to review'),
  ].join(', ');
}
