/** Which files an answer produced, as the hooks of the code repository read it from the history. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sha256 } from '#core/names.ts';
import { jobIdFrom, parseFeature, parsePromptName } from '#core/names.ts';
import { fencedBlocks, parseRecordName, readApprovals, readLinks, recordName } from '#history/code-links.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeTempWorkspace, roleNamed, type TempWorkspace } from '#test/support/workspace.ts';

const digest = makeDigest();
const hash = (text: string): Sha256 => digest.sha256(text);
const BLOCK = 'const value = "long enough to be a file of its own";\n';

async function record(workspace: TempWorkspace, revision: number, result: string, changed: string): Promise<void> {
  const { history } = await workspace.rooms();
  const feature = parseFeature('FEAT-7-panel');
  const name = parsePromptName('panel');
  assert.ok(feature.ok && name.ok);
  const common = {
    job: jobIdFrom(digest.randomBytes(10)),
    identity: { feature: feature.value.id, role: roleNamed('ui'), name: name.value, revision },
    roleFolder: '03-ui',
    promptSha256: hash(`prompt ${String(revision)}`),
    specVersion: '2.1.0',
    codeCommit: null,
    runner: 'claude',
    model: null,
    at: '2026-11-20T10:00:00.000Z',
  };
  const submission = { ...common, featureName: feature.value.name, title: null, stream: 'feature' as const };
  assert.ok((await history.submit({ ...submission, prompt: Buffer.from(`prompt ${String(revision)}`) })).ok);
  const evidence = `${JSON.stringify({
    predicate: {
      filesChanged: [
        { path: 'src/a.ts', sha256: hash(changed) },
        { path: 'gone.ts', sha256: null },
      ],
    },
  })}\n`;
  const answer = { ...common, status: 'answered' as const, result: Buffer.from(result), evidence, materials: [], attempts: [] };
  assert.ok((await history.record(answer)).ok);
}

test('files of the evidence, the result and its fenced blocks are links of the answer; what is known already is not read again', async (t) => {
  const workspace = await makeTempWorkspace(t);
  await record(workspace, 1, `# One\n\n\`\`\`ts\n${BLOCK}\`\`\`\n\n\`\`\`\nnpm test\n\`\`\`\n`, 'changed in one\n');
  const first = await readLinks(makeFs(), workspace.history, null, 100);
  assert.ok(first !== null && first.isWhole && !first.isOnTop);
  assert.deepEqual(
    first.links.map((link) => link.record),
    ['FEAT-7/ui/panel@1'],
  );
  const files = first.links[0]?.files ?? [];
  assert.ok(files.includes(hash(BLOCK)) && files.includes(hash('changed in one\n')));
  assert.ok(!files.includes(hash('npm test\n')), 'too short to be of somebody');

  await record(workspace, 2, 'a second answer\n', 'changed in two\n');
  const second = await readLinks(makeFs(), workspace.history, first.tip, 100);
  assert.ok(second?.isOnTop === true);
  assert.deepEqual(
    second.links.map((link) => link.record),
    ['FEAT-7/ui/panel@2'],
  );
  const bounded = await readLinks(makeFs(), workspace.history, null, 2);
  assert.deepEqual([bounded?.isWhole, bounded?.links.length], [false, 1]);
  const elsewhere = await readLinks(makeFs(), workspace.history, '1'.repeat(40), 100);
  assert.deepEqual([elsewhere?.isOnTop, elsewhere?.links.length], [false, 2], 'a past that is not the one that was read is read anew');

  const approvals = await readApprovals(makeFs(), workspace.history, ['FEAT-7/ui/panel@1', 'FEAT-7/ui/panel@9', 'no record']);
  assert.deepEqual([...approvals.values()], ['none', 'unknown', 'unknown']);
});

test('the name of a record reads back, and no other text is one', () => {
  for (const text of ['FEAT-1/ui@2', 'FEAT-1/ui/filter-panel@12']) {
    const identity = parseRecordName(text);
    assert.ok(identity !== null);
    assert.equal(recordName(identity), text);
  }
  for (const text of ['FEAT-1/ui', 'FEAT-1/ui@0', '../ui@1', 'FEAT-1/ui/../x@1', 'FEAT-1/ui@1 ']) assert.equal(parseRecordName(text), null);
});

test('fenced blocks are read as CommonMark has them', () => {
  assert.deepEqual(fencedBlocks('```ts\na\n```\ntext\n~~~~\n```\nb\n~~~\n~~~~~\n'), ['a\n', '```\nb\n~~~\n']);
  assert.deepEqual(fencedBlocks('  ```\n  a\n    b\n  ```\r\n'), ['a\n  b\n']);
  assert.deepEqual(fencedBlocks('`` `x` ``\n``` a`b\n```\nnever closed\n'), []);
});
