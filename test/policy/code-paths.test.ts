/** Which names never belong into the code repository. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf } from '#policy/code-paths.ts';

const refused = (path: string, queues: string | null = 'queues', mode = '100644'): boolean => refusalOf(path, mode, queues) !== null;

test("docket's own files are refused wherever they lie and however they are written", () => {
  for (const path of [
    'queues/01-architect/in/foo.md',
    'queues/01-architect/out/foo_result.md',
    'queues/01-architect/work/a/b',
    'Queues/01-architect/IN/foo.md',
    'queues/01-architect/ledger.jsonl',
    'queues/.docket/salt',
    'a/.docket/b',
    'journal.db',
    'x/journal.db-wal',
    'docket.local.yaml',
    'FEAT-1-panel/01-architect/prompt_v1.md',
    'h/FEAT-1/03-ui/panel/evidence_v2.dsse.json',
    `materials/sha256/ab/${'ab'.repeat(32)}`,
  ])
    assert.ok(refused(path), path);
  assert.ok(refused('my-app-ai-history', 'queues', '160000'));
  assert.ok(refused('sub/q/01-architect/in/x', 'sub/q'));
  assert.ok(refused('01-architect/in/x', ''));
});

test('what only looks like it passes', () => {
  for (const path of [
    'queues/README.md',
    'queues/01-architect/in/.gitkeep',
    'src/queues/in/foo.ts',
    'queues/manager.ts',
    'docs/prompt_v1.md',
    'journal.dbx',
    'docket.yaml',
    'src/materials/sha256/index.ts',
  ])
    assert.ok(!refused(path), path);
  assert.ok(!refused('vendor/lib', 'queues', '160000'));
  assert.ok(!refused('queues/01-architect/in/foo.md', null), 'the queues lie outside');
});
