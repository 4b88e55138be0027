/** What is tried: prompts, how each must end, and the hands of others that meddle. Small on purpose: bugs need few operations and a crash in the right place. */

import type { SpoolRole } from '#spool/parts.ts';
import { LINE_BYTES } from '#spool/read.ts';
import { QUEUES, ROLES } from './life.ts';

export type Ending = 'processed' | 'rejected' | 'failed' | 'held';
export type Wanted = {
  readonly role: number;
  readonly stem: string;
  readonly text: string;
  readonly mark: string;
  readonly end: Ending;
  readonly usesTool: boolean;
  /** Stems it may end under; its own when nobody meddles. */
  readonly mayBe: readonly string[];
};

/** Another program or person, who does something right after a change of the disk. */
export type Hand = 'reader' | 'late-writer' | 'name-taker' | 'careless-author' | 'saver';
export type Scenario = {
  readonly name: string;
  readonly prompts: readonly Wanted[];
  readonly hands: readonly Hand[];
  /** The database is gone after every crash. */
  readonly losesJournal: boolean;
  /** The folders are not there yet. */
  readonly isFirstStart: boolean;
  /** Bad ends are taken up once more, by `docket retry`. */
  readonly isReopened: boolean;
  /** The second prompt is dropped when the first has ended. */
  readonly isOneByOne: boolean;
};

type Given = Partial<Omit<Wanted, 'role'>> & { readonly role?: number; readonly body?: string; readonly isValid?: boolean };

function wanted(stem: string, given: Given = {}): Wanted {
  const { role = 0, end = 'processed', usesTool = false, body = '', isValid = true, mayBe = [stem] } = given;
  const word = end === 'failed' ? 'fail' : end === 'held' ? 'secret' : '';
  const mark = `mark-${word}${stem}`;
  const head = [
    '---',
    isValid ? `feature: FEAT-${String(stem.codePointAt(0) ?? 0)}` : 'feature: not a ticket',
    `agent: ${ROLES[role]?.name ?? ''}`,
    'prompt_spec_version: 2.1.0',
    'revision: 1',
    'created_at: 2025-12-01T10:05:00+01:00',
    ...(usesTool ? ['runner: tool'] : []),
    '---',
  ];
  return { role, stem, text: `${head.join('\n')}\n${mark}\n${body}`, mark, end, usesTool, mayBe };
}

const scenario = (name: string, prompts: readonly Wanted[], more: Partial<Scenario> = {}): Scenario => ({
  name,
  prompts,
  hands: [],
  losesJournal: false,
  isFirstStart: false,
  isReopened: false,
  isOneByOne: false,
  ...more,
});

export const SCENARIOS: readonly Scenario[] = [
  scenario('one prompt', [wanted('foo')]),
  scenario('two prompts of a role in one write of the ledger', [wanted('foo'), wanted('bar')]),
  scenario('two roles', [wanted('foo'), wanted('bar', { role: 1 })]),
  scenario('a prompt when the one before has ended', [wanted('foo'), wanted('bar')], { isOneByOne: true }),
  scenario('a prompt too long for the ledger', [wanted('foo', { body: 'long '.repeat(LINE_BYTES / 4) })]),
  scenario('a reader that takes results at once', [wanted('foo')], { hands: ['reader'] }),
  scenario('somebody writes to the file after it was claimed', [wanted('foo')], { hands: ['late-writer'] }),
  scenario('somebody writes to a long prompt after it was claimed', [wanted('foo', { body: 'long '.repeat(LINE_BYTES / 4) })], {
    hands: ['late-writer'],
  }),
  scenario('somebody takes its names in out/ and in/', [wanted('foo', { mayBe: ['foo', 'foo~2', 'foo~3'] })], { hands: ['name-taker'] }),
  scenario('somebody saves the prompt anew while it is claimed', [wanted('foo')], { hands: ['saver'] }),
  scenario('a prompt that is not valid', [wanted('foo', { end: 'rejected', isValid: false })]),
  scenario('a tool', [wanted('foo', { usesTool: true })]),
  scenario('a tool, and a reader', [wanted('foo', { usesTool: true })], { hands: ['reader'] }),
  scenario('a tool that fails', [wanted('foo', { usesTool: true, end: 'failed' })]),
  scenario('a tool whose answer is held', [wanted('foo', { usesTool: true, end: 'held' })]),
  scenario('a tool, and the journal is lost', [wanted('foo', { usesTool: true })], { losesJournal: true }),
  scenario('the first start', [wanted('foo')], { isFirstStart: true }),
  scenario('a bad end that is tried again', [wanted('foo', { end: 'rejected', isValid: false, mayBe: ['foo', 'foo~2'] })], {
    isReopened: true,
  }),
  scenario('an author who does not sync', [wanted('foo')], { hands: ['careless-author'] }),
  scenario('a long prompt of an author who does not sync', [wanted('foo', { body: 'long '.repeat(LINE_BYTES / 4) })], {
    hands: ['careless-author'],
  }),
];

export const folderOf = (role: number, name: string): string => `${QUEUES}/${ROLES[role]?.folder ?? ''}/${name}`;

/** Only those that have something to do: a role costs a dozen calls at each start. */
export const rolesOf = ({ prompts }: Scenario): readonly SpoolRole[] =>
  ROLES.filter((_, role) => prompts.some((prompt) => prompt.role === role));
