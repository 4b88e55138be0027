/**
 * Personal data in a text, by forms that can be checked: e-mail addresses, telephone numbers with a country code, payment cards (Luhn), bank accounts
 * (IBAN, ISO 13616: length by country and mod-97). Names and street addresses have no such form. What manuals and tests use is left out: addresses
 * at example.com, card numbers of payment providers' test systems, the IBANs of the standard's examples.
 *
 * Invariant: nothing that leaves this file holds a part of the text. Every expression is linear.
 */

import { FINDINGS_MAX, overlaps, withLines, type SecretRange } from './own-rules.ts';
import type { TextFinding } from './scan-text.ts';

/** Raise it with every change: it goes into the evidence. */
export const PERSONAL_VERSION = '1';
export const PERSONAL_PREFIX = 'personal-data/';

type Rule = {
  readonly kind: string;
  /** A fast no. */
  readonly mayHold: (text: string) => boolean;
  readonly pattern: RegExp;
  readonly accepts: (value: string) => boolean;
};

const EXAMPLE_DOMAIN = /(?:^|[@.])(?:example|test|invalid|localhost|local|internal|acme|contoso)(?:\.[a-z]{2,10})?$/;
const NOBODY =
  /^(?:git|no-?reply|do-?not-?reply|user(?:name)?|name|you|your|me|someone|nobody|foo|bar|test|info|support|security|hello|root|admin|postmaster|[0-9]+\+[^@]+)@|@users\.noreply\.|\.noreply@|^[^@]*\[bot\]/;

function isPerson(address: string): boolean {
  const lower = address.toLowerCase();
  return !EXAMPLE_DOMAIN.test(lower) && !NOBODY.test(lower) && !/\.(?:png|jpe?g|gif|svg|js|ts|css|md|json)$/.test(lower);
}

/** ISO/IEC 7812-1. */
export function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits.charAt(digits.length - 1 - at));
    const doubled = at % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** What the payment providers' manuals tell people to test with. */
const TEST_CARDS: ReadonlySet<string> = new Set([
  '4242424242424242',
  '4111111111111111',
  '4012888888881881',
  '4000056655665556',
  '4222222222222',
  '5555555555554444',
  '5105105105105100',
  '2223003122003222',
  '5200828282828210',
  '378282246310005',
  '371449635398431',
  '378734493671000',
  '6011111111111117',
  '6011000990139424',
  '30569309025904',
  '38520000023237',
  '3056930009020004',
  '36227206271667',
  '3530111333300000',
  '3566002020360505',
  '6200000000000005',
]);
const NETWORK = /^(?:4|5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|[68])|35|6(?:011|5|4[4-9]|2))/;

function isCard(value: string): boolean {
  const digits = value.replace(/[ -]/g, '');
  return (
    digits.length >= 13 &&
    digits.length <= 19 &&
    NETWORK.test(digits) &&
    !/(\d)\1{7}/.test(digits) &&
    !TEST_CARDS.has(digits) &&
    !digits.startsWith('4000') &&
    isLuhn(digits)
  );
}

/** ISO 13616 registry: the length of an IBAN by its country. */
const IBAN_LENGTHS =
  'AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20';
const LENGTH_OF: ReadonlyMap<string, number> = new Map(
  [...IBAN_LENGTHS.matchAll(/([A-Z]{2})(\d\d)/g)].map(([, country, length]) => [country ?? '', Number(length)]),
);
/** The registry's and the banks' own examples. */
const EXAMPLE_IBAN =
  /^(?:DE89370400440532013000|DE02\d{8}0{3}\d{7}|GB(?:29NWBK60161331926819|82WEST12345698765432|33BUKB20201555555555)|FR1420041010050500013M02606|ES9121000418450200051332|IT60X0542811101000000123456|NL91ABNA0417164300|CH9300762011623852957|BE68539007547034|AT611904300234573201)$/;

export function isIban(value: string): boolean {
  const plain = value.replaceAll(' ', '');
  if (LENGTH_OF.get(plain.slice(0, 2)) !== plain.length || EXAMPLE_IBAN.test(plain)) return false;
  let rest = 0;
  for (const letter of `${plain.slice(4)}${plain.slice(0, 4)}`) {
    const value36 = Number.parseInt(letter, 36);
    rest = (rest * (value36 > 9 ? 100 : 10) + value36) % 97;
  }
  return rest === 1;
}

/** ITU E.164: a country code that is in use, 8 to 15 digits; not those that are kept for films (+1 … 555 01xx, +44 … 946 0). */
const COUNTRY =
  /^(?:1[2-9]|7|2[07]|2[1-6]\d|29[0789]|3[0-469]|3[578]\d|4[013-9]|42[013]|5[1-8]|50\d|59\d|6[0-6]|6[789]\d|8[1246]|85[0-6]|88[068]|9[0-58]|9[679]\d)/;
function isPhone(value: string): boolean {
  const digits = value.replace(/\D/g, '');
  const isFiction = /^1\d{3}555/.test(digits) || /^44\d{2,4}946?0/.test(digits) || /(\d)\1{5}/.test(digits) || /123456|234567/.test(digits);
  if (digits.startsWith('1') && digits.length !== 11) return false;
  return digits.length >= 8 && digits.length <= 15 && COUNTRY.test(digits) && !isFiction;
}

const RULES: readonly Rule[] = [
  {
    kind: 'e-mail',
    mayHold: (text) => text.includes('@'),
    pattern:
      /(?<![A-Za-z0-9._%+/:@-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9@:]|\.[A-Za-z0-9])/g,
    accepts: isPerson,
  },
  {
    kind: 'bank-account',
    mayHold: () => true,
    pattern: /(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)(?![A-Za-z0-9])/g,
    accepts: isIban,
  },
  {
    kind: 'payment-card',
    mayHold: () => true,
    pattern:
      /(?<![A-Za-z0-9_.,:/+-])[2-6][0-9]{3}(?:[0-9]{9,15}|(?:[ -][0-9]{4}){2}[ -][0-9]{1,7}|[ -][0-9]{6}[ -][0-9]{4,5})(?![A-Za-z0-9_]|[.,:/-][0-9])/g,
    accepts: isCard,
  },
  {
    kind: 'telephone',
    mayHold: (text) => text.includes('+'),
    pattern: /(?<![A-Za-z0-9+_=/.])\+[1-9][0-9]{0,2}(?:[ ./-]?\(?[0-9]{1,5}\)?){2,6}(?![A-Za-z0-9_=+/])/g,
    accepts: isPhone,
  },
];

/** Places of personal data, in the order of the text, at most 50; the rule's name is `personal-data/<kind>`. */
export function findPersonalData(text: string): readonly TextFinding[] {
  const found: SecretRange[] = [];
  for (const { kind, mayHold, pattern, accepts } of RULES) {
    if (!mayHold(text)) continue;
    for (const match of text.matchAll(pattern)) {
      if (!accepts(match[0])) continue;
      const place = { from: match.index, to: match.index + match[0].length };
      if (!overlaps(found, place)) found.push({ rule: `${PERSONAL_PREFIX}${kind}`, ...place, excerpt: '****' });
      if (found.length >= FINDINGS_MAX * 4) break;
    }
  }
  return withLines(text, found).slice(0, FINDINGS_MAX);
}
