/** What history will be told, kept in the ledger and read back by another process. */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test, type TestContext } from 'node:test';
import type { Answer } from '#core/history.ts';
import type { FinalFile } from '#core/job.ts';
import type { Claimed, Spool } from '#core/spool.ts';
import { noteOf, readTold, type Told } from '#daemon/told-note.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeRig, ROLE, settled, stem, type Rig } from '#test/spool/rig.ts';

const digest = makeDigest();
const EVIDENCE = '{"é": 1}\n';
const BRIEF = 'the brief, ä\r\n';
const SPEC = '# a spec\n';

const material = (role: 'brief' | 'prompt-spec', bytes: string): Answer['materials'][number] => ({
  role,
  name: role,
  sha256: digest.sha256(bytes),
  sizeBytes: Buffer.byteLength(bytes),
  bytes,
});

function told(result: Uint8Array | null): Told {
  const answer: Answer = {
    job: 'abcdefghijklmnop' as Answer['job'],
    identity: { feature: 'FEAT-1' as Answer['identity']['feature'], role: 'ui' as Answer['identity']['role'], name: null, revision: 2 },
    roleFolder: '03-ui',
    status: result === null ? 'failed' : 'briefed',
    result,
    evidence: EVIDENCE,
    promptSha256: 'a'.repeat(64) as Answer['promptSha256'],
    specVersion: '2.1.0',
    codeCommit: null,
    runner: 'claude',
    model: null,
    materials: [material('prompt-spec', SPEC), material('brief', BRIEF)],
    attempts: result === null ? [{ name: 'a1-stdout', bytes: Uint8Array.from([1, 255, 3]) }] : [],
    at: '2026-11-20T12:00:00.000Z',
  };
  return { answer, attempt: 3 };
}

async function decided(context: TestContext, what: Told): Promise<{ rig: Rig; spool: Spool; claimed: Claimed; final: FinalFile }> {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  await spool.drop(ROLE.name, stem('foo'), 'a prompt');
  const [one] = await spool.claim(await settled(rig, spool));
  assert.ok(one !== undefined);
  const { claimed } = await spool.read(one.dir, one.id, one.waiting.folder);
  for (const { name, bytes } of what.answer.attempts) {
    await spool.attemptFolder(claimed, 1);
    await spool.keep(claimed, name.replace('-', '/'), bytes);
  }
  const { result, status } = what.answer;
  const final = await spool.decide(claimed, {
    outcome: status,
    failure: null,
    files: [
      { as: '_evidence.json', bytes: EVIDENCE },
      ...(typeof what.answer.envelope !== 'string' ? [] : [{ as: '_evidence.dsse.json', bytes: what.answer.envelope }]),
      result === null ? { as: '_error.md', bytes: 'why' } : { as: '_result.md', bytes: result },
    ],
    ...noteOf(what, result === null ? null : digest.sha256(result)),
  });
  return { rig, spool, claimed, final };
}

const plain = (one: Told | null): unknown =>
  one === null
    ? null
    : {
        ...one,
        answer: {
          ...one.answer,
          result: one.answer.result === null ? null : [...one.answer.result],
          attempts: one.answer.attempts.map((attempt) => [attempt.name, ...attempt.bytes]),
        },
      };

for (const [words, result] of [
  ['a result that is the brief', Buffer.from(BRIEF)],
  ['a result that is no text', Uint8Array.from([0, 255, 10, 13])],
  ['an end without a result', null],
] as const)
  test(`what history will be told comes back byte for byte: ${words}`, async (context) => {
    const what = told(result);
    const { rig, claimed, final } = await decided(context, what);
    assert.deepEqual(plain(await readTold(rig.spool(), claimed, final)), plain(what));
  });

test('the envelope of signed evidence comes back byte for byte, and is published between evidence and result', async (context) => {
  const unsigned = told(Buffer.from(BRIEF));
  const what: Told = { ...unsigned, answer: { ...unsigned.answer, envelope: '{"payloadType":"é"}\n' } };
  const { rig, spool, claimed, final } = await decided(context, what);
  assert.deepEqual(plain(await readTold(rig.spool(), claimed, final)), plain(what));
  assert.deepEqual(
    final.files.map((file) => file.public),
    ['foo_evidence.json', 'foo_evidence.dsse.json', 'foo_result.md'],
  );
  await spool.publish(claimed, final);
  assert.equal(await readTold(rig.spool(), claimed, final), null);
});

test('nothing is told again once it is published', async (context) => {
  const { rig, spool, claimed, final } = await decided(context, told(Buffer.from(BRIEF)));
  await spool.publish(claimed, final);
  assert.equal(await readTold(rig.spool(), claimed, final), null);
});

test('a note of a newer docket is refused with words', async (context) => {
  const { spool, claimed, final } = await decided(context, told(null));
  await assert.rejects(readTold({ ...spool, note: () => Promise.resolve({ v: 3 }) }, claimed, final), /newer docket/);
});
