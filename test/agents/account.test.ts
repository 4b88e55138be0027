import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { laneOfAccount } from '#agents/account.ts';
import { isLaneName } from '#core/lane.ts';

const TOOL = { lane: 'anthropic', login: { tokenEnv: ['A_KEY', 'B_TOKEN'], files: ['~/.tool/login.json'], ask: null }, config: null };
const account = (credential: string): string => createHash('sha256').update(`salt ${credential}`).digest('hex').slice(0, 8);
const laneOf = (env: Readonly<Record<string, string>>, tool: Parameters<typeof laneOfAccount>[0] = TOOL): string =>
  laneOfAccount(tool, { env, account });

test('two keys are two lanes, the same key is the same one, and the key stands nowhere in it', () => {
  const key = ['value', 'of', 'a', 'key'].join('-');
  const lane = laneOf({ A_KEY: key });
  assert.match(lane, /^anthropic\/[0-9a-f]{8}$/);
  assert.ok(isLaneName(lane));
  assert.equal(laneOf({ A_KEY: key, HOME: '/home/anna' }), lane);
  assert.notEqual(laneOf({ A_KEY: `${key}2` }), lane);
  assert.notEqual(laneOf({ B_TOKEN: key }), lane);
  assert.equal(lane.includes(key), false);
});

test('without a key it is the place of the login; where there is none, or no salt, the provider alone', () => {
  assert.match(laneOf({ A_KEY: '', HOME: '/home/anna' }), /^anthropic\/[0-9a-f]{8}$/);
  assert.notEqual(laneOf({ HOME: '/home/anna' }), laneOf({ HOME: '/home/berta' }));
  const folder = { scope: 'workspace', when: 'token', env: { TOOL_DIR: '{config}' }, files: {}, filesWithToken: {}, links: {} } as const;
  assert.notEqual(laneOf({ TOOL_DIR: '/a' }, { ...TOOL, config: folder }), laneOf({ TOOL_DIR: '/b' }, { ...TOOL, config: folder }));
  assert.equal(laneOf({}), 'anthropic');
  assert.equal(laneOf({ HOME: '/home/anna' }, { ...TOOL, login: { ...TOOL.login, files: [] } }), 'anthropic');
  assert.equal(laneOfAccount(TOOL, { env: { A_KEY: 'x' } }), 'anthropic');
});
