/**
 * What is not a secret although it has the form of one: placeholders of manuals, variables, plain words.
 * Decided here, and nowhere else:
 *  - a word that says so (`example`, `placeholder`, `changeme`, `your-…`, `redacted` …), so AKIAIOSFODNN7EXAMPLE and `xoxb-your-token-here` pass;
 *  - one character six times in a row (`ghp_xxxxxxxx…`), an ellipsis, stars, angle brackets, `${NAME}`, `{{name}}`, `$NAME`, `%NAME%`;
 *  - runs of the alphabet or the digits (`1234567890`, `abcdefghijkl`).
 * Rules that know a token's exact form ask `isPlaceholder` only; rules that guess (`password = …`) also ask `looksRandom`.
 * All expressions here are linear: no nested repetition.
 */

const SAYS_SO = /example|sample|placeholder|change[-_ ]?me|redacted|dummy|replace[-_ ]?(?:me|with|this)|insert[-_ ]|notareal|not[-_]a[-_]/i;
/** Short words must stand alone: four letters turn up in random text. */
const SAYS_SO_ALONE = /(?:^|[^A-Za-z0-9])(?:your|my|the|some|fake|test|demo|todo|none|null|here)(?:[^A-Za-z0-9]|$)/i;
/** `A` is left out: zero bytes in base64 are `AAAA…`. */
const REPEATED = /([^A])\1{5}|A{16}|x{4}|X{4}|\*{3}|\.{3}|…/;
const TEMPLATE = /[<>{}]|\$[({A-Za-z_]|%[A-Za-z_]{2,40}%/;
const SEQUENCE = /123456789|987654321|abcdefghij|deadbeefdeadbeef/i;
const KNOWN_EXAMPLES: ReadonlySet<string> = new Set([
  '123e4567-e89b-12d3-a456-426614174000',
  '550e8400-e29b-41d4-a716-446655440000',
  // Stripe's manual shows it everywhere.
  'sk4ec39hqlyjwdarjtt1zdp7dc',
]);

/** True for a value that nobody could use: it was written to show a form. */
export const isPlaceholder = (value: string): boolean =>
  SAYS_SO.test(value) ||
  SAYS_SO_ALONE.test(value) ||
  REPEATED.test(value) ||
  TEMPLATE.test(value) ||
  SEQUENCE.test(value) ||
  KNOWN_EXAMPLES.has(value.toLowerCase());

/** Bits per character, from the frequencies in the value itself. */
export function entropyBits(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}

/** Words joined by `-_./` with a short number at the end: `db-credentials-v2`, `settings.auth.token`, `passwordInput1`. */
const WORDS = /^[A-Za-z_$]+(?:[-_./:\\][A-Za-z_$]+)*[-_./]?[vV]?\d{0,4}[?!.]?$/;
const CODE = /^(?:https?:|[@#&*!][A-Za-z_][\w.-]*$|\.{0,2}\/[^+=]*$)|[()[\]]|=>|;$/;
const COMMON =
  /p[a@]ssw(?:[o0]r)?d|secret|hunter2|qwerty|letmein|default|foobar|foo|1234|admin|welcome|undefined|required|string|number|optional/i;

/** Letters of both cases without an order: `IoooeOnMMXoXntDV`, while `findsTheTokenByUserId` is made of words. */
function isScrambled(value: string): boolean {
  if (!/^[A-Za-z]{12,}$/.test(value)) return false;
  const capitals = value.replace(/[^A-Z]/g, '').length;
  return capitals * 3 >= value.length && capitals * 4 <= value.length * 3;
}

/**
 * A guess for values whose form says nothing: is it random, or a strong password, rather than a word, a name, a path, code or a manual's dummy?
 * @param leastBits bits per character that are asked for
 */
export function looksRandom(value: string, leastBits: number): boolean {
  if (isPlaceholder(value)) return false;
  if (isScrambled(value)) return entropyBits(value) >= leastBits;
  if (WORDS.test(value) || CODE.test(value) || COMMON.test(value)) return false;
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((one) => one.test(value)).length;
  return classes >= 2 && /[0-9]|[^A-Za-z0-9_.-]/.test(value) && /[A-Za-z]/.test(value) && entropyBits(value) >= leastBits;
}
