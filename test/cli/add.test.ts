import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { makeRig, promptText } from '#test/support/rig.ts';

const rig = makeRig({ after });
before(async () => {
  await rig.start();
});

suite('add, ask, wait, check, preview, spec, config and status', () => {
  test('add builds a valid prompt from a plain text, and the next one is the next revision', async () => {
    const first = rig.run(['add', 'architect', '--feature', 'FEAT-5', '--json'], { input: 'List the modules.' });
    assert.equal(first.code, 0, first.err);
    const dropped = JSON.parse(first.out) as { name: string; sha256: string; identity: { revision: number }; daemon: boolean };
    const stated = `FEAT-5-architect-r1.sha256-${dropped.sha256}.md`;
    assert.deepEqual([dropped.name, dropped.identity.revision, dropped.daemon], [stated, 1, true]);
    await rig.ended('FEAT-5-architect-r1');
    const second = rig.run(['add', '01-architect', '-f', 'FEAT-5', '--title', 'Modules: again', '-'], { input: 'List them again.\n' });
    assert.equal(second.code, 0, second.err);
    await rig.ended('FEAT-5-architect-r2');
    assert.match(
      rig.read(path.join(rig.in(), 'FEAT-5-architect-r2.processed')),
      /^---\nfeature: FEAT-5\n(?:.*\n)*---\n\nList them again\.\n$/,
    );
  });

  test('ask prints the answer and nothing else on standard output', () => {
    const asked = rig.run(['ask', 'ui', '--feature', 'FEAT-6', '--timeout', '20'], { input: 'Which screens?' });
    assert.equal(asked.code, 0, asked.err);
    assert.ok(asked.out.startsWith('# Brief for the'));
    assert.ok(asked.out.includes('Which screens?'));
    assert.match(asked.err, /dropped .*FEAT-6-ui-r1\.sha256-[0-9a-f]{64}\.md/);
  });

  test('wait waits for a job by its name and says how it ended', () => {
    const waited = rig.run(['wait', 'ui/FEAT-6-ui-r1', '--timeout', '20']);
    assert.deepEqual([waited.code, waited.out.trim()], [0, 'ui/FEAT-6-ui-r1  briefed']);
    const unknown = rig.run(['wait', 'nothing-of-this-name']);
    assert.equal(unknown.code, 2);
  });

  test('an invalid prompt is told with line and column and not dropped', () => {
    const namesBefore = readdirSync(rig.in());
    const file = path.join(rig.root, 'bad.md');
    writeFileSync(file, promptText({ feature: '../x', revision: 0 }));
    const added = rig.run(['add', 'architect', file]);
    assert.equal(added.code, 1);
    assert.match(added.err, /line 2, column 10: feature/);
    assert.match(added.err, /line 5, column \d+: revision/);
    assert.deepEqual(readdirSync(rig.in()), namesBefore);
    const checked = rig.run(['check', file, '--json']);
    assert.equal(checked.code, 1);
    const [report] = JSON.parse(checked.out) as { ok: boolean; faults: { field: string }[] }[];
    assert.deepEqual([report?.ok, report?.faults.map((fault) => fault.field)], [false, ['feature', 'revision']]);
  });

  test('preview shows the bytes that would be sent and sends nothing', () => {
    const file = path.join(rig.root, 'good.md');
    writeFileSync(file, promptText({ feature: 'FEAT-8', body: '# Task\n\nThe very words.\n' }));
    const preview = rig.run(['preview', file]);
    assert.equal(preview.code, 0, preview.err);
    assert.ok(preview.out.includes('The very words.'));
    assert.match(preview.err, /bytes, about \d+ tokens/);
    assert.equal(existsSync(path.join(rig.history, 'FEAT-8')), false);
  });

  test('status, config and spec check answer as text and as JSON', () => {
    const status = JSON.parse(rig.run(['status', '--json']).out) as { up: boolean; roles: unknown[] };
    assert.deepEqual([status.up, status.roles.length], [true, 8]);
    const config = rig.run(['config', 'retry', '--why']);
    assert.match(config.out, /retry\.attempts +3 +default/);
    assert.equal(rig.run(['spec', 'check']).code, 0);
  });

  test('wrong use is told with the next step and exit code 2', () => {
    assert.equal(rig.run(['add', 'nobody', '--feature', 'FEAT-1'], { input: 'x' }).code, 2);
    assert.match(rig.run(['add', 'architect'], { input: 'no header' }).err, /--feature is needed/);
    assert.match(rig.run(['stauts']).err, /Did you mean one of [^?]*status\?/);
    assert.equal(rig.run(['--help']).code, 0);
    assert.ok(readFileSync(path.join(rig.root, 'docket.yaml'), 'utf8').startsWith('app: app'));
  });
});
