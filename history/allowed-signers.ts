/**
 * Who may have signed: an allowed_signers file as ssh-keygen(1) describes it ("ALLOWED SIGNERS"), the same file that git takes. Pure.
 *
 *   principals [options] type key [comment]      options: namespaces="git", valid-after="20260101Z", valid-before="20270101"
 *
 * Keys of other algorithms and certificate authorities are left out: docket signs with ed25519 keys only. A key may stand on several lines.
 */

import { err, ok, type Result } from '#core/result.ts';
import { fromBase64, KEY_TYPE, publicKeyOf, type PublicKey } from './ssh-key.ts';

export type AllowedSigner = {
  readonly principals: string;
  readonly key: PublicKey;
  /** Null: any. */
  readonly namespaces: readonly string[] | null;
  /** Seconds since 1970. */
  readonly validAfterS: number | null;
  readonly validBeforeS: number | null;
};

/** Words separated by spaces; a space between double quotes belongs to its word. */
const words = (line: string): string[] => Array.from(line.matchAll(/(?:"[^"]*"|[^\s"])+/g), ([word]) => word);
const parts = (options: string): string[] => Array.from(options.matchAll(/(?:"[^"]*"|[^,"])+/g), ([part]) => part);
const KEY_WORD = /^(?:ssh-|ecdsa-|sk-)/;

/** YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, in this machine's time unless a Z follows; seconds since 1970. */
function timeOf(text: string): number | null {
  const found = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?(Z?)$/.exec(text);
  if (found === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number((part as string | undefined) ?? 0));
  const at =
    found[7] === 'Z'
      ? Date.UTC(year, month - 1, day, hour, minute, second)
      : new Date(year, month - 1, day, hour, minute, second).getTime();
  const isReal = month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 61;
  return isReal ? Math.floor(at / 1000) : null;
}

type Options = Pick<AllowedSigner, 'namespaces' | 'validAfterS' | 'validBeforeS'> & { readonly isAuthority: boolean };

function readOptions(text: string): Result<Options, string> {
  let options: Options = { namespaces: null, validAfterS: null, validBeforeS: null, isAuthority: false };
  for (const part of parts(text)) {
    const [, name = '', value = ''] = /^([a-z-]+)(?:="([^"]*)")?$/i.exec(part) ?? [];
    const time = timeOf(value);
    if (/^cert-authority$/i.test(name)) options = { ...options, isAuthority: true };
    else if (/^namespaces$/i.test(name) && value !== '') options = { ...options, namespaces: value.split(',') };
    else if (/^valid-after$/i.test(name) && time !== null) options = { ...options, validAfterS: time };
    else if (/^valid-before$/i.test(name) && time !== null) options = { ...options, validBeforeS: time };
    else return err(`the option ${JSON.stringify(part.slice(0, 60))} is not understood`);
  }
  return ok(options);
}

/** A line that is not understood is a fault: to leave it out would be to trust fewer, or for longer, than was meant. @returns else words with the line's number */
export function parseAllowedSigners(text: string): Result<readonly AllowedSigner[], string> {
  const signers: AllowedSigner[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const fault = (message: string): Result<never, string> => err(`line ${String(index + 1)}: ${message}`);
    const [principals = '', ...rest] = words(line);
    const hasOptions = !KEY_WORD.test(rest[0] ?? '');
    const [type, base64] = hasOptions ? rest.slice(1) : rest;
    if (type === undefined || base64 === undefined || !KEY_WORD.test(type))
      return fault('this is not: principals, options, type of key, key');
    const options = readOptions(hasOptions ? (rest[0] ?? '') : '');
    if (!options.ok) return fault(options.error);
    if (type !== KEY_TYPE || options.value.isAuthority) continue;
    const blob = fromBase64(base64);
    const key = blob === null ? null : publicKeyOf(blob);
    if (key === null) return fault(`this is no ${KEY_TYPE} key`);
    const { namespaces, validAfterS, validBeforeS } = options.value;
    signers.push({ principals: principals.replaceAll('"', ''), key, namespaces, validAfterS, validBeforeS });
  }
  return ok(signers);
}

const matches = (pattern: string, namespace: string): boolean =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(namespace);

/** Does an address match a list of patterns (`*@example.com,!bob@example.com`)? PATTERNS in ssh_config(5): one that is negated and matches refuses. */
export function isPrincipal(principals: string, address: string): boolean {
  const patterns = principals.toLowerCase().split(',');
  const wanted = address.toLowerCase();
  if (patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1), wanted))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern, wanted));
}

/** Null: this key may have signed. Else why not, in words. @param namespace null: a use that has none (DSSE) @param atS null: no time is known */
export function whyNot(signers: readonly AllowedSigner[], key: PublicKey, namespace: string | null, atS: number | null): string | null {
  const mine = signers.filter((signer) => signer.key.fingerprint === key.fingerprint);
  if (mine.length === 0) return `the key ${key.fingerprint} is not among the allowed signers`;
  const forUse = mine.filter((signer) => namespace === null || (signer.namespaces?.some((pattern) => matches(pattern, namespace)) ?? true));
  if (forUse.length === 0) return `the key ${key.fingerprint} may not sign for ${JSON.stringify(namespace)}`;
  const isValid = forUse.some(({ validAfterS, validBeforeS }) =>
    atS === null ? validAfterS === null && validBeforeS === null : atS >= (validAfterS ?? atS) && atS <= (validBeforeS ?? atS),
  );
  return isValid
    ? null
    : `the key ${key.fingerprint} was not valid at that time${atS === null ? '' : ` (${new Date(atS * 1000).toISOString()})`}`;
}
