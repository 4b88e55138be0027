/**
 * The only place that builds a path into queues/. Invariant: whatever comes from outside (a file name) is either a parsed `Stem`
 * or raw bytes of one directory entry; both stay inside their folder.
 *
 *   queues/<role>/in/  out/  work/  archive/superseded/  archive/<YYYY-MM>/<job>/
 *   queues/<role>/ledger.jsonl    a line for each step of the jobs in flight (ledger.ts)
 *   work/<job>.claimed            the dropped file
 *   work/<job>.prompt             private copy of one that is too long for the ledger, or that somebody wrote to after the claim
 *   work/<job>.0_evidence.json …  private copies for out/, numbered in publishing order
 *   work/<job>/                   only where a program was started, or is about to be, or something was kept: brief.md, a1/ …
 *   work/.clean-<job>/            finished, about to be removed
 *   in/.docket-child-<job>-<n>    a prompt out of an answer, before it gets its name (enqueue.ts)
 */

import { Buffer, isUtf8 } from 'node:buffer';
import path from 'node:path';
import { isJobId, parseStem, printable, type JobId, type RoleFolder, type Sha256, type Stem } from '#core/names.ts';
import { suffixOf, type Outcome } from '#core/job.ts';
import type { FilePath } from '#core/ports.ts';

/** What a prompt's file name ends in. */
export const PROMPT_ENDING = '.md';
/** Endings of input files that ended, and the outcomes they can stand for. */
export const ENDED_SUFFIXES = ['processed', 'rejected', 'held', 'failed', 'cancelled'] as const;
export type EndedSuffix = (typeof ENDED_SUFFIXES)[number];
/** What may stand in out/ behind a stem. */
export const OUT_PARTS = ['_result.md', '_evidence.json', '_evidence.dsse.json', '_prompts.json', '_error.md', '_duplicate.json'] as const;

/**
 * `foo.sha256-<64 hex digits>.md`: the producer states what is in the file. In the name, because a name and its content come by one rename:
 * a file of its own beside the prompt could be missing, late, or left over from another one (docs/decisions/0038).
 */
const STATED = /\.sha256-([0-9A-Fa-f]{64})\.md$/;
/** Meant as a statement; when it is none, it is told, not overlooked. */
const STATING = /\.sha256-[^.]*\.md$/i;

/** What needs no look at each character; most names by far. */
const PLAIN = /^[ -~]{1,200}$/;
const TEMPORARY = /^\.docket-.*\.tmp$/;
/** Folders of archive/ that hold what ended in a month. */
export const MONTH = /^[0-9]{4}-[0-9]{2}$/;
const PROMPT_ENDING_BYTES = Buffer.from(PROMPT_ENDING);
const DOT = 0x2e;
const TILDE = 0x7e;
const DOLLAR = 0x24;

export type JobPaths = {
  /** Made only when something is kept in it. */
  readonly dir: string;
  readonly claimed: string;
  readonly prompt: string;
  /** A private copy by its name in final.json's `files`. */
  own(name: string): string;
};

export const LEDGER = 'ledger.jsonl';
export const CLAIMED = 'claimed';
export const PROMPT = 'prompt';
const PRIVATE = /^[0-9]{1,4}_[a-z]{1,20}(?:\.dsse)?\.(?:md|json)$/;

/** Is this the name of a private copy, `0_evidence.json`? */
export const isPrivateName = (name: string): boolean => PRIVATE.test(name);
/** `1_result.md` -> `_result.md` */
export const partOfPrivate = (name: string): string => name.slice(name.indexOf('_'));

/** `<job>.claimed` -> the job and `claimed`; `<job>` -> the job and ''; null for a name that belongs to no job. */
export function parseWorkName(name: string): { readonly id: JobId; readonly part: string } | null {
  const dot = name.indexOf('.');
  const id = dot === -1 ? name : name.slice(0, dot);
  const part = dot === -1 ? '' : name.slice(dot + 1);
  if (!isJobId(id)) return null;
  return dot === -1 || part === CLAIMED || part === PROMPT || isPrivateName(part) ? { id, part } : null;
}

