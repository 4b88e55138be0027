import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { makeFs } from '#platform/files.ts';
import { guarded } from '#tools/guard.ts';

test('what would make a tool run code of the project is found in the folder and above it, up to the root of the repository', async (t) => {
  const base = await mkdtemp(path.join(tmpdir(), 'docket-guard-'));
  t.after(async () => rm(base, { recursive: true, force: true }));
  const inner = path.join(base, 'repo', 'src', 'deep');
  await mkdir(inner, { recursive: true });
  await mkdir(path.join(base, 'repo', '.git'));
  const look = async (): Promise<string | null> => guarded(['.tool', 'tool.json'], inner, makeFs());
  // Outside of the repository: not the project's.
  await mkdir(path.join(base, '.tool'));
  assert.equal(await look(), null);
  await writeFile(path.join(base, 'repo', 'tool.json'), '');
  assert.equal(await look(), path.join(base, 'repo', 'tool.json'));
  await mkdir(path.join(inner, '.tool'));
  assert.equal(await look(), path.join(inner, '.tool'));
  assert.equal(await guarded([], inner, makeFs()), null);
});
