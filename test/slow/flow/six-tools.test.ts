/** One feature, six roles, six AI tools: each role's prompt of the shipped example is answered by another real tool, against the fake model server. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startFakeModel } from '../../support/fake-model.mjs';
import { toolFolder } from '#test/support/real-tools.ts';
import { assertVerified, makeRig, ROOT } from '#test/support/rig.ts';
import { settingsWith } from '#test/support/rig-runners.ts';
import { runnerLine, stagedEnv } from '#test/support/staged-tools.ts';
import { STAGING } from '#test/support/tool-stage.ts';
import { TABLE_TOOLS, type TableTool } from '#test/support/tool-table.ts';

const EXAMPLES = path.join(ROOT, 'docs', 'examples', 'feature-user-filters');
/** Six tools that begin at once need seconds of a core each. */
const LONGEST_MS = 180_000;
const STEM = 'user-filters';

/** One for each role. */
const TOOLS = TABLE_TOOLS.slice(0, 6);
const missing = TOOLS.filter((tool) => toolFolder(tool) === null);
const bin = toolFolder('claude') ?? '';
const skip = missing.length === 0 ? false : `NOT RUN: ${missing.join(', ')} not installed (npm install in test/tools)`;

test('six real tools answer the six roles of one feature, and the evidence names each', { skip }, async (t) => {
  const fake = await startFakeModel();
  t.after(async () => fake.close());
  const rig = makeRig(t);
  rig.settings(settingsWith(TOOLS.map((tool) => runnerLine(tool, fake.url))));
  const folders = readdirSync(EXAMPLES)
    .filter((name) => /^\d\d-.*\.md$/.test(name))
    .map((name) => name.slice(0, -'.md'.length));
  const crew = folders.map((folder, at): [string, TableTool] => [folder, TOOLS[at] ?? 'claude']);
  assert.equal(new Set(crew.map(([, tool]) => tool)).size, 6);
  for (const [folder, tool] of crew) {
    const role = path.join(rig.root, 'agents', folder);
    mkdirSync(role, { recursive: true });
    const shipped = readFileSync(path.join(ROOT, 'agents', folder, 'role.yaml'), 'utf8');
    writeFileSync(path.join(role, 'role.yaml'), `${shipped}runner: ${tool}\nmodel: ${STAGING[tool].model}\n`);
  }

  const daemon = await rig.start(stagedEnv(TOOLS, bin, fake.url, rig.base));
  for (const [folder] of crew) rig.drop(`${STEM}.md`, readFileSync(path.join(EXAMPLES, `${folder}.md`)), folder);
  for (const [folder, tool] of crew) {
    await rig.until(rig.in(folder), () => existsSync(path.join(rig.in(folder), `${STEM}.processed`)), `the answer of ${tool}`, LONGEST_MS);
    const { status, runner, attempts, usage } = rig.evidence(STEM, folder).predicate;
    assert.deepEqual(
      [status, runner.name, attempts.map(({ n, starts, outcome }) => [n, starts, outcome])],
      ['answered', tool, [[1, 1, 'answered']]],
    );
    assert.match(runner.version ?? '', /^\d+\.\d+\.\d+/, tool);
    assert.match(runner.programSha256 ?? '', /^[0-9a-f]{64}$/, tool);
    assert.ok((usage.inputTokens ?? 0) > 0 && (usage.outputTokens ?? 0) > 0, tool);
    assert.match(rig.read(path.join(rig.out(folder), `${STEM}_result.md`)), /^# Fake answer/);
  }
  assert.equal(await daemon.stop(), 0);
  assertVerified(rig);
  const told = rig.run(['cost', '--by', 'tool', '--json']);
  for (const tool of TOOLS) assert.ok(told.out.includes(`"${tool}"`), told.out + told.err);
});
