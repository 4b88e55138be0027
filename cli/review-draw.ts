/**
 * What the terminal review shows: a state as exactly as many lines as the terminal has, none wider than it. Pure.
 * Nothing is told by colour alone: the cursor and the match at hand have a sign, a diff has + and -.
 */

import type { Standing, VerdictWord } from '#core/verdict.ts';
import { ageOf } from './job-words.ts';
import { withMatches } from './review-find.ts';
import { ITEM_KEYS, LIST_KEYS, type Binding } from './review-keys.ts';
import {
  cut,
  cutSpans,
  line,
  padded,
  paddedLeft,
  safeLine,
  span,
  widthOf,
  wrap,
  type Line,
  type Margin,
  type Span,
} from './review-line.ts';
import {
  bodyColumns,
  bodyRows,
  docOf,
  entryOf,
  matchesOf,
  panelRows,
  rowsOf,
  TABS,
  type Draft,
  type Entry,
  type Facts,
  type State,
} from './review-state.ts';

/** Who sits here, by git's identity. */
export type Sitter = { readonly person: string };
export type Look = { readonly sitter: Sitter; readonly nowMs: number };

export const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  accepted: 'accepted',
  unreviewed: 'not reviewed',
  awaiting: 'awaiting',
  'changes-requested': 'changes',
  rejected: 'rejected',
  held: 'held',
  lapsed: 'lapsed',
};
export const VERDICT_WORDS: Readonly<Record<VerdictWord, string>> = {
  approved: 'Approve',
  'changes-requested': 'Ask for changes to',
  rejected: 'Reject',
  held: 'Hold',
};

