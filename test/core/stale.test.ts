import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFeature, parsePromptName, parseRoleName } from '#core/names.ts';
import { identityKey, type Identity } from '#core/prompt.ts';
import { describeStale, staleOf, usedIn, type MadeFrom } from '#core/stale.ts';

/** `architect@2`, `ui/panel@1`, `FEAT-2/openapi@1`; the feature is FEAT-1 when none is named. */
function id(text: string): Identity {
  const [path = '', revision = ''] = text.split('@');
  const parts = path.startsWith('FEAT-') ? path.split('/') : ['FEAT-1', ...path.split('/')];
  const feature = parseFeature(parts[0] ?? '');
  const role = parseRoleName(parts[1] ?? '');
  const name = parts[2] === undefined ? null : parsePromptName(parts[2]);
  if (!feature.ok || !role.ok || name?.ok === false) throw new Error(text);
  return { feature: feature.value.id, role: role.value, name: name?.value ?? null, revision: Number(revision) };
}
const made = (text: string, isAccepted: boolean, ...used: readonly string[]): MadeFrom => ({
  identity: id(text),
  isAccepted,
  used: used.map(id),
});
/** `ui@1: newer architect@1 by 2` */
const words = (...answers: readonly MadeFrom[]): string[] =>
  [...staleOf(answers)].flatMap(([key, reasons]) =>
    reasons.map(({ used, why, by }) => `${key}: ${why} ${identityKey(used)}${by === null ? '' : ` by ${String(by)}`}`),
  );

describe('staleness', () => {
  test('an answer is fresh as long as what it was made with is the newest that is accepted', () => {
    assert.deepEqual(words(made('architect@1', true), made('ui@1', false, 'architect@1')), []);
    assert.deepEqual(words(made('architect@1', true), made('architect@2', false), made('ui@1', true, 'architect@1')), []);
  });

  test('a newer accepted revision makes it stale, and all that was made with it', () => {
    const answers = [
      made('architect@1', true),
      made('architect@2', true),
      made('openapi@1', true, 'architect@1'),
      made('ui@1', true, 'openapi@1'),
      made('ui@2', false, 'openapi@1', 'architect@2'),
      made('integration/panel@1', false, 'ui@2'),
    ];
    assert.deepEqual(words(...answers), [
      'feat-1/openapi/@1: newer feat-1/architect/@1 by 2',
      'feat-1/ui/@1: upstream feat-1/openapi/@1',
      'feat-1/ui/@2: upstream feat-1/openapi/@1',
      'feat-1/integration/panel@1: withdrawn feat-1/ui/@2',
    ]);
  });

  test('of two reasons for one, the newer revision is told; a series with a name is a series of its own', () => {
    assert.deepEqual(words(made('ui@1', false), made('ui@3', true), made('ui/panel@4', true), made('integration@1', true, 'ui@1')), [
      'feat-1/integration/@1: newer feat-1/ui/@1 by 3',
    ]);
  });

  test('a verdict that was taken back makes stale what was made with the answer', () => {
    const stale = staleOf([made('meta@1', false), made('architect@1', true, 'meta@1')]);
    assert.deepEqual([...stale.values()].flat().map(describeStale), ['it was made with FEAT-1/meta@1, which is accepted no more']);
  });

  test('what is not known makes nothing stale, and two that used each other come to an end', () => {
    assert.deepEqual(words(made('ui@1', true, 'FEAT-2/openapi@1')), []);
    assert.deepEqual(words(made('ui@1', true, 'openapi@1'), made('openapi@1', true, 'ui@1')), []);
  });
});

const evidence = (predicate: unknown): string => JSON.stringify({ predicate });

describe('what a brief held, by the evidence', () => {
  const context = [{ path: 'x', feature: 'FEAT-1', role: 'ui', name: 'panel', revision: 2 }];

  test('as evidence says it, or by the names of materials where an older docket wrote it', () => {
    const materials = [
      { role: 'brief', name: 'brief' },
      { role: 'context', name: 'FEAT-1-filters/03-ui/panel/result_v2.md' },
      { role: 'context', name: 'FEAT-1/01-architect/result_v11.md' },
    ];
    assert.deepEqual(usedIn(evidence({ context, materials })), [id('ui/panel@2')]);
    assert.deepEqual(usedIn(evidence({ materials })), [id('ui/panel@2'), id('architect@11')]);
  });

  test('nothing in what is no evidence, or names nothing that could be', () => {
    assert.deepEqual(usedIn('{'), []);
    assert.deepEqual(usedIn('[]'), []);
    assert.deepEqual(usedIn(evidence(null)), []);
    assert.deepEqual(usedIn(evidence({ context: [{ feature: '..', role: 'ui', name: null, revision: 1 }, null, 7] })), []);
    assert.deepEqual(usedIn(evidence({ materials: [{ role: 'context', name: '../../etc/result_v1.md' }] })), []);
  });
});
