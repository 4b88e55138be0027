/**
 * The terminal review line by line: for screen readers, dumb terminals and `--plain`. Nothing is drawn twice, nothing moves; a question is a line, and so is
 * its answer.
 *
 *   list -> which one? -> its text -> what next? -> comment -> confirm -> list
 * Invariant: the end of the input, or an empty line, gives no verdict.
 */

import type { VerdictWord } from '#core/verdict.ts';
import { ageOf } from './job-words.ts';
import type { Desk } from './review-desk.ts';
import { eyesWord, revisionWord, sizeWord, STANDING_WORDS } from './review-draw.ts';
import { typable } from './review-editor.ts';
import { safeLine, textOfLine } from './review-line.ts';
import { rowsOf, type Entry, type Facts, type Tab } from './review-state.ts';

export type Talk = {
  /** One or more lines. */
  say(text: string): void;
  /** The person's next line; null: there is no more input. */
  ask(question: string): Promise<string | null>;
};

const COLUMNS = 80;
const SHOWN_MAX = 20;

const VERDICTS: Readonly<Record<string, VerdictWord>> = { a: 'approved', c: 'changes-requested', x: 'rejected', h: 'held' };
const PAGES: Readonly<Record<string, Tab>> = { t: 'answer', d: 'diff', f: 'files', e: 'evidence', p: 'prompt' };

/** One answer as a sentence. */
export function entryWords(entry: Entry, facts: Facts | undefined, nowMs: number): string {
  const size = facts === undefined ? '' : `, ${sizeWord(facts.sizeBytes)}, ${String(facts.findings)} findings`;
  const title = entry.title === '' ? '' : `, "${safeLine(entry.title)}"`;
  const age = ageOf(new Date(entry.atMs).toISOString(), nowMs);
  return `${revisionWord(entry)}${title}, ${age} old${size}, ${eyesWord(entry)} approvals, ${STANDING_WORDS[entry.standing]}`;
}

/** @returns when the person leaves */
export async function runPlain(desk: Desk, talk: Talk, nowMs: () => number): Promise<void> {
  talk.say(`docket review, line by line. You are ${safeLine(desk.sitter.person)}.`);
  for (;;) {
    const rows = rowsOf({ entries: await desk.entries(), filter: 'to do', narrowed: '' });
    if (rows.length === 0) {
      talk.say('Nothing awaits a verdict.');
      return;
    }
    const shown = rows.slice(0, SHOWN_MAX);
    const facts = await desk.facts(shown.map(({ key }) => key));
    talk.say(`${String(rows.length)} ${rows.length === 1 ? 'answer awaits' : 'answers await'} a verdict, oldest first.`);
    for (const [index, entry] of shown.entries()) talk.say(`${String(index + 1)}. ${entryWords(entry, facts.get(entry.key), nowMs())}`);
    if (rows.length > shown.length) talk.say(`And ${String(rows.length - shown.length)} more.`);
    const text = (await talk.ask(`Which one? A number from 1 to ${String(rows.length)}, or q to leave: `))?.trim() ?? 'q';
    if (text === 'q') return;
    const entry = /^[0-9]{1,6}$/.test(text) ? rows[Number(text) - 1] : undefined;
    if (entry === undefined) talk.say('There is none with that number.');
    else if (!(await judge(desk, talk, entry))) return;
  }
}

/** @returns false: the input ended, or the person leaves */
async function judge(desk: Desk, talk: Talk, entry: Entry): Promise<boolean> {
  const pages = await desk.pages(entry.key);
  if ('fault' in pages) {
    talk.say(safeLine(pages.fault));
    return true;
  }
  const tell = (tab: Tab): void => {
    talk.say(`Page ${tab} of ${revisionWord(entry)}:`);
    for (const one of pages.doc(tab, COLUMNS, false).lines) talk.say(textOfLine(one).trimEnd());
    talk.say(`End of page ${tab}.`);
  };
  tell('answer');
  if (pages.facts.findings > 0) talk.say(`${String(pages.facts.findings)} findings: page evidence names them.`);
  for (;;) {
    const text = await talk.ask(
      'What next? a approve, c ask for changes, x reject, h hold; t text, d diff, f files, e evidence, p prompt; l list, q leave: ',
    );
    const key = text?.trim().toLowerCase() ?? 'q';
    const verdict = VERDICTS[key];
    const tab = PAGES[key];
    if (key === 'q') return false;
    if (key === 'l') return true;
    if (tab !== undefined) tell(tab);
    else if (verdict === undefined) talk.say('Please answer with one of these letters.');
    else if (await give(desk, talk, entry, verdict, pages.follows(verdict))) return true;
  }
}

/** @returns was it recorded? */
async function give(desk: Desk, talk: Talk, entry: Entry, verdict: VerdictWord, follows: readonly string[]): Promise<boolean> {
  const comment = await commentFor(talk, verdict);
  if (comment === undefined) {
    talk.say('No verdict was given.');
    return false;
  }
  const ask = async (words: string): Promise<boolean> => {
    for (const one of [...words.split('\n'), ...follows.map((what) => `Then: ${what}`)]) talk.say(safeLine(one));
    return (await talk.ask('Type yes to give it: '))?.trim().toLowerCase() === 'yes';
  };
  try {
    talk.say(safeLine(await desk.give(entry.key, verdict, comment, ask)));
    return true;
  } catch (error) {
    talk.say(safeLine(error instanceof Error ? error.message : String(error)));
    return false;
  }
}

/** Undefined: it needs one, and there is none. */
async function commentFor(talk: Talk, verdict: VerdictWord): Promise<string | null | undefined> {
  const lines: string[] = [];
  talk.say('Your comment; a line with only a dot ends it.');
  for (;;) {
    const text = await talk.ask('> ');
    if (text === null) return undefined;
    if (text.trim() === '.') break;
    lines.push(typable(text));
  }
  const comment = lines.join('\n').trim();
  if (comment !== '') return comment;
  return verdict === 'approved' || verdict === 'held' ? null : undefined;
}

/** Everything as lines, and nothing asked: where there is no terminal. */
export async function plainList(desk: Desk, rows: readonly Entry[], nowMs: number): Promise<string> {
  const facts = await desk.facts(rows.map(({ key }) => key));
  return rows.length === 0 ? 'nothing awaits a verdict' : rows.map((entry) => entryWords(entry, facts.get(entry.key), nowMs)).join('\n');
}
