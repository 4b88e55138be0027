/** What was done to a verdict behind docket's back is found. */

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { Finding, History, Trust } from '#core/history.ts';
import type { Verdict } from '#core/verdict.ts';
import { renderReview } from '#history/review-format.ts';
import { signReview } from '#history/review-signature.ts';
import { makeSigner } from '#history/signer.ts';
import { generateKey } from '#history/ssh-key.ts';
import { answered, collect, makeRig, verdictOn, type Rig } from './rig.ts';

const PLACE = 'FEAT-1-user-filters/01-architect/review_v1.json';
const [ADAS, BOBS] = [generateKey('ada'), generateKey('bob')];

const words = (found: readonly Finding[]): string[] => found.map(({ what, path: place }) => `${what} ${place}`);

suite('verdicts, verified', () => {
  let rig: Rig;
  let history: History;
  let verdict: Verdict;
  beforeEach(async () => {
    rig = makeRig();
    history = await rig.open();
    const { prompt, end } = await answered(history);
    verdict = verdictOn(prompt, end);
  });
  afterEach(() => rig.end());

  /** As somebody who commits with git. */
  async function after(change: () => void, trust?: Trust): Promise<Finding[]> {
    change();
    rig.git('add', '-A');
    rig.git('commit', '-q', '--allow-empty', '-m', 'a person was here');
    return (await collect(history.verify(undefined, trust))).filter(({ isNotice }) => isNotice !== true);
  }
  const file = (): string => path.join(rig.dir, PLACE);

  test('as they were given there is nothing to find', async () => {
    const signed = signReview(makeSigner(ADAS), verdict);
    await history.judge(signed);
    const signers = `ada@example.com namespaces="docket-verdict" ${ADAS.publicKey.line}\n`;
    assert.deepEqual(await after(() => undefined, { signers, isDemanded: false }), []);
  });

  test('a verdict that was changed, turned round or taken away', async () => {
    await history.judge({ ...verdict, verdict: 'rejected', comment: 'no' });
    const changed = await after(() => {
      writeFileSync(file(), readFileSync(file(), 'utf8').replace('"rejected"', '"approved"'));
    });
    assert.deepEqual(words(changed), [`hash-differs ${PLACE}`]);
    assert.match(changed[0]?.message ?? '', /Review-SHA256/);
    assert.equal(changed[0]?.job, verdict.job);
    const gone = await after(() => {
      rmSync(file());
    });
    assert.deepEqual(words(gone), ['missing feat-1/architect/@1']);
  });

  test('a verdict that nobody gave', async () => {
    const found = await after(() => {
      writeFileSync(file(), renderReview(verdict));
      writeFileSync(path.join(rig.dir, 'FEAT-1-user-filters/closing.json'), '{}\n');
    });
    assert.deepEqual(words(found).toSorted(), [`unexpected ${PLACE}`, 'unexpected FEAT-1-user-filters/closing.json']);
  });

  test('a closing that names a verdict which was never given', async () => {
    await history.closeFeature({
      v: 1,
      kind: 'closing',
      feature: 'FEAT-1' as never,
      merged: { commit: 'c'.repeat(40), isThere: true },
      by: verdict.by,
      at: verdict.at,
      comment: null,
      verdicts: [
        {
          path: PLACE,
          role: verdict.role,
          name: null,
          revision: 1,
          verdict: 'approved',
          result_sha256: verdict.result_sha256,
          by: verdict.by,
          at: verdict.at,
        },
      ],
      signature: null,
    });
    const found = await after(() => undefined);
    assert.deepEqual(
      found.map(({ what, detail }) => [what, detail]),
      [['missing', 'closing-without-verdict']],
    );
  });

  test('a signature that is not of these bytes, or of somebody who may not', async () => {
    await history.judge({ ...signReview(makeSigner(ADAS), verdict), comment: 'written in later' });
    await history.judge(signReview(makeSigner(BOBS), { ...verdict, comment: 'as Ada, with the key of Bob' }));
    const signers = `ada@example.com ${ADAS.publicKey.line}\nbob@example.com ${BOBS.publicKey.line}\n`;
    const found = await after(() => undefined, { signers, isDemanded: false });
    assert.deepEqual(words(found), [`signature-invalid ${PLACE}`, `signer-unknown ${PLACE.replace('.json', '_2.json')}`]);
    assert.deepEqual(words(await after(() => undefined)), [`signature-invalid ${PLACE}`]);
  });

  test('an unsigned verdict after a signed one, where signing is required', async () => {
    await history.judge({ ...verdict, comment: 'before' });
    await history.judge(signReview(makeSigner(ADAS), verdict));
    await history.judge({ ...verdict, comment: 'after' });
    const signers = `*@example.com ${ADAS.publicKey.line}\n`;
    const found = await after(() => undefined, { signers, isDemanded: true });
    assert.deepEqual(words(found), [`signature-missing ${PLACE.replace('.json', '_3.json')}`]);
  });

  test('a record that was taken out from between breaks the chain, and so does a verdict', async () => {
    await history.judge(verdict);
    await answered(history, { feature: 'FEAT-2' });
    await history.close();
    const verdictCommit = rig.git('log', '--format=%H', '--grep=approved', 'main').trim();
    rig.gitWith({ GIT_SEQUENCE_EDITOR: 'true' }, 'rebase', '-q', '--onto', `${verdictCommit}^`, verdictCommit, 'main');
    history = await rig.open();
    const found = (await collect(history.verify())).filter(({ isNotice }) => isNotice !== true);
    assert.ok(found.some(({ what }) => what === 'chain-broken'));
  });
});
