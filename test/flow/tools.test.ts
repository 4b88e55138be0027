/** Programs as runners: what they answer, how they fail, and what is kept of it. One daemon for the whole file. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Statement } from '#core/evidence.ts';
import { assertVerified, makeRig, promptText, type Daemon } from '#test/support/rig.ts';
import { settingsWith, shellRunner } from '#test/support/rig-runners.ts';

/** Made at run time, by the tool itself: no file of this project and no setting holds what looks like a secret. */
const SECRET = ['gh', 'p_', 'Zk3Qw9Lm', 'T7xVb2Rc', 'Yd5Nf8Hj', 'Ps4Ga1Ue', 'Wo6K'].join('');
const SAY_SECRET = "printf '%s' gh p_ Zk3Qw9Lm T7xVb2Rc Yd5Nf8Hj Ps4Ga1Ue Wo6K";

describe('tools', () => {
  const rig = makeRig({ after }, settingsWith([]));
  let daemon: Daemon;
  before(async () => {
    rig.settings(
      settingsWith([
        shellRunner('copy', 'cat'),
        shellRunner(
          'json',
          `printf '{"message":{"content":"# From JSON\\\\n"},"cost":1}'`,
          ', output: json, answer_field: message.content',
        ),
        shellRunner('leak', `echo '# Answer'; ${SAY_SECRET}`),
        shellRunner('fail', `echo 'half an answer'; echo 'no such model' >&2; exit 1`),
        shellRunner('fail-leaking', `echo 'half an answer'; ${SAY_SECRET} >&2; exit 1`),
        shellRunner('die', 'kill -SEGV $$'),
        shellRunner('silent', 'cat >/dev/null'),
        `  absent: { kind: command, program: ${path.join(rig.base, 'later.sh')} }\n`,
        shellRunner('flag', `test -e ${rig.base}/flag && echo '# At last'`),
      ]),
    );
    daemon = await rig.start();
  });
  const out = (name: string): string => path.join(rig.out(), name);
  const drop = (stem: string, feature: string, runner: string, body?: string): void => {
    rig.drop(`${stem}.md`, promptText({ feature, extra: `runner: ${runner}\n`, ...(body === undefined ? {} : { body }) }));
  };
  const failedEvidence = (feature: string): Statement => {
    const files = rig.git('ls-tree', '-r', '--name-only', 'HEAD', `${feature}/01-architect/attempts/`).trim().split('\n');
    const evidence = files.find((file) => file.endsWith('/evidence.json'));
    return JSON.parse(rig.git('show', `HEAD:${evidence ?? ''}`)) as Statement;
  };

  test('the tool gets the body byte for byte, and its output is the answer byte for byte', async () => {
    const body = '# Täsk\r\n\r\n`$(touch canary)` {{7*7}} \u202e ~~~~~~\n\ttab, no newline at the end';
    drop('copy', 'COPY-1', 'copy', body);
    await rig.ended('copy');
    assert.ok(rig.read(out('copy_result.md')).includes(`\n${body}\n`));
    const { predicate } = rig.evidence('copy');
    assert.equal(predicate.status, 'answered');
    assert.deepEqual(
      predicate.attempts.map(({ n, outcome, starts }) => ({ n, outcome, starts })),
      [{ n: 1, outcome: 'answered', starts: 1 }],
    );
    assert.equal(rig.read(out('copy_result.md')), rig.git('show', 'HEAD:COPY-1/01-architect/result_v1.md'));
  });

  test('of JSON output the named field is the answer', async () => {
    drop('json', 'JSON-1', 'json');
    await rig.ended('json');
    assert.equal(rig.read(out('json_result.md')), '# From JSON\n');
  });

  test('an answer with a secret is held: it is not in history, not in out/, not in the log', async () => {
    drop('leak', 'LEAK-1', 'leak');
    await rig.ended('leak', 'held');
    assert.match(rig.read(out('leak_error.md')), /the answer contains what looks like a secret: \S+ at line 2, column 1/);
    assert.deepEqual(
      readdirSync(rig.out()).filter((name) => name.startsWith('leak_')),
      ['leak_error.md'],
    );
    assertNowhere();
  });

  test('a tool that fails is tried again, then given up; each attempt is told, and recorded as evidence', async () => {
    drop('fail', 'FAIL-1', 'fail');
    await rig.ended('fail', 'failed');
    const page = rig.read(out('fail_error.md'));
    assert.match(page, /exit code 1: .*; it said: no such model/);
    assert.match(page, /- attempt 1, .*agent-failure/);
    assert.match(page, /- attempt 2, .*agent-failure/);
    const evidence = failedEvidence('FAIL-1');
    assert.equal(evidence.predicate.status, 'failed');
    assert.equal(evidence.predicate.attempts.length, 2);
    assert.equal(
      rig.git('log', '-1', '--format=%(trailers:key=Docket-Status,valueonly)', '--grep=Docket-Feature: FAIL-1').trim(),
      'failed',
    );
    const files = rig.git('ls-tree', '-r', '--name-only', 'HEAD', 'FAIL-1').trim().split('\n');
    assert.ok(files.some((file) => file.endsWith('/a1-stdout')) && files.some((file) => file.endsWith('/a2-stderr')), files.join(' '));
  });

  test('what a failing tool says is not told when a secret stands in it', async () => {
    drop('fail-leaking', 'FAIL-2', 'fail-leaking');
    await rig.ended('fail-leaking', 'failed');
    assert.match(rig.read(out('fail-leaking_error.md')), /exit code 1/);
    assert.equal(failedEvidence('FAIL-2').predicate.attempts.length, 2);
    assertNowhere();
  });

  test('a tool that crashes or says nothing stops nobody else', async () => {
    drop('die', 'DIE-1', 'die');
    drop('silent', 'DIE-2', 'silent');
    drop('other', 'DIE-3', 'copy');
    await rig.ended('other');
    await rig.ended('die', 'failed');
    await rig.ended('silent', 'failed');
    assert.match(rig.read(out('die_error.md')), /ended with signal SIGSEGV/);
    assert.match(rig.read(out('silent_error.md')), /gave no answer/);
  });

  test('a prompt that failed is taken up again by `docket retry`, as the same job, in one record', async () => {
    drop('again', 'RETRY-1', 'flag');
    await rig.ended('again', 'failed');
    rig.tool('flag', '');
    const retried = await rig.docket('retry', 'architect/again');
    assert.equal(retried.code, 0, retried.err);
    await rig.ended('again');
    assert.equal(rig.read(out('again_result.md')), '# At last\n');
    assert.equal(existsSync(out('again_error.md')), false);
    assert.equal(rig.evidence('again').predicate.job, failedEvidence('RETRY-1').predicate.job);
    assert.deepEqual(
      rig.git('log', '--format=%(trailers:key=Docket-Status,valueonly,separator=)', '--grep=Docket-Feature: RETRY-1').trim().split('\n'),
      ['answered', 'failed', 'submitted'],
    );
  });

  test('a missing program holds its lane, with words; when it appears the prompt is answered and no attempt was spent', async () => {
    drop('absent', 'ABSENT-1', 'absent');
    await rig.logged('lane absent waits until');
    await Promise.all([
      says(/lane absent: 0 of 2 slots in use, \d queued, HELD until .*later\.sh was not found/, 'status'),
      says(/later\.sh was not found/, 'why', 'absent'),
    ]);
    drop('unharmed', 'ABSENT-2', 'copy');
    await rig.ended('unharmed');
    rig.tool('later.sh', '#!/bin/sh\necho "# Here I am"\n');
    await rig.ended('absent');
    assert.equal(rig.read(out('absent_result.md')), '# Here I am\n');
    const { attempts } = rig.evidence('absent').predicate;
    assert.deepEqual(
      attempts.map(({ n, outcome, starts }) => ({ n, outcome, starts })),
      [{ n: 1, outcome: 'answered', starts: 1 }],
      'looks at a lane that is held are no attempts',
    );
  });

  test('after all of it the history is clean and verified', async () => {
    assert.equal(await daemon.stop(), 0);
    assertVerified(rig);
    assertNowhere();
  });

  /** A verb's words between two probes of the lane: they are short, so the second question is rare. */
  async function says(words: RegExp, ...args: string[]): Promise<void> {
    const answers: string[] = [];
    while (answers.length < 10) {
      const { out: text, err } = await rig.docket(...args);
      if (words.test(text)) return;
      answers.push(text + err);
    }
    assert.fail(answers.join('\n'));
  }

  function assertNowhere(): void {
    for (const name of readdirSync(rig.out())) assert.equal(rig.read(out(name)).includes(SECRET), false, name);
    assert.equal(rig.log().includes(SECRET), false, 'the log');
    assert.equal(daemon.output().includes(SECRET), false, 'the terminal');
    assert.throws(() => rig.git('grep', '-q', '-F', SECRET, ...rig.git('rev-list', '--all').trim().split('\n')), 'the history');
  }
});
