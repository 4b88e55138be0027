import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { makeHistory } from '#history/history.ts';
import { answer, answered, collect, findings, makeRig, submission, value, verdictOn, type Rig } from './rig.ts';

const gitIn = (dir: string, ...args: string[]): string => {
  const env = { PATH: process.env['PATH'], GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', LC_ALL: 'C' };
  const person = ['-c', 'user.name=p', '-c', 'user.email=p@example.com'];
  return execFileSync('git', [...person, ...args], { cwd: dir, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
};

/** The tip of one, fetched into the other. */
const fetched = (from: string, into: string): string => {
  gitIn(into, 'fetch', '-q', from, 'main');
  return gitIn(into, 'rev-parse', 'FETCH_HEAD').trim();
};
const assertSound = (dir: string): void => {
  assert.equal(gitIn(dir, 'status', '--porcelain'), '');
  assert.equal(gitIn(dir, 'fsck', '--full', '--strict', '--no-progress', '--no-dangling'), '');
};
const treeOf = (dir: string): string => gitIn(dir, 'rev-parse', 'main^{tree}').trim();

suite('two clones of one history', () => {
  let rig: Rig;
  let there: string;
  const opened: ReturnType<typeof makeHistory>[] = [];
  const open = async (dir: string): Promise<ReturnType<typeof makeHistory>> => {
    const history = makeHistory(rig.options({ dir }));
    opened.push(history);
    await history.open();
    return history;
  };
  beforeEach(async () => {
    rig = makeRig();
    const first = await open(rig.dir);
    value(await first.submit(submission({ feature: 'FEAT-1' })));
    there = path.join(rig.root, 'there-ai-history');
    gitIn(rig.root, 'clone', '-q', rig.dir, there);
  });
  afterEach(async () => {
    for (const history of opened.splice(0)) await history.close();
    await rig.end();
  });

  test('verdicts about one answer, several of each side, are all kept, whoever merges', async () => {
    const [here, other] = [await open(rig.dir), await open(there)];
    const { prompt, end } = await answered(here, { feature: 'FEAT-2' });
    await other.merge(fetched(rig.dir, there));
    for (const [history, side] of [
      [here, 'here'],
      [other, 'there'],
    ] as const)
      for (const n of [1, 2, 3]) await history.judge(verdictOn(prompt, end, { comment: `${side} ${String(n)}` }));
    const comments = async (history: typeof here): Promise<(string | null)[]> =>
      (await history.verdicts({})).map(({ verdict }) => verdict.comment).toSorted();
    const all = ['here 1', 'here 2', 'here 3', 'there 1', 'there 2', 'there 3'];
    const theirs = fetched(there, rig.dir);
    const ours = fetched(rig.dir, there);
    await here.merge(theirs);
    assert.deepEqual(await comments(here), all);
    assert.deepEqual(await findings(here), []);
    await other.merge(ours);
    assert.deepEqual(await comments(other), all);
    // Both merged; now each takes the other's merge.
    await here.merge(fetched(there, rig.dir));
    await other.merge(fetched(rig.dir, there));
    assert.deepEqual(await comments(here), all);
    assert.deepEqual(await comments(other), all);
    assert.deepEqual(await findings(here), []);
    assertSound(rig.dir);
  });

  test('each goes on with its own chain, and a merge has all of both', async () => {
    const [here, other] = [await open(rig.dir), await open(there)];
    const [mine, yours, shared] = [
      submission({ feature: 'FEAT-2' }),
      submission({ feature: 'FEAT-3' }),
      submission({ feature: 'FEAT-1', role: 'ui', folder: '03-ui' }),
    ];
    value(await here.submit(mine));
    value(await here.record(answer(mine)));
    value(await other.submit(yours));
    value(await other.record(answer(yours)));
    value(await other.submit(shared));
    const theirs = fetched(there, rig.dir);
    const merged = await here.merge();
    assert.deepEqual(merged?.beside, []);
    assert.equal((await here.find(yours.identity))?.status, 'answered');
    assert.equal((await here.find(mine.identity))?.status, 'answered');
    assert.equal(
      readFileSync(path.join(rig.dir, 'FEAT-3-user-filters/01-architect/result_v1.md'), 'utf8'),
      `The answer to ${yours.job}.\n`,
    );
    assertSound(rig.dir);
    assert.deepEqual(await collect(here.verify()), []);
    assert.equal(await here.merge(theirs), null, 'a second time there is nothing to do');
    value(await here.record(answer(shared)));
    // The other one has nothing of its own now: its tip becomes this one.
    const forward = await other.merge(fetched(rig.dir, there));
    assert.equal(forward?.commit, gitIn(rig.dir, 'rev-parse', 'main').trim());
    assertSound(there);
    assert.equal((await other.find(shared.identity))?.status, 'answered');
    value(await other.submit(submission({ feature: 'FEAT-9' })));
    assertSound(there);
  });

  test('an identity that both recorded is kept twice, is a finding for ever, and both decide the same', async () => {
    const [here, other] = [await open(rig.dir), await open(there)];
    const early = { ...submission({ feature: 'FEAT-2', prompt: 'early\n' }), at: '2026-11-20T09:00:00.000Z' };
    const late = submission({ feature: 'FEAT-2', prompt: 'late\n' });
    value(await here.submit(late));
    value(await here.record(answer(late)));
    value(await other.submit(early));
    const [tipHere, tipThere] = [fetched(rig.dir, there), fetched(there, rig.dir)];
    assert.deepEqual((await here.merge(tipThere))?.beside, [late.job]);
    assert.deepEqual((await other.merge(tipHere))?.beside, [late.job]);
    assert.equal(treeOf(rig.dir), treeOf(there));
    for (const [dir, history] of [
      [rig.dir, here],
      [there, other],
    ] as const) {
      assertSound(dir);
      const filed = await history.find(early.identity);
      assert.deepEqual([filed?.job, filed?.status], [early.job, 'submitted']);
      const beside = path.join(dir, `FEAT-2-user-filters/01-architect/attempts/${late.job}`);
      assert.equal(readFileSync(path.join(beside, 'twice_prompt.md'), 'utf8'), 'late\n');
      assert.equal(readFileSync(path.join(beside, 'twice_result.md'), 'utf8'), `The answer to ${late.job}.\n`);
      assert.ok(existsSync(path.join(beside, 'twice_evidence.json')));
      const findings = await collect(history.verify());
      assert.deepEqual(
        findings.map(({ what }) => what),
        ['recorded-twice'],
      );
      assert.match(findings[0]?.message ?? '', new RegExp(late.job));
    }
    // The job that kept the place is answered as if nothing had happened; the other one is told who has it.
    value(await other.record(answer(early)));
    const refused = await here.record(answer(late));
    assert.equal(refused.ok ? '' : refused.error.byJob, early.job);
    // Both merges meet: nothing is left to decide.
    assert.deepEqual((await here.merge(fetched(there, rig.dir)))?.beside, []);
    assert.equal((await here.find(early.identity))?.status, 'answered');
    assertSound(rig.dir);
    assert.deepEqual(
      (await collect(here.verify())).map(({ what }) => what),
      ['recorded-twice'],
    );
  });

  test('a feature that both made under two slugs is one feature, and a note of a person gets a number', async () => {
    const [here, other] = [await open(rig.dir), await open(there)];
    const [mine, yours] = [
      submission({ feature: 'FEAT-4', featureName: 'FEAT-4-b' }),
      submission({ feature: 'FEAT-4', featureName: 'FEAT-4-a', role: 'ui', folder: '03-ui' }),
    ];
    const [again, twice] = [
      submission({ feature: 'FEAT-4', featureName: 'FEAT-4-b', revision: 2, prompt: 'b\n' }),
      submission({ feature: 'FEAT-4', featureName: 'FEAT-4-a', revision: 2, prompt: 'a\n' }),
    ];
    for (const prompt of [mine, again]) value(await here.submit(prompt));
    for (const prompt of [yours, twice]) value(await other.submit(prompt));
    for (const [dir, words] of [
      [rig.dir, 'mine\n'],
      [there, 'yours\n'],
    ] as const) {
      mkdirSync(path.join(dir, 'notes'));
      writeFileSync(path.join(dir, 'notes/a.md'), words);
      gitIn(dir, 'add', '.');
      gitIn(dir, 'commit', '-q', '-m', 'a note');
    }
    const [tipHere, tipThere] = [fetched(rig.dir, there), fetched(there, rig.dir)];
    const merged = await here.merge(tipThere);
    await other.merge(tipHere);
    assert.equal(treeOf(rig.dir), treeOf(there));
    assert.equal(merged?.beside.length, 1);
    for (const prompt of [mine, yours]) assert.equal((await here.find(prompt.identity))?.job, prompt.job);
    for (const prompt of [mine, yours]) value(await here.record(answer(prompt)));
    const notes = ['notes/a.md', 'notes/a_2.md'].map((file) => readFileSync(path.join(rig.dir, file), 'utf8'));
    assert.deepEqual(notes.toSorted(), ['mine\n', 'yours\n']);
    assertSound(rig.dir);
    assert.deepEqual(
      (await collect(here.verify())).map(({ what }) => what),
      ['recorded-twice'],
    );
  });

  test('two histories that began apart become one, whoever takes in whom, and go on as one', async () => {
    const [here, other] = [await open(rig.dir), await open(path.join(rig.root, 'apart-ai-history'))];
    const apart = path.join(rig.root, 'apart-ai-history');
    const [shared, theirs] = [submission({ feature: 'FEAT-1', prompt: 'asked here too\n' }), submission({ feature: 'FEAT-3' })];
    for (const prompt of [shared, theirs]) value(await other.submit(prompt));
    value(await other.record(answer(theirs)));
    const [tipHere, tipThere] = [fetched(rig.dir, apart), fetched(apart, rig.dir)];
    assert.equal((await here.merge(tipThere))?.beside.length, 1);
    assert.equal((await other.merge(tipHere))?.beside.length, 1);
    assert.equal(treeOf(rig.dir), treeOf(apart));
    const met = await here.merge(fetched(apart, rig.dir));
    assert.equal((await other.merge(fetched(rig.dir, apart)))?.commit, met?.commit, 'one tip in the end');
    for (const [dir, history] of [
      [rig.dir, here],
      [apart, other],
    ] as const) {
      assertSound(dir);
      assert.equal((await history.find(theirs.identity))?.status, 'answered');
      assert.deepEqual(
        (await collect(history.verify())).map(({ what }) => what),
        ['recorded-twice'],
      );
    }
  });

  test('a chain with a link, or with a name that leads out, is refused in words, and nothing is changed', async () => {
    const here = await open(rig.dir);
    symlinkSync('/etc', path.join(there, 'out'));
    gitIn(there, 'add', '.');
    gitIn(there, 'commit', '-q', '-m', 'a link');
    const before = gitIn(rig.dir, 'rev-parse', 'main');
    await assert.rejects(here.merge(fetched(there, rig.dir)), /"out" \(mode 120000\).*merge it with git/);
    assert.equal(gitIn(rig.dir, 'rev-parse', 'main'), before);
    value(await here.submit(submission({ feature: 'FEAT-8' })));
    assertSound(rig.dir);
  });
});
