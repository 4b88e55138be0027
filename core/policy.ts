/** What the scan of a text lets pass, and who said so: nouns of policy that settings, evidence and the flow share. */

/** A row of `policy.allow_secrets` in docket.yaml. */
export type AllowedSecret = {
  /** `hmac:` and 32 hex digits, as error files tell it. */
  readonly fingerprint: string;
  readonly reason: string;
  /** The person who answers for it. */
  readonly by: string;
};

export type PersonalData = 'off' | 'warn' | 'hold';

/** What was scanned: the prompt's file, its name, what is sent along with it, what came back. */
export type ScanPlace = 'prompt' | 'name' | 'context' | 'answer';

/** For evidence: what passed although a rule knew it. */
export type ScanNote = {
  readonly allowed: readonly (AllowedSecret & { readonly rule: string })[];
  /** How many of each kind; empty when policy.personal_data is off. */
  readonly personal: Readonly<Record<string, number>>;
};

export const FINGERPRINT_FORM = /^hmac:[0-9a-f]{32}$/;

/** Two notes as one: each fingerprint once, the higher count of a kind. */
export function mergeNotes(notes: readonly (ScanNote | null)[]): ScanNote | null {
  const told = notes.filter((note) => note !== null);
  if (told.length === 0) return null;
  const allowed = new Map(told.flatMap((note) => note.allowed).map((one) => [one.fingerprint, one]));
  const personal: Record<string, number> = {};
  for (const note of told) for (const [kind, count] of Object.entries(note.personal)) personal[kind] = Math.max(personal[kind] ?? 0, count);
  return { allowed: [...allowed.values()], personal };
}
