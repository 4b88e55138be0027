/** The text of the next revision: the last prompt, its header brought up to date, what people said of its answer quoted at the end. Pure. */

import { printable } from '#core/names.ts';
import type { Identity } from '#core/prompt.ts';
import type { Verdict } from '#core/verdict.ts';
import type { FrontMatter } from '#prompt-spec/front-matter.ts';
import { writePrompt, type PromptFields } from '#prompt-spec/write.ts';

export type Said = Pick<Verdict, 'verdict' | 'by' | 'at' | 'comment'>;

/** `FEAT-123/ui/filter-panel@1`: front matter `revises`. */
export const recordName = ({ feature, role, name, revision }: Identity): string =>
  `${feature}/${role}${name === null ? '' : `/${name}`}@${String(revision)}`;

const WORDS: Readonly<Record<string, string>> = { 'changes-requested': 'Changes requested', rejected: 'Rejected' };

/** Only a "no" is input for the next revision. */
export const isAsking = ({ verdict, comment }: Said): boolean => verdict in WORDS && comment !== null;

export type NextText = {
  readonly last: Pick<FrontMatter, 'data' | 'body'>;
  readonly identity: Identity;
  readonly revision: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly author: string | null;
  readonly said: readonly Said[];
  /** Of the person who revises. */
  readonly message: string | null;
};

/** The keys of the last prompt stay, known or not, but for those that tell of itself. */
export function nextRevision({ last, identity, revision, createdAt, author, said, message }: NextText): string {
  const { parent: _parent, author: _author, revises: _revises, ...kept } = last.data;
  const fields: PromptFields = {
    ...(Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== null)) as PromptFields),
    revision,
    created_at: createdAt,
    revises: recordName(identity),
    ...(author === null ? {} : { author }),
  };
  const asking = said.filter(isAsking);
  const parts = [last.body.replace(/\s+$/, '')];
  if (message !== null) parts.push(`## What to change from revision ${String(identity.revision)}`, message);
  if (asking.length > 0) parts.push(`## Review of revision ${String(identity.revision)}`, ...asking.map(quoted));
  return writePrompt(fields, `${parts.join('\n\n')}\n`);
}

/** Each line behind `> `: what a reviewer wrote is no heading and no fence of the prompt. */
function quoted({ verdict, by, at, comment }: Said): string {
  const lines = (comment ?? '').split(/\r?\n/).map((line) => (line === '' ? '>' : `> ${line}`));
  return [`**${WORDS[verdict] ?? verdict}** by ${printable(by.name)}, ${at}:`, '', ...lines].join('\n');
}
