/**
 * One call of a model over HTTP, in a process of its own under the keeper, so that it outlives the daemon like every other run.
 *
 *   asked -> {head: status, headers} -> {text} or {alive} as often as something comes -> {end: how it came out}
 *
 * Each line is written when it is known, so that a limit on silence sees the difference between a model that thinks and one that hangs.
 * Invariants: the last line is `end`, whatever happened on the wire; the key is in no line, also when the server repeats it; a redirect is followed
 * on the same origin only, so a key never goes to somebody else.
 */

import type { Usage } from '#core/run.ts';
import type { HttpAnswer, HttpPost } from '#platform/http-post.ts';
import { errorIn, makeReader, requestOf, type ApiError, type Finish, type HttpCall, type Reader } from './http-dialects.ts';

/** How a call went wrong before the interface had its say; `http`: in the interface's own words. */
export type CallFault = 'http' | 'network' | 'cut' | 'garbage' | 'too-large' | 'redirect';
export type CallError = ApiError & { readonly kind: CallFault };
export type HeadLine = { readonly head: { readonly status: number; readonly headers: Readonly<Record<string, string>> } };
export type EndLine = {
  readonly end: {
    readonly finish: Finish;
    readonly usage: Usage;
    readonly model: string | null;
    readonly id: string | null;
    readonly error: CallError | null;
  };
};
/** `alive`: bytes that have come so far. */
export type CallLine = HeadLine | EndLine | { readonly text: string } | { readonly alive: number };

const REDIRECTS_MAX = 3;
/** An error's page is read no further. */
const ERROR_BYTES_MAX = 65_536;
/** Shorter ones are words that could stand in any text. */
const KEY_LENGTH_MIN = 6;
/** What is worth keeping of the headers: who answered, and when to come again. */
const KEPT = /^(?:content-type|retry-after|retry-after-ms|request-id|x-request-id|(?:anthropic-|x-)?ratelimit(?:-[a-z0-9-]+)?)$/;

class Fault extends Error {
  readonly kind: CallFault;
  constructor(kind: CallFault, message: string) {
    super(message);
    this.kind = kind;
  }
}

export async function callModel(
  call: HttpCall,
  prompt: string,
  key: string | null,
  post: HttpPost,
  write: (line: CallLine) => void,
): Promise<void> {
  const clean = (text: string): string => (key === null || key.length < KEY_LENGTH_MIN ? text : text.replaceAll(key, '(secret)'));
  const reader = makeReader(call.api);
  let fault: CallError | null = null;
  try {
    const answer = await ask(call, prompt, key, post);
    const kept = Object.entries(answer.headers).filter(([name]) => KEPT.test(name));
    write({
      head: { status: answer.status, headers: Object.fromEntries(kept.map(([name, value]) => [name, clean(value).slice(0, 500)])) },
    });
    if (answer.status === 200) await follow(call, answer, reader, clean, write);
    else fault = { kind: 'http', ...(await errorPage(answer)) };
  } catch (error) {
    const kind = error instanceof Fault ? error.kind : 'network';
    const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : '';
    fault = { kind, type: null, message: `${error instanceof Fault ? '' : code}${messageOf(error)}`, resetsAtS: null };
  }
  const { error, ...reading } = reader.reading();
  const said: CallError | null = fault ?? (error === null ? null : { kind: 'http', ...error });
  write({ end: { ...reading, error: said === null ? null : { ...said, message: clean(said.message).slice(0, 2_000) } } });
}

const messageOf = (error: unknown): string => {
  // Several addresses of one host were tried.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};

/** 307 and 308 keep method and body (RFC 9110 section 15.4); what would turn the call into another one is not followed. */
async function ask(call: HttpCall, prompt: string, key: string | null, post: HttpPost): Promise<HttpAnswer> {
  const { url, headers, body } = requestOf(call, prompt, key);
  const bytes = new TextEncoder().encode(body);
  let at = url;
  for (let hops = 0; ; hops++) {
    const answer = await post(at, headers, bytes);
    if (answer.status < 300 || answer.status >= 400) return answer;
    const { location } = answer.headers;
    const next = location !== undefined && URL.canParse(location, at.href) ? new URL(location, at) : null;
    const isTaken = answer.status === 307 || answer.status === 308;
    if (next === null || !isTaken || next.origin !== url.origin || hops >= REDIRECTS_MAX)
      throw new Fault(
        'redirect',
        `status ${String(answer.status)} sends the call to ${next === null ? 'nowhere' : next.origin}: not followed`,
      );
    at = next;
  }
}

async function errorPage(answer: HttpAnswer): Promise<ApiError> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const bytes of answer.body) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length > ERROR_BYTES_MAX) break;
    }
  } catch {
    // What came is enough: the status says it all.
  }
  return errorIn(parse(text)) ?? { type: null, message: text.slice(0, 500), resetsAtS: null };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function follow(
  call: HttpCall,
  answer: HttpAnswer,
  reader: Reader,
  clean: (text: string) => string,
  write: (line: CallLine) => void,
): Promise<void> {
  const type = answer.headers['content-type'] ?? '';
  if (type.includes('html')) throw new Fault('garbage', `the answer is ${type}: a page for people, not the interface`);
  const isWhole = type.includes('json') && call.api !== 'ollama';
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let bytes = 0;
  let rest = '';
  let fresh = '';
  const take = (line: string): void => {
    const payload = isWhole || call.api === 'ollama' ? line.trim() : dataOf(line);
    if (payload === '' || payload === '[DONE]') return;
    const event = parse(payload);
    if (event === undefined) throw new Fault('garbage', `this is no event of the interface: ${payload.slice(0, 100)}`);
    fresh += reader.take(event);
  };
  const flush = (): void => {
    write(fresh === '' ? { alive: bytes } : { text: clean(fresh) });
    fresh = '';
  };
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > call.bytesMax) throw new Fault('too-large', `the answer is longer than ${String(call.bytesMax)} bytes`);
      rest += decode(decoder, chunk);
      if (isWhole) continue;
      const end = rest.lastIndexOf('\n');
      const lines = rest.slice(0, end + 1);
      rest = rest.slice(end + 1);
      for (const line of lines.split('\n')) take(line);
      flush();
    }
    take((rest + decode(decoder, null)).trimEnd());
    flush();
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (fresh !== '') flush();
    // The model was done: what is cut off are counts.
    if (reader.reading().finish !== null && !isWhole) return;
    throw new Fault('cut', `the connection ended in the middle of the answer: ${messageOf(error)}`);
  }
  const { finish, error } = reader.reading();
  if (finish === null && error === null) throw new Fault(bytes === 0 ? 'garbage' : 'cut', 'the answer has no end');
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Uint8Array | null): string {
  try {
    return chunk === null ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw new Fault('garbage', 'the answer is not valid UTF-8');
  }
}

/** The data of a line of server-sent events; empty for all others (html.spec.whatwg.org, 9.2.6). */
const dataOf = (line: string): string => (line.startsWith('data:') ? line.slice(5).trim() : '');
