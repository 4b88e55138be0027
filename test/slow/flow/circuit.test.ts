/**
 * The circuit of a lane through the real program: a provider that fails with 500 opens it, `status` and `why` say so, a restart keeps it, and it heals by
 * one run that goes first to see. Whatever fails while it is open costs no attempt. The model server holds the run that goes to see until it was looked at.
 */

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { startFakeModel } from '../../support/fake-model.mjs';
import { KEY, KEY_ENV } from '#test/support/http-model.ts';
import { assertVerified, makeRig, promptText, type Rig } from '#test/support/rig.ts';

type Lane = {
  readonly state: string;
  readonly circuit: string;
  readonly heldUntil: string | null;
  readonly reason: string | null;
  readonly running: number;
};

/** Half-open while one goes to see. */
const OPEN = /^(?:open|half-open)$/;

async function laneOf(rig: Rig): Promise<Lane> {
  const { out } = await rig.docket('status', '--json');
  const { lanes } = JSON.parse(out) as { readonly lanes: readonly (Lane & { readonly lane: string })[] };
  const lane = lanes.find((one) => one.lane === 'fake');
  assert.ok(lane !== undefined, out);
  return lane;
}

test('a provider that fails opens the circuit of its lane, a restart keeps it, and one run that is answered closes it', async (t) => {
  const rig = makeRig(t);
  const dump = path.join(rig.base, 'requests');
  const fake = await startFakeModel({ scenario: '500', dump });
  t.after(async () => fake.close());
  rig.settings(`runner: remote
intake: { settle: 100ms }
retry: { base: 20ms, cap: 1s }
throttle: { errors: 2, stagger: 0 }
runners:
  remote: { kind: http, api: openai, base_url: '${fake.url}/v1', model: fake-model, key_env: ${KEY_ENV}, lane: fake }
lanes: { fake: { slots: 2 } }
`);
  const asked = async (count: number): Promise<void> =>
    rig.until(dump, () => fake.requests.length >= count, `${String(count)} requests`).then(() => undefined);
  const stems = ['one', 'two', 'three'];

  let daemon = await rig.start({ [KEY_ENV]: KEY });
  for (const stem of stems) rig.drop(`${stem}.md`, promptText({ feature: `FEAT-${stem}`, body: `# Task ${stem}\n` }));
  await rig.logged(/lane fake waits until/);
  // Some go to see, and fail.
  await asked(fake.requests.length + 2);
  const open = await laneOf(rig);
  assert.match(open.circuit, OPEN);
  assert.match(
    (await rig.docket('status')).out,
    /lane fake: .*circuit open after provider errors in a row|lane fake: .*one run goes first to see/,
  );
  const why = (await Promise.all(stems.map(async (stem) => rig.docket('why', stem)))).map(({ out }) => out).join('\n');
  assert.match(why, /lane fake is held until|lane fake: its wait is over, one run goes first/);

  await daemon.kill();
  const before = fake.requests.length;
  daemon = await rig.start({ [KEY_ENV]: KEY });
  assert.match((await laneOf(rig)).circuit, OPEN, 'a restart closes nothing');
  await asked(before + 2);

  // From now on what is asked is held: the next one that goes to see is half-open.
  fake.setDefault('hold=look');
  const seen = fake.requests.length;
  await rig.until(dump, () => fake.requests.slice(seen).some(({ scenario }) => scenario === 'hold=look'), 'the run that goes to see');
  const half = await laneOf(rig);
  assert.deepEqual([half.state, half.circuit, half.running], ['probing', 'half-open', 1]);
  assert.match((await rig.docket('status')).out, /lane fake: 1 of 2 slots in use.*one run goes first to see/);
  assert.equal(fake.requests.filter(({ scenario }) => scenario === 'hold=look').length, 1, 'only one goes');
  fake.release('look');
  for (const stem of stems) await rig.ended(stem);
  const closed = await laneOf(rig);
  assert.deepEqual([closed.state, closed.circuit, closed.heldUntil], ['open', 'closed', null]);
  assert.equal(await daemon.stop(), 0);

  const attempts = stems.flatMap((stem) => rig.evidence(stem).predicate.attempts);
  const count = (outcome: string): number => attempts.filter((attempt) => attempt.outcome === outcome).length;
  assert.equal(count('answered'), stems.length);
  assert.ok(attempts.length > stems.length + 2, 'more went to see than there are attempts');
  assert.equal(attempts.length, fake.requests.length, 'evidence tells each of them');
  for (const stem of stems) assert.equal(rig.evidence(stem).predicate.status, 'answered', 'nothing was given up');
  assertVerified(rig, true);
});
