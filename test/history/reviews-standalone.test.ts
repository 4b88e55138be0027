/** The verifier that shares no line with docket takes verdicts, and finds what was done to them. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import type { FeatureId } from '#core/names.ts';
import { signReview } from '#history/review-signature.ts';
import { makeSigner } from '#history/signer.ts';
import { generateKey } from '#history/ssh-key.ts';
import { ADA, answered, makeRig, verdictOn, type Rig } from './rig.ts';

const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/verify-standalone.mjs');

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

  test('as given: nothing; changed: told; by another key: told', async () => {
    const [adas, bobs] = [generateKey('ada'), generateKey('bob')];
    const { prompt, end } = await answered(history);
    await history.judge(signReview(makeSigner(adas), verdictOn(prompt, end, { comment: 'Grüße, "quoted"\n' })));
    await answered(history, { revision: 2 });
    await history.closeFeature({
      v: 1,
      kind: 'closing',
      feature: 'FEAT-1' as FeatureId,
      merged: null,
      by: ADA,
      at: '2026-11-20T13:00:00.000Z',
      comment: null,
      verdicts: [],
      signature: null,
    });
    const signers = path.join(rig.root, 'signers');
    writeFileSync(signers, `ada@example.com namespaces="docket-verdict" ${adas.publicKey.line}\n`);
    assert.deepEqual(verified(), { status: 0, found: [] });
    assert.deepEqual(verified('--signers', signers), { status: 0, found: [] });
    const place = 'FEAT-1-user-filters/01-architect/review_v1.json';
    writeFileSync(signers, `ada@example.com ${bobs.publicKey.line}\n`);
    assert.deepEqual(verified('--signers', signers), { status: 1, found: [`signature-invalid ${place}`] });
    const file = path.join(rig.dir, place);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"terminal"', '"key"'));
    rig.git('commit', '-q', '-am', 'a person was here');
    assert.deepEqual(verified(), { status: 1, found: ['missing feat-1/architect//1', `unexpected ${place}`] });
  });
});