export type Layout = {
  readonly root: string;
  role(folder: RoleFolder): string;
  in(folder: RoleFolder): string;
  out(folder: RoleFolder): string;
  work(folder: RoleFolder): string;
  ledger(folder: RoleFolder): string;
  archive(folder: RoleFolder): string;
  /** Inputs that ended in this month (YYYY-MM) long ago. */
  month(folder: RoleFolder, month: string): string;
  /** Error files of bad ends that were taken up again. */
  superseded(folder: RoleFolder): string;
  /** Raw output of attempts of one job. */
  attempts(folder: RoleFolder, month: string, id: JobId): string;
  /** An entry of in/ by its raw name. */
  entry(folder: RoleFolder, raw: Uint8Array): FilePath;
  job(folder: RoleFolder, id: JobId): JobPaths;
  /** Where a finished job's folder stands while it is removed. */
  gone(folder: RoleFolder, id: JobId): string;
  late(folder: RoleFolder, stem: Stem, id: JobId): string;
  /** The n-th prompt out of the answer of a job of any role, in in/ of the role that it is for. */
  staged(folder: RoleFolder, parent: JobId, n: number): string;
  /** Bytes that somebody else wrote over a private copy. */
  altered(folder: RoleFolder, stem: Stem, id: JobId, name: string): string;
};

export function makeLayout(root: string): Layout {
  const roles = new Map<RoleFolder, string>();
  /** The parts are names: joined by hand, because each job asks for a hundred of these paths. */
  const inRole = (folder: RoleFolder, ...parts: string[]): string => {
    let role = roles.get(folder);
    if (role === undefined) roles.set(folder, (role = path.join(root, folder)));
    return parts.length === 0 ? role : `${role}${path.sep}${parts.join(path.sep)}`;
  };
  return {
    root,
    role: (folder) => inRole(folder),
    in: (folder) => inRole(folder, 'in'),
    out: (folder) => inRole(folder, 'out'),
    work: (folder) => inRole(folder, 'work'),
    ledger: (folder) => inRole(folder, LEDGER),
    archive: (folder) => inRole(folder, 'archive'),
    month: (folder, month) => inRole(folder, 'archive', month),
    superseded: (folder) => inRole(folder, 'archive', 'superseded'),
    attempts: (folder, month, id) => inRole(folder, 'archive', month, id),
    entry: (folder, raw) => Buffer.concat([Buffer.from(`${inRole(folder, 'in')}/`), raw]),
    job(folder, id) {
      const dir = inRole(folder, 'work', id);
      return { dir, claimed: `${dir}.${CLAIMED}`, prompt: `${dir}.${PROMPT}`, own: (name) => `${dir}.${name}` };
    },
    gone: (folder, id) => inRole(folder, 'work', `.clean-${id}`),
    late: (folder, stem, id) => inRole(folder, 'archive', `${stem}.${id}.late`),
    staged: (folder, parent, n) => inRole(folder, 'in', `.docket-child-${parent}-${String(n)}`),
    altered: (folder, stem, id, name) => inRole(folder, 'archive', `${stem}.${id}.${name}.altered`),
  };
}

/**
 * Is this entry of in/ looked at? It ends in `.md`, starts with no dot, and is not the lock file of an office program (`~$x.md`).
 * Everything else that editors and transfers leave (`x.md~`, `#x.md#`, `.x.md.swp`, `x.md.part`, `x.md.crdownload`) ends otherwise.
 */
export function isPromptName(raw: Uint8Array): boolean {
  const start = raw.length - PROMPT_ENDING_BYTES.length;
  if (start < 1 || raw[0] === DOT || (raw[0] === TILDE && raw[1] === DOLLAR)) return false;
  for (let index = 0; index < PROMPT_ENDING_BYTES.length; index++) if (raw[start + index] !== PROMPT_ENDING_BYTES[index]) return false;
  return true;
}

