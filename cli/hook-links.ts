/**
 * The small local index from a file's SHA-256 to the answer that produced it, so that a normal commit walks no history.
 *
 * `links.jsonl`, beside the hooks: a line for each answer, oldest first, and after them a line that says up to which commit of which history they reach. It is
 * only added to; it is written anew when the history's past is not the one that was read, or when it has grown too long. Anything torn or unknown in it means
 * that it is made again: it holds nothing that the history does not.
 */

import { isSha256 } from '#core/names.ts';
import type { Places } from '#platform/git-hooks.ts';
import { appendText } from '#platform/light-files.ts';
import { type HookSettings, keepIfPossible, linksFile, textOf } from './hook-settings.ts';

export type Link = { readonly record: string; readonly hash: string };

const INDEX_BYTES_MAX = 256 * 1024 * 1024;
/** Answers that are kept, for each commit that a walk may look at. */
const KEPT_PER_COMMIT = 10;

type End = { readonly v: 1; readonly history: string; readonly tip: string; readonly isWhole: boolean };

/** The last whole line, when it is an end line. */
function endOf(text: string): End | null {
  if (!text.endsWith('\n')) return null;
  const line = text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
  try {
    const end = JSON.parse(line) as Partial<End>;
    return end.v === 1 && typeof end.history === 'string' && typeof end.tip === 'string' ? (end as End) : null;
  } catch {
    return null;
  }
}

export type LinkIndex = {
  /** Newest answer that produced a file with this SHA-256. */
  find(sha256: string): Link | null;
  readonly answers: number;
  readonly isEmpty: boolean;
  /** False: older answers than those were not looked at. */
  readonly isWhole: boolean;
};

const NOTHING: LinkIndex = { find: () => null, answers: 0, isEmpty: true, isWhole: true };

const lineOf = (link: Link & { readonly files: readonly string[] }): string =>
  `${JSON.stringify({ r: link.record, h: link.hash, f: link.files })}\n`;

/** Looked for in the text: to parse thousands of lines for a few files would be slower than the walk it spares. */
function indexOver(text: string): LinkIndex {
  return {
    find(sha256) {
      const at = isSha256(sha256) ? text.lastIndexOf(`"${sha256}"`) : -1;
      if (at < 0) return null;
      const line = text.slice(text.lastIndexOf('\n', at) + 1, text.indexOf('\n', at));
      try {
        const { r, h } = JSON.parse(line) as { r?: unknown; h?: unknown };
        return typeof r === 'string' && typeof h === 'string' ? { record: r, hash: h } : null;
      } catch {
        return null;
      }
    },
    get answers() {
      return text.split('\n').filter((line) => line.startsWith('{"r":')).length;
    },
    isEmpty: !text.includes('{"r":'),
    isWhole: endOf(text)?.isWhole === true,
  };
}

/** The tip of the history, read as git writes it: one small file. Null: packed, or not there. */
function looseTip(history: string): string | null {
  const text = textOf(`${history}/.git/refs/heads/main`)?.trim() ?? '';
  return /^[0-9a-f]{40}$/.test(text) ? text : null;
}

/**
 * The index as the history stands now.
 * @param commitsMax of the history that are walked when its tip has moved
 */
export async function linkIndex(places: Places, settings: HookSettings, commitsMax: number = settings.linkCommits): Promise<LinkIndex> {
  const { history } = settings;
  if (history === null) return NOTHING;
  const file = linksFile(places);
  const text = textOf(file, INDEX_BYTES_MAX) ?? '';
  const end = endOf(text);
  const known = end?.history === history ? end.tip : null;
  if (known !== null && known === looseTip(history)) return indexOver(text);
  const [{ readLinks }, { makeFs }] = await Promise.all([import('#history/code-links.ts'), import('#platform/files.ts')]);
  const read = await readLinks(makeFs(), history, known, commitsMax);
  if (read === null) return NOTHING;
  const isOnTop = read.isOnTop && end !== null;
  const fresh = read.links.toReversed().map(lineOf).join('');
  const last = `${JSON.stringify({ v: 1, history, tip: read.tip, isWhole: isOnTop ? end.isWhole : read.isWhole } satisfies End)}\n`;
  if (read.tip === known) return indexOver(text);
  const whole = (isOnTop ? text : '') + fresh + last;
  const kept = shortened(whole, Math.max(settings.linkCommits, commitsMax) * KEPT_PER_COMMIT, last);
  // A repository that cannot be written to still gets its trailer, at the cost of a walk each time.
  if (isOnTop && kept === whole) appendIfPossible(file, fresh + last);
  else keepIfPossible(file, kept);
  return indexOver(kept);
}

function appendIfPossible(file: string, text: string): void {
  try {
    appendText(file, text);
  } catch {
    // Read again by the next one.
  }
}

/** Without the ends in between and the oldest answers, when there are too many lines. */
function shortened(text: string, answersMax: number, last: string): string {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  if (lines <= answersMax * 2) return text;
  const answers = text.split('\n').filter((line) => line.startsWith('{"r":'));
  return `${answers.slice(-answersMax).join('\n')}\n${last}`;
}
