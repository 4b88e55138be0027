/**
 * Paths as an attacker writes them: what a file system, a person or another program could take for the same one. Pure.
 * Invariant: `foldPath` is generous (two paths that any common system takes for one have the same fold), and used only to refuse.
 */

/** Characters that show nothing; HFS+ takes a name with them for the name without. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** Letters of other alphabets that look like Latin ones (Unicode TR 39, those of file names that matter). */
const LOOKS_LIKE: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ['a', 'аαɑ'], ['b', 'Ьв'], ['c', 'сϲⅽ'], ['d', 'ԁⅾ'], ['e', 'еεҽ'], ['g', 'ɡց'], ['h', 'һ'], ['i', 'іιıɩ'], ['j', 'јϳ'], ['k', 'кκ'], ['l', 'ӏⅼ'],
    ['m', 'мⅿ'], ['n', 'ո'], ['o', 'оοօ'], ['p', 'рρ'], ['q', 'ԛ'], ['r', 'гⲅ'], ['s', 'ѕ'], ['t', 'тτ'], ['u', 'υս'], ['v', 'ѵνⅴ'], ['w', 'ԝѡ'],
    ['x', 'хχⅹ'], ['y', 'уγү'], ['z', 'ᴢ'], ['.', '․·'], ['-', '‐‑‒–—−'], ['/', '∕⁄⧸'],
  ].flatMap(([latin = '', others = '']) => Array.from(others, (other) => [other, latin])),
); // prettier-ignore
const OTHERS = new RegExp(`[${Object.keys(LOOKS_LIKE).join('')}]`, 'gu');

/** Windows forgets trailing dots and spaces and what follows a colon, and knows `.git` as GIT~1. */
function foldPart(part: string): string {
  const [name = ''] = part.split(':', 1);
  const bare = name === '.' || name === '..' ? name : name.replace(/[. ]+$/, '');
  return bare === 'git~1' ? '.git' : bare;
}

/** One text for all paths that some system or eye takes for the same. */
export const foldPath = (path: string): string =>
  path
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .toLowerCase()
    .replace(OTHERS, (letter) => LOOKS_LIKE[letter] ?? letter)
    .replaceAll('\\', '/')
    .split('/')
    .map(foldPart)
    .join('/')
    .normalize('NFKC');

const PATH_LENGTH_MAX = 4_096;

/** Why this is no plain relative path; null: it is one. */
export function notPlain(path: string): string | null {
  if (path === '' || path.length > PATH_LENGTH_MAX) return 'it is empty or too long for a path';
  if (/^[/\\~]|^[A-Za-z]:/.test(path)) return 'it is no path relative to the working folder';
  if (path.includes('\\')) return 'it holds a backslash, which some systems take for a slash';
  // oxlint-disable-next-line no-control-regex -- these are the characters that must not pass
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return 'it holds a control character';
  if (path.includes('\ufffd') || !path.isWellFormed()) return 'its name is not UTF-8';
  if (path.replace(INVISIBLE, '') !== path) return 'it holds a character that cannot be seen';
  if (path.normalize('NFC') !== path) return 'its letters are not composed (NFC), so that it only looks like another path';
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') return 'it has a part that is empty, . or ..';
    if (/[. ]$/.test(part)) return 'a part of it ends in a dot or a space, which some systems leave away';
  }
  return null;
}
