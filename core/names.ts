/**
 * Names that cross a boundary: parsed once, then carried as a brand, so that `../../etc/passwd` cannot reach a path function.
 * Source of the forms: FORMATS "Prompt" and ARCHITECTURE "Identity" (see docs in prompt-spec/SPEC.md).
 */

import { err, ok, type Result } from './result.ts';

declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

/** The ticket part of a feature, upper or lower case kept: `FEAT-123`. A feature without a ticket number is its whole name. */
export type FeatureId = Brand<'FeatureId'>;
/** The feature as it was written: `FEAT-123-user-filters`. Display only. */
export type FeatureName = Brand<'FeatureName'>;
/** A role's short name: `architect`. */
export type RoleName = Brand<'RoleName'>;
/** A role's folder: `01-architect`. */
export type RoleFolder = Brand<'RoleFolder'>;
/** A prompt's own series beside others of the same feature and role: `filter-panel`. */
export type PromptName = Brand<'PromptName'>;
/** 80 random bits, base32, lower case: 16 characters. */
export type JobId = Brand<'JobId'>;
/** Lower-case hex SHA-256, 64 characters. */
export type Sha256 = Brand<'Sha256'>;
/** The common start of all file names of one job: `foo` in `foo.processed`, `foo_result.md`. Printable, no slash, no leading dot. */
export type Stem = Brand<'Stem'>;

const FEATURE = /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/;
const TICKET = /^([A-Za-z][A-Za-z0-9]*-[0-9]+)(?:-(.+))?$/;
const WINDOWS_RESERVED = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$/i;
/** Names the history repository keeps for itself. */
const HISTORY_RESERVED = /^(?:materials)$/i;

export type Feature = { readonly id: FeatureId; readonly name: FeatureName; readonly slug: string | null };

/** `FEAT-123-user-filters` -> id `FEAT-123`, slug `user-filters`. The error says what was expected. */
export function parseFeature(text: string): Result<Feature, string> {
  if (text.length < 2 || text.length > 64) return err('2 to 64 characters');
  if (!FEATURE.test(text)) return err('letters, digits and single inner hyphens, such as FEAT-123 or FEAT-123-user-filters');
  if (WINDOWS_RESERVED.test(text)) return err('a name that is not reserved by an operating system (con, prn, aux, nul, com1, lpt1)');
  if (HISTORY_RESERVED.test(text)) return err('a name other than "materials", which the history repository uses itself');
  const ticket = TICKET.exec(text);
  const id = (ticket?.[1] ?? text) as FeatureId;
  return ok({ id, name: text as FeatureName, slug: ticket?.[2] ?? null });
}

/** Two spellings of one feature: the id decides, case aside (file systems may ignore case). */
export const sameFeature = (a: FeatureId, b: FeatureId): boolean => a.toLowerCase() === b.toLowerCase();

export function parseRoleName(text: string): Result<RoleName, string> {
  return /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(text) && text.length <= 40
    ? ok(text as RoleName)
    : err('a role name: lower-case letters, digits and single inner hyphens, at most 40 characters');
}

/** `01-architect` -> number 1, name `architect`. */
export function parseRoleFolder(text: string): Result<{ folder: RoleFolder; number: number; name: RoleName }, string> {
  const parts = /^([0-9]{2})-(.+)$/.exec(text);
  const name = parseRoleName(parts?.[2] ?? '');
  if (parts === null || !name.ok) return err('two digits, a hyphen and a role name, such as 01-architect');
  return ok({ folder: text as RoleFolder, number: Number(parts[1]), name: name.value });
}

export function parsePromptName(text: string): Result<PromptName, string> {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(text)) return err('a lower-case letter, then up to 62 lower-case letters, digits or hyphens');
  if (WINDOWS_RESERVED.test(text) || text === 'attempts') return err('a name that is not reserved (attempts, con, nul …)');
  return ok(text as PromptName);
}

export const isJobId = (text: string): text is JobId => /^[a-z2-7]{16}$/.test(text);
export const isSha256 = (text: string): text is Sha256 => /^[0-9a-f]{64}$/.test(text);

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** @param bytes exactly 10 random bytes */
export function jobIdFrom(bytes: Uint8Array): JobId {
  if (bytes.length !== 10) throw new RangeError(`a job id takes 10 random bytes, got ${String(bytes.length)}`);
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let index = 0; index < 16; index++) text = (BASE32[Number((bits >> BigInt(index * 5)) & 31n)] ?? '') + text;
  return text as JobId;
}

// eslint-disable-next-line no-control-regex -- these are the characters that must not pass
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]|[\ud800-\udfff]/u;

/** A file name's stem that may be shown, written and joined to a folder as it is. */
export function parseStem(text: string): Result<Stem, string> {
  if (text.length === 0 || text.startsWith('.')) return err('a name that does not start with a dot');
  if (text.includes('/') || text.includes('\\')) return err('a name without / or \\');
  if (UNPRINTABLE.test(text)) return err('a name of printable characters (no control, invisible or direction-changing ones)');
  if (new TextEncoder().encode(text).length > 180) return err('a name of at most 180 bytes before .md');
  return ok(text as Stem);
}

/** Any text made harmless for a terminal, a log line or an error file: control and direction characters become \u escapes. */
export function printable(text: string, maxLength = 200): string {
  const clean = !UNPRINTABLE.test(text)
    ? text
    : Array.from(text, (character) => (UNPRINTABLE.test(character) ? escaped(character) : character)).join('');
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}… (${String(text.length)} characters)` : clean;
}

function escaped(character: string): string {
  const names: Record<string, string> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` };
  return names[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** A file whose own name holds a secret goes on as `secret-in-name-<job>.md`: its name is written down nowhere. */
export const SECRET_NAME = 'secret-in-name';
