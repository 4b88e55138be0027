/**
 * Patterns of a profile: regular expressions that cannot take long, whatever text they meet. A profile may come from the workspace, and the text
 * from a model, so neither is trusted.
 *
 * Taken: letters and punctuation, `.`, classes `[…]`, `\d \w \s \b` and escaped signs, groups `(…)` and `(?:…)`, `|`, `^`, `$`, `?` behind anything,
 * and `{m,n}` with n up to 60 behind a single character or class, at most twice. Not taken: `*`, `+`, `{m,}`, a counted group, look-around,
 * references. So each start position costs at most 60 x 60 steps for each way through `?` and `|`, of which the length allows few.
 * Case never matters.
 */

import { err, ok, type Result } from '#core/result.ts';

export const PATTERN_LENGTH_MAX = 300;
const COUNT_MAX = 60;
const COUNTED_MAX = 2;
const OPTIONAL_MAX = 6;
/** Only the first and the last of a text are searched. */
const TEXT_LENGTH_MAX = 16_384;

const TOKEN = /\[(?:[^\]\\[]|\\[\s\S])+\]|\\[\s\S]|\(\?:|\{(\d+)(?:,(\d*))?\}|[\s\S]/gu;

/** @returns why a pattern is not taken, in words */
function problemOf(text: string): string | null {
  if (text.length === 0 || text.length > PATTERN_LENGTH_MAX) return `has 1 to ${String(PATTERN_LENGTH_MAX)} characters`;
  let previous = '';
  let counted = 0;
  let optional = 0;
  let depth = 0;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const problem = tokenProblem(token, previous);
    if (problem !== null) return problem;
    if (match[1] !== undefined) {
      if (match[2] === '') return 'holds {m,}: give the largest number, too';
      if (Number(match[2] ?? match[1]) > COUNT_MAX) return `counts to ${String(COUNT_MAX)} at most`;
      counted += 1;
    }
    if (token === '?') optional += 1;
    depth += token === '(' || token === '(?:' ? 1 : token === ')' ? -1 : 0;
    if (depth > 1) return 'holds no group inside of a group';
    previous = token;
  }
  if (counted > COUNTED_MAX) return `holds {m,n} at most ${String(COUNTED_MAX)} times`;
  return optional > OPTIONAL_MAX ? `holds ? at most ${String(OPTIONAL_MAX)} times` : null;
}

function tokenProblem(token: string, previous: string): string | null {
  if (token === '*' || token === '+') return `holds ${token}: write {m,n} instead`;
  if (/^\\[1-9kpPuxcB]$/.test(token)) return `holds ${token}, which is not taken`;
  if (token === '?' && (previous === '(' || previous === '' || previous === '|')) return 'holds (? other than (?:';
  if (token === '?' && /^[?}]$|^\{/.test(previous)) return 'holds ?? or {m,n}?';
  if (token.startsWith('{') && (previous === ')' || previous === '?' || previous === '' || previous.startsWith('{')))
    return 'counts something other than a character or class';
  return null;
}

/** A pattern that is safe to search with, or in which way it is not. */
export function safePattern(text: string): Result<RegExp, string> {
  const problem = problemOf(text);
  if (problem !== null) return err(problem);
  try {
    return ok(new RegExp(text, 'iu'));
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
}

const known = new Map<string, RegExp>();
const KNOWN_MAX = 1_000;

/** Throws when the pattern is none of the safe ones: profiles are checked when they are read. */
function compiled(pattern: string): RegExp {
  const before = known.get(pattern);
  if (before !== undefined) return before;
  const made = safePattern(pattern);
  if (!made.ok) throw new Error(`the pattern ${JSON.stringify(pattern)} ${made.error}`);
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(pattern, made.value);
  return made.value;
}

const bounded = (text: string): string =>
  text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX / 2)}\n${text.slice(-TEXT_LENGTH_MAX / 2)}`;

/** The first group of the first match, else the whole match; null when there is none. */
export function searchText(pattern: string, text: string): string | null {
  const found = compiled(pattern).exec(bounded(text));
  return found === null ? null : (found[1] ?? found[0]);
}
