/** From a feature to prompts that wait for an approval, through the real program; killed at every new point of the way. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { EMIT_POINTS } from '#core/job.ts';
import { block, makeEmitRig, META, metaPrompt, TWO, type EmitRig } from '#test/support/emits.ts';

const released = async (rig: EmitRig): Promise<void> => {
  await rig.ended('screens', 'processed', '03-ui');
  await rig.ended('FEAT-1-architect', 'processed', '01-architect');
};

type Page = {
  readonly job: string;
  readonly prompts: readonly { readonly role: string; readonly stem: string; readonly file: string; readonly sha256: string }[];
};

test('the prompts of an answer wait, listed and in the evidence, until it is approved; then all of them run, each once', async (t) => {
  const rig = makeEmitRig(t);
  const daemon = await rig.start();
  rig.drop('feature.md', metaPrompt(), META);
  await rig.ended('feature', 'processed', META);
  assert.deepEqual(rig.names('03-ui'), ['screens.held']);
  assert.deepEqual(rig.names('01-architect'), ['FEAT-1-architect.held']);
  assert.deepEqual(readdirSync(rig.out(META)).toSorted(), ['feature_evidence.json', 'feature_prompts.json', 'feature_result.md']);
  const page = JSON.parse(rig.read(path.join(rig.out(META), 'feature_prompts.json'))) as Page;
  const { predicate } = rig.evidence('feature', META);
  assert.equal(page.job, predicate.job);
  assert.deepEqual(
    page.prompts.map(({ role, stem, sha256 }) => ({ role, stem, sha256 })),
    predicate.emitted,
  );
  const held = rig.read(path.join(rig.in('03-ui'), 'screens.held'));
  assert.match(held, new RegExp(`\\nparent: ${predicate.job}\\n---\\n# UI\\n$`));
  assert.equal(rig.read(path.join(rig.out(META), 'feature_result.md')), TWO, 'the answer itself is untouched');

  const ls = rig.run(['ls', 'ui']);
  assert.match(ls.out, /screens\s+held\s+FEAT-1 r1.*waits for the approval of FEAT-1\/meta@1/);
  const show = rig.run(['show', 'ui/screens']);
  assert.deepEqual([show.code, /waits for the approval of FEAT-1\/meta@1/.test(show.out)], [0, true], show.out + show.err);
  const refused = rig.run(['release', 'ui/screens']);
  assert.deepEqual([refused.code, /terminal/.test(refused.err)], [2, true], refused.err);
  assert.equal(rig.run(['retry', 'ui/screens']).code, 2, 'a retry is no way around the approval');
  assert.deepEqual(rig.starts(), ['meta']);

  rig.approve('FEAT-1/meta');
  await released(rig);
  assert.deepEqual(rig.starts(), ['meta', 'other', 'other']);
  assert.equal(await daemon.stop(), 0);
  assert.equal(rig.run(['verify']).code, 0);
});

for (const point of EMIT_POINTS) {
  test(`killed right after "${point}", a new start enqueues and releases each prompt once`, async (t) => {
    const rig = makeEmitRig(t);
    const isRelease = point.endsWith('released');
    rig.drop('feature.md', metaPrompt(), META);
    const first = rig.launch({ DOCKET_CRASH_AT: point });
    if (isRelease) {
      await rig.ended('feature', 'processed', META);
      rig.approve('FEAT-1/meta');
    }
    assert.equal(await first.ended, 'SIGKILL', first.output());

    const second = await rig.start();
    if (!isRelease) {
      await rig.ended('feature', 'processed', META);
      assert.deepEqual(rig.names('03-ui'), ['screens.held']);
      assert.deepEqual(rig.names('01-architect'), ['FEAT-1-architect.held']);
      rig.approve('FEAT-1/meta');
    }
    await released(rig);
    assert.equal(await second.stop(), 0);
    assert.deepEqual(rig.names('03-ui'), ['screens.processed']);
    assert.deepEqual(rig.names('01-architect'), ['FEAT-1-architect.processed']);
    assert.deepEqual(rig.starts(), ['meta', 'other', 'other']);
    assert.deepEqual(readdirSync(path.join(rig.queues, META, 'work')), []);
    assert.equal(rig.git('log', '--format=%s', '--grep=Docket-Status: submitted').trim().split('\n').length, 3);
    assert.equal(rig.run(['verify']).code, 0);
  });
}

test('what a person removed or renamed between a kill and the next start does not come back', async (t) => {
  const rig = makeEmitRig(t);
  rig.drop('feature.md', metaPrompt(), META);
  const first = rig.launch({ DOCKET_CRASH_AT: 'enqueued' });
  assert.equal(await first.ended, 'SIGKILL', first.output());
  unlinkSync(path.join(rig.in('03-ui'), 'screens.held'));
  renameSync(path.join(rig.in(), 'FEAT-1-architect.held'), path.join(rig.in(), 'later.held'));
  const second = await rig.start();
  await rig.ended('feature', 'processed', META);
  rig.approve('FEAT-1/meta');
  await rig.ended('later');
  assert.equal(await second.stop(), 0);
  assert.deepEqual([rig.names('03-ui'), rig.names('01-architect')], [[], ['later.processed']]);
});

test('a role whose in/ cannot be used keeps the answer waiting; once it can, all prompts are enqueued', async (t) => {
  const rig = makeEmitRig(t);
  const daemon = await rig.start();
  const away = `${rig.in('03-ui')}-away`;
  renameSync(rig.in('03-ui'), away);
  rig.drop('feature.md', metaPrompt(), META);
  await rig.logged('feature.md stays in work/ and goes on later');
  assert.deepEqual(
    [rig.names('01-architect'), rig.names(META), readdirSync(rig.out(META))],
    [[], [], []],
    'none before all can, and no answer',
  );
  renameSync(away, rig.in('03-ui'));
  await rig.ended('feature', 'processed', META);
  assert.deepEqual([rig.names('03-ui'), rig.names('01-architect')], [['screens.held'], ['FEAT-1-architect.held']]);
  assert.equal(await daemon.stop(), 0);
  assert.deepEqual(rig.starts(), ['meta'], 'the answer was paid for once');
});

test('an approval without a daemon releases at the next start; a prompt that a person holds stays', async (t) => {
  const rig = makeEmitRig(t);
  const first = await rig.start();
  rig.drop('feature.md', metaPrompt(), META);
  await rig.ended('feature', 'processed', META);
  assert.equal(await first.stop(), 0);
  assert.equal(rig.run(['hold', 'ui/screens', '--comment', 'after the demo']).code, 0);
  rig.approve('FEAT-1/meta');
  assert.deepEqual(rig.names('01-architect'), ['FEAT-1-architect.held']);
  const second = await rig.start();
  await rig.ended('FEAT-1-architect');
  assert.deepEqual(rig.names('03-ui'), ['screens.held']);
  assert.match(rig.run(['ls', 'ui']).out, /held by Ada Example <ada@example.com>: after the demo/);
  assert.match(rig.run(['why', 'ui/screens']).out, /held by Ada Example.*\n.*`docket release ui\/screens` lets it go/);
  // Its answer is approved, so nobody needs to be asked.
  assert.equal(rig.run(['release', 'ui/screens']).code, 0);
  await rig.ended('screens', 'processed', '03-ui');
  assert.equal(await second.stop(), 0);
});

test('a waiting prompt is held and released, with and without a daemon', async (t) => {
  const rig = makeEmitRig(t);
  const first = await rig.start();
  assert.equal(await first.stop(), 0);
  assert.equal(rig.run(['add', 'architect', '--feature', 'FEAT-2', '--stem', 'foo', '-'], { input: '# Task\n' }).code, 0);
  const held = rig.run(['hold', 'architect/foo', '--json']);
  assert.equal(held.code, 0, held.err);
  assert.deepEqual(rig.names('01-architect'), ['foo.held']);
  const second = await rig.start();
  assert.equal(rig.run(['release', 'foo']).code, 0);
  await rig.ended('foo');
  assert.equal(await second.stop(), 0);
});

test('a newer approved answer takes the place of an older one: the older prompts stay held, and say so', async (t) => {
  const rig = makeEmitRig(t);
  const daemon = await rig.start();
  rig.answers(block({ agent: 'ui', body: '# Old\n' }, '```', 'old.md'));
  rig.drop('one.md', metaPrompt(), META);
  await rig.ended('one', 'processed', META);
  rig.answers(block({ agent: 'ui', body: '# New\n' }, '```', 'new.md'));
  rig.drop('two.md', metaPrompt({ revision: 2 }), META);
  await rig.ended('two', 'processed', META);
  rig.approve('FEAT-1/meta@2');
  await rig.ended('new', 'processed', '03-ui');
  rig.approve('FEAT-1/meta@1');
  assert.match(rig.run(['ls', 'ui']).out, /old\s+held.*superseded: it came out of FEAT-1\/meta@1, and FEAT-1\/meta@2/);
  assert.equal(await daemon.stop(), 0);
  assert.deepEqual(rig.names('03-ui'), ['new.processed', 'old.held']);
});

test('prompts for a role of emit.auto_release start at once, the others wait', async (t) => {
  const rig = makeEmitRig(t, 'emit: { auto_release: [architect, meta] }\n');
  rig.answers(`${block({ agent: 'meta', revision: 2 }, '```', 'again.md')}${block({ agent: 'architect' })}`);
  const daemon = await rig.start();
  rig.drop('feature.md', metaPrompt(), META);
  await rig.ended('FEAT-1-architect');
  // meta emits no documents, so the setting does not count for it.
  assert.deepEqual(rig.names(META), ['again.held', 'feature.processed']);
  assert.match(rig.log(), /emit\.auto_release names meta, which is no role that emits documents/);
  assert.equal(await daemon.stop(), 0);
});

test('prompts that docket would not take go back to the agent once with the findings, and nothing is enqueued', async (t) => {
  const rig = makeEmitRig(t);
  const daemon = await rig.start();
  const bad = `# Plan\n${block({ agent: 'ui', feature: 'FEAT-9', body: '# UI\n' })}\n${block({ agent: 'nobody' })}`;
  rig.answers(bad);
  rig.drop('feature.md', metaPrompt(), META);
  await rig.ended('feature', 'failed', META);
  assert.deepEqual(rig.starts(), ['meta', 'meta'], 'one repair attempt');
  const page = rig.read(path.join(rig.out(META), 'feature_error.md'));
  assert.match(page, /line 4, column 10: feature: a prompt out of an answer is of the same feature/);
  assert.match(page, /line 16, column 8: agent: there is no such role/);
  assert.equal(existsSync(rig.in('03-ui')) ? rig.names('03-ui').length : 0, 0);
  assert.equal(await daemon.stop(), 0);
});
