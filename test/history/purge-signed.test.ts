/** A purge in a signed history: what is left is signed, verify finds nothing, and an envelope does not keep what went out of its evidence. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Trust } from '#core/history.ts';
import { spellingsOf } from '#history/purge-spellings.ts';
import { makeSigning } from '#history/signer.ts';
import { makeFs } from '#platform/files.ts';
import { makeKey } from '#test/support/signing.ts';
import { fill, opened, recordOf, secretText, traces, why, type Opened } from './purge-rig.ts';
import { answer, collect, makeRig, submission, value, type Rig } from './rig.ts';

suite('purging a signed history', () => {
  let rig: Rig;
  let history: Opened;
  let trust: Trust;
  const secret = secretText();
  beforeEach(async () => {
    rig = makeRig();
    const { file, signer } = makeKey(rig.root);
    trust = { signers: `docket@example.com ${signer.publicLine}\n`, isDemanded: true };
    const signing = makeSigning({ fs: makeFs(), keyFile: file, forbidden: () => Promise.resolve([]), userId: null });
    history = await opened(rig, { signing });
  });
  afterEach(async () => {
    await history.close();
    await rig.end();
  });

  test('a record whose prompt and answer go', async () => {
    const { leaked } = await fill(history, secret);
    await history.purging().purge({ record: await recordOf(history, leaked.job), only: null }, why);
    assert.deepEqual(traces(rig, secret), []);
    assert.deepEqual(await collect(history.verify(undefined, trust)), []);
  });

  test('bytes that stand in the evidence, and so in the payload of its envelope', async () => {
    await fill(history, secret);
    const spoken = submission({ feature: 'FEAT-9' });
    value(await history.submit(spoken));
    value(await history.record(answer(spoken, { runId: `run-${secret}` })));
    await history.purging().purge({ spellings: spellingsOf(Buffer.from(secret)) }, why);
    assert.deepEqual(traces(rig, secret), []);
    const evidence = rig.git('show', 'main:FEAT-9-user-filters/01-architect/evidence_v1.json');
    assert.match(evidence, /^docket: purged\n/);
    const envelope = rig.git('show', 'main:FEAT-9-user-filters/01-architect/evidence_v1.dsse.json');
    assert.match(envelope, /^docket: purged\n/);
    assert.deepEqual(await collect(history.verify(undefined, trust)), []);
  });
});
