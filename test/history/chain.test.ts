import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import { makeFs } from '#platform/files.ts';
import { answer, makeRig, submission, value, type Rig } from './rig.ts';

type Told = {
  readonly hash: string;
  readonly feature: string;
  readonly before: string | undefined;
  readonly inFeature: string | undefined;
};

/** What git itself says of the commits along first parents, the oldest first; nothing of docket's own code. */
function told(rig: Rig, from = 'main'): Told[] {
  const ids = rig.git('rev-list', '--first-parent', '--reverse', from).trim().split('\n');
  return ids.flatMap((id) => {
    const bytes = rig.gitBytes('cat-file', 'commit', id);
    const message = bytes.subarray(bytes.indexOf('\n\n') + 2);
    const text = message.toString('utf8');
    const of = (key: string): string | undefined => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1];
    const isLink = of('Docket-Job') !== undefined || text.startsWith('docket: the chain ');
    const hash = createHash('sha256').update(message).digest('hex');
    return isLink
      ? [{ hash, feature: of('Docket-Feature') ?? '', before: of('Docket-Before'), inFeature: of('Docket-Before-In-Feature') }]
      : [];
  });
}

function assertChained(links: readonly Told[]): void {
  const newest = new Map<string, string>();
  let last = 'none';
  for (const { hash, feature, before, inFeature } of links) {
    assert.equal(before, last);
    if (feature !== '') assert.equal(inFeature, newest.get(feature) ?? 'none');
    newest.set(feature, hash);
    last = hash;
  }
}

async function one(to: History, feature: string, revision = 1): Promise<void> {
  const prompt = submission({ feature, revision, prompt: `${feature} ${String(revision)}\n` });
  value(await to.submit(prompt));
  value(await to.record(answer(prompt)));
}

const noteOf = (rig: Rig): string => path.join(rig.dir, '.git/docket/features');

suite('the chain of records', () => {
  let rig: Rig;
  let history: History;
  beforeEach(async () => {
    rig = makeRig();
    history = await rig.open();
  });
  afterEach(() => rig.end());

  test('each record names the one before it, in the repository and in its feature, in one group and across groups', async () => {
    await Promise.all([one(history, 'FEAT-1'), one(history, 'FEAT-2'), one(history, 'FEAT-3')]);
    await one(history, 'FEAT-2', 2);
    const links = told(rig);
    assert.equal(links.length, 8);
    assertChained(links);
    assert.equal(links[0]?.before, 'none');
  });

  test('two dockets that write in turn, and one that starts later, go on with one chain', async () => {
    const other = await rig.open();
    await one(history, 'FEAT-1');
    await one(other, 'FEAT-2');
    await Promise.all([one(history, 'FEAT-1', 2), one(other, 'FEAT-1', 3), one(other, 'FEAT-3')]);
    await history.close();
    await one(await rig.open(), 'FEAT-1', 4);
    const links = told(rig);
    assert.equal(links.length, 12);
    assertChained(links);
  });

  test('what a person committed is no link, and what a failed group would have named is named by nobody', async () => {
    await one(history, 'FEAT-1');
    rig.git('commit', '-q', '--allow-empty', '-m', 'a note');
    await one(history, 'FEAT-1', 2);
    let isBroken = true;
    const fs = makeFs();
    const failing = await rig.open({
      fs: {
        ...fs,
        async rename(from, to) {
          if (isBroken && String(to).endsWith('.pack')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
          await fs.rename(from, to);
        },
      },
    });
    await assert.rejects(failing.submit(submission({ feature: 'FEAT-9' })), /EIO/);
    isBroken = false;
    await one(failing, 'FEAT-1', 3);
    assert.equal(told(rig).length, 6);
    assertChained(told(rig));
  });

  test('a merge names the heads of both chains, and the next record names the merge', async () => {
    await one(history, 'FEAT-1');
    const there = path.join(rig.root, 'there-ai-history');
    execFileSync('git', ['clone', '-q', rig.dir, there]);
    const other = await rig.open({ dir: there });
    await one(other, 'FEAT-2');
    await one(history, 'FEAT-3');
    rig.git('fetch', '-q', there, 'main');
    const theirs = told(rig, 'FETCH_HEAD').at(-1)?.hash ?? '';
    await (history as unknown as { merge(): Promise<unknown> }).merge();
    assert.equal(rig.git('log', '-1', '--format=%(trailers:key=Docket-Before-Theirs,valueonly)').trim(), theirs);
    await one(history, 'FEAT-2', 2);
    const links = told(rig);
    assert.equal(links.length, 7);
    assert.equal(links[4]?.hash, links[5]?.before);
    // FEAT-2 came in by the merge: along first parents it has no record yet.
    assert.equal(links[5]?.inFeature, 'none');
  });

  suite('after many records', () => {
    const MANY = 300;
    beforeEach(async () => {
      await one(history, 'FEAT-1');
      await Promise.all(Array.from({ length: MANY }, (_, n) => one(history, `FEAT-${String(100 + n)}`)));
      await history.close();
    });

    test('a start believes the note about an old feature instead of walking all commits', async () => {
      // The note is made to name the first of the feature's two records, which nobody finds who walks.
      const first = rig.git('rev-list', '--first-parent', '--reverse', 'main').split('\n')[1] ?? '';
      const key = createHash('sha256').update('feat-1').digest().subarray(0, 8);
      const body = readFileSync(noteOf(rig)).subarray(0, -32);
      body.write(first, body.indexOf(key, 36) + 8, 'hex');
      writeFileSync(noteOf(rig), Buffer.concat([body, createHash('sha256').update(body).digest()]));
      await one(await rig.open(), 'FEAT-1', 2);
      assert.equal(told(rig).at(-2)?.inFeature, told(rig)[0]?.hash);
    });

    test('a note that is torn, wrong or gone changes nothing', async () => {
      const bytes = readFileSync(noteOf(rig));
      writeFileSync(noteOf(rig), bytes.subarray(0, bytes.length - 5));
      await one(await rig.open(), 'FEAT-1', 2);
      assertChained(told(rig));
      // Well formed, and each feature has the record of another one.
      const head = bytes.subarray(0, 36);
      const ids = Array.from({ length: (bytes.length - 68) / 28 }, (_, n) => bytes.subarray(36 + n * 28 + 8, 36 + n * 28 + 28));
      const moved = ids.map((_, n) => Buffer.concat([bytes.subarray(36 + n * 28, 36 + n * 28 + 8), ids[(n + 1) % ids.length] ?? head]));
      const body = Buffer.concat([head, ...moved]);
      writeFileSync(noteOf(rig), Buffer.concat([body, createHash('sha256').update(body).digest()]));
      await one(await rig.open(), 'FEAT-100', 2);
      assertChained(told(rig));
    });
  });
});
