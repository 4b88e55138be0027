import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { addShow } from '#cli/show.ts';
import { addVerify } from '#cli/verify.ts';
import { makeTempWorkspace, seedJob, type Rooms } from '#test/support/workspace.ts';

async function archive(rooms: Rooms): Promise<void> {
  for await (const count of rooms.spool.retire(new Date('2999-01-01'))) assert.equal(count, 1);
}

test('an archived input is shown where it is, verified, and found out when it was changed', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const rooms = await workspace.rooms();
  await seedJob(rooms, 'foo', {}, { status: 'answered', answer: '# Answer\n' });
  await archive(rooms);
  const clean = await workspace.json(addVerify, 'verify');
  assert.equal(clean.code, 0, clean.err);
  const shown = await workspace.json(addShow, 'show', 'foo');
  const files = (shown.data as { readonly files: readonly string[] }).files;
  const archived = files.find((file) => file.endsWith('foo.processed')) ?? '';
  assert.match(archived, /\/01-architect\/archive\/[0-9]{4}-[0-9]{2}\/foo\.processed$/);
  assert.ok(files.some((file) => path.basename(file) === 'foo_result.md'));
  chmodSync(archived, 0o600);
  writeFileSync(archived, 'something else');
  const changed = await workspace.json(addVerify, 'verify');
  assert.equal(changed.code, 1);
  assert.match(JSON.stringify(changed.data), /hash-differs.*archive.*foo\.processed/);
});

test('of two inputs that had one name, one archived, both are verified', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const rooms = await workspace.rooms();
  await seedJob(rooms, 'foo', {}, { status: 'answered', answer: '# Answer\n' });
  await archive(rooms);
  for (const part of ['result.md', 'evidence.json']) await rm(workspace.out(`foo_${part}`));
  await seedJob(rooms, 'foo', { revision: 2, body: '# Another\n' }, { status: 'answered', answer: '# Answer 2\n' });
  const both = await workspace.json(addVerify, 'verify');
  assert.equal(both.code, 0, JSON.stringify(both.data));
});
