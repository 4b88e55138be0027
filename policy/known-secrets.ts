/**
 * docket's own rules, for what secretlint's preset misses (it asks for exact lengths, so it also misses newer forms of what it knows).
 * Each rule: literals of which one must be in the text (a fast no), one expression, and what the found value must stand up to.
 * Every expression is linear: it starts at a literal or at the start of a run of characters, and its repetitions are bounded.
 * `accepts` gets the first group, else the whole match; without it, all but placeholders are secrets.
 */

import { Buffer } from 'node:buffer';
import { isPlaceholder, looksRandom } from './placeholders.ts';
import type { SecretRule } from './secret-rule.ts';
import { TOKEN_FORMS } from './token-forms.ts';

/** Goes into the evidence beside secretlint's version; raise it with every change of these rules, of token-forms.ts or of placeholders.ts. */
export const RULES_VERSION = '2';

/** Real key material behind a PEM header: 40 characters of base64, whatever the line ends, quotes and PEM headers between. */
function isKeyMaterial(rest: string): boolean {
  const body = rest
    .slice(0, 2_000)
    .replace(/^[A-Za-z-]{1,30}: .*$/gm, '')
    .replace(/\\[nr]|[\s"'>|,+]/g, '');
  const run = /^[A-Za-z0-9/=]{40,64}/.exec(body.replaceAll('\\', ''));
  return run !== null && !isPlaceholder(run[0]);
}

function isBasicLogin(value: string): boolean {
  const [, password] = /^[^:]{1,100}:(.{4,200})$/.exec(Buffer.from(value, 'base64').toString('latin1')) ?? [];
  return password !== undefined && /^[\x20-\x7e]+$/.test(password) && looksRandom(password, 2.5);
}

/** `sub: 1234567890` of jwt.io is in every manual. */
const isSignedToken = (value: string): boolean => !value.includes('.eyJzdWIiOiIxMjM0NTY3ODkw') && !isPlaceholder(value);

const GUESSES: readonly SecretRule[] = [
  {
    id: 'private-key',
    hints: ['private key'],
    pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g,
    accepts: (_, rest) => isKeyMaterial(rest),
  },
  {
    id: 'putty-key',
    hints: ['putty-user-key-file'],
    pattern: /Private-Lines: ?[0-9]{1,3}\r?\n/g,
    accepts: (_, rest) => isKeyMaterial(rest),
  },
  {
    id: 'json-web-token',
    hints: ['eyj'],
    pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{20,2048}/g,
    accepts: isSignedToken,
  },
  {
    id: 'twilio-auth-token',
    hints: ['twilio', 'ac'],
    pattern: /(?<![A-Za-z0-9])(?:twilio[\w "'.-]{0,40}[=:]\s{0,4}["']?|AC[0-9a-f]{32}:)([0-9a-f]{32})(?![0-9a-f])/gi,
  },
  {
    id: 'bearer-header',
    hints: ['bearer', 'authorization'],
    pattern: /(?<![A-Za-z0-9])(?:bearer|authorization["']?\s{0,2}[:=]\s{0,2}["']?token)\s{1,4}([A-Za-z0-9._~+/=-]{20,4096})/gi,
    accepts: (value) => looksRandom(value, 3) && (!value.startsWith('eyJ') || isSignedToken(value)),
  },
  {
    id: 'basic-header',
    hints: ['basic'],
    pattern: /(?<![A-Za-z0-9])basic\s{1,4}([A-Za-z0-9+/]{10,400}={0,2})/gi,
    accepts: isBasicLogin,
  },
  {
    id: 'url-password',
    hints: ['://'],
    pattern: /:\/\/[^\s:/@"'<>`]{0,100}:([^\s/@"'<>`]{6,200})@/g,
    accepts: (value) => looksRandom(value, 2.5),
  },
  {
    id: 'command-line-password',
    hints: ['-u ', '--user'],
    pattern: /(?<=\s)(?:-u|--user)[ =]["']?[^\s:"']{1,64}:([^\s"']{8,100})/g,
    accepts: (value) => looksRandom(value, 2.75) && !/^[0-9]+(?::[0-9]+)*$/.test(value),
  },
  {
    id: 'argument-password',
    hints: ['sshpass'],
    pattern: /sshpass\s{1,4}-p\s{0,4}["']?([^\s"']{8,100})/g,
    accepts: (value) => looksRandom(value, 2.75),
  },
  {
    id: 'netrc-password',
    hints: ['machine'],
    pattern: /machine\s{1,4}\S{1,200}\s{1,4}login\s{1,4}\S{1,200}\s{1,4}password\s{1,4}(\S{8,200})/g,
    accepts: (value) => looksRandom(value, 2.5),
  },
  {
    id: 'docker-login',
    hints: ['"auth"'],
    pattern: /"auth"\s{0,4}:\s{0,4}"([A-Za-z0-9+/]{10,400}={0,2})"/g,
    accepts: isBasicLogin,
  },
  {
    id: 'private-web-key',
    hints: ['"kty"'],
    pattern: /"d"\s{0,4}:\s{0,4}"([A-Za-z0-9_-]{40,700})"/g,
  },
  {
    id: 'one-time-password-seed',
    hints: ['otpauth://'],
    pattern: /otpauth:\/\/[^\s"'<>]{1,200}?[?&]secret=([A-Z2-7]{16,128})/g,
  },
  {
    id: 'npmrc-password',
    hints: ['_authtoken', '_auth', '_password'],
    pattern: /(?:_authToken|_auth|_password)\s{0,2}=\s{0,2}["']?([^\s"'$]{12,400})/g,
    accepts: (value) => looksRandom(value, 2.75),
  },
  {
    id: 'assigned-password',
    hints: ['passw', 'pwd', 'passphrase'],
    pattern:
      /(?:password|passwd|passwort|pwd|passphrase)(?:[_-]?(?:prod|production|staging|live|dev|root|admin|db|[0-9]{1,2}))?["'`\]]{0,2}\s{0,4}(?::=|=>|={1,2}|:)\s{0,4}["'`]?([^\s"'`,;]{8,200})/gi,
    accepts: (value) => looksRandom(value, 2.75),
  },
  {
    id: 'assigned-secret',
    hints: ['secret', 'token', 'key', 'credential'],
    pattern:
      /(?:secret|(?<!page_?|csrf_?|xsrf_?|sync_?|cancel(?:lation)?_?)token|api[_-]?key|access[_-]?key|account[_-]?key|subscription[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|credentials?)(?:[_-]?(?:key|value|prod|production|staging|live|dev|[0-9]{1,2}))?["'`\]]{0,2}\s{0,4}(?::=|=>|=|:)\s{0,4}["'`]?([^\s"'`,;]{16,400})/gi,
    accepts: (value) => looksRandom(value, 3.2) && !/^(?:sha(?:1|256|512)[-:]|[A-Za-z0-9]{1,12}:)/.test(value),
  },
];

/** In the order in which overlapping findings win: an exact form before a guess. */
export const OWN_RULES: readonly SecretRule[] = [...TOKEN_FORMS, ...GUESSES];
