/**
 * The three interfaces that models without a program of their own are called by, as data goes in and comes out. Pure.
 *
 *   openai      POST <base>/chat/completions   SSE   platform.openai.com/docs/api-reference/chat; also vLLM, LM Studio, OpenRouter, llama.cpp
 *   anthropic   POST <base>/v1/messages        SSE   docs.anthropic.com/en/api/messages-streaming
 *   ollama      POST <base>/api/chat           JSON lines   github.com/ollama/ollama/blob/main/docs/api.md
 */

import { tokensOf } from '#core/money.ts';
import { NO_USAGE, type Usage } from '#core/run.ts';
import { unreachable } from '#core/result.ts';
import type { HttpProfile } from '#core/settings.ts';

export type HttpApi = HttpProfile['api'];

/** What is asked, without the prompt and the key: it stands in the arguments of a process, so nothing in it is secret. */
export type HttpCall = {
  readonly v: 1;
  readonly api: HttpApi;
  readonly baseUrl: string;
  readonly model: string;
  readonly maxTokens: number | null;
  readonly keyEnv: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Longest answer of the server, as it comes over the wire. */
  readonly bytesMax: number;
};

export type HttpRequest = { readonly url: URL; readonly headers: Readonly<Record<string, string>>; readonly body: string };

const OPENAI_HOST = 'api.openai.com';

export function addressOf({ api, baseUrl }: Pick<HttpCall, 'api' | 'baseUrl'>): URL {
  switch (api) {
    case 'openai':
      return new URL(`${baseUrl}/chat/completions`);
    case 'anthropic':
      return new URL(`${baseUrl}${baseUrl.endsWith('/v1') ? '' : '/v1'}/messages`);
    case 'ollama':
      return new URL(`${baseUrl}/api/chat`);
    default:
      return unreachable(api);
  }
}

export function requestOf(call: HttpCall, prompt: string, key: string | null): HttpRequest {
  const { api, model, maxTokens } = call;
  const url = addressOf(call);
  const messages = [{ role: 'user', content: prompt }];
  const asked = (body: object, auth: Readonly<Record<string, string>>): HttpRequest => ({
    url,
    headers: { ...call.headers, 'content-type': 'application/json', ...(key === null ? {} : auth) },
    body: JSON.stringify({ model, messages, stream: true, ...body }),
  });
  const bearer = { authorization: `Bearer ${key ?? ''}` };
  switch (api) {
    case 'openai': {
      // The name that others know is refused by OpenAI's newer models.
      const limit = url.hostname === OPENAI_HOST ? 'max_completion_tokens' : 'max_tokens';
      return asked({ stream_options: { include_usage: true }, ...(maxTokens === null ? {} : { [limit]: maxTokens }) }, bearer);
    }
    case 'anthropic': {
      const { url: at, headers, body } = asked(maxTokens === null ? {} : { max_tokens: maxTokens }, { 'x-api-key': key ?? '' });
      return { url: at, headers: { 'anthropic-version': '2023-06-01', ...headers }, body };
    }
    case 'ollama':
      return asked(maxTokens === null ? {} : { options: { num_predict: maxTokens } }, bearer);
    default:
      return unreachable(api);
  }
}

/** Why a model stopped: `stop` is the only good one; null: it did not say so. Another word is the interface's own. */
export type Finish = string | null;

/** An error in the interface's own words. */
export type ApiError = {
  readonly type: string | null;
  readonly message: string;
  /** Wall clock, when the error itself says when it is over (OpenAI's usage limits). */
  readonly resetsAtS: number | null;
};

export type Reading = {
  readonly finish: Finish;
  readonly usage: Usage;
  readonly model: string | null;
  readonly id: string | null;
  readonly error: ApiError | null;
};

export type Reader = {
  /** One event, or a whole answer that was not streamed. @returns the text that it brings */
  take(event: unknown): string;
  readonly reading: () => Reading;
};

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const objectIn = (value: Json, key: string): Json => (isObject(value[key]) ? value[key] : {});
const textIn = (value: Json, key: string): string | null => (typeof value[key] === 'string' ? value[key] : null);
const numberIn = (value: Json, key: string): number | null => (typeof value[key] === 'number' ? value[key] : null);
const objectsIn = (value: Json, key: string): readonly Json[] => (Array.isArray(value[key]) ? value[key].filter(isObject) : []);

