/** How the terminal review moves: rows of the list, items, pages, lines, headings, matches. Pure; the text is never left. */

import type { VerdictWord } from '#core/verdict.ts';
import { editorOf } from './review-editor.ts';
import {
  bodyRows,
  docOf,
  matchesOf,
  rowsOf,
  TABS,
  type Draft,
  type OpenItem,
  type State,
  type Step,
  type Tab,
  type Want,
} from './review-state.ts';

export const same = (state: State): Step => ({ state, wants: [] });
const between = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** Keeps the cursor in the list and the list around it, and wants facts of the rows that are shown. */
export function settled(state: State, wants: readonly Want[] = []): Step {
  const rows = rowsOf(state);
  const height = bodyRows(state);
  const cursor = between(state.cursor, 0, Math.max(0, rows.length - 1));
  const top = between(between(state.top, cursor - height + 1, cursor), 0, Math.max(0, rows.length - height));
  const missing = state.item !== null ? [] : rows.slice(top, top + height).flatMap(({ key }) => (state.facts.has(key) ? [] : [key]));
  const scrolled = { ...state, cursor, top, item: state.item === null ? null : withinText(state, state.item) };
  return { state: scrolled, wants: [...wants, ...(missing.length > 0 ? [{ kind: 'facts' as const, keys: missing }] : [])] };
}
function withinText(state: State, item: OpenItem): OpenItem {
  const most = Math.max(0, docOf({ ...state, item }).lines.length - bodyRows(state));
  return item.tops[item.tab] <= most ? item : { ...item, tops: { ...item.tops, [item.tab]: most } };
}

const NO_TOPS: OpenItem['tops'] = { answer: 0, diff: 0, files: 0, evidence: 0, prompt: 0 };
export function openRow(state: State, index: number): Step {
  const entry = rowsOf(state)[index];
  if (entry === undefined) return same(state);
  const item: OpenItem = { key: entry.key, tab: 'answer', tops: NO_TOPS, isRaw: false };
  const next: State = { ...state, cursor: index, item, notice: null, search: null };
  return settled(next, state.pages.has(entry.key) ? [] : [{ kind: 'open', key: entry.key }]);
}
/** The item before or after, in the order of the list. */
export function neighbour(state: State, by: number): Step {
  const rows = rowsOf(state);
  const at = rows.findIndex(({ key }) => key === state.item?.key);
  const to = at === -1 ? state.cursor : at + by;
  if (to < 0 || to >= rows.length) return say(state, by < 0 ? 'this is the first one' : 'this is the last one');
  return openRow(state, to);
}
export const say = (state: State, words: string, isBad = false): Step => same({ ...state, notice: { words, isBad } });

export function scrollTo(state: State, top: number): State {
  const { item } = state;
  if (item === null) return state;
  const moved = { ...item, tops: { ...item.tops, [item.tab]: Math.max(0, top) } };
  return { ...state, item: withinText(state, moved) };
}
export const topOf = (state: State): number => (state.item === null ? 0 : state.item.tops[state.item.tab]);
export const scrollBy = (state: State, by: number): Step => same(scrollTo(state, topOf(state) + by));

/** The next heading (of a diff: the next part) below or above the first line. */
export function jump(state: State, by: 1 | -1): Step {
  const { headings } = docOf(state);
  const top = topOf(state);
  const to = by === 1 ? headings.find((row) => row > top) : headings.findLast((row) => row < top);
  return to === undefined ? say(state, by === 1 ? 'no heading below' : 'no heading above') : same(scrollTo(state, to));
}

/** Goes to a match and brings it into view. @param at counted around: after the last one comes the first */
export function goToMatch(state: State, at: number): Step {
  const matches = matchesOf(state);
  if (state.search === null) return say(state, 'search for something first: /');
  if (matches.length === 0) return say(state, `not found: ${state.search.text}`, true);
  const index = ((at % matches.length) + matches.length) % matches.length;
  const row = matches[index]?.[0]?.line ?? 0;
  const height = bodyRows(state);
  const top = topOf(state);
  const next: State = { ...state, search: { ...state.search, at: index }, notice: null };
  return same(row >= top && row < top + height ? next : scrollTo(next, row - Math.floor(height / 3)));
}
export function search(state: State, text: string): Step {
  if (text === '') return same({ ...state, search: null });
  const begun: State = { ...state, search: { text, at: 0 } };
  const first = matchesOf(begun).findIndex((match) => (match[0]?.line ?? 0) >= topOf(state));
  return goToMatch(begun, Math.max(0, first));
}

export function toTab(state: State, tab: Tab): Step {
  if (state.item === null) return same(state);
  const next: State = { ...state, item: { ...state.item, tab }, notice: null };
  return settled(state.search === null ? next : { ...next, search: { ...state.search, at: 0 } });
}
export const turnTab = (state: State, by: number): Step => {
  const at = TABS.indexOf(state.item?.tab ?? 'answer');
  return toTab(state, TABS[(at + by + TABS.length) % TABS.length] ?? 'answer');
};

export function begin(state: State, verdict: VerdictWord): Step {
  const pages = state.item === null ? undefined : state.pages.get(state.item.key);
  if (pages === undefined || 'fault' in pages) return say(state, 'only what was read can be judged', true);
  const draft: Draft = { verdict, comment: editorOf(''), step: 'comment', words: '', typed: '' };
  return verdict === 'approved' ? give(state, draft) : settled({ ...state, draft, notice: null });
}
/** Hands the verdict on; it comes back with what has to be confirmed. */
export function give(state: State, draft: Draft): Step {
  if (state.item === null) return same(state);
  const comment = draft.comment.text.trim();
  const want: Want = { kind: 'give', key: state.item.key, verdict: draft.verdict, comment: comment === '' ? null : comment };
  return settled({ ...state, draft: { ...draft, step: 'asking', words: '', typed: '' }, notice: null }, [want]);
}
