import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { CRASH_POINTS } from '#core/job.ts';
import type { Statement } from '#core/evidence.ts';
import { makeRig, promptText } from '#test/support/rig.ts';

/** A tool that notes each start and answers with a text that is never the same: a second run cannot hide. */
const TOOL = '#!/bin/sh\necho started >> "$1"\necho "# Answer"\nhead -c 16 /dev/urandom | od -An -tx1\ncat >/dev/null\n';
const SETTINGS = (tool: string, starts: string): string =>
  `runner: tool\nrunners:\n  tool: { kind: command, program: ${tool}, args: [${starts}], output: text }\n`;

for (const point of CRASH_POINTS) {
  test(`killed right after "${point}", a new start gives the same names, one answer and one record`, async (t) => {
    const rig = makeRig(t);
    const tool = path.join(rig.root, '..', 'tool.sh');
    const starts = path.join(rig.root, '..', 'starts');
    writeFileSync(tool, TOOL);
    chmodSync(tool, 0o755);
    rig.settings(SETTINGS(tool, starts));

    const text = promptText({ body: `# Task at ${point}\n` });
    rig.drop('foo.md', text);
    const first = rig.launch({ DOCKET_CRASH_AT: point });
    assert.equal(await first.ended, 'SIGKILL', first.output());

    const second = await rig.start();
    await rig.ended('foo');
    assert.equal(await second.stop(), 0);

    assert.deepEqual(readdirSync(rig.in()), ['foo.processed']);
    assert.deepEqual(readdirSync(rig.out()).toSorted(), ['foo_evidence.json', 'foo_result.md']);
    assert.deepEqual(readdirSync(path.join(rig.queues, '01-architect', 'work')), []);
    assert.equal(rig.read(path.join(rig.in(), 'foo.processed')), text);
    assert.equal(rig.git('show', 'HEAD:FEAT-1/01-architect/result_v1.md'), rig.read(path.join(rig.out(), 'foo_result.md')));
    assert.equal(rig.git('log', '--format=%s', '--grep=Docket-Status: answered').trim(), 'ai(FEAT-1): architect r1 answered');
    assert.equal(rig.git('log', '--format=%s', '--grep=Docket-Status: submitted').trim(), 'ai(FEAT-1): architect r1 submitted');
    const evidence = JSON.parse(rig.read(path.join(rig.out(), 'foo_evidence.json'))) as Statement;
    const started = existsSync(starts) ? readFileSync(starts, 'utf8').trim().split('\n').length : 0;
    assert.equal(started, 1, 'the keeper outlives the daemon, so the tool is started once whatever the point');
    assert.equal(
      evidence.predicate.attempts.reduce((sum, attempt) => sum + attempt.starts, 0),
      started,
    );
    assert.equal(rig.git('status', '--porcelain'), '');
    assert.equal(rig.git('fsck', '--full', '--strict').trim(), '');
  });
}
