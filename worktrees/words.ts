/** A line of worktrees.setup taken apart: words at blanks, quotes around what holds some. Nothing is expanded, and no shell reads it. */

import { err, ok, type Result } from '#core/result.ts';

/** What only a shell understands; a person who writes it expects more than words. */
const SHELL_ONLY = /^(?:&&|\|\||[|;&<>]|[0-9]?>>?|2>&1)$/;

/** `pnpm install --filter "a b"` -> program and arguments. `"` and `'` quote, a backslash takes the next character as it is except between `'`. */
export function splitWords(line: string): Result<readonly [string, ...string[]], string> {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  let isPlain = true;
  const characters = Array.from(line);
  for (let at = 0; at < characters.length; at++) {
    const one = characters[at] ?? '';
    if (one === '\\' && quote !== "'") {
      at++;
      if (at >= characters.length) return err('it ends with a backslash');
      word = (word ?? '') + (characters[at] ?? '');
      isPlain = false;
    } else if (quote !== null) {
      if (one === quote) quote = null;
      else word = (word ?? '') + one;
    } else if (one === '"' || one === "'") {
      quote = one;
      word ??= '';
      isPlain = false;
    } else if (/\s/.test(one)) {
      if (word !== null && isPlain && SHELL_ONLY.test(word)) return err(shellWords(word));
      if (word !== null) words.push(word);
      word = null;
      isPlain = true;
    } else word = (word ?? '') + one;
  }
  if (quote !== null) return err(`a ${quote} is not closed`);
  if (word !== null && isPlain && SHELL_ONLY.test(word)) return err(shellWords(word));
  if (word !== null) words.push(word);
  const [program, ...args] = words;
  return program === undefined || program === '' ? err('it names no program') : ok([program, ...args]);
}

const shellWords = (word: string): string => `${word} is a shell's, and no shell reads it: write one command per line, or \`sh -c "…"\``;