/** `{error: {type, message}}`, `{error: "words"}`; null when the value holds no error. */
export function errorIn(value: unknown): ApiError | null {
  if (!isObject(value) || value['error'] === undefined || value['error'] === null) return null;
  const { error } = value;
  if (!isObject(error)) return { type: null, message: typeof error === 'string' ? error : JSON.stringify(error), resetsAtS: null };
  const code = typeof error['code'] === 'string' ? error['code'] : null;
  return {
    type: code ?? textIn(error, 'type'),
    message: textIn(error, 'message') ?? 'no words',
    resetsAtS: numberIn(error, 'resets_at'),
  };
}

const FINISH: Readonly<Record<string, string>> = {
  stop: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  refusal: 'refusal',
  content_filter: 'refusal',
  tool_calls: 'tool',
  function_call: 'tool',
  tool_use: 'tool',
  pause_turn: 'tool',
};
const finishOf = (word: string | null): Finish => (word === null ? null : (FINISH[word] ?? word));

export function makeReader(api: HttpApi): Reader {
  let finish: Finish = null;
  let usage: Usage = NO_USAGE;
  let model: string | null = null;
  let id: string | null = null;
  let error: ApiError | null = null;

  const openai = (event: Json): string => {
    model ??= textIn(event, 'model');
    id ??= textIn(event, 'id');
    if (isObject(event['usage'])) usage = openaiUsage(event['usage']);
    const [choice] = objectsIn(event, 'choices');
    if (choice === undefined) return '';
    const part = { ...objectIn(choice, 'message'), ...objectIn(choice, 'delta') };
    const refusal = textIn(part, 'refusal') ?? '';
    finish = refusal === '' ? (finishOf(textIn(choice, 'finish_reason')) ?? finish) : 'refusal';
    return (textIn(part, 'content') ?? '') + refusal;
  };
  const anthropic = (event: Json): string => {
    const message = textIn(event, 'type') === 'message' ? event : objectIn(event, 'message');
    model ??= textIn(message, 'model');
    id ??= textIn(message, 'id');
    for (const counted of [message['usage'], event['usage']]) if (isObject(counted)) usage = anthropicUsage(counted, usage);
    const delta = objectIn(event, 'delta');
    finish = finishOf(textIn(delta, 'stop_reason') ?? textIn(message, 'stop_reason')) ?? finish;
    if (message === event) return objectsIn(event, 'content').reduce((text, block) => text + (textIn(block, 'text') ?? ''), '');
    return textIn(delta, 'type') === 'text_delta' ? (textIn(delta, 'text') ?? '') : '';
  };
  const ollama = (event: Json): string => {
    model ??= textIn(event, 'model');
    if (event['done'] === true) {
      finish = finishOf(textIn(event, 'done_reason') ?? 'stop');
      const raw = { input: numberIn(event, 'prompt_eval_count'), output: numberIn(event, 'eval_count'), cacheRead: null, cacheWrite: null };
      usage = tokensOf(raw, 'uncached');
    }
    return textIn(objectIn(event, 'message'), 'content') ?? '';
  };
  const readers = { openai, anthropic, ollama };

  return {
    take(event) {
      if (!isObject(event)) return '';
      error ??= errorIn(event);
      return readers[api](event);
    },
    reading: () => ({ finish, usage, model, id, error }),
  };
}

/** prompt_tokens hold what the cache gave. `cost` in US dollars: openrouter.ai/docs/use-cases/usage-accounting. */
function openaiUsage(usage: Json): Usage {
  const cost = numberIn(usage, 'cost');
  const counted = tokensOf(
    {
      input: numberIn(usage, 'prompt_tokens'),
      output: numberIn(usage, 'completion_tokens'),
      cacheRead: numberIn(objectIn(usage, 'prompt_tokens_details'), 'cached_tokens'),
      cacheWrite: null,
    },
    'all',
  );
  return cost !== null && cost >= 0 ? { ...counted, costUsd: cost } : counted;
}

/** Counts grow from event to event; a later one that leaves a count out does not take it back. */
function anthropicUsage(usage: Json, before: Usage): Usage {
  const counted = tokensOf(
    {
      input: numberIn(usage, 'input_tokens'),
      output: numberIn(usage, 'output_tokens'),
      cacheRead: numberIn(usage, 'cache_read_input_tokens'),
      cacheWrite: numberIn(usage, 'cache_creation_input_tokens'),
    },
    'uncached',
  );
  return {
    ...before,
    inputTokens: counted.inputTokens ?? before.inputTokens,
    outputTokens: counted.outputTokens ?? before.outputTokens,
    cacheReadTokens: counted.cacheReadTokens ?? before.cacheReadTokens,
    cacheWriteTokens: counted.cacheWriteTokens ?? before.cacheWriteTokens,
  };
}
