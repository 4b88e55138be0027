import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Statement } from '#core/evidence.ts';
import { startFakeModel } from '../../support/fake-model.mjs';
import { makeRig, ROOT } from '#test/support/rig.ts';

const BIN = path.join(ROOT, 'test', 'tools', 'node_modules', '.bin');
const EXAMPLES = path.join(ROOT, 'docs', 'examples', 'feature-user-filters');
const KEY = 'fake-key-0123456789abcdef';

test('six prompts of one feature go through all six roles with the real Claude Code', async (t) => {
  if (!existsSync(path.join(BIN, 'claude'))) {
    console.log('NOT RUN: Claude Code is not installed in test/tools (npm install --prefix test/tools)');
    return;
  }
  const fake = await startFakeModel({ scenario: 'ok' });
  t.after(async () => fake.close());
  const rig = makeRig(t, 'runner: claude\n');
  const daemon = await rig.start({ PATH: `${BIN}:${process.env['PATH'] ?? ''}`, ANTHROPIC_BASE_URL: fake.url, ANTHROPIC_API_KEY: KEY });
  const roles = readdirSync(EXAMPLES).filter((name) => name.endsWith('.md'));
  assert.equal(roles.length, 6);
  for (const file of roles) rig.drop('user-filters.md', readFileSync(path.join(EXAMPLES, file)), file.replace('.md', ''));
  for (const file of roles) {
    const folder = file.replace('.md', '');
    await rig.ended('user-filters', 'processed', folder);
    const evidence = JSON.parse(rig.read(path.join(rig.out(folder), 'user-filters_evidence.json'))) as Statement;
    assert.equal(evidence.predicate.status, 'answered');
    assert.equal(evidence.predicate.runner.kind, 'claude');
    assert.match(evidence.predicate.runner.version ?? '', /^\d+\.\d+\.\d+$/);
    assert.ok((evidence.predicate.usage.outputTokens ?? 0) > 0);
    assert.match(rig.read(path.join(rig.out(folder), 'user-filters_result.md')), /^# Fake answer/);
  }
  assert.equal(await daemon.stop(), 0);

  const verified = rig.run(['verify', '--json']);
  assert.equal(verified.code, 0, verified.out + verified.err);
  assert.equal(rig.git('status', '--porcelain'), '');
  assert.equal(rig.git('fsck', '--full', '--strict').trim(), '');

  const clone = mkdtempSync(path.join(tmpdir(), 'docket-clone-'));
  t.after(() => {
    rmSync(clone, { recursive: true, force: true });
  });
  const cloned = spawnSync('git', ['clone', '-q', rig.history, path.join(clone, 'history')], { env: rig.env, encoding: 'utf8' });
  assert.equal(cloned.status, 0, cloned.stderr);
  const answers = spawnSync(
    'git',
    [
      '-C',
      path.join(clone, 'history'),
      'log',
      '--format=%(trailers:key=Docket-Role,valueonly,separator=)',
      '--grep=Docket-Status: answered',
    ],
    { env: rig.env, encoding: 'utf8' },
  );
  assert.deepEqual(answers.stdout.trim().split('\n').toSorted(), ['architect', 'integration', 'meta', 'openapi', 'test-review', 'ui']);
  assert.ok(!rig.git('grep', '-c', '', 'HEAD').includes(KEY));
  const leaked = spawnSync('git', ['-C', rig.history, 'grep', '-q', KEY, 'HEAD'], { env: rig.env });
  assert.equal(leaked.status, 1, 'the key of the provider must not be in the history');
});
