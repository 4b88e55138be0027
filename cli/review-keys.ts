/** Every key of the terminal review, in the order of the help: a key that is not here does nothing. */

import { editorOf } from './review-editor.ts';
import { begin, goToMatch, jump, neighbour, openRow, same, scrollBy, scrollTo, settled, toTab, turnTab } from './review-moves.ts';
import { bodyRows, FILTERS, TABS, type State, type Step } from './review-state.ts';

export type Binding = {
  readonly keys: readonly string[];
  /** As the help and the last line name it. */
  readonly shown: string;
  readonly words: string;
  /** For the last line of the screen; absent: only in the help. */
  readonly short?: string;
  readonly act: (state: State) => Step;
};

const leave: Binding = {
  keys: ['q'],
  shown: 'q',
  words: 'leave',
  short: 'leave',
  act: (state) => ({ state, wants: [{ kind: 'leave', isStopped: false }] }),
};
const help: Binding = { keys: ['?'], shown: '?', words: 'all keys', short: 'help', act: (state) => same({ ...state, help: 0 }) };
const move = (state: State, cursor: number): Step => settled({ ...state, cursor, notice: null });

export const LIST_KEYS: readonly Binding[] = [
  { keys: ['enter', 'right'], shown: 'Enter', words: 'open the answer', short: 'open', act: (state) => openRow(state, state.cursor) },
  { keys: ['down', 'j'], shown: '↓ j', words: 'one down', act: (state) => move(state, state.cursor + 1) },
  { keys: ['up', 'k'], shown: '↑ k', words: 'one up', act: (state) => move(state, state.cursor - 1) },
  { keys: ['pagedown', ' '], shown: 'PgDn Space', words: 'a page down', act: (state) => move(state, state.cursor + bodyRows(state)) },
  { keys: ['pageup', 'b'], shown: 'PgUp b', words: 'a page up', act: (state) => move(state, state.cursor - bodyRows(state)) },
  { keys: ['home', 'g'], shown: 'Home g', words: 'the oldest', act: (state) => move(state, 0) },
  { keys: ['end', 'G'], shown: 'End G', words: 'the newest', act: (state) => move(state, Number.MAX_SAFE_INTEGER) },
  {
    keys: ['f'],
    shown: 'f',
    words: 'show others: to do, lapsed, changes requested, held, all',
    short: 'filter',
    act: (state) => {
      const filter = FILTERS[(FILTERS.indexOf(state.filter) + 1) % FILTERS.length] ?? 'to do';
      return settled({ ...state, filter, cursor: 0, top: 0, notice: null });
    },
  },
  {
    keys: ['/'],
    shown: '/',
    words: 'only rows with these words; Esc: all again',
    short: 'search',
    act: (state) => same({ ...state, typing: editorOf(state.narrowed) }),
  },
  { keys: ['escape'], shown: 'Esc', words: 'all rows again', act: (state) => settled({ ...state, narrowed: '', notice: null }) },
  { keys: ['r'], shown: 'r', words: 'read the list again', act: (state) => ({ state, wants: [{ kind: 'reload' }] }) },
  help,
  leave,
];

const toList = (state: State): Step => settled({ ...state, item: null, search: null, notice: null, pages: new Map() });
export const ITEM_KEYS: readonly Binding[] = [
  { keys: ['a'], shown: 'a', words: 'approve', short: 'approve', act: (state) => begin(state, 'approved') },
  {
    keys: ['c'],
    shown: 'c',
    words: 'ask for changes, with a comment',
    short: 'changes',
    act: (state) => begin(state, 'changes-requested'),
  },
  { keys: ['x'], shown: 'x', words: 'reject, with a comment', short: 'reject', act: (state) => begin(state, 'rejected') },
  { keys: ['h'], shown: 'h', words: 'hold: not decided yet', short: 'hold', act: (state) => begin(state, 'held') },
  { keys: ['tab', 'right'], shown: 'Tab →', words: 'the next page of it', short: 'page', act: (state) => turnTab(state, 1) },
  { keys: ['shift-tab', 'left'], shown: 'Shift-Tab ←', words: 'the page before', act: (state) => turnTab(state, -1) },
  ...TABS.map((tab, index): Binding => ({
    keys: [String(index + 1)],
    shown: String(index + 1),
    words: `page: ${tab}`,
    act: (state) => toTab(state, tab),
  })),
  { keys: ['down', 'j', 'enter'], shown: '↓ j', words: 'a line down', act: (state) => scrollBy(state, 1) },
  { keys: ['up', 'k'], shown: '↑ k', words: 'a line up', act: (state) => scrollBy(state, -1) },
  { keys: ['pagedown', ' '], shown: 'PgDn Space', words: 'a screen down', act: (state) => scrollBy(state, bodyRows(state)) },
  { keys: ['pageup', 'b'], shown: 'PgUp b', words: 'a screen up', act: (state) => scrollBy(state, -bodyRows(state)) },
  { keys: ['d'], shown: 'd', words: 'half a screen down', act: (state) => scrollBy(state, Math.ceil(bodyRows(state) / 2)) },
  { keys: ['u'], shown: 'u', words: 'half a screen up', act: (state) => scrollBy(state, -Math.ceil(bodyRows(state) / 2)) },
  { keys: ['home', 'g'], shown: 'Home g', words: 'the beginning', act: (state) => same(scrollTo(state, 0)) },
  { keys: ['end', 'G'], shown: 'End G', words: 'the end', act: (state) => same(scrollTo(state, Number.MAX_SAFE_INTEGER)) },
  { keys: [']'], shown: ']', words: 'the next heading, or part of a diff', act: (state) => jump(state, 1) },
  { keys: ['['], shown: '[', words: 'the heading before', act: (state) => jump(state, -1) },
  {
    keys: ['/'],
    shown: '/',
    words: 'search on this page',
    short: 'search',
    act: (state) => same({ ...state, typing: editorOf(''), notice: null }),
  },
  { keys: ['n'], shown: 'n', words: 'the next match', act: (state) => goToMatch(state, (state.search?.at ?? -1) + 1) },
  { keys: ['N'], shown: 'N', words: 'the match before', act: (state) => goToMatch(state, (state.search?.at ?? 1) - 1) },
  {
    keys: ['m'],
    shown: 'm',
    words: 'Markdown as it is written, and back',
    act: (state) => settled(state.item === null ? state : { ...state, item: { ...state.item, isRaw: !state.item.isRaw }, notice: null }),
  },
  { keys: ['J', '>'], shown: '> J', words: 'the next answer', act: (state) => neighbour(state, 1) },
  { keys: ['K', '<'], shown: '< K', words: 'the answer before', act: (state) => neighbour(state, -1) },
  help,
  { keys: ['q', 'escape', 'backspace'], shown: 'q Esc', words: 'back to the list', short: 'list', act: toList },
];