/** The same of a name that is one character per byte (latin1). */
export const isPromptText = (name: string): boolean =>
  name.length > PROMPT_ENDING.length && name.endsWith(PROMPT_ENDING) && !name.startsWith('.') && !name.startsWith('~$');

export const temporaryName = (processId: string, random: string): string => `.docket-${processId}-${random}.tmp`;
/** In work/, where inodes do not last (home-mark.ts). */
export const HOME_MARK = '.docket-home';
export const isTemporaryName = (name: string): boolean => TEMPORARY.test(name);
export const idOfGone = (name: string): JobId | null => {
  const id = name.startsWith('.clean-') ? name.slice('.clean-'.length) : '';
  return isJobId(id) ? id : null;
};

/** What ends the name of a file that states its SHA-256. */
export const statedEnding = (sha256: Sha256): string => `.sha256-${sha256}${PROMPT_ENDING}`;

/** `foo.sha256-….md` -> `foo.md`; any other name as it is. */
const unstated = (name: string): string => (name.includes('.sha256-') ? name.replace(STATED, PROMPT_ENDING) : name);

/** A raw name as people may read it in a terminal: bytes that are not text become `\xff`, a stated SHA-256 is left out. */
export function shownName(raw: Uint8Array): string {
  if (isUtf8(raw)) {
    const name = unstated(Buffer.from(raw).toString());
    return PLAIN.test(name) ? name : printable(name);
  }
  const text = Array.from(raw, (byte) => (byte < 0x80 ? String.fromCodePoint(byte) : String.raw`\x${byte.toString(16).padStart(2, '0')}`));
  return printable(text.join(''));
}

/** The stem a raw name asks for, and the SHA-256 it states (null: none); a null stem with words when it may not be one. */
export function stemOfName(
  raw: Uint8Array,
):
  | { readonly stem: Stem; readonly stated: Sha256 | null; readonly fault: null }
  | { readonly stem: null; readonly stated: null; readonly fault: string } {
  if (!isUtf8(raw)) return { stem: null, stated: null, fault: 'a name in UTF-8' };
  const name = Buffer.from(raw).toString();
  const stated = (STATED.exec(name)?.[1]?.toLowerCase() ?? null) as Sha256 | null;
  if (stated === null && STATING.test(name)) return { stem: null, stated, fault: '64 hexadecimal digits behind .sha256-' };
  const parsed = parseStem(unstated(name).slice(0, -PROMPT_ENDING.length));
  return parsed.ok ? { stem: parsed.value, stated, fault: null } : { stem: null, stated: null, fault: parsed.error };
}

/** The stem of a file whose own name may not be one. */
export const refusedStem = (id: JobId): Stem => `refused-${id.slice(0, 8)}` as Stem;

/** The n-th name of a series: `foo`, `foo~2`, `foo~3` …; never longer than a stem may be (180 bytes). */
export function numberedStem(base: Stem, n: number): Stem {
  if (n < 2) return base;
  const ending = `~${String(n)}`;
  let start = base as string;
  while (Buffer.byteLength(start) + ending.length > 180) start = Array.from(start).slice(0, -1).join('');
  return `${start}${ending}` as Stem;
}

export const finishedName = (stem: string, outcome: Outcome): string => `${stem}.${suffixOf(outcome)}`;

/** `foo.processed` -> foo, processed; null for any other name. */
export function parseEndedName(name: string): { readonly stem: Stem; readonly suffix: EndedSuffix } | null {
  const dot = name.lastIndexOf('.');
  const suffix = ENDED_SUFFIXES.find((ending) => ending === name.slice(dot + 1));
  if (dot < 1 || suffix === undefined) return null;
  const stem = parseStem(name.slice(0, dot));
  return stem.ok ? { stem: stem.value, suffix } : null;
}
