/** What a rule of the secret scan is. */

export type SecretRule = {
  readonly id: string;
  /** ASCII, lower case; one of them must stand in the text in lower case. They are public, so a masked excerpt may show them. */
  readonly hints: readonly string[];
  readonly pattern: RegExp;
  /** `rest`: the text behind the match, at most 4 KB. Gets the first group, else the whole match; without it, all but placeholders are secrets. */
  readonly accepts?: (value: string, rest: string) => boolean;
};
