import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '#cli/settings.ts';
import { loadPrices, readPrices } from '#cli/settings-prices.ts';
import { CliError } from '#cli/io.ts';
import { priced, priceOf } from '#core/money.ts';
import { NO_USAGE } from '#core/run.ts';
import { makeFs } from '#platform/files.ts';

const settingsOf = (docketYaml: string): ReturnType<typeof loadSettings> =>
  loadSettings({ docketYaml, localYaml: null, env: {}, flags: {} });

test('the built-in table can be read, each row with its source and day, and no pattern twice', async () => {
  const [own, builtIn = []] = await loadPrices(makeFs(), { prices: [] });
  assert.deepEqual(own, []);
  assert.ok(builtIn.length > 20);
  assert.equal(new Set(builtIn.map(({ model }) => model)).size, builtIn.length);
  for (const price of builtIn) {
    assert.match(price.source, /^https:\/\//);
    assert.match(price.asOf, /^\d{4}-\d{2}-\d{2}$/);
    assert.ok(price.outputUsd >= price.inputUsd && price.cacheReadUsd <= price.inputUsd, price.model);
  }
  assert.equal(priceOf([builtIn], 'gpt-5-mini-2025-08-07')?.outputUsd, 2);
  assert.equal(priceOf([builtIn], 'gpt-5-pro'), null);
});

test("rows of docket.yaml go before the built-in ones, also the user's plainest before docket's most exact", async () => {
  const loaded = settingsOf(
    'prices:\n  my-*: { input: 1, output: 2 }\n  "gpt-5*": { input: 7, output: 8, cache_read: 0.1, source: contract, as_of: 2026-01-01 }\n',
  );
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const tables = await loadPrices(makeFs(), loaded.value);
  assert.equal(priceOf(tables, 'gpt-5-mini')?.inputUsd, 7);
  const usage = { ...NO_USAGE, inputTokens: 1_000_000, outputTokens: 1_000_000, cacheReadTokens: 1_000_000 };
  assert.deepEqual(priced(usage, 'my-model', tables), {
    ...usage,
    costUsd: 4,
    estimated: true,
    price: 'my-*, docket.yaml, as of no day given',
  });
  assert.equal(priced(usage, 'gpt-5', tables).price, 'gpt-5*, contract, as of 2026-01-01');
});

test('a table that is wrong is told with its place', () => {
  assert.throws(() => readPrices('acme: { source: x, as_of: yesterday, models: {} }', 'p.yaml'), CliError);
  assert.throws(() => readPrices('acme: [', 'p.yaml'), CliError);
  const bad = settingsOf(
    'prices:\n  gpt-5: { input: -1, output: 2 }\n  "a b": { input: 1, output: 2 }\n  x: { input: 1 }\n  y: { input: 1, output: 2, per: 1000 }\n',
  );
  assert.ok(!bad.ok);
  assert.deepEqual(
    bad.error.map(({ field, line }) => [field, line]),
    [
      ['prices.gpt-5.input', 2],
      ['prices.a b', 3],
      ['prices.x.output', 4],
      ['prices.y.per', 5],
    ],
  );
});

test('budgets take dollars with decimals, by lane too; other things do not', () => {
  const loaded = settingsOf('budgets: { feature_usd: 2.5, day_usd: 10, lane: { anthropic: 7.25 }, soft: 0.5 }\n');
  assert.ok(loaded.ok);
  assert.equal(loaded.value.settings['budgets.feature_usd'], 2.5);
  assert.deepEqual(loaded.value.laneBudgets, [{ lane: 'anthropic', dayUsd: 7.25 }]);
  for (const text of [
    'feature_usd: -1',
    'day_usd: "5"',
    'soft: 2',
    'lane: { A: 1 }',
    'lane: { a: much }',
    'week_usd: 5',
    'reserve: never',
  ]) {
    const bad = settingsOf(`budgets: { ${text} }\n`);
    assert.ok(!bad.ok, text);
  }
});

test('a runner of kind http is read, its address without a slash at the end', () => {
  const loaded = settingsOf(
    'runners:\n  local: { kind: http, api: ollama, base_url: "http://127.0.0.1:11434/", model: "llama3:8b" }\n  gpt: { kind: http, api: openai, base_url: https://api.openai.com/v1, key_env: OPENAI_API_KEY, max_tokens: 5, headers: { x-team: a }, lane: openai }\n  cat: { program: cat }\n',
  );
  assert.ok(loaded.ok, JSON.stringify(loaded));
  assert.deepEqual(
    loaded.value.runners.map(({ name }) => name),
    ['cat'],
  );
  assert.deepEqual(loaded.value.httpRunners, [
    {
      name: 'local',
      api: 'ollama',
      baseUrl: 'http://127.0.0.1:11434',
      model: 'llama3:8b',
      keyEnv: null,
      maxTokens: null,
      headers: {},
      lane: null,
    },
    {
      name: 'gpt',
      api: 'openai',
      baseUrl: 'https://api.openai.com/v1',
      model: null,
      keyEnv: 'OPENAI_API_KEY',
      maxTokens: 5,
      headers: { 'x-team': 'a' },
      lane: 'openai',
    },
  ]);
});

test('an address that would show a key or a prompt, a key in the file, and fields of another kind are refused', () => {
  const good = 'api: openai, base_url: "https://x.example/v1"';
  for (const [fields, field] of [
    [`kind: http, api: openai, base_url: "http://x.example/v1"`, 'base_url'],
    [`kind: http, api: openai, base_url: "http://127.0.0.1.evil.example/v1"`, 'base_url'],
    [`kind: http, api: openai, base_url: "https://me:secret@x.example/v1"`, 'base_url'],
    [`kind: http, api: openai, base_url: "https://x.example/v1?key=1"`, 'base_url'],
    [`kind: http, api: openai, base_url: "file:///etc/passwd"`, 'base_url'],
    [`kind: http, api: openai`, 'base_url'],
    [`kind: http, base_url: "https://x.example"`, 'api'],
    [`kind: http, ${good}, program: cat`, 'program'],
    [`kind: http, ${good}, key_env: "my key"`, 'key_env'],
    [`kind: http, ${good}, key: abc`, 'key'],
    [`kind: http, ${good}, headers: { Authorization: x }`, 'headers.Authorization'],
    [`kind: http, ${good}, headers: { x-my-token: x }`, 'headers.x-my-token'],
    [`kind: http, ${good}, headers: { x-a: "two\\nlines" }`, 'headers.x-a'],
    [`program: cat, ${good}`, 'api'],
  ] as const) {
    const bad = settingsOf(`runners:\n  one: { ${fields} }\n`);
    assert.ok(!bad.ok, fields);
    assert.ok(
      bad.error.some((fault) => fault.field === `runners.one.${field}`),
      `${fields}: ${JSON.stringify(bad.error)}`,
    );
  }
});
