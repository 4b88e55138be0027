/** What the names in the queue folders say, counted: the truth about what waits and what ended, with and without a daemon, journal and history. */

import path from 'node:path';
import { isUtf8, Buffer } from 'node:buffer';
import { printable, type RoleFolder } from '#core/names.ts';
import type { Fs } from '#core/ports.ts';
import { changeOf, namesInFolder } from '#platform/folder-names.ts';
import { foreignMountOf } from '#platform/foreign-mounts.ts';
import { isPromptText, makeLayout, MONTH, parseEndedName, type EndedSuffix } from '#spool/layout.ts';

export type EndedCounts = Readonly<Record<EndedSuffix, number>>;
/** `onHold` of those that are held: nothing is wrong with them, they wait for an approval or a release. */
export type FolderCounts = { readonly waiting: number; readonly ended: EndedCounts; readonly onHold: number };
export type BadEnd = {
  readonly role: RoleFolder;
  readonly stem: string;
  readonly state: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** First words of its error file; null: there is none. */
  readonly reason: string | null;
};
export type Folders = {
  readonly counts: ReadonlyMap<RoleFolder, FolderCounts>;
  /** The newest of what ended badly, newest first. */
  readonly failures: readonly BadEnd[];
  /** Folders that cannot be read. */
  readonly faults: readonly { readonly role: RoleFolder; readonly error: unknown }[];
};

const FAILURES_MAX = 5;
const REASON_BYTES = 4_096;
const REASON_LENGTH = 300;
const NONE: EndedCounts = { processed: 0, rejected: 0, held: 0, failed: 0, cancelled: 0 };
/** A person renamed or cancelled these, or sees them as what they are. */
const BAD: readonly EndedSuffix[] = ['failed', 'held', 'rejected'];

/** A stem that is one whatever else is asked of it (core/names.ts). */
const PLAIN_DONE = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,150}\.processed$/;

type Bad = { readonly role: RoleFolder; readonly stem: string; readonly state: EndedSuffix; readonly atMs: number };

type Asked = { readonly role: RoleFolder; readonly name: string };
/**
 * Roles whose folders may be looked at. One whose file system may not answer, and whose folders the daemon cannot use, is not asked: this process would stay
 * until it does, and the daemon has told why.
 */
export const rolesToLookAt = (queues: string, roles: readonly Asked[], faults: readonly { readonly role: string }[]): RoleFolder[] =>
  roles
    .filter(({ role, name }) => !faults.some((fault) => fault.role === name) || foreignMountOf(makeLayout(queues).in(role)) === null)
    .map(({ role }) => role);

export async function lookAtFolders(fs: Pick<Fs, 'readHead'>, queues: string, roles: readonly RoleFolder[]): Promise<Folders> {
  const layout = makeLayout(queues);
  const counts = new Map<RoleFolder, FolderCounts>();
  const faults: { role: RoleFolder; error: unknown }[] = [];
  const bad: Bad[] = [];
  for (const role of roles) {
    try {
      const folder = layout.in(role);
      const ended = { ...NONE };
      let waiting = 0;
      let onHold = 0;
      const inNames = namesInFolder(folder);
      for (const name of inNames) {
        // Nearly all of them, in a folder that was used for a while.
        if (PLAIN_DONE.test(name)) {
          ended.processed++;
          continue;
        }
        if (isPromptText(name)) waiting++;
        const one = endedOf(name);
        if (one === null) continue;
        ended[one.suffix]++;
        // Nothing is wrong with it: it waits for the approval of the answer that it came out of, or a person put it there.
        const isOnHold = one.suffix === 'held' && changeOf(path.join(layout.out(role), `${one.stem}_error.md`)) === null;
        if (isOnHold) onHold++;
        else if (BAD.includes(one.suffix))
          bad.push({ role, stem: one.stem, state: one.suffix, atMs: changeOf(path.join(folder, `${one.stem}.${one.suffix}`))?.atMs ?? 0 });
      }
      countArchived(layout.archive(role), folder, new Set(inNames), ended);
      counts.set(role, { waiting, ended, onHold });
    } catch (error) {
      faults.push({ role, error });
    }
  }
  const newest = bad.toSorted((a, b) => b.atMs - a.atMs).slice(0, FAILURES_MAX);
  const failures = newest.map(async ({ role, stem, state, atMs }): Promise<BadEnd> => ({
    role,
    stem,
    state,
    at: new Date(atMs).toISOString(),
    reason: await reasonIn(fs, path.join(layout.out(role), `${stem}_error.md`)),
  }));
  return { counts, failures: await Promise.all(failures), faults };
}

function endedOf(name: string): ReturnType<typeof parseEndedName> {
  if (name.endsWith('.md')) return null;
  // Nearly every name is plain ASCII, and the same in both.
  const raw = /^[ -~]*$/.test(name) ? null : Buffer.from(name, 'latin1');
  if (raw !== null && !isUtf8(raw)) return null;
  return parseEndedName(raw === null ? name : raw.toString());
}

/** What retention moved away; one that still stands in in/ as well is counted there. */
function countArchived(archive: string, inFolder: string, inNames: ReadonlySet<string>, ended: Record<EndedSuffix, number>): void {
  for (const month of namesInFolder(archive).filter((name) => MONTH.test(name))) {
    for (const name of namesInFolder(path.join(archive, month))) {
      const one = endedOf(name);
      if (one === null) continue;
      const isThereToo =
        inNames.has(name) && changeOf(path.join(archive, month, name))?.inode === changeOf(path.join(inFolder, name))?.inode;
      if (!isThereToo) ended[one.suffix]++;
    }
  }
}

/** The first thing that an error file says of what went wrong (daemon/error-page.ts), with the first of what a colon announces. */
async function reasonIn(fs: Pick<Fs, 'readHead'>, file: string): Promise<string | null> {
  try {
    const text = new TextDecoder().decode((await fs.readHead(file, REASON_BYTES)).bytes);
    const lines = text.split('\n').filter((one) => one.trim() !== '');
    const at = lines.findIndex((one) => !one.startsWith('#'));
    const [line, next] = at === -1 ? [] : lines.slice(at, at + 2);
    if (line === undefined) return null;
    const isList = line.trimEnd().endsWith(':') && next?.startsWith('- ') === true;
    const words = isList ? `${line.trimEnd().replace(/ \(docs\/[^()]*\):$/, ':')} ${next.slice(2)}` : line;
    return printable(words.replaceAll('**', '').replace(/^- /, ''), REASON_LENGTH);
  } catch {
    return null;
  }
}
