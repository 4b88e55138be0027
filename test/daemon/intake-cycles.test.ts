import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFeature, parsePromptName, parseRoleName } from '#core/names.ts';
import type { Dependency } from '#core/prompt.ts';
import { describeCycle, makeCycles, type Cycle, type Cycles, type Node } from '#daemon/intake-cycles.ts';

/** `ui`, `ui@1`, `ui/panel@2` of FEAT-1, or `FEAT-2/ui`. */
function named(text: string): Dependency {
  const [path = '', revision] = text.split('@');
  const parts = path.startsWith('FEAT-') ? path.split('/') : ['FEAT-1', ...path.split('/')];
  const feature = parseFeature(parts[0] ?? '');
  const role = parseRoleName(parts[1] ?? '');
  const name = parts[2] === undefined ? null : parsePromptName(parts[2]);
  if (!feature.ok || !role.ok || name?.ok === false) throw new Error(text);
  return {
    feature: feature.value.id,
    role: role.value,
    name: name?.value ?? null,
    revision: revision === undefined ? null : Number(revision),
  };
}
const node = (text: string, ...needs: readonly string[]): Node => ({
  identity: { ...named(text), revision: named(text).revision ?? 1 },
  needs: needs.map(named),
});
const shown = (cycle: Cycle | null): string | null => (cycle === null ? null : describeCycle(cycle));
const add = (cycles: Cycles, text: string, ...needs: readonly string[]): string | null => shown(cycles.add(text, node(text, ...needs)));

test('the prompt that closes a cycle is told it, the shortest way round; those before it are kept', () => {
  const cycles = makeCycles();
  assert.equal(add(cycles, 'ui', 'openapi'), null);
  assert.equal(add(cycles, 'integration', 'ui'), null);
  assert.equal(add(cycles, 'openapi', 'integration', 'ui'), 'FEAT-1/openapi -> FEAT-1/ui -> FEAT-1/openapi');
  assert.equal(add(cycles, 'architect', 'openapi'), null, 'nobody waits for it, and what it waits for may still be dropped');
  assert.equal(add(cycles, 'openapi@2', 'architect'), 'FEAT-1/openapi -> FEAT-1/architect -> FEAT-1/openapi');
});

test('a prompt that only its own answer could release waits for itself', () => {
  const cycles = makeCycles();
  assert.equal(add(cycles, 'ui', 'ui'), 'FEAT-1/ui -> FEAT-1/ui');
  assert.equal(add(cycles, 'ui@2', 'ui@1'), null);
  assert.equal(add(cycles, 'ui/panel', 'ui'), null, 'a series with a name is another one');
});

test('another revision that can be answered keeps the way open, until it is taken away', () => {
  const cycles = makeCycles();
  assert.equal(add(cycles, 'openapi@1', 'ui'), null);
  assert.equal(add(cycles, 'openapi@2'), null);
  assert.equal(add(cycles, 'ui', 'openapi'), null);
  assert.deepEqual(cycles.stuck(), []);
  cycles.remove('openapi@2');
  assert.deepEqual(
    cycles.stuck().map(({ key, cycle }) => [key, describeCycle(cycle)]),
    [
      ['openapi@1', 'FEAT-1/openapi -> FEAT-1/ui -> FEAT-1/openapi'],
      ['ui', 'FEAT-1/ui -> FEAT-1/openapi -> FEAT-1/ui'],
    ],
  );
});

test('a dependency that names a revision waits for no other one', () => {
  const cycles = makeCycles();
  assert.equal(add(cycles, 'openapi@2', 'ui'), null);
  assert.equal(add(cycles, 'ui', 'openapi@1'), null);
  assert.equal(add(cycles, 'openapi@1', 'ui@1'), 'FEAT-1/openapi -> FEAT-1/ui -> FEAT-1/openapi');
});

test('features do not meet by the names of their roles, and one that is asked about is not kept', () => {
  const cycles = makeCycles();
  assert.equal(add(cycles, 'FEAT-2/ui', 'FEAT-2/openapi'), null);
  assert.equal(add(cycles, 'openapi', 'ui'), null);
  assert.equal(add(cycles, 'ui', 'FEAT-2/ui'), null);
  const asked = node('FEAT-2/openapi', 'openapi');
  const cycle = 'FEAT-2/openapi -> FEAT-1/openapi -> FEAT-1/ui -> FEAT-2/ui -> FEAT-2/openapi';
  assert.equal(shown(cycles.cycleOf(asked)), cycle);
  assert.equal(shown(cycles.cycleOf(asked)), cycle);
  assert.deepEqual(cycles.stuck(), []);
});

test('what history has an answer to is waited for no longer', () => {
  const cycles = makeCycles();
  assert.equal(add(cycles, 'ui', 'openapi'), null);
  cycles.update('ui', []);
  assert.equal(add(cycles, 'openapi', 'ui'), null);
});

test('among random prompts exactly those are refused that could never go on', () => {
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  for (let round = 0; round < 200; round++) {
    const cycles = makeCycles();
    const kept = new Map<string, string[]>();
    /** By going round until nothing more is answered: prompts whose series nobody has are answered by whoever drops them. */
    const neverEnds = (all: ReadonlyMap<string, readonly string[]>): string[] => {
      const done = new Set<string>();
      for (let before = -1; before !== done.size;) {
        before = done.size;
        for (const [key, needs] of all) if (needs.every((need) => !all.has(need) || done.has(need))) done.add(key);
      }
      return [...all.keys()].filter((key) => !done.has(key));
    };
    for (let at = 0; at < 12; at++) {
      const key = `ui/n${String.fromCodePoint(97 + at)}`;
      const needs = [random(12), random(12)].map((other) => `ui/n${String.fromCodePoint(97 + other)}`);
      const isRefused = add(cycles, key, ...needs) !== null;
      assert.equal(
        isRefused,
        neverEnds(new Map([...kept, [key, needs]])).length > 0,
        `round ${String(round)}: ${key} on ${needs.join(', ')}`,
      );
      if (!isRefused) kept.set(key, needs);
    }
  }
});
