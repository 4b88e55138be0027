/**
 * What a person has paused: lanes and roles, in queues/.docket/paused.json, so that it outlives the daemon and the journal. The daemon writes it while one
 * runs; `docket pause` does, under the kernel lock, while none does.
 * Invariant: a file that cannot be understood pauses everything: it is refused at start, with words.
 */

import path from 'node:path';
import { isLaneName, meansLane } from '#core/lane.ts';
import { parseRoleName } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';

export type PauseKind = 'lane' | 'role';
export type Pause = { readonly kind: PauseKind; readonly name: string; readonly by: string; /** ISO 8601, UTC */ readonly at: string };

export type Pauses = {
  all(): readonly Pause[];
  /** Null: not paused. */
  ofLane(lane: string): Pause | null;
  ofRole(role: string): Pause | null;
  /** Durable when it resolves. False: it is paused already. */
  add(pause: Pause): Promise<boolean>;
  /** False: it was not paused. */
  remove(kind: PauseKind, name: string): Promise<boolean>;
};

/** For people. */
export const pausedWords = ({ kind, name, by, at }: Pause): string =>
  `${kind} ${name} was paused by ${by} at ${at}: \`docket resume ${name}\` goes on`;

const SIZE_MAX = 1_000_000;
const BY_LENGTH_MAX = 100;

const isText = (value: unknown): value is string => typeof value === 'string';
export const isPauseName = (kind: PauseKind, name: string): boolean => (kind === 'lane' ? isLaneName(name) : parseRoleName(name).ok);

function pauseOf(value: unknown): Pause | null {
  if (typeof value !== 'object' || value === null) return null;
  const { kind, name, by, at } = value as Readonly<Record<string, unknown>>;
  if ((kind !== 'lane' && kind !== 'role') || !isText(name) || !isPauseName(kind, name)) return null;
  if (!isText(by) || by.length > BY_LENGTH_MAX || !isText(at) || Number.isNaN(Date.parse(at))) return null;
  return { kind, name, by, at };
}

/** Null: it is not such a file. */
function parse(text: string): readonly Pause[] | null {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof data !== 'object' || data === null || !('v' in data) || data.v !== 1 || !('paused' in data) || !Array.isArray(data.paused))
    return null;
  const pauses = data.paused.map(pauseOf);
  return pauses.every((pause) => pause !== null) ? pauses : null;
}

type PauseFs = Pick<Fs, 'facts' | 'readBounded' | 'replace' | 'syncFolder'>;

/** Throws with words when the file is none of ours. @param file absolute */
export async function openPauses(fs: PauseFs, file: string): Promise<Pauses> {
  const isThere = (await fs.facts(file)) !== null;
  const read = isThere ? parse(new TextDecoder().decode((await fs.readBounded(file, SIZE_MAX)).bytes)) : [];
  if (read === null)
    throw new Error(`${file} does not say what is paused in a form that docket knows: mend it, or remove it (then nothing is paused)`);
  let pauses = read;
  let writing = Promise.resolve();

  const write = async (next: readonly Pause[]): Promise<void> => {
    await fs.replace(file, `${JSON.stringify({ v: 1, paused: next }, null, 2)}\n`, 'safety');
    await fs.syncFolder(path.dirname(file), 'safety');
    pauses = next;
  };
  /** One change after the other. */
  const change = async (act: () => Promise<boolean>): Promise<boolean> => {
    const turn = writing.then(act);
    writing = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  };
  const find = (kind: PauseKind, name: string): Pause | null => pauses.find((pause) => pause.kind === kind && pause.name === name) ?? null;

  return {
    all: () => pauses,
    ofLane: (lane) => pauses.find((pause) => pause.kind === 'lane' && meansLane(pause.name, lane)) ?? null,
    ofRole: (role) => find('role', role),
    add: async (pause) =>
      change(async () => {
        if (find(pause.kind, pause.name) !== null) return false;
        await write([...pauses, { ...pause, by: pause.by.slice(0, BY_LENGTH_MAX) }]);
        return true;
      }),
    remove: async (kind, name) =>
      change(async () => {
        const gone = find(kind, name);
        if (gone === null) return false;
        await write(pauses.filter((pause) => pause !== gone));
        return true;
      }),
  };
}
