import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadProfiles } from '#cli/load.ts';
import type { CommandProfile } from '#core/settings.ts';
import { makeFs } from '#platform/files.ts';
import { shippedIds } from '#test/support/profiles.ts';

const SHIPPED = fileURLToPath(new URL('../../agents', import.meta.url));
type Loaded = Awaited<ReturnType<typeof loadProfiles>>;

/** Profiles of a workspace that has these files in agents/tools. */
async function load(t: TestContext, files: Readonly<Record<string, string>>, kinds: readonly string[] = []): Promise<Loaded> {
  const root = await mkdtemp(path.join(tmpdir(), 'docket-profiles-'));
  t.after(async () => rm(root, { recursive: true, force: true }));
  const own = path.join(root, 'agents');
  await mkdir(path.join(own, 'tools'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(own, 'tools', name), text);
  const runners = kinds.map((kind) => ({ name: `my-${kind}`, kind }) as CommandProfile);
  return loadProfiles(makeFs(), { root, roleFolders: [own, SHIPPED], runners });
}

test('a profile of the workspace stands in for the shipped one of the same name, and a new one adds a tool', async (t) => {
  const codex = await readFile(path.join(SHIPPED, 'tools', 'codex.yaml'), 'utf8');
  const loaded = await load(t, {
    'codex.yaml': codex.replace('program: codex', 'program: /opt/codex'),
    'mine.yaml': codex.replace('id: codex', 'id: mine'),
    'README.md': 'no profile',
  });
  assert.ok(loaded.ok);
  assert.equal(loaded.value.get('codex')?.program, '/opt/codex');
  assert.deepEqual([...loaded.value.keys()].toSorted(), [...shippedIds(), 'mine'].toSorted());
});

test('a profile with a fault is told by file, and the shipped one of that name is not used in silence', async (t) => {
  const loaded = await load(t, { 'codex.yaml': 'id: codex\nkind: ai\n' });
  assert.ok(!loaded.ok);
  const [only, ...others] = loaded.error;
  assert.ok(only !== undefined && others.length === 0);
  assert.ok(only.file.endsWith('agents/tools/codex.yaml'));
  assert.ok(only.faults.some(({ code }) => code === 'tool-read-missing'));
});

test('a key of runners of a kind that is no AI tool is a fault that names those there are', async (t) => {
  assert.ok((await load(t, {}, ['command', 'claude', 'codex'])).ok);
  for (const kind of ['cloude', 'echo']) {
    const loaded = await load(t, {}, [kind]);
    assert.ok(!loaded.ok);
    const faults = loaded.error.flatMap((one) => one.faults);
    assert.deepEqual(
      faults.map(({ code, field }) => [code, field]),
      [['runner-kind-unknown', `runners.my-${kind}.kind`]],
    );
    assert.match(faults.map(({ expected }) => expected).join(''), /^command, .*claude, .*codex/);
  }
});
