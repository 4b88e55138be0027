/** A runner of kind http in docket.yaml: which interface, where, which model, and the name of the variable that holds the key. */

import { z } from 'zod';
import type { HttpProfile } from '#core/settings.ts';
import { isModelName } from '#tools/profiles.ts';

export const SECRET_NAME = /token|secret|passw|api_?key|credential/i;
export const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'a variable is named with letters, digits and underscores');

/** Headers that carry a key, or that the call itself sets. */
const OWN_HEADER =
  /^(?:authorization|proxy-authorization|x-api-key|api-key|cookie|host|content-length|content-type|transfer-encoding|connection)$/i;
/** RFC 9110 section 5.6.2. */
const header = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, 'a header is named with letters, digits and hyphens')
  .refine(
    (key) => !OWN_HEADER.test(key) && !SECRET_NAME.test(key),
    'docket.yaml is committed: a key belongs into the variable that key_env names',
  );

const LOOPBACK = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

/** What is wrong with an address; null: nothing. */
export function faultOfUrl(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return 'an address with its scheme, such as https://api.openai.com/v1';
  if (url.username !== '' || url.password !== '') return 'an address without a name and a password: docket.yaml is committed';
  if (url.search !== '' || url.hash !== '') return 'an address without ? and #';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))) return null;
  return 'https (http is taken on loopback only: a key and a prompt would pass in the clear)';
}

export const httpFields = {
  api: z
    .enum(['openai', 'anthropic', 'ollama'])
    .optional()
    .describe('kind http: which interface: chat completions, messages, or chat of ollama'),
  base_url: z.string().max(2_000).optional().describe('kind http: such as https://api.openai.com/v1; https, or http on loopback'),
  model: z
    .string()
    .refine(isModelName, 'the model as its provider names it')
    .optional()
    .describe('kind http: the model, where role and prompt name none'),
  key_env: variable.optional().describe('kind http: name of the environment variable with the key; never the key'),
  max_tokens: z.int().min(1).max(10_000_000).optional().describe('kind http: longest answer, in tokens'),
  headers: z
    .record(
      header,
      z
        .string()
        .max(1_000)
        .regex(/^[\t\u0020-\u007e]*$/, 'printable ASCII'),
    )
    .optional()
    .describe('kind http: fixed headers; no secrets'),
};

type Entry = {
  readonly kind: string;
  readonly program?: string | undefined;
  readonly api?: HttpProfile['api'] | undefined;
  readonly base_url?: string | undefined;
  readonly model?: string | undefined;
  readonly key_env?: string | undefined;
  readonly max_tokens?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly lane?: string | undefined;
};

export function checkHttp(one: Entry, context: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void }): void {
  const refuse = (field: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [field], message });
  };
  if (one.kind !== 'http') {
    for (const field of ['api', 'base_url', 'model', 'key_env', 'max_tokens', 'headers'] as const)
      if (one[field] !== undefined) refuse(field, 'kind: http beside it');
    return;
  }
  if (one.program !== undefined) refuse('program', 'nothing: a runner of kind http starts no program of yours');
  if (one.api === undefined) refuse('api', 'openai, anthropic or ollama');
  const wrong = faultOfUrl(one.base_url ?? '');
  if (wrong !== null) refuse('base_url', wrong);
}

/** Null: a runner of another kind. The entry was checked. */
export const httpProfileOf = (name: string, entry: Entry): HttpProfile | null =>
  entry.kind !== 'http' || entry.api === undefined || entry.base_url === undefined
    ? null
    : {
        name,
        api: entry.api,
        baseUrl: entry.base_url.replace(/\/+$/, ''),
        model: entry.model ?? null,
        keyEnv: entry.key_env ?? null,
        maxTokens: entry.max_tokens ?? null,
        headers: entry.headers ?? {},
        lane: entry.lane ?? null,
      };
