/**
 * docket's own rules, for what secretlint's preset misses (it asks for exact lengths, so it also misses newer forms of what it knows).
 * Each rule: literals of which one must be in the text (a fast no), one expression, and what the found value must stand up to.
 * Every expression is linear: it starts at a literal or at the start of a run of characters, and its repetitions are bounded.
 * `accepts` gets the first group, else the whole match; without it, all but placeholders are secrets.
 */

import { Buffer } from 'node:buffer';
import { isPlaceholder, looksRandom } from './placeholders.ts';

/** Goes into the evidence beside secretlint's version; raise it with every change of these rules or of placeholders.ts. */
export const RULES_VERSION = '1';

export type SecretRule = {
  readonly id: string;
  /** Lower case; looked for in the text in lower case. */
  readonly hints: readonly string[];
  readonly pattern: RegExp;
  /** `rest`: the text behind the match, at most 4 KB. */
  readonly accepts?: (value: string, rest: string) => boolean;
};

/** A token of its own: not the end or the start of a longer word. */
const token = (source: string): RegExp => new RegExp(`(?<![A-Za-z0-9_])(?:${source})(?![A-Za-z0-9])`, 'g');

const form = (id: string, hints: readonly string[], source: string): SecretRule => ({ id, hints, pattern: token(source) });

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

const FORMS: readonly SecretRule[] = [
  form('aws-access-key-id', ['akia', 'asia', 'abia', 'acca'], '(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}'),
  form('google-api-key', ['aiza'], 'AIza[0-9A-Za-z_-]{35}'),
  form('google-oauth', ['gocspx-', 'ya29.', '1//0'], 'GOCSPX-[A-Za-z0-9_-]{28}|ya29\\.[A-Za-z0-9_-]{40,2000}|1//0[A-Za-z0-9_-]{40,200}'),
  form(
    'github-token',
    ['gho_', 'ghp_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
    'gh[opusr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{50,255}',
  ),
  form('gitlab-token', ['gl'], 'gl(?:pat|dt|rt|ptt|soat|cbt|ft|imt|agent|oas)-[A-Za-z0-9_.-]{20,300}'),
  form('anthropic-key', ['sk-ant-'], 'sk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{40,300}'),
  form('openai-key', ['sk-'], 'sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,300}|sk-[A-Za-z0-9]{40,64}|sk-or-v1-[0-9a-f]{64}'),
  form(
    'ai-provider-key',
    ['xai-', 'pplx-', 'r8_', 'gsk_', 'hf_'],
    'xai-[A-Za-z0-9]{60,100}|pplx-[A-Za-z0-9]{40,64}|r8_[A-Za-z0-9]{37}|gsk_[A-Za-z0-9]{48,60}|hf_[A-Za-z0-9]{34,60}',
  ),
  form('digitalocean-token', ['_v1_'], 'do[opr]_v1_[a-f0-9]{64}'),
  form('pypi-token', ['pypi-age'], 'pypi-AgE[A-Za-z0-9_-]{50,400}'),
  form('npm-token', ['npm_'], 'npm_[A-Za-z0-9]{36,60}'),
  form('package-registry-token', ['rubygems_', 'cio', 'oy2'], 'rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}|oy2[a-z0-9]{43}'),
  form(
    '1password',
    ['a3-', 'ops_ey'],
    'A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}|ops_eyJ[A-Za-z0-9+/_-]{100,2000}',
  ),
  form('twilio-key', ['sk'], 'SK[0-9a-f]{32}'),
  form('stripe-key', ['_live_', '_test_', 'whsec_'], '[rs]k_(?:live|test)_[A-Za-z0-9]{20,200}|whsec_[A-Za-z0-9+/]{32,100}'),
  form('slack-token', ['xox', 'xapp-'], '(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{24,300}'),
  form('sendgrid-key', ['sg.'], 'SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{32,64}'),
  form('mail-service-key', ['key-', ...Array.from('0123456789', (digit) => `-us${digit}`)], 'key-[0-9a-f]{32}|[0-9a-f]{32}-us[0-9]{1,2}'),
  form('telegram-token', [':aa'], '[0-9]{8,10}:AA[A-Za-z0-9_-]{32,34}'),
  form('discord-token', ['m', 'n', 'o'], '[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,45}'),
  form(
    'discord-webhook',
    ['/api/webhooks/'],
    'https://(?:ptb\\.|canary\\.)?discord(?:app)?\\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}',
  ),
  form('azure-key', ['accountkey=', 'sharedaccesskey='], 'AccountKey=[A-Za-z0-9+/]{86}==|SharedAccessKey=[A-Za-z0-9+/]{43}='),
  form('azure-client-secret', ['q~'], '[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}'),
  form('azure-shared-access', ['sig='], '(?:se|sp|sv)=[^&\\s]{1,40}&(?:[a-z]{2,5}=[^&\\s]{1,60}&){0,10}sig=[A-Za-z0-9%/+]{43,90}'),
  form('atlassian-token', ['atatt3', 'atctt3'], 'AT[AC]TT3[A-Za-z0-9_=-]{100,400}'),
  form('vault-token', ['hvs.', 'hvb.'], 'hv[sb]\\.[A-Za-z0-9_-]{24,300}'),
  form('terraform-token', ['.atlasv1.'], '[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_=-]{60,70}'),
  form(
    'cloud-service-token',
    ['dp.', 'sbp_', 'nfp_', 'pul-', 'pmak-', 'sntrys_', 'shp', 'lin_api_', 'secret_', 'ntn_', 'dapi'],
    'dp\\.(?:pt|st|sa|ct|scim|audit)\\.[A-Za-z0-9._-]{40,64}|sbp_[a-f0-9]{40}|nfp_[A-Za-z0-9]{36,60}|pul-[a-f0-9]{40}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|sntrys_eyJ[A-Za-z0-9+/=_-]{40,300}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|lin_api_[A-Za-z0-9]{32,64}|secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,60}|dapi[a-f0-9]{32}',
  ),
  form('age-key', ['age-secret-key-1'], 'AGE-SECRET-KEY-1[A-Z0-9]{58}'),
];

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
      /(?:secret|(?<!page_?|csrf_?|xsrf_?|sync_?|cancel(?:lation)?_?)token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|credentials?)(?:[_-]?(?:key|value|prod|production|staging|live|dev|[0-9]{1,2}))?["'`\]]{0,2}\s{0,4}(?::=|=>|=|:)\s{0,4}["'`]?([^\s"'`,;]{16,400})/gi,
    accepts: (value) => looksRandom(value, 3.2) && !/^(?:sha(?:1|256|512)[-:]|[A-Za-z0-9]{1,12}:)/.test(value),
  },
];

/** In the order in which overlapping findings win: an exact form before a guess. */
export const OWN_RULES: readonly SecretRule[] = [...FORMS, ...GUESSES];
