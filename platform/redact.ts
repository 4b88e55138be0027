/**
 * Takes secrets out of what is about to be logged: by the name of a field, and by the known shapes of tokens inside any text.
 * A net under the rule that nothing secret is logged, not a scanner: prompts and answers go through policy/secrets.
 */

const REDACTED = '[redacted]';
const LONGEST_DEPTH = 6;
const SECRET_NAME = /token|secret|password|passwd|api[_-]?key|authorization|cookie|credential/i;

/** Each pattern is linear in the text: bounded or single-class repeats only. */
const SHAPES: readonly RegExp[] = [
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g,
  /\bsk-[A-Za-z0-9_-]{16,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bglpat-[A-Za-z0-9_-]{16,}/g,
  /\bA[KS]IA[A-Z0-9]{16}\b/g,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  /\bxox[a-z]-[A-Za-z0-9-]{10,}/g,
  /\bnpm_[A-Za-z0-9]{30,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
  /\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi,
];
/** `scheme://user:password@host` keeps all but the password. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}:)[^\s/@]{1,500}@/gi;

export const redactText = (text: string): string =>
  SHAPES.reduce((clean, shape) => clean.replace(shape, REDACTED), text.replace(URL_PASSWORD, `$1${REDACTED}@`));

function redactDeep(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > LONGEST_DEPTH) return '[too deep]';
  if (value instanceof Error) {
    const { code } = value as NodeJS.ErrnoException;
    return redactDeep({ name: value.name, message: value.message, ...(code === undefined ? {} : { code }), stack: value.stack }, depth);
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return `[${String(value.length)} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, depth + 1));
  return redactFields(value as Record<string, unknown>, depth);
}

/** `inputTokens` counts tokens and is a number: only text and structures under a secret's name are taken out. */
const isSecret = (name: string, value: unknown): boolean =>
  SECRET_NAME.test(name) && value !== null && value !== '' && (typeof value === 'string' || typeof value === 'object');

/** A copy without secrets, of plain JSON values only, at most six levels deep. */
export function redactFields(fields: Readonly<Record<string, unknown>>, depth = 0): Record<string, unknown> {
  const clean: [string, unknown][] = [];
  for (const [name, value] of Object.entries(fields)) clean.push([name, isSecret(name, value) ? REDACTED : redactDeep(value, depth + 1)]);
  return Object.fromEntries(clean);
}
