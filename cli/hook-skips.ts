/**
 * What was passed over, as the hooks' shell noted it: `skips.tsv`, a line each, only ever added to.
 * `<time> TAB <hook> TAB <how> TAB <who> TAB <commit> TAB <reason>`; how: skipped (DOCKET_SKIP), no-verify, not-run (docket was not there).
 */

import { printable } from '#core/names.ts';
import type { Places } from '#platform/git-hooks.ts';
import { keepIfPossible, skipsFile, textOf, toldFile } from './hook-settings.ts';

export type Skip = {
  readonly at: string;
  readonly hook: string;
  readonly how: string;
  readonly by: string;
  readonly commit: string;
  readonly reason: string;
};

const SKIPS_BYTES_MAX = 16 * 1024 * 1024;

const read = (text: string): Skip[] =>
  text.split('\n').flatMap((line) => {
    const [at, hook, how, by, commit, reason] = line.split('\t');
    if (at === undefined || hook === undefined || how === undefined || by === undefined || commit === undefined) return [];
    return [{ at, hook, how, by, commit, reason: reason ?? '' }];
  });

const textIn = (places: Pick<Places, 'commonDir'>): string => textOf(skipsFile(places), SKIPS_BYTES_MAX) ?? '';

export const allSkips = (places: Pick<Places, 'commonDir'>): readonly Skip[] => read(textIn(places));

/** `endAt`: up to where they are read, for `markTold`. */
export function untoldSkips(places: Pick<Places, 'commonDir'>): { readonly lines: readonly Skip[]; readonly endAt: number } {
  const text = textIn(places);
  const told = Number(textOf(toldFile(places)) ?? '0');
  const from = Number.isSafeInteger(told) && told <= text.length ? told : 0;
  return { lines: read(text.slice(from)), endAt: text.length };
}

export const markTold = (places: Pick<Places, 'commonDir'>, endAt: number): void => {
  keepIfPossible(toldFile(places), `${String(endAt)}\n`);
};

const HOW: Readonly<Record<string, string>> = {
  skipped: 'skipped',
  'no-verify': 'not run (--no-verify)',
  'not-run': 'not run (docket could not be started)',
};

/** `2026-11-21T01:02:03Z pre-commit skipped by ann at 1234567890: the reason` */
export const skipLine = ({ at, hook, how, by, commit, reason }: Skip): string =>
  printable(`${at} ${hook} ${HOW[how] ?? how} by ${by} at ${commit.slice(0, 10)}${reason === '' ? '' : `: ${reason}`}`, 400);
