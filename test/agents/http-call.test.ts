/** The program that makes a call, on servers that are plain functions: chunks of any size, redirects, cuts, keys that come back. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { HttpAnswer, HttpPost } from '#platform/http-post.ts';
import { callModel, type CallLine, type EndLine } from '#tools/http-call.ts';
import type { HttpApi, HttpCall } from '#tools/http-dialects.ts';

const KEY = ['key', 'that', 'nobody', 'sees'].join('-');
const callOf = (api: HttpApi, more: Partial<HttpCall> = {}): HttpCall => ({
  v: 1,
  api,
  baseUrl: 'https://models.example/base',
  model: 'm',
  maxTokens: 100,
  keyEnv: 'K',
  headers: { 'x-team': 'a' },
  bytesMax: 1_000_000,
  ...more,
});

type Asked = { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };
type Said = { readonly lines: readonly CallLine[]; readonly text: string; readonly end: EndLine['end']; readonly asked: readonly Asked[] };

async function run(call: HttpCall, answers: readonly (HttpAnswer | Error)[], key: string | null = KEY): Promise<Said> {
  const lines: CallLine[] = [];
  const asked: Asked[] = [];
  const post: HttpPost = async (url, headers, body) => {
    asked.push({ url: url.href, headers, body: new TextDecoder().decode(body) });
    const answer = answers[asked.length - 1];
    if (answer === undefined) throw new Error('asked too often');
    if (answer instanceof Error) throw answer;
    return Promise.resolve(answer);
  };
  await callModel(call, 'the prompt', key, post, (line) => void lines.push(line));
  const last = lines.at(-1);
  assert.ok(last !== undefined && 'end' in last, 'the last line is the end');
  assert.equal(lines.filter((line) => 'end' in line).length, 1);
  assert.ok(!JSON.stringify(lines).includes(KEY));
  return { lines, asked, end: last.end, text: lines.map((line) => ('text' in line ? line.text : '')).join('') };
}

async function* chunksOf(bytes: Uint8Array, size: number, cutAt: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < Math.min(bytes.length, cutAt); at += size) yield Promise.resolve(bytes.subarray(at, Math.min(at + size, cutAt)));
  if (cutAt < bytes.length) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
}
const answerOf = (
  body: string | Uint8Array,
  { type = 'text/event-stream', status = 200, size = 7, cutAt = Number.POSITIVE_INFINITY, headers = {} } = {},
): HttpAnswer => ({
  status,
  headers: { 'content-type': type, ...headers },
  body: chunksOf(typeof body === 'string' ? new TextEncoder().encode(body) : body, size, cutAt),
});

const data = (...events: readonly unknown[]): string => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
const chat = (content: string, finish: string | null = null): unknown => ({
  id: 'i1',
  model: 'm-1',
  choices: [{ index: 0, delta: { content }, finish_reason: finish }],
});
const USAGE = { choices: [], usage: { prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 6 } } };

const kindOf = async (answer: HttpAnswer, more: Partial<HttpCall> = {}): Promise<string | undefined> =>
  (await run(callOf('openai', more), [answer])).end.error?.kind;

describe('a call over HTTP', () => {
  test('asks each interface in its own way, with the key in its own header', async () => {
    const { asked, end, text } = await run(callOf('openai'), [
      answerOf(`${data(chat('Hi', null), chat('', 'stop'), USAGE)}data: [DONE]\n\n`),
    ]);
    assert.equal(asked[0]?.url, 'https://models.example/base/chat/completions');
    assert.equal(asked[0].headers['authorization'], `Bearer ${KEY}`);
    assert.equal(asked[0].headers['x-team'], 'a');
    assert.deepEqual(JSON.parse(asked[0].body), {
      model: 'm',
      messages: [{ role: 'user', content: 'the prompt' }],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 100,
    });
    assert.equal(text, 'Hi');
    assert.deepEqual([end.finish, end.model, end.id, end.error], ['stop', 'm-1', 'i1', null]);
    assert.deepEqual([end.usage.inputTokens, end.usage.cacheReadTokens, end.usage.outputTokens], [4, 6, 4]);

    const own = await run(callOf('openai', { baseUrl: 'https://api.openai.com/v1' }), [answerOf(data(chat('Hi', 'stop')))]);
    assert.ok(own.asked[0]?.body.includes('"max_completion_tokens":100'));

    const anthropic = await run(callOf('anthropic', { baseUrl: 'https://models.example/v1' }), [answerOf('')]);
    assert.equal(anthropic.asked[0]?.url, 'https://models.example/v1/messages');
    assert.equal(anthropic.asked[0].headers['x-api-key'], KEY);
    assert.ok(anthropic.asked[0].headers['anthropic-version'] !== undefined && !('authorization' in anthropic.asked[0].headers));

    const ollama = await run(
      callOf('ollama'),
      [answerOf('{"message":{"content":"Hi"},"done":true}\n', { type: 'application/x-ndjson' })],
      null,
    );
    assert.equal(ollama.asked[0]?.url, 'https://models.example/base/api/chat');
    assert.ok(!('authorization' in ollama.asked[0].headers));
    assert.deepEqual([ollama.text, ollama.end.finish], ['Hi', 'stop']);
  });

  test('whatever the size of the pieces, the text is the same, character for character', async () => {
    const pieces = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 40 }), async (texts, size) => {
        const whole = texts.join('');
        const openai = data(...texts.map((text) => chat(text)), chat('', 'stop'), USAGE);
        assert.equal((await run(callOf('openai'), [answerOf(openai, { size })])).text, whole);
        const anthropic = data(
          { type: 'message_start', message: { model: 'm', id: 'i', usage: { input_tokens: 3, output_tokens: 1 } } },
          ...texts.map((text) => ({ type: 'content_block_delta', delta: { type: 'text_delta', text } })),
          { type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'hm' } },
          { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } },
          { type: 'message_stop' },
        );
        const second = await run(callOf('anthropic'), [answerOf(anthropic, { size })]);
        assert.equal(second.text, whole);
        assert.deepEqual([second.end.usage.inputTokens, second.end.usage.outputTokens], [3, 9]);
        const ollama = [
          ...texts.map((content) => ({ message: { content }, done: false })),
          { message: { content: '' }, done: true, eval_count: 2 },
        ];
        const lines = ollama.map((event) => `${JSON.stringify(event)}\n`).join('');
        assert.equal((await run(callOf('ollama'), [answerOf(lines, { size, type: 'application/x-ndjson' })])).text, whole);
      }),
      { numRuns: 60 },
    );
  });

  test('an answer that is not streamed is taken too', async () => {
    const type = 'application/json';
    const openai = {
      model: 'm',
      choices: [{ message: { content: 'All of it' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    };
    assert.equal((await run(callOf('openai'), [answerOf(JSON.stringify(openai, null, 2), { type })])).text, 'All of it');
    const anthropic = {
      type: 'message',
      model: 'm',
      content: [
        { type: 'text', text: 'All ' },
        { type: 'text', text: 'of it' },
      ],
      stop_reason: 'end_turn',
    };
    assert.equal((await run(callOf('anthropic'), [answerOf(JSON.stringify(anthropic), { type })])).text, 'All of it');
  });

  test('a connection that ends early is a cut, unless the model was done', async () => {
    const body = data(chat('Half'), chat('', 'stop'), USAGE);
    const half = await run(callOf('openai'), [answerOf(body, { cutAt: 100 })]);
    assert.deepEqual([half.end.error?.kind, half.end.finish], ['cut', null]);
    const done = await run(callOf('openai'), [answerOf(body, { cutAt: body.length - 10 })]);
    assert.deepEqual([done.end.error, done.end.finish, done.text], [null, 'stop', 'Half']);
    const quiet = await run(callOf('openai'), [answerOf(data(chat('Half')))]);
    assert.equal(quiet.end.error?.kind, 'cut');
  });

  test('an error in the middle of an answer, and one of a status, come in the words of the provider', async () => {
    const overloaded = data({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
    assert.deepEqual((await run(callOf('anthropic'), [answerOf(overloaded)])).end.error, {
      kind: 'http',
      type: 'overloaded_error',
      message: 'Overloaded',
      resetsAtS: null,
    });
    const limited = JSON.stringify({ error: { type: 'usage_limit_reached', message: 'enough', resets_at: 5 } });
    const { end, lines } = await run(callOf('openai'), [
      answerOf(limited, { status: 429, headers: { 'retry-after': '7', 'set-cookie': 'no', 'x-ratelimit-reset-tokens': '1s' } }),
    ]);
    assert.deepEqual([end.error?.type, end.error?.resetsAtS], ['usage_limit_reached', 5]);
    assert.deepEqual(lines[0], {
      head: { status: 429, headers: { 'content-type': 'text/event-stream', 'retry-after': '7', 'x-ratelimit-reset-tokens': '1s' } },
    });
    const page = await run(callOf('ollama'), [answerOf('<html>down</html>', { status: 502, type: 'text/html' })]);
    assert.deepEqual([page.end.error?.kind, page.end.error?.message], ['http', '<html>down</html>']);
  });

  test('a key that the server repeats is in no line', async () => {
    const echo = JSON.stringify({ error: { type: 'authentication_error', message: `Incorrect API key provided: ${KEY}.` } });
    const { end } = await run(callOf('openai'), [answerOf(echo, { status: 401, headers: { 'x-request-id': KEY } })]);
    assert.equal(end.error?.message, 'Incorrect API key provided: (secret).');
    await run(callOf('openai'), [answerOf(data(chat(`I know ${KEY}`, 'stop')))]);
    await run(callOf('openai'), [new Error(`bad header ${KEY}`)]);
  });

  test('a redirect is followed on the same origin, with the same call; never to somebody else, and not for ever', async () => {
    const to = (location: string, status = 307): HttpAnswer => answerOf('', { status, headers: { location } });
    const moved = await run(callOf('openai'), [to('/other'), to('https://models.example/third', 308), answerOf(data(chat('Hi', 'stop')))]);
    assert.deepEqual(
      moved.asked.map(({ url }) => url),
      ['https://models.example/base/chat/completions', 'https://models.example/other', 'https://models.example/third'],
    );
    assert.equal(moved.asked[2]?.body, moved.asked[0]?.body);
    for (const answer of [
      to('https://evil.example/'),
      to('http://models.example/'),
      to('//evil.example/x'),
      to('/see-other', 303),
      to('/moved', 301),
      answerOf('', { status: 307 }),
    ]) {
      const refused = await run(callOf('openai'), [answer]);
      assert.deepEqual([refused.end.error?.kind, refused.asked.length], ['redirect', 1]);
    }
    const circle = await run(callOf('openai'), [to('/a'), to('/a'), to('/a'), to('/a')]);
    assert.deepEqual([circle.end.error?.kind, circle.asked.length], ['redirect', 4]);
  });

  test('what is too long, no text, or nothing of the interface is told as that', async () => {
    assert.equal(await kindOf(answerOf(data(chat('x'.repeat(500), 'stop'))), { bytesMax: 200 }), 'too-large');
    assert.equal(await kindOf(answerOf(Uint8Array.from([0x64, 0xff, 0xfe, 0x0a]))), 'garbage');
    assert.equal(await kindOf(answerOf('data: {"choices": oops}\n\n')), 'garbage');
    assert.equal(await kindOf(answerOf('<html>sign in</html>', { type: 'text/html' })), 'garbage');
    assert.equal(await kindOf(answerOf('')), 'garbage');
    assert.equal(await kindOf(answerOf('"a word"', { type: 'application/json' })), 'cut');
  });
});
