import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Statement } from '#core/evidence.ts';
import { makeRig, promptText } from '#test/support/rig.ts';

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

test('a dropped prompt comes back answered, hashed and recorded', async (t) => {
  const rig = makeRig(t);
  const daemon = await rig.start();
  const text = promptText({ body: '# Task\r\n\r\nBytes as they are: \u00e9 \ud83d\ude80\n' });
  rig.drop('foo.md', text);
  await rig.ended('foo');

  assert.equal(existsSync(path.join(rig.in(), 'foo.md')), false);
  assert.equal(rig.read(path.join(rig.in(), 'foo.processed')), text);
  const evidence = JSON.parse(rig.read(path.join(rig.out(), 'foo_evidence.json'))) as Statement;
  assert.deepEqual(
    evidence.subject.map((subject) => subject.digest.sha256),
    [sha256(path.join(rig.in(), 'foo.processed')), sha256(path.join(rig.out(), 'foo_result.md'))],
  );
  assert.equal(evidence.predicate.status, 'briefed');
  assert.ok(rig.read(path.join(rig.out(), 'foo_result.md')).includes('Bytes as they are: \u00e9 \ud83d\ude80'));

  assert.equal(rig.git('show', 'HEAD:FEAT-1/01-architect/prompt_v1.md'), text);
  assert.equal(rig.git('show', 'HEAD:FEAT-1/01-architect/evidence_v1.json'), rig.read(path.join(rig.out(), 'foo_evidence.json')));
  assert.deepEqual(rig.git('log', '--format=%s').trim().split('\n').slice(0, 2), [
    'ai(FEAT-1): architect r1 briefed',
    'ai(FEAT-1): architect r1 submitted',
  ]);
  assert.equal(await daemon.stop(), 0);
  assert.equal(rig.git('status', '--porcelain'), '');
  assert.equal(rig.git('fsck', '--full', '--strict').trim(), '');
  assert.equal(rig.run(['verify']).code, 0);
});
