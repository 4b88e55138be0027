/**
 * The terminal review as a machine without a terminal: what it shows is this state, and review-step.ts makes another one of it for every key.
 *
 *   list <-> item        over both: help, a search that is typed        over an item: comment -> asking -> confirm -> giving -> list
 *
 * Pure: what has to be fetched or done is told as wants, and comes back as an input.
 */

import type { Standing, VerdictWord } from '#core/verdict.ts';
import type { Editor } from './review-editor.ts';
import { findAll, type Match } from './review-find.ts';
import type { Doc } from './review-line.ts';

/** One row of the list. */
export type Entry = {
  /** `FEAT-1/architect@2`: what other verbs take. */
  readonly key: string;
  readonly feature: string;
  readonly role: string;
  readonly revision: number;
  readonly title: string;
  readonly author: string | null;
  /** When the answer was recorded. */
  readonly atMs: number;
  readonly standing: Standing;
  /** Verdicts that count as a yes, and how many are asked for. */
  readonly approvals: number;
  readonly reviewers: number;
  readonly resultSha256: string;
  /** A newer revision was answered, or the feature is closed: nobody has to judge it. */
  readonly isPast: boolean;
};
export type Facts = { readonly sizeBytes: number; readonly findings: number };

export const TABS = ['answer', 'diff', 'files', 'evidence', 'prompt'] as const;
export type Tab = (typeof TABS)[number];

/** What an item consists of, read from the history when it is opened. */
export type Pages = {
  readonly facts: Facts;
  doc(tab: Tab, columns: number, isRaw: boolean): Doc;
  /** What a verdict of this kind would set off, in words. */
  follows(verdict: VerdictWord): readonly string[];
};
export type Fault = { readonly fault: string };

export const FILTERS = ['to do', 'lapsed', 'changes requested', 'held', 'all'] as const;
export type Filter = (typeof FILTERS)[number];
const SHOWN: Readonly<Record<Filter, readonly Standing[] | null>> = {
  'to do': ['awaiting', 'lapsed'],
  lapsed: ['lapsed'],
  'changes requested': ['changes-requested'],
  held: ['held'],
  all: null,
};

export type Draft = {
  readonly verdict: VerdictWord;
  readonly comment: Editor;
  /** `asking`: whoever records it has not yet said what a person must confirm. */
  readonly step: 'comment' | 'asking' | 'confirm' | 'giving';
  /** What is confirmed: who, which bytes, signed with what. */
  readonly words: string;
  /** Of the word `yes`, so far. */
  readonly typed: string;
};
export type OpenItem = { readonly key: string; readonly tab: Tab; readonly tops: Readonly<Record<Tab, number>>; readonly isRaw: boolean };

export type State = {
  readonly columns: number;
  readonly rows: number;
  /** Oldest first; null: not there yet. */
  readonly entries: readonly Entry[] | null;
  readonly facts: ReadonlyMap<string, Facts>;
  readonly filter: Filter;
  /** Only rows that contain these words. */
  readonly narrowed: string;
  readonly cursor: number;
  readonly top: number;
  readonly item: OpenItem | null;
  readonly pages: ReadonlyMap<string, Pages | Fault>;
  readonly search: { readonly text: string; readonly at: number } | null;
  readonly typing: Editor | null;
  readonly draft: Draft | null;
  readonly notice: { readonly words: string; readonly isBad: boolean } | null;
  /** First line of the help that is shown. */
  readonly help: number | null;
  readonly commentBytesMax: number;
};

export type Want =
  | { readonly kind: 'facts'; readonly keys: readonly string[] }
  | { readonly kind: 'open'; readonly key: string }
  | { readonly kind: 'edit'; readonly text: string }
  | { readonly kind: 'give'; readonly key: string; readonly verdict: VerdictWord; readonly comment: string | null }
  /** To the question that came as `asked`. */
  | { readonly kind: 'answer'; readonly isYes: boolean }
  | { readonly kind: 'reload' }
  | { readonly kind: 'leave'; readonly isStopped: boolean };
export type Input =
  /** `up`, `enter`, `ctrl-c` …, or the character itself. */
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'pasted'; readonly text: string }
  | { readonly kind: 'size'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  | { readonly kind: 'facts'; readonly facts: ReadonlyMap<string, Facts> }
  | { readonly kind: 'pages'; readonly key: string; readonly pages: Pages | Fault }
  /** Out of the editor; null: left as it was. */
  | { readonly kind: 'edited'; readonly text: string | null; readonly fault: string | null }
  /** What the person has to say yes to before it is recorded. */
  | { readonly kind: 'asked'; readonly words: string }
  | { readonly kind: 'given'; readonly words: string }
  | { readonly kind: 'refused'; readonly words: string };
export type Step = { readonly state: State; readonly wants: readonly Want[] };

export const startState = (columns: number, rows: number, commentBytesMax: number): State => ({
  columns,
  rows,
  entries: null,
  facts: new Map(),
  filter: 'to do',
  narrowed: '',
  cursor: 0,
  top: 0,
  item: null,
  pages: new Map(),
  search: null,
  typing: null,
  draft: null,
  notice: null,
  help: null,
  commentBytesMax,
});

/** Rows of the list that the filter lets through, oldest first. */
export function rowsOf(state: Pick<State, 'entries' | 'filter' | 'narrowed'>): readonly Entry[] {
  const standings = SHOWN[state.filter];
  const words = state.narrowed.toLowerCase();
  return (state.entries ?? []).filter(
    (entry) =>
      (standings === null || (standings.includes(entry.standing) && !entry.isPast)) &&
      (words === '' || `${entry.key} ${entry.title}`.toLowerCase().includes(words)),
  );
}

/** Lines of the lower part of the screen while a verdict is given. */
export const panelRows = (state: Pick<State, 'draft' | 'rows'>): number =>
  state.draft === null ? 0 : Math.max(3, Math.min(14, Math.floor(state.rows / 2)));
/** Lines of text or list that fit: title, tabs or heads, one line of position, one of keys are around them. */
export const bodyRows = (state: Pick<State, 'draft' | 'rows'>): number => Math.max(1, state.rows - 4 - panelRows(state));
const COLUMNS_MAX = 120;
/** Columns of the text; before it is one for the mark of a match. */
export const bodyColumns = ({ columns }: Pick<State, 'columns'>): number => Math.max(10, Math.min(COLUMNS_MAX, columns - 1));

const EMPTY: Doc = { lines: [], headings: [] };
/** What the open tab shows; empty while it is read. */
export function docOf(state: State): Doc {
  const pages = state.item === null ? undefined : state.pages.get(state.item.key);
  if (state.item === null || pages === undefined || 'fault' in pages) return EMPTY;
  return pages.doc(state.item.tab, bodyColumns(state), state.item.isRaw);
}
export const entryOf = (state: State): Entry | null => state.entries?.find(({ key }) => key === state.item?.key) ?? null;

const found = new WeakMap<Doc, { readonly text: string; readonly matches: readonly Match[] }>();
/** Matches of the search in the open tab. */
export function matchesOf(state: State): readonly Match[] {
  if (state.search === null) return [];
  const doc = docOf(state);
  const known = found.get(doc);
  if (known?.text === state.search.text) return known.matches;
  const matches = findAll(doc.lines, state.search.text);
  found.set(doc, { text: state.search.text, matches });
  return matches;
}
