/** The words that issue logs use: severities, states, numbers, names of columns and fields. Pure; case, emphasis and signs around a word say nothing. */

import { plain } from './markdown.ts';

/** 0 is the most severe. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'trivial'] as const;
export type Severity = (typeof SEVERITIES)[number];
export const rankOf = (severity: Severity): number => SEVERITIES.indexOf(severity);

const SEVERITY_OF: Readonly<Record<string, Severity>> = {
  critical: 'critical', blocker: 'critical', p0: 'critical',
  high: 'high', major: 'high', p1: 'high',
  medium: 'medium', normal: 'medium', p2: 'medium',
  low: 'low', minor: 'low', p3: 'low',
  trivial: 'trivial',
}; // prettier-ignore
export const SEVERITY_WORDS = 'critical, blocker, high, major, medium, normal, low, minor, trivial, or P0 to P3';

const STATE_OF: Readonly<Record<string, State>> = {
  '': 'open', open: 'open', opened: 'open', new: 'open', todo: 'open', 'to do': 'open', reopened: 'open', confirmed: 'open', reported: 'open',
  triaged: 'open', accepted: 'open', backlog: 'open', found: 'open', ready: 'open', no: 'open',
  'in progress': 'taken', 'in work': 'taken', wip: 'taken', doing: 'taken', started: 'taken', assigned: 'taken', claimed: 'taken', 'in review': 'taken',
  blocked: 'blocked', waiting: 'blocked', 'on hold': 'blocked', paused: 'blocked',
  closed: 'done', done: 'done', fixed: 'done', resolved: 'done', verified: 'done', released: 'done', 'wont fix': 'done', wontfix: 'done', invalid: 'done',
  duplicate: 'done', rejected: 'done', 'not a bug': 'done', 'cannot reproduce': 'done', yes: 'done',
}; // prettier-ignore
export const STATE_WORDS = 'open, in progress, blocked, or closed, fixed, resolved, done';
export type State = 'open' | 'taken' | 'blocked' | 'done';

const bare = (text: string): string =>
  plain(text)
    .toLowerCase()
    .replaceAll(/['’]/g, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/** `**High** (P1)` -> high: the first word that is one. Null: there is none. */
export function severityIn(text: string): Severity | null {
  for (const word of bare(text).split(' ')) {
    const found = Object.hasOwn(SEVERITY_OF, word) ? SEVERITY_OF[word] : undefined;
    if (found !== undefined) return found;
  }
  return null;
}

/** `Open`, `✅ Fixed in 1.4`, `In progress (Ada)`, `[x]`: the whole text, or its first words. Null: not understood. */
export function stateIn(text: string): State | null {
  if (/^\s*\[[xX]\]|[☑✅✔]/u.test(text)) return 'done';
  const words = bare(text.replace(/^\s*\[ \]/, '')).split(' ');
  for (const count of [words.length, 3, 2, 1]) {
    const phrase = words.slice(0, count).join(' ');
    if (Object.hasOwn(STATE_OF, phrase)) return STATE_OF[phrase] ?? null;
  }
  return null;
}

/** What a field is about, whatever a log calls it. */
export type Field = 'number' | 'title' | 'severity' | 'status' | 'steps' | 'assignee' | 'opened' | 'blockedBy';
const FIELD_OF: Readonly<Record<string, Field>> = {
  '': 'number', no: 'number', nr: 'number', num: 'number', number: 'number', id: 'number', key: 'number', ticket: 'number',
  title: 'title', issue: 'title', summary: 'title', problem: 'title', bug: 'title', description: 'title', name: 'title', what: 'title', subject: 'title',
  severity: 'severity', sev: 'severity', priority: 'severity', prio: 'severity', importance: 'severity',
  status: 'status', state: 'status', done: 'status', fixed: 'status', resolved: 'status',
  steps: 'steps', 'steps to reproduce': 'steps', reproduction: 'steps', 'reproduction steps': 'steps', repro: 'steps', 'how to reproduce': 'steps',
  'to reproduce': 'steps', reproduce: 'steps', 'repro steps': 'steps',
  assignee: 'assignee', assigned: 'assignee', 'assigned to': 'assignee', owner: 'assignee', claimed: 'assignee', 'claimed by': 'assignee', who: 'assignee',
  opened: 'opened', created: 'opened', date: 'opened', found: 'opened', reported: 'opened', since: 'opened', 'found on': 'opened',
  blocked: 'blockedBy', 'blocked by': 'blockedBy', 'depends on': 'blockedBy', 'waits for': 'blockedBy', 'waiting for': 'blockedBy',
}; // prettier-ignore

/** @param text of a column or of a field; `#` alone is the number */
export function fieldOf(text: string): Field | null {
  const word = bare(text);
  return Object.hasOwn(FIELD_OF, word) && (word !== '' || text.trim() === '#') ? (FIELD_OF[word] ?? null) : null;
}

const NUMBER = '(?:[A-Za-z]{1,20}[-# ]+|#)?0*([0-9]{1,9})';
/** `#14`, `14`, `ISSUE-14`, `[#14](a-link)`. Null: it is none. */
export function numberIn(text: string): number | null {
  const found = new RegExp(String.raw`^\[?${NUMBER}\]?$`).exec(plain(text))?.[1];
  return found === undefined || Number(found) === 0 ? null : Number(found);
}

/** All numbers that a field such as `#12, ISSUE-13` names. */
export const numbersIn = (text: string): readonly number[] =>
  [...plain(text).matchAll(/(?:#|\b[A-Za-z]+-|^|[\s,;])0*([0-9]{1,9})\b/g)].map((found) => Number(found[1]));

export type Headline = { readonly number: number; readonly title: string; readonly isDone: boolean; readonly severity: Severity | null };

/** `#14 Totals are wrong`, `ISSUE-14: …`, `[ ] #14 …`, `14. …`, `~~#14 …~~`, with `[high]` or `(P1)` at the end. Null: no issue begins here. */
export function headlineOf(text: string, isItem = false): Headline | null {
  if (text.length > 2_000) return null;
  const struck = /^~~.*~~$/.test(text.trim());
  const clean = plain(text.trim().replace(/^\[[ xX]\]\s*/, ''));
  const found =
    /^\[?(?:(?:issue|bug|defect|ticket)[\s#-]+|#)0*([0-9]{1,9})\]?(?![\w.])[\s:.)–—-]*(.*)$/i.exec(clean) ??
    // Of other keys only with a colon: UTF-8 and ISO-8601 begin sentences, too.
    /^\[?[A-Z][A-Z0-9]{0,9}-0*([0-9]{1,9})\]?:\s*(.*)$/.exec(clean) ??
    (isItem ? null : /^0*([0-9]{1,9})[.:)]\s+(.+)$/.exec(clean));
  const number = Number(found?.[1] ?? 0);
  if (found === null || number === 0) return null;
  const title = (found[2] ?? '').trim();
  const tag = /[\s]*[([]([^()[\]]{1,20})[)\]]$/.exec(title);
  const severity = tag === null || bare(tag[1] ?? '').split(' ').length > 2 ? null : severityIn(tag[1] ?? '');
  return {
    number,
    title: severity === null || tag === null ? title : title.slice(0, tag.index).trim(),
    isDone: struck || /^\s*\[[xX]\]/.test(text),
    severity,
  };
}
