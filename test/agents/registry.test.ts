import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUTO_ORDER, makeRunners, type Runners } from '#agents/registry.ts';
import type { Failure } from '#core/failure.ts';
import type { Result } from '#core/result.ts';
import type { CommandProfile, Workspace } from '#core/settings.ts';
import { shippedProfiles } from '#test/support/profiles.ts';
import { makeRunnerPorts } from '#test/support/runner-parts.ts';

const profile = (name: string, more: Partial<CommandProfile> = {}): CommandProfile => ({
  name,
  kind: 'command',
  program: 'cat',
  args: [],
  output: 'text',
  answerField: null,
  passEnv: [],
  env: {},
  lane: null,
  writes: [],
  sandbox: false,
  ...more,
});

const registry = (runner: string, runners: readonly CommandProfile[] = [], path = '/usr/bin:/bin'): Runners =>
  makeRunners(
    { settings: { runner } as Workspace['settings'], runners, httpRunners: [], state: '/state', root: '/app' },
    shippedProfiles(),
    {
      ...makeRunnerPorts({ PATH: path }),
    },
  );

const nameOf = (found: Result<{ readonly name: string }, Failure>): string =>
  found.ok ? found.value.name : `${found.error.kind} ${'code' in found.error ? String(found.error.code) : ''}`.trim();

test("the prompt's choice goes before the role's, and the role's before the workspace's", () => {
  const runners = registry('offline', [profile('mine')]);
  assert.equal(nameOf(runners.resolve(null, null, null)), 'offline');
  assert.equal(nameOf(runners.resolve('mine', null, null)), 'mine');
  assert.equal(nameOf(runners.resolve('mine', 'claude', null)), 'claude');
  const others = [...shippedProfiles().values()].filter(({ id, kind }) => kind === 'ai' && !AUTO_ORDER.some((one) => one === id));
  const ids = [...AUTO_ORDER, ...others.map(({ id }) => id)];
  const overAcp = ids.filter((id) => shippedProfiles().get(id)?.acp !== null).map((id) => `${id}-acp`);
  assert.deepEqual(runners.names(), ['offline', ...ids, ...overAcp, 'mine', 'auto']);
});

test('no choice calls nobody: it is refused with the names that could be written', () => {
  const found = registry('').resolve(null, null, null);
  assert.ok(!found.ok && found.error.kind === 'environment');
  assert.match(found.error.message, /offline, claude, codex, .*, auto/);
  assert.equal(nameOf(registry('offline').resolve('typo', null, null)), 'environment UNKNOWN_RUNNER');
  assert.equal(nameOf(registry('offline').resolve('constructor', null, null)), 'environment UNKNOWN_RUNNER');
});

test('a model is refused when it could be taken for an option', () => {
  assert.equal(nameOf(registry('offline').resolve(null, null, '--x')), 'prompt-invalid');
  assert.equal(nameOf(registry('offline').resolve(null, null, 'claude-sonnet-5-5[1m]')), 'offline');
});

test('auto is nothing until a tool was found, and says why none was', async () => {
  const runners = registry('auto', [], '/nowhere');
  assert.equal(nameOf(runners.resolve(null, null, null)), 'environment NO_TOOL');
  const looked = await runners.prepare();
  assert.ok(!looked.ok);
  assert.deepEqual(
    looked.error.map((failure) => failure.kind),
    AUTO_ORDER.map(() => 'missing-program'),
  );
  assert.equal(runners.get('auto'), undefined);
});

test('auto takes the tool that is there, under its own name', async () => {
  // `cat auth status` fails without the words "logged in: false": an old tool that cannot answer the question counts as logged in.
  const runners = registry('auto', [profile('claude', { kind: 'claude' })]);
  const looked = await runners.prepare();
  assert.ok(looked.ok);
  assert.equal(nameOf(runners.resolve(null, null, null)), 'claude');
  assert.equal(runners.get('auto'), runners.get('claude'));
});
