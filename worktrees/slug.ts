/** A part of a branch's name and of a feature's, out of any title: lower-case letters, digits and single hyphens. Pure. */

const LENGTH_MAX = 40;
/** What folds to no plain letter by taking marks away. */
const LETTERS: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', þ: 'th', ł: 'l', ı: 'i' };

/** `Totals are wrong!` -> `totals-are-wrong`. Cut at a word. @param otherwise where nothing of the title can stand in a name (another script) */
export function slugOf(title: string, otherwise: string): string {
  const folded = title
    .slice(0, 500)
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll(/[ßæœøđðþłı]/g, (letter) => LETTERS[letter] ?? '')
    .replaceAll(/['’]/g, '');
  let slug = '';
  for (const word of folded.match(/[a-z0-9]+/g) ?? []) {
    const longer = slug === '' ? word.slice(0, LENGTH_MAX) : `${slug}-${word}`;
    if (longer.length > LENGTH_MAX) break;
    slug = longer;
  }
  return slug === '' ? otherwise : slug;
}
