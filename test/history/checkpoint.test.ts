import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Checkpoint, Finding } from '#core/history.ts';
import { checkpointFault, CHECKPOINT_TYPE, readCheckpoint, renderCheckpoint } from '#history/checkpoint.ts';
import { parseAllowedSigners } from '#history/allowed-signers.ts';
import { wrap } from '#history/dsse.ts';
import { makeSigner } from '#history/signer.ts';
import { generateKey } from '#history/ssh-key.ts';
import { fill, opened, recordOf, why, type Opened } from './purge-rig.ts';
import { rewrite } from './rewrite.ts';
import { answer, collect, makeRig, submission, value, type Rig } from './rig.ts';

const bare = (text: string): string => text.replaceAll(/^Docket-Before.*\n/gm, '');

const listOf = (line: string): Parameters<typeof checkpointFault>[1] => {
  const parsed = parseAllowedSigners(`a@example.com ${line}\n`);
  return parsed.ok ? parsed.value : assert.fail('the list');
};

const told = ({ what, detail }: Finding): string => `${what} ${detail ?? ''}`.trim();

suite('the chain against tampering', () => {
  let rig: Rig;
  let history: Opened;
  let then: Checkpoint;
  beforeEach(async () => {
    rig = makeRig();
    history = await opened(rig);
    for (const [feature, revision] of [
      ['FEAT-1', 1],
      ['FEAT-2', 1],
      ['FEAT-1', 2],
    ] as const) {
      const prompt = submission({ feature, revision, prompt: `${feature} ${String(revision)}\n` });
      value(await history.submit(prompt));
      value(await history.record(answer(prompt)));
    }
    then = await history.checkpoint();
  });
  afterEach(async () => {
    await history.close();
    await rig.end();
  });
  /** Read by a history that knows nothing of before. */
  const findings = async (against?: Checkpoint): Promise<Finding[]> => {
    const fresh = await opened(rig);
    try {
      return await collect(fresh.verify(undefined, undefined, against));
    } finally {
      await fresh.close();
    }
  };

  test('an untouched history holds what each checkpoint says, also after more was recorded', async () => {
    assert.equal(then.records, 6);
    value(await history.submit(submission({ feature: 'FEAT-3' })));
    assert.deepEqual(await findings(then), []);
  });

  test('a changed message breaks the chain at the record after it, and both are named', async () => {
    rewrite(rig, (commit, index) =>
      index === 3 ? { ...commit, message: commit.message.replace('Model: sonnet', 'Model: other') } : commit,
    );
    const [first, ...others] = await findings();
    assert.equal(told(first as Finding), 'chain-broken before');
    assert.equal(first?.commit, rig.git('rev-list', '--reverse', 'main').trim().split('\n')[4]);
    assert.match(first?.message ?? '', /names another record before it/);
    assert.match(first?.expected ?? '', /^[0-9a-f]{64}$/);
    assert.notEqual(first?.expected, first?.found);
    assert.deepEqual(others.map(told), ['chain-broken before-in-feature']);
  });

  test('a record that was left out breaks the chain of the repository and of its feature', async () => {
    rewrite(rig, (commit, index) => (index === 2 ? null : commit));
    const all = (await findings()).map(told);
    assert.ok(all.includes('chain-broken before'), all.join('\n'));
    assert.ok(all.includes('chain-broken before-in-feature'), all.join('\n'));
  });

  test('records in another order, and one that is put in, break the chain', async () => {
    const ids = rig.git('rev-list', '--reverse', 'main').trim().split('\n');
    const message = rig.gitBytes('cat-file', 'commit', ids[1] ?? '').toString('utf8');
    const twice = message.slice(message.indexOf('\n\n') + 2);
    rewrite(rig, (commit, index) => (index === 5 ? { ...commit, message: twice } : commit));
    assert.ok((await findings()).some(({ what }) => what === 'chain-broken'));
  });

  test('a record without the names of those before it, after one with them, ends the chain; at its beginning it may be so', async () => {
    rewrite(rig, (commit, index) => (index <= 2 ? { ...commit, message: bare(commit.message) } : commit), true);
    assert.deepEqual(await findings(), []);
    rewrite(rig, (commit, index) => (index === 6 ? { ...commit, message: bare(commit.message) } : commit), true);
    assert.deepEqual((await findings()).map(told), ['chain-broken ended']);
  });

  test('a trailer that names nothing, or no hash, is found', async () => {
    rewrite(rig, (commit, index) =>
      index === 6
        ? {
            ...commit,
            message: commit.message.replace(/^(Docket-Before: ).*$/m, '$1none').replace(/^(Docket-Before-In-Feature: ).*$/m, '$1x'),
          }
        : commit,
    );
    assert.deepEqual((await findings()).map(told), ['chain-broken before', 'chain-broken before-in-feature']);
  });

  test('a history that was written anew and chained again is whole by itself, and a checkpoint finds it', async () => {
    rewrite(
      rig,
      (commit, index) => (index === 3 ? { ...commit, message: commit.message.replace('Model: sonnet', 'Model: other') } : commit),
      true,
    );
    assert.deepEqual(await findings(), []);
    const [one, ...others] = await findings(then);
    assert.deepEqual(others, []);
    assert.equal(told(one as Finding), 'checkpoint-missed rewritten');
    assert.equal(one?.expected, then.record);
  });

  test('a history whose end was cut off is found, and one that went on after the cut, too', async () => {
    rig.git('reset', '-q', '--hard', 'main~2');
    assert.deepEqual((await findings()).map(told), []);
    assert.deepEqual((await findings(then)).map(told), ['checkpoint-missed cut']);
    await history.close();
    history = await opened(rig);
    for (const revision of [7, 8]) {
      const prompt = submission({ feature: 'FEAT-9', revision, prompt: `${String(revision)}\n` });
      value(await history.submit(prompt));
      value(await history.record(answer(prompt)));
    }
    assert.deepEqual((await findings(then)).filter(({ isNotice }) => isNotice !== true).map(told), ['checkpoint-missed rewritten']);
  });

  test('commits made anew with the same words are told: no tombstone says why', async () => {
    rewrite(rig, (commit, index) => (index === 0 ? { ...commit, message: 'another first commit\n' } : commit));
    assert.deepEqual(await findings(), []);
    assert.deepEqual((await findings(then)).map(told), ['checkpoint-missed commit-gone']);
  });

  test('a checkpoint of another clone holds after its chain was merged', async () => {
    const there = path.join(rig.root, 'there-ai-history');
    execFileSync('git', ['clone', '-q', rig.dir, there]);
    const other = await opened(rig, { dir: there });
    value(await other.submit(submission({ feature: 'FEAT-7' })));
    const theirs = await other.checkpoint();
    await other.close();
    value(await history.submit(submission({ feature: 'FEAT-8' })));
    rig.git('fetch', '-q', there, 'main');
    await history.merge();
    assert.deepEqual(await findings(theirs), []);
    assert.deepEqual(await findings(then), []);
    assert.equal((await history.checkpoint()).records, 8);
  });
});

