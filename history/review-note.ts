/**
 * What reviews.ts knew at a commit, in `<git folder>/docket/verdicts`, so that a program that starts does not walk the whole log and read every file again.
 * It is nothing but a saving: it is believed only when its commit is met below the tip, `verify` never looks at it, and it may be deleted at any time.
 *
 *   none, torn, of commits that are not below the tip -> all is read -> written -> used, and written anew when enough came on top
 * Form: `DKVER1 <commit> <crc32 of the rest>`, then a line for each verdict or closing, oldest first: commit, TAB, facts as JSON, TAB, the file's path and
 * content as JSON, or nothing when it was not read. It holds comments: a purge removes it (purge-drop.ts).
 */

import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Fs } from '#core/ports.ts';
import { isOid, type Oid } from './objects.ts';
import { parseReviewFile, type Review } from './review-format.ts';
import type { ReviewFacts } from './review-message.ts';

const NAME = 'verdicts';
const MAGIC = 'DKVER1';
/** Some 50,000 verdicts. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export type NotedRow = { readonly commit: Oid; readonly facts: ReviewFacts; readonly rest: string };
export type Note = { readonly tip: Oid; readonly rows: readonly NotedRow[] };
export type NotedFile = { readonly path: string; readonly review: Review };

export const noteFile = (stateDir: string): string => `${stateDir}/${NAME}`;

/** Null: there is none that can be used. */
export async function readNote(fs: Pick<Fs, 'readBounded'>, stateDir: string): Promise<Note | null> {
  try {
    const { bytes } = await fs.readBounded(noteFile(stateDir), FILE_BYTES_MAX);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    const [head = '', ...lines] = text.split('\n');
    const [magic, tip = '', sum] = head.split(' ');
    if (magic !== MAGIC || !isOid(tip) || Number(sum) !== crc32(text.slice(head.length + 1)) || lines.pop() !== '') return null;
    const rows = lines.map((line) => {
      const [commit = '', facts = '', rest = ''] = line.split('\t');
      return { commit, facts: JSON.parse(facts) as ReviewFacts, rest };
    });
    return { tip, rows };
  } catch {
    return null;
  }
}

/** What `restOf` wrote; null: it was not read then, or cannot be understood. */
export function fileIn(rest: string): NotedFile | null {
  if (rest === '') return null;
  try {
    const { path, review } = JSON.parse(rest) as { readonly path: string; readonly review: unknown };
    const parsed = parseReviewFile(Buffer.from(JSON.stringify(review)));
    return parsed.ok ? { path, review: parsed.value } : null;
  } catch {
    return null;
  }
}

/** JSON has no TAB and no line end of its own. */
export const restOf = (file: NotedFile): string => JSON.stringify(file);

/** What cannot be written (a full disk, a history that may only be read) is made again by the next who looks. @param isStill asked when it is written: is that still the tip? */
export async function writeNote(
  fs: Pick<Fs, 'writeDerived' | 'rename' | 'unlink'>,
  stateDir: string,
  { tip, rows }: Note,
  isStill: () => Promise<boolean>,
): Promise<void> {
  const body = rows.map(({ commit, facts, rest }) => `${commit}\t${JSON.stringify(facts)}\t${rest}\n`).join('');
  if (body.length > FILE_BYTES_MAX / 2) return;
  const draft = `${noteFile(stateDir)}.new`;
  try {
    // Two that write at once get in each other's way, and a crash leaves it: then it goes, and the next one writes.
    await fs.writeDerived(draft, `${MAGIC} ${tip} ${String(crc32(body))}\n${body}`, 0o600);
    await fs.rename(draft, noteFile(stateDir));
    // A purge may have begun meanwhile: what it takes out must not stay here.
    if (!(await isStill())) await fs.unlink(noteFile(stateDir));
  } catch {
    await fs.unlink(draft).catch(() => undefined);
  }
}
