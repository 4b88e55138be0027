/** `docket status --all`: a line for each daemon of this user: what waits, what runs, what needs a person. */

import path from 'node:path';
import type { RoleFacts } from '#core/glance.ts';
import { parseRoleFolder, printable } from '#core/names.ts';
import { makeFs } from '#platform/files.ts';
import { namesInFolder } from '#platform/folder-names.ts';
import { askDaemon, mustNameNoRoot, openRegistry, type Asked, type DaemonState } from './daemons.ts';
import { EXIT, paint, show, table, type Common, type Io } from './io.ts';
import { factsOf } from './status-ask.ts';
import { statusData, type StatusData } from './status-data.ts';
import { lookAtFolders } from './status-folders.ts';

/** One of `docket status --all --json` (schemas/daemons.schema.json). Null: nobody can say while no daemon answers. */
export type DaemonRow = {
  readonly root: string;
  readonly app: string;
  readonly state: DaemonState;
  readonly host: string;
  readonly pid: number | null;
  readonly version: string;
  readonly started_at: string;
  readonly stopped_at: string | null;
  readonly waiting: number | null;
  readonly in_flight: number | null;
  readonly running: number | null;
  readonly to_review: number | null;
  /** Held, failed, rejected and cancelled prompts. */
  readonly needs_person: number | null;
  readonly paused: readonly string[];
  /** Why it does not answer, or what its roles cannot do. */
  readonly faults: readonly string[];
};

/** As their folders say, when no daemon does. */
const rolesIn = (queues: string): readonly RoleFacts[] =>
  namesInFolder(queues).flatMap((folder) => {
    const role = parseRoleFolder(folder);
    return role.ok ? [{ role: role.value.folder, name: role.value.name, review: 'required' as const }] : [];
  });

type Counts = StatusData & { readonly isReviewCounted: boolean };

async function countsOf({ entry, told }: Asked): Promise<Counts | null> {
  const queues = path.dirname(entry.state);
  try {
    const facts = factsOf(told ?? { ok: false }, null);
    const roles = facts.roles.length > 0 ? facts.roles : rolesIn(queues);
    const looked = await lookAtFolders(
      makeFs(),
      queues,
      roles.map(({ role }) => role),
    );
    return { ...statusData({ ...facts, roles }, looked), isReviewCounted: facts.standings !== null };
  } catch {
    return null;
  }
}

async function rowOf(asked: Asked): Promise<DaemonRow> {
  const { entry, state, told, why } = asked;
  const { root, app, host, version, started_at, stopped_at } = entry;
  // The queues of another machine lie on its own disk: a path may mean another folder here.
  const counts = state === 'elsewhere' ? null : await countsOf(asked);
  const isUp = state === 'up' && counts !== null;
  const sum = (of: (role: StatusData['roles'][number]) => number): number | null =>
    counts === null ? null : counts.roles.reduce((total, role) => total + of(role), 0);
  return {
    root,
    app,
    state,
    host,
    pid: state === 'up' || state === 'silent' ? entry.pid : null,
    version: typeof told?.['version'] === 'string' ? told['version'] : version,
    started_at,
    stopped_at,
    waiting: sum(({ waiting }) => waiting),
    in_flight: isUp ? sum(({ in_flight: inFlight }) => inFlight) : null,
    running: isUp ? sum(({ running }) => running) : null,
    to_review: isUp && counts.isReviewCounted ? sum(({ standings }) => standings?.awaiting ?? 0) : null,
    needs_person: sum(({ needs_person: all, on_hold: onHold }) => all - onHold),
    paused: counts?.paused.map(({ kind, name }) => `${kind} ${name}`) ?? [],
    faults: [...(why === null ? [] : [why]), ...(counts?.faults.map(({ role, words }) => `${role}: ${words}`) ?? [])],
  };
}

const COLOURS = { up: 'green', silent: 'red', ended: 'red', stopped: 'dim', elsewhere: 'dim' } as const satisfies Record<
  DaemonState,
  string
>;

const number = (value: number | null): string => (value === null ? '?' : String(value));

function lines(io: Io, rows: readonly DaemonRow[], notes: readonly string[]): string {
  const cells = rows.map((row) => [
    row.state === 'elsewhere' ? `on ${row.host}` : row.state,
    number(row.waiting),
    number(row.running),
    number(row.to_review),
    number(row.needs_person),
    row.app,
    row.root,
  ]);
  const [head = '', ...body] = table([['daemon', 'waiting', 'running', 'to review', 'needs you', 'app', 'workspace'], ...cells]).split(
    '\n',
  );
  const more = rows.flatMap(({ root, paused, faults }) => [
    ...faults.map((words) => paint(io, 'red', `${printable(root, 500)}: ${printable(words, 1_000)}`)),
    ...paused.map((what) => paint(io, 'yellow', `${printable(root, 500)}: paused: ${printable(what)}`)),
  ]);
  return [
    paint(io, 'bold', head),
    ...body.map((line, index) => paint(io, COLOURS[rows[index]?.state ?? 'up'], line)),
    ...(more.length === 0 ? [] : ['', ...more]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => paint(io, 'yellow', note))]),
  ].join('\n');
}

export async function statusAll(io: Io, common: Common): Promise<void> {
  mustNameNoRoot(common);
  const registry = openRegistry(io);
  const { entries, faults } = await registry.read();
  const rows = await Promise.all(entries.map(async ({ entry }) => rowOf(await askDaemon(entry))));
  const notes = faults.map(
    ({ file, words }) => `${file} is no entry of a daemon: ${words}; remove it, a daemon writes its own at its next start`,
  );
  const nothing = `no daemon of yours runs here, and none is remembered (${registry.folder})`;
  show(io, common, { daemons: rows, notes }, rows.length === 0 && notes.length === 0 ? nothing : lines(io, rows, notes));
  const isWell =
    notes.length === 0 && rows.every(({ state, faults: wrong }) => state !== 'silent' && state !== 'ended' && wrong.length === 0);
  if (!isWell) io.setExitCode(EXIT.notWell);
}