suite('a checkpoint', () => {
  test('of before a purge holds: the commit has a successor, and that is told', async () => {
    const rig = makeRig();
    const history = await opened(rig);
    try {
      const { leaked } = await fill(history, 'a name to forget');
      const before = await history.checkpoint();
      await history.purging().purge({ record: await recordOf(history, leaked.job), only: null }, why);
      const found = await collect(history.verify(undefined, undefined, before));
      assert.deepEqual(
        found.map((one) => [told(one), one.isNotice]),
        [['checkpoint-missed purged', true]],
      );
    } finally {
      await history.close();
      await rig.end();
    }
  });

  const checkpoint: Checkpoint = {
    v: 1,
    history: 'app-ai-history',
    commit: 'a'.repeat(40),
    record: 'b'.repeat(64) as Checkpoint['record'],
    records: 3,
    time: '2026-11-21T00:00:00.000Z',
  };

  test('is read as it was written, and nothing else is one', () => {
    const text = renderCheckpoint(checkpoint);
    assert.deepEqual(readCheckpoint(Buffer.from(text)), { checkpoint, signedBy: null });
    for (const change of [{ v: 2 }, { commit: 'x' }, { record: 'x' }, { record: null }, { records: -1 }, { records: 0 }, { time: 'now' }])
      assert.equal(readCheckpoint(Buffer.from(JSON.stringify({ ...checkpoint, ...change }))), null, JSON.stringify(change));
    assert.equal(readCheckpoint(Buffer.from('no json')), null);
  });

  test('that is signed is taken from a key that may sign, and from no other', () => {
    const [ours, other] = [generateKey('a@example.com'), generateKey('b@example.com')];
    const file = Buffer.from(wrap(makeSigner(ours), CHECKPOINT_TYPE, renderCheckpoint(checkpoint)));
    assert.deepEqual(readCheckpoint(file), { checkpoint, signedBy: ours.publicKey.fingerprint });
    assert.equal(checkpointFault(file, listOf(ours.publicKey.line)), null);
    assert.match(checkpointFault(file, listOf(other.publicKey.line)) ?? '', /not known/);
    assert.match(checkpointFault(file, null) ?? '', /no list/);
    const changed = { ...checkpoint, records: 4 };
    const forged = JSON.parse(file.toString()) as { payload: string };
    forged.payload = Buffer.from(renderCheckpoint(changed)).toString('base64');
    assert.match(checkpointFault(Buffer.from(`${JSON.stringify(forged)}\n`), listOf(ours.publicKey.line)) ?? '', /not that of its payload/);
  });
});