/** `812 B`, `3.1 KB`, `1.2 MB`. */
export function sizeWord(bytes: number): string {
  if (bytes < 1_000) return `${String(bytes)} B`;
  return bytes < 999_950 ? `${(bytes / 1_000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
/** `1 of 2`: how many of the verdicts that are asked for were given. */
export const eyesWord = ({ approvals, reviewers }: Pick<Entry, 'approvals' | 'reviewers'>): string =>
  `${String(Math.min(approvals, reviewers))} of ${String(reviewers)}`;
export const revisionWord = ({ feature, role, revision }: Pick<Entry, 'feature' | 'role' | 'revision'>): string =>
  `${feature}/${role} r${String(revision)}`;

/** Exactly so many lines, each no wider than the terminal. */
export function draw(state: State, look: Look): Line[] {
  const lines = state.help !== null ? drawHelp(state, state.help) : state.item === null ? drawList(state, look) : drawItem(state);
  const fitted = lines.slice(0, state.rows).map(({ spans }): Line => ({ spans: cutSpans(spans, state.columns) }));
  while (fitted.length < state.rows) fitted.push(line(''));
  return fitted;
}

const bar = (state: State, left: string, right: string): Line => {
  const end = cut(right, Math.max(0, state.columns - 10));
  return line(`${padded(` ${left}`, Math.max(0, state.columns - widthOf(end) - 1))}${end} `, 'bar');
};

/** The last line: as many keys as fit, the first ones first. */
function keysLine(state: State, bindings: readonly Binding[]): Line {
  const spans: Span[] = [];
  let width = 0;
  for (const { shown, short } of bindings.toSorted((a, b) => Number(b.shown === '?') - Number(a.shown === '?'))) {
    if (short === undefined) continue;
    const key = shown.split(' ')[0] ?? shown;
    width += key.length + short.length + 3;
    if (width > state.columns) break;
    spans.push(span(key, 'strong'), span(` ${short}  `));
  }
  return { spans };
}
const typedLine = (sign: string, text: string, caret: number): Line => ({
  spans: [span(`${sign}${safeLine(text.slice(0, caret))}`), span(text[caret] ?? ' ', 'current'), span(safeLine(text.slice(caret + 1)))],
});

/** The line above the keys: what was said last, what is typed, or where we are. */
function statusLine(state: State, place: string): Line {
  if (state.typing !== null) return typedLine('/', state.typing.text, state.typing.caret);
  if (state.notice !== null)
    return line(`${state.notice.isBad ? '! ' : ''}${safeLine(state.notice.words)}`, state.notice.isBad ? 'bad' : 'good');
  return line(place, 'quiet');
}

const LIST_WIDTHS = { age: 4, size: 8, findings: 5, eyes: 6, standing: 12 } as const;
const FEATURE_MAX = 24;

function listColumns(state: State, rows: readonly Entry[]): (cells: Readonly<Record<string, string>>) => string {
  const isNarrow = state.columns < 60;
  const isMixed = state.filter === 'all' || rows.some(({ standing }) => standing !== 'awaiting');
  const what = Math.min(
    isNarrow ? 18 : FEATURE_MAX + 6,
    Math.max(7, ...rows.slice(state.top, state.top + bodyRows(state)).map((row) => widthOf(revisionWord(row)))),
  );
  return (cells) =>
    [
      padded(cells['what'] ?? '', what),
      paddedLeft(cells['age'] ?? '', LIST_WIDTHS.age),
      ...(isNarrow ? [] : [paddedLeft(cells['size'] ?? '', LIST_WIDTHS.size), paddedLeft(cells['findings'] ?? '', LIST_WIDTHS.findings)]),
      padded(cells['eyes'] ?? '', LIST_WIDTHS.eyes),
      ...(isMixed ? [padded(cells['standing'] ?? '', LIST_WIDTHS.standing)] : []),
      cells['title'] ?? '',
    ].join(' ');
}
const findingsWord = (facts: Facts | undefined): string =>
  facts === undefined ? '' : facts.findings === 0 ? '-' : `${String(facts.findings)} !`;

function drawList(state: State, { nowMs, sitter }: Look): Line[] {
  const rows = rowsOf(state);
  const height = bodyRows(state);
  const cells = listColumns(state, rows);
  const shown = rows.slice(state.top, state.top + height);
  const body = shown.map((entry, index): Line => {
    const isHere = state.top + index === state.cursor;
    const facts = state.facts.get(entry.key);
    const text = cells({
      what: revisionWord(entry),
      age: ageOf(new Date(entry.atMs).toISOString(), nowMs),
      size: facts === undefined ? '' : sizeWord(facts.sizeBytes),
      findings: findingsWord(facts),
      eyes: eyesWord(entry),
      standing: STANDING_WORDS[entry.standing],
      title: safeLine(entry.title),
    });
    return line(padded(`${isHere ? '>' : ' '} ${text}`, state.columns), isHere ? 'bar' : 'plain');
  });
  if (body.length === 0) body.push(line(state.entries === null ? '  reading the history …' : `  ${emptyWords(state)}`));
  while (body.length < height) body.push(line(''));
  const head = cells({ what: 'ANSWER', age: 'AGE', size: 'SIZE', findings: 'FOUND', eyes: 'GIVEN', standing: 'STANDING', title: 'TITLE' });
  const count = state.entries === null ? '' : `${String(rows.length)} ${state.filter}`;
  const narrowed = state.narrowed === '' ? '' : `, with "${safeLine(state.narrowed)}"`;
  const place = rows.length === 0 ? '' : `${String(state.cursor + 1)} of ${String(rows.length)}, oldest first; you are ${sitter.person}`;
  return [
    bar(state, 'docket review', `${count}${narrowed}`),
    line(`  ${head}`, 'quiet'),
    ...body,
    statusLine(state, place),
    keysLine(state, LIST_KEYS),
  ];
}
function emptyWords(state: State): string {
  if (state.narrowed !== '') return 'nothing here has these words (Esc: all again)';
  return state.filter === 'to do' ? 'nothing awaits a verdict (f: others)' : `nothing is ${state.filter} (f: others)`;
}

function drawItem(state: State): Line[] {
  const entry = entryOf(state);
  const height = bodyRows(state);
  const rows = rowsOf(state);
  const at = rows.findIndex(({ key }) => key === state.item?.key);
  const place = at === -1 ? '' : `${String(at + 1)}/${String(rows.length)}  `;
  const right = entry === null ? '' : `${place}${STANDING_WORDS[entry.standing]}  ${eyesWord(entry)}`;
  const title = entry === null ? '' : `${revisionWord(entry)}  ${safeLine(entry.title)}`;
  const panel = state.draft === null ? [] : drawDraft(state, state.draft, entry).slice(0, panelRows(state));
  while (panel.length < panelRows(state)) panel.push(line(''));
  return [
    bar(state, title, right),
    tabsLine(state),
    ...drawBody(state, height),
    statusLine(state, placeWords(state, height)),
    ...(state.draft === null ? [keysLine(state, ITEM_KEYS)] : [line('─'.repeat(state.columns), 'quiet'), ...panel]),
  ];
}

function tabsLine(state: State): Line {
  const isRaw = state.item?.isRaw === true;
  return {
    spans: TABS.flatMap((tab, index) => {
      const isOpen = tab === state.item?.tab;
      const words = `${String(index + 1)} ${tab}`;
      return [
        span(isOpen ? `[${words}]` : ` ${words} `, isOpen ? 'strong' : 'quiet'),
        span(index === TABS.length - 1 && isRaw ? ' as written' : ' '),
      ];
    }),
  };
}

function drawBody(state: State, height: number): Line[] {
  const pages = state.pages.get(state.item?.key ?? '');
  if (pages === undefined) return fill([line('  reading …', 'quiet')], height);
  if ('fault' in pages) return fill(wrap([span(safeLine(pages.fault), 'bad')], bodyColumns(state)), height);
  const { lines } = docOf(state);
  const top = state.item === null ? 0 : state.item.tops[state.item.tab];
  const matches = matchesOf(state);
  const current = matches[state.search?.at ?? -1] ?? [];
  const body = lines.slice(top, top + height).map((one, index): Line => {
    const row = top + index;
    const sign = current.some((part) => part.line === row) ? span('>', 'strong') : span(' ');
    return { spans: [sign, ...(matches.length === 0 ? one : withMatches(one, row, matches, state.search?.at ?? -1)).spans] };
  });
  return fill(body, height);
}
const fill = (lines: readonly Line[], height: number): Line[] => [
  ...lines.slice(0, height),
  ...Array.from({ length: Math.max(0, height - lines.length) }, () => line('')),
];

function placeWords(state: State, height: number): string {
  const { lines } = docOf(state);
  if (lines.length === 0) return '';
  const top = state.item === null ? 0 : state.item.tops[state.item.tab];
  const end = Math.min(lines.length, top + height);
  const matches = matchesOf(state);
  const found =
    state.search === null ? '' : `   "${safeLine(state.search.text)}": ${String(state.search.at + 1)} of ${String(matches.length)}`;
  const part = lines.length <= height ? 'all' : end === lines.length ? 'end' : `${String(Math.round((100 * end) / lines.length))}%`;
  return `lines ${String(top + 1)}-${String(end)} of ${String(lines.length)}, ${part}${found}`;
}

const INDENT: Margin = { first: [], rest: [span('  ')] };
function drawDraft(state: State, draft: Draft, entry: Entry | null): Line[] {
  const what = entry === null ? '' : revisionWord(entry);
  if (draft.step === 'comment') return drawComment(state, draft, line(`${VERDICT_WORDS[draft.verdict]} ${what}`, 'heading'));
  const columns = state.columns;
  const row = (name: string, words: string): Line[] =>
    wrap([span(padded(name, 9), 'quiet'), span(words)], columns, { first: [], rest: [span(' '.repeat(9))] });
  const question = draft.words === '' ? `${VERDICT_WORDS[draft.verdict]} ${what}` : draft.words;
  const comment = draft.comment.text.trim();
  const pages = state.pages.get(entry?.key ?? '');
  const follows = pages === undefined || 'fault' in pages ? [] : pages.follows(draft.verdict);
  const last =
    draft.step !== 'confirm'
      ? [line(draft.step === 'giving' ? 'recording it …' : 'looking who gives it …', 'quiet')]
      : [
          typedLine('Type yes and Enter: ', draft.typed, draft.typed.length),
          { spans: [span('Esc', 'strong'), span(' leave it  '), span('Tab', 'strong'), span(' comment')] },
        ];
  const facts = [
    ...question.split('\n').flatMap((words, index) => wrap([span(safeLine(words), index === 0 ? 'heading' : 'plain')], columns, INDENT)),
    ...(entry !== null && entry.reviewers > 1 ? row('eyes', `${eyesWord(entry)} given so far`) : []),
    ...follows.slice(0, 20).flatMap((words, index) => row(index === 0 ? 'then' : '', words)),
    ...row('comment', comment === '' ? '-' : safeLine(comment.replaceAll('\n', ' / '))),
  ];
  const room = Math.max(0, panelRows(state) - last.length);
  const shown =
    facts.length <= room
      ? facts
      : [...facts.slice(0, Math.max(0, room - 1)), line(`… ${String(facts.length - room + 1)} more lines`, 'quiet')];
  return [...shown.slice(0, room), ...last];
}

function drawComment(state: State, draft: Draft, title: Line): Line[] {
  const { text, caret } = draft.comment;
  const height = Math.max(1, panelRows(state) - 2);
  const lines: Line[] = [];
  let caretRow = 0;
  let at = 0;
  for (const one of text.split('\n')) {
    const end = at + one.length;
    const isHere = caret >= at && caret <= end;
    const before = isHere ? one.slice(0, caret - at) : one;
    const under = isHere ? one.slice(caret - at, caret - at + 1) || ' ' : '';
    const spans = [span(safeLine(before)), ...(isHere ? [span(under, 'current'), span(safeLine(one.slice(caret - at + 1)))] : [])];
    const wrapped = wrap(spans, state.columns - 2, { first: [span('│ ', 'quiet')], rest: [span('│ ', 'quiet')] });
    if (isHere)
      caretRow =
        lines.length +
        Math.max(
          0,
          wrapped.findIndex(({ spans: parts }) => parts.some(({ mark }) => mark === 'current')),
        );
    lines.push(...wrapped);
    at = end + 1;
  }
  const top = Math.max(0, Math.min(caretRow - height + 1, lines.length - height));
  const keys = [
    span('Ctrl-D', 'strong'),
    span(' done  '),
    span('Ctrl-E', 'strong'),
    span(' $EDITOR  '),
    span('Esc', 'strong'),
    span(' leave it  '),
    span('PgUp PgDn', 'strong'),
    span(' the text above'),
  ];
  return [title, ...fill(lines.slice(top, top + height), height), { spans: keys }];
}

const rows = (name: string, bindings: readonly Binding[]): Line[] => [
  line(name, 'heading'),
  ...bindings.map(({ shown, words }): Line => ({ spans: [span(`  ${padded(shown, 13)}`, 'strong'), span(words)] })),
  line(''),
];

function drawHelp(state: State, from: number): Line[] {
  const all = [...rows('An answer', ITEM_KEYS), ...rows('The list', LIST_KEYS), line('Ctrl-C leaves at once; nothing is given by that.')];
  const height = Math.max(1, state.rows - 2);
  const top = Math.max(0, Math.min(from, all.length - height));
  return [
    bar(state, 'docket review: keys', ''),
    ...fill(all.slice(top, top + height), height),
    line('↓ ↑ PgDn PgUp scroll, any other key goes back', 'quiet'),
  ];
}
