/** When a prompt's turn comes, and how a person stops one. One daemon for the whole file; its tools obey the test. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startFakeAgents, type FakeAgents } from '#test/support/fake-agent.ts';
import { assertClean, makeRig, promptText, type Daemon } from '#test/support/rig.ts';
import { inHistory, judge } from '#test/support/verdicts.ts';
import { obeyingRunner, settingsWith, shellRunner } from '#test/support/rig-runners.ts';

/** The brief without the lines that would make prompts of parts of it. */
const WITHOUT_FENCES = "grep -v '^[~`]'";

describe('schedule and cancel', () => {
  const rig = makeRig({ after }, settingsWith([]));
  let daemon: Daemon;
  let agents: FakeAgents;
  before(async () => {
    agents = await startFakeAgents(rig.base);
    rig.settings(
      settingsWith(
        [obeyingRunner('one', agents), shellRunner('copy', WITHOUT_FENCES)],
        'lanes: { one: { slots: 1 } }\nlimits: { ahead: 1 }\nintake: { settle: 100ms, scan_interval: 200ms }\n',
      ).replace('intake: { settle: 100ms }\n', ''),
    );
    daemon = await rig.start();
  });
  after(async () => agents.close());

  const inbox = (name: string): string => path.join(rig.in(), name);
  const drop = (stem: string, extra: string): void => {
    rig.drop(`${stem}.md`, promptText({ feature: `S-${stem}`, body: `This is ${stem}.\n`, extra }));
  };
  /** Resolves when the folders were looked at once more and all that could be claimed was. */
  let looks = 0;
  const looked = async (): Promise<void> => {
    const stem = `look-${String(++looks)}`;
    drop(stem, '');
    await rig.ended(stem);
  };
  const answerNext = async (): Promise<string> => {
    const agent = await agents.next();
    await agent.tell({ do: 'print', text: '# Answer\n' });
    await agent.tell({ do: 'exit', code: 0 });
    return /This is (\S+)\./.exec(agent.stdin)?.[1] ?? agent.stdin;
  };

  test('with one slot, lower priority numbers go first', async () => {
    drop('running', 'runner: one\n');
    const first = await agents.next();
    drop('p90', 'runner: one\npriority: 90\n');
    await rig.until(rig.in(), () => !existsSync(inbox('p90.md')), 'the next one is claimed');
    drop('p95', 'runner: one\npriority: 95\n');
    await looked();
    assert.ok(existsSync(inbox('p95.md')), 'no more are claimed than will soon run');
    drop('p10', 'runner: one\npriority: 10\n');
    await rig.until(rig.in(), () => !existsSync(inbox('p10.md')), 'what is more urgent than what waits is claimed');
    // It stands in the lane by then: it was accepted before this one.
    await looked();
    await first.tell({ do: 'print', text: '# Answer\n' });
    await first.tell({ do: 'exit', code: 0 });
    assert.deepEqual([await answerNext(), await answerNext(), await answerNext()], ['p10', 'p90', 'p95']);
    await rig.ended('p95');
  });

  test('neither a brief nor an answer that nobody has accepted satisfies depends_on; an accepted one does, and stands in the brief', async () => {
    rig.drop('ui.md', promptText({ feature: 'DEP-1', body: 'Use it.\n', extra: 'depends_on: [meta]\nrunner: copy\n' }));
    rig.drop('meta.md', promptText({ feature: 'DEP-1', agent: 'meta', body: 'Nobody answers this.\n' }), '00-meta');
    await rig.ended('meta', 'processed', '00-meta');
    assert.equal(rig.evidence('meta', '00-meta').predicate.status, 'briefed');
    await looked();
    assert.ok(existsSync(inbox('ui.md')));
    const why = await rig.docket('why', 'architect/ui');
    assert.match(why.out, /DEP-1\/meta@1 has only a brief of the offline runner, which is no answer/);

    const meta = promptText({ feature: 'DEP-1', agent: 'meta', revision: 2, body: 'Known by its answer.\n', extra: 'runner: copy\n' });
    rig.drop('meta2.md', meta, '00-meta');
    await rig.ended('meta2', 'processed', '00-meta');
    await looked();
    assert.ok(existsSync(inbox('ui.md')), 'nobody has looked at the answer yet');
    const awaits = await rig.docket('why', 'architect/ui');
    assert.match(awaits.out, /DEP-1\/meta@2 awaits a verdict\n {2}next {5}`docket approve DEP-1\/meta@2`/);
    const commit = await inHistory(rig.root, async (history) => judge(history, 'DEP-1/meta@2'));
    await rig.ended('ui');
    const result = rig.read(path.join(rig.out(), 'ui_result.md'));
    assert.ok(result.includes('DEP-1/00-meta/result_v2.md') && result.includes('Known by its answer.'));
    assert.deepEqual(
      rig
        .evidence('ui')
        .predicate.materials.filter(({ role }) => role === 'context')
        .map(({ name }) => name),
      ['DEP-1/00-meta/result_v2.md'],
    );
    const [used] = rig.evidence('ui').predicate.context ?? [];
    assert.deepEqual(
      [used?.path, used?.revision, used?.standing, used?.verdicts],
      ['DEP-1/00-meta/result_v2.md', 2, 'accepted', [{ path: 'DEP-1/00-meta/review_v2.json', commit }]],
    );
    assert.equal(used?.sha256, createHash('sha256').update(rig.git('show', 'HEAD:DEP-1/00-meta/result_v2.md')).digest('hex'));
  });

  test('not_before is waited for, and `docket why` says so', async () => {
    drop('far', 'not_before: 2999-01-01T00:00:00Z\n');
    const soon = new Date(Date.now() + 600).toISOString();
    drop('soon', `not_before: ${soon}\n`);
    const why = await rig.docket('why', 'far');
    assert.match(why.out, /its time has not come: not_before 2999-01-01T00:00:00Z/);
    await rig.ended('soon');
    const { times } = rig.evidence('soon').predicate;
    assert.ok(times.claimed >= soon, `${times.claimed} is before ${soon}`);
    assert.ok(existsSync(inbox('far.md')));
  });

  test('a waiting file is cancelled where it lies, and is not claimed again', async () => {
    drop('unwanted', 'not_before: 2999-01-01T00:00:00Z\n');
    const commits = rig.commits();
    const cancelled = await rig.docket('cancel', 'unwanted');
    assert.equal(cancelled.code, 0, cancelled.err);
    await looked();
    assert.ok(existsSync(inbox('unwanted.cancelled')) && !existsSync(inbox('unwanted.md')));
    assert.equal(rig.commits(), commits + 2, 'only the look was recorded');
  });

  test('a running job is cancelled: its tool ends, the record says by whom, nothing is answered', async () => {
    drop('stopped', 'runner: one\n');
    const agent = await agents.next();
    await agent.tell({ do: 'print', text: '# Half an answer\n' });
    const cancelled = await rig.docket('cancel', 'architect/stopped');
    assert.equal(cancelled.code, 0, cancelled.err);
    await agent.gone;
    await rig.ended('stopped', 'cancelled');
    assert.match(rig.read(path.join(rig.out(), 'stopped_error.md')), /stopped by \S+/);
    assert.equal(existsSync(path.join(rig.out(), 'stopped_result.md')), false);
    assert.equal(
      rig.git('log', '-1', '--format=%(trailers:key=Docket-Status,valueonly)', '--grep=Docket-Feature: S-stopped').trim(),
      'cancelled',
    );
  });

  test('a job whose tool is nowhere can be cancelled too, and holds up no other lane', async () => {
    drop('toolless', 'runner: auto\n');
    await rig.logged('lane auto waits until');
    await looked();
    const cancelled = await rig.docket('cancel', 'toolless');
    assert.equal(cancelled.code, 0, cancelled.err);
    await rig.ended('toolless', 'cancelled');
    const work = path.join(rig.queues, '01-architect', 'work');
    await rig.until(work, () => readdirSync(work).length === 0, 'an empty work folder');
  });

  test('after all of it the history is clean', async () => {
    assert.equal(await daemon.stop(), 0);
    assertClean(rig);
  });
});
