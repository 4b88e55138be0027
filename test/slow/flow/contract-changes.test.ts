/** A role that changes files, and lists them wrongly first: told, and mended without a second change. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertVerified, makeRig, promptText } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

/** Changes two files and lists one of them and one that it did not change; told of it, it changes nothing more and lists what is so. */
const TOOL = String.raw`cat > ../brief; if grep -q '^- .*src/b.ts was changed (create), and it is not listed' ../brief; then
  printf '# Done\n\n~~~yaml\nchanges:\n  - { path: src/a.ts, kind: modify }\n  - { path: src/b.ts, kind: create }\n~~~\n'
else
  echo two >> src/a.ts; echo new > src/b.ts
  printf '# Done\n\n~~~yaml\nchanges:\n  - { path: src/a.ts, kind: modify }\n  - { path: src/c.ts, kind: delete }\n~~~\n'
fi`;

test('an answer that lists other files than were changed is mended, and what was changed before counts', async (t) => {
  const rig = makeRig(t, settingsWith([shellRunner('changes', TOOL)]));
  const role = path.join(rig.root, 'agents', '03-ui', 'role.yaml');
  writeFileSync(
    role,
    readFileSync(role, 'utf8').replace('access: read-only', 'access: worktree').replace('emits: document', 'emits: changes'),
  );
  for (const version of readdirSync(path.join(rig.root, 'prompt-spec'))) {
    const file = path.join(rig.root, 'prompt-spec', version, '03_ui.md');
    if (existsSync(file)) writeFileSync(file, readFileSync(file, 'utf8').replace('output: []\n', 'output:\n  - changes\n'));
  }
  mkdirSync(path.join(rig.root, 'src'));
  writeFileSync(path.join(rig.root, 'src', 'a.ts'), 'one\n');
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '.'],
    ['commit', '-q', '-m', 'base'],
  ]) {
    const done = spawnSync('git', ['-C', rig.root, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      env: rig.env,
      encoding: 'utf8',
    });
    assert.equal(done.status, 0, done.stderr);
  }
  const daemon = await rig.start();
  rig.drop('ui.md', promptText({ agent: 'ui', extra: 'runner: changes\nscope: { files: ["src/**"], create: ["src/**"] }\n' }), '03-ui');
  await rig.ended('ui', 'processed', '03-ui');
  const { attempts, filesChanged } = rig.evidence('ui', '03-ui').predicate;
  assert.deepEqual(
    attempts.map(({ failure }) => (failure?.kind === 'contract' ? failure.findings : null)),
    [
      [
        { check: 'changes', line: 6, column: 5, message: 'src/c.ts is listed as delete, and it was not changed' },
        { check: 'changes', line: 3, column: 1, message: 'src/b.ts was changed (create), and it is not listed under `changes:`' },
      ],
      null,
    ],
  );
  assert.deepEqual(
    filesChanged.map(({ path: file, change }) => [file, change]),
    [
      ['src/a.ts', 'modify'],
      ['src/b.ts', 'create'],
    ],
  );
  assert.equal(rig.read(path.join(rig.root, 'src', 'a.ts')), 'one\ntwo\n');
  assert.equal(await daemon.stop(), 0);
  assertVerified(rig);
});
