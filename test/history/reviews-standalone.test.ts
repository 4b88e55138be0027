/** The verifier that shares no line with docket takes verdicts, and finds what was done to them, as docket does. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History, Trust } from '#core/history.ts';
import type { FeatureId } from '#core/names.ts';
import type { Closing } from '#core/verdict.ts';
import { signReview } from '#history/review-signature.ts';
import { makeSigner } from '#history/signer.ts';
import { generateKey } from '#history/ssh-key.ts';
import { makeDigest } from '#platform/digest.ts';
import { ADA, answered, collect, makeRig, verdictOn, type Rig } from './rig.ts';

const digest = makeDigest();
const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/verify-standalone.mjs');

const CLOSED: Closing = {
  v: 1,
  kind: 'closing',
  feature: 'FEAT-1' as FeatureId,
  merged: null,
  by: ADA,
  at: '2026-11-20T13:00:00.000Z',
  comment: null,
  verdicts: [],
  signature: null,
};

suite('verdicts, verified without docket', () => {
  let rig: Rig;
  let history: History;
  beforeEach(async () => {
    rig = makeRig();
    history = await rig.open();
  });
  afterEach(() => rig.end());

  const verified = (...args: string[]): { readonly status: number | null; readonly found: string[] } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, rig.dir, '--json', ...args], { encoding: 'utf8' });
    assert.equal(stderr, '');
    const { findings } = JSON.parse(stdout) as { findings: { what: string; path: string }[] };
    return { status, found: findings.map(({ what, path: place }) => `${what} ${place}`) };
  };
  /** What both say is wrong, in the words for programs. */
  const byBoth = async (signers?: string): Promise<string[]> => {
    const trust: Trust = { signers: signers === undefined ? null : readFileSync(signers, 'utf8'), isDemanded: false };
    const found = (await collect(history.verify(undefined, trust))).filter(({ isNotice }) => isNotice !== true);
    const docket = [...new Set(found.map(({ what }) => what))].toSorted();
    const { found: another } = verified(...(signers === undefined ? [] : ['--signers', signers]));
    assert.deepEqual([...new Set(another.map((one) => one.split(' ')[0] ?? ''))].toSorted(), docket);
    return docket;
  };
  const committed = (change: () => void): void => {
    change();
    rig.git('add', '-A');
    rig.git('commit', '-q', '-m', 'a person was here');
  };

  test('as given: nothing; changed: told; by another key: told', async () => {
    const [adas, bobs] = [generateKey('ada'), generateKey('bob')];
    const { prompt, end } = await answered(history);
    await history.judge(signReview(makeSigner(adas), verdictOn(prompt, end, { comment: 'Grüße, "quoted"\n' })));
    await answered(history, { revision: 2 });
    await history.closeFeature(CLOSED);
    const signers = path.join(rig.root, 'signers');
    writeFileSync(signers, `ada@example.com namespaces="docket-verdict" ${adas.publicKey.line}\n`);
    assert.deepEqual(verified(), { status: 0, found: [] });
    assert.deepEqual(verified('--signers', signers), { status: 0, found: [] });
    const place = 'FEAT-1-user-filters/01-architect/review_v1.json';
    writeFileSync(signers, `ada@example.com ${bobs.publicKey.line}\n`);
    assert.deepEqual(verified('--signers', signers), { status: 1, found: [`signer-unknown ${place}`] });
    const file = path.join(rig.dir, place);
    committed(() => {
      writeFileSync(file, readFileSync(file, 'utf8').replace('"terminal"', '"key"'));
    });
    assert.deepEqual(verified(), { status: 1, found: [`hash-differs ${place}`] });
    assert.deepEqual(await byBoth(), ['hash-differs']);
    committed(() => {
      rmSync(file);
    });
    assert.deepEqual(verified(), { status: 1, found: ['missing feat-1/architect//1'] });
    assert.deepEqual(await byBoth(), ['missing']);
  });

  test('a signature of other words, a closing on a verdict that was never given, one that nobody gave: both say the same', async () => {
    const [adas, bobs] = [generateKey('ada'), generateKey('bob')];
    const signers = path.join(rig.root, 'signers');
    writeFileSync(signers, `ada@example.com namespaces="docket-verdict" ${adas.publicKey.line}\n`);
    const { prompt, end } = await answered(history);
    const { signature } = signReview(makeSigner(adas), verdictOn(prompt, end, { comment: 'of another day' }));
    await history.judge(verdictOn(prompt, end, { signature }));
    assert.deepEqual(await byBoth(signers), ['signature-invalid']);
    await history.judge(signReview(makeSigner(bobs), verdictOn(prompt, end)));
    assert.deepEqual(await byBoth(signers), ['signature-invalid', 'signer-unknown']);
    const { role, name, revision, by, at } = verdictOn(prompt, end);
    const never = {
      path: 'review_v1.json',
      role,
      name,
      revision,
      verdict: 'rejected',
      result_sha256: digest.sha256('another'),
      by,
      at,
    } as const;
    await history.closeFeature({ ...CLOSED, verdicts: [never] });
    assert.deepEqual(await byBoth(signers), ['missing', 'signature-invalid', 'signer-unknown']);
    committed(() => {
      writeFileSync(path.join(rig.dir, 'FEAT-1-user-filters', 'closing_2.json'), '{}\n');
    });
    assert.deepEqual(await byBoth(signers), ['missing', 'signature-invalid', 'signer-unknown', 'unexpected']);
  });
});
