import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesFlaws } from '#agents/changes.ts';
import { shapeOf } from '#agents/check-answer.ts';
import type { FileChange } from '#core/scope.ts';

const CHANGED: readonly Pick<FileChange, 'path' | 'change'>[] = [
  { path: 'src/a.ts', change: 'create' },
  { path: 'src/b.ts', change: 'modify' },
  { path: 'run.sh', change: 'mode' },
];
const told = (block: string, changed: typeof CHANGED | null = CHANGED): string[] =>
  changesFlaws(shapeOf(`# Done\n\n## Handover\n\n\`\`\`yaml\n${block}\`\`\`\n`), changed).map(
    ({ line, column, message }) => `${String(line)}:${String(column)} ${message}`,
  );
const ALL =
  'feature: A-1\nchanges:\n  - { path: src/a.ts, kind: create }\n  - { path: ./src/b.ts, kind: modify }\n  - path: run.sh\n    kind: modify\n';

test('a list of just the files that were changed has no flaws, in any order; nothing changed is an empty list', () => {
  assert.deepEqual(told(ALL), []);
  assert.deepEqual(told('changes: []\n', []), []);
});

test('what is listed and was not changed, and what was changed and is not listed, is told, and so is another kind', () => {
  assert.deepEqual(
    told('changes:\n  - { path: src/a.ts, kind: modify }\n  - { path: src/c.ts, kind: delete }\n  - { path: run.sh, kind: modify }\n'),
    [
      '7:5 src/a.ts is listed as modify, and it was changed by create',
      '8:5 src/c.ts is listed as delete, and it was not changed',
      '5:1 src/b.ts was changed (modify), and it is not listed under `changes:`',
    ],
  );
  assert.deepEqual(told(`${ALL}  - { path: src/a.ts, kind: create }\n`), ['12:5 src/a.ts is listed already, in line 8']);
});

test('a list of another form, or none, is told with the form', () => {
  assert.match(told('feature: A-1\n').join(''), /^0:0 the answer lacks a `changes:` list .*nothing changed: `changes: \[\]`/);
  assert.deepEqual(told('changes: src/a.ts\n'), [
    '6:1 `changes` is a list, each `- { path: src/a.ts, kind: create | modify | delete }`; nothing changed: `changes: []`',
  ]);
  assert.deepEqual(told('changes:\n  - src/a.ts\n  - { path: src/b.ts, kind: renamed }\n'), [
    '7:5 an entry of `changes` is `- { path: src/a.ts, kind: create | modify | delete }`',
    '8:5 an entry of `changes` is `- { path: src/a.ts, kind: create | modify | delete }`',
  ]);
  assert.match(told('changes: &a []\n').join(''), /^6:10 YAML anchors are not taken/);
});

test('where nobody knows what was changed, only the form is looked at', () => {
  assert.deepEqual(told('changes:\n  - { path: src/z.ts, kind: create }\n', null), []);
  assert.equal(told('changes: 1\n', null).length, 1);
});

const block = (list: string): string => `\`\`\`yaml\nchanges: ${list}\n\`\`\`\n`;
const flawsOf = (answer: string): string[] => changesFlaws(shapeOf(answer), []).map(({ line, message }) => `${String(line)} ${message}`);

test('all lists together are no longer than one may be: a second block is read, and no endless number of them', () => {
  const long = block(`[]\n# ${'x'.repeat(200_000)}`);
  assert.deepEqual(flawsOf(`${long}${block('[]')}`), []);
  assert.deepEqual(flawsOf(`${long}${long}${block('[').repeat(3)}`), [
    '5 the lists under `changes:` have more than 262144 characters together: write one list, in one block',
  ]);
});
