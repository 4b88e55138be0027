/** What a person says of an answer is a record of its own: written once, read back in order, and in nobody's way. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import type { FeatureId, Sha256 } from '#core/names.ts';
import type { Closing } from '#core/verdict.ts';
import { renderReview } from '#history/review-format.ts';
import { ADA, answer, answered, collect, findings, listening, makeRig, submission, value, verdictOn, type Rig } from './rig.ts';

const BOB = { name: 'Bob Example', email: 'bob@example.com' };
const closingOf = (kind: Closing['kind'], at: string): Closing => ({
  v: 1,
  kind,
  feature: 'FEAT-1' as FeatureId,
  merged: kind === 'closing' ? { commit: 'c'.repeat(40), isThere: true } : null,
  by: ADA,
  at,
  comment: null,
  verdicts: [],
  signature: null,
});

suite('verdicts in the history', () => {
  let rig: Rig;
  let history: History;
  beforeEach(async () => {
    rig = makeRig();
    history = await rig.open();
  });
  afterEach(() => rig.end());

  const subjects = (): string[] => rig.git('log', '--first-parent', '--format=%s', 'main').trim().split('\n');

  test('a verdict is a file beside the result and a commit with its trailers', async () => {
    const { prompt, end } = await answered(history, { revision: 2 });
    const verdict = verdictOn(prompt, end, { comment: 'Good.\nShip it.' });
    const { path: place, commit } = await history.judge(verdict);
    assert.equal(place, 'FEAT-1-user-filters/01-architect/review_v2.json');
    assert.equal(readFileSync(path.join(rig.dir, place), 'utf8'), `${JSON.stringify(verdict, null, 2)}\n`);
    const trailer = (key: string): string => rig.git('log', '-1', `--format=%(trailers:key=${key},valueonly)`, commit).trim();
    assert.equal(subjects()[0], 'ai(FEAT-1): architect r2 approved');
    assert.equal(trailer('Docket-Verdict'), 'approved');
    assert.equal(trailer('Docket-Reviewer'), 'Ada Example <ada@example.com>');
    assert.equal(trailer('Docket-Job'), prompt.job);
    assert.equal(trailer('Docket-Revision'), '2');
    assert.equal(trailer('Result-SHA256'), verdict.result_sha256);
    assert.match(trailer('Review-SHA256'), /^[0-9a-f]{64}$/);
    assert.match(trailer('Docket-Before'), /^[0-9a-f]{64}$/);
    assert.equal(trailer('Docket-Status'), '');
    const [judged] = await history.verdicts({});
    assert.deepEqual(judged, { verdict, identity: prompt.identity, path: place, commit });
    assert.deepEqual(await findings(history), []);
    rig.assertClean();
  });

  test('verdicts come in the order in which they were recorded, and each gets a name of its own', async () => {
    const { prompt, end } = await answered(history);
    const said = [
      verdictOn(prompt, end, { verdict: 'changes-requested', comment: 'no', at: '2026-11-20T12:00:00.000Z' }),
      verdictOn(prompt, end, { by: BOB, at: '2026-11-20T11:30:00.000Z' }),
      verdictOn(prompt, end, { at: '2026-11-20T12:30:00.000Z' }),
    ];
    for (const one of said) await history.judge(one);
    const judged = await history.verdicts({ feature: 'feat-1', role: '01-architect' });
    assert.deepEqual(
      judged.map(({ verdict }) => verdict),
      said,
    );
    assert.deepEqual(
      judged.map((one) => path.basename(one.path)),
      ['review_v1.json', 'review_v1_2.json', 'review_v1_3.json'],
    );
    assert.deepEqual(await history.verdicts({ role: 'ui' }), []);
    assert.deepEqual(await history.verdicts({ feature: 'FEAT-2' }), []);
  });

  test('what a crash made somebody say again is recorded once', async () => {
    const { prompt, end } = await answered(history);
    const first = await history.judge(verdictOn(prompt, end));
    await history.close();
    const next = await rig.open();
    assert.deepEqual(await next.judge(verdictOn(prompt, end)), first);
    assert.equal((await next.verdicts({})).length, 1);
    assert.equal(subjects().filter((subject) => subject.endsWith('approved')).length, 1);
  });

  test('two people in two processes at the same moment are both recorded', async () => {
    const { prompt, end } = await answered(history);
    const other = await rig.open();
    await Promise.all([history.judge(verdictOn(prompt, end)), other.judge(verdictOn(prompt, end, { by: BOB }))]);
    const people = (await history.verdicts({})).map(({ verdict }) => verdict.by.name).toSorted();
    assert.deepEqual(people, ['Ada Example', 'Bob Example']);
    assert.deepEqual(await other.verdicts({}), await history.verdicts({}));
    assert.deepEqual(await findings(history), []);
  });

  test('a verdict moves no record: its status, what is found, and the same answer again stay as they are', async () => {
    const { prompt, end } = await answered(history);
    const before = await history.find(prompt.identity);
    await history.judge(verdictOn(prompt, end));
    assert.deepEqual(await history.find(prompt.identity), before);
    assert.deepEqual(value(await history.record(end)), before);
    const [record] = await collect(history.records({}));
    assert.deepEqual(record?.filed, before);
    assert.deepEqual((await collect(history.records({ job: prompt.job })))[0]?.filed, before);
    const other = await rig.open();
    assert.deepEqual(await other.find(prompt.identity), before);
    const log = await collect(history.log({ feature: 'FEAT-1' }));
    assert.deepEqual(
      log.map(({ subject }) => subject),
      ['ai(FEAT-1): architect r1 approved', 'ai(FEAT-1): architect r1 answered', 'ai(FEAT-1): architect r1 submitted'],
    );
  });

  test('the records after a verdict name it in the chain, also those of another process', async () => {
    const { prompt, end } = await answered(history);
    await history.judge(verdictOn(prompt, end));
    await answered(history, { revision: 2 });
    await history.close();
    const next = await rig.open();
    const more = await answered(next, { revision: 3 });
    await next.judge(verdictOn(more.prompt, more.end));
    await answered(next, { feature: 'FEAT-2' });
    assert.deepEqual(await findings(next), []);
  });

  test('there must be an answer, and it must be the one that was judged', async () => {
    const { prompt, end } = await answered(history);
    const waiting = submission({ feature: 'FEAT-2' });
    value(await history.submit(waiting));
    const briefed = submission({ feature: 'FEAT-3' });
    value(await history.submit(briefed));
    value(await history.record(answer(briefed, { status: 'briefed' })));
    const faults: [Parameters<History['judge']>[0], RegExp][] = [
      [verdictOn(submission({ feature: 'FEAT-9' }), end), /is not recorded/],
      [verdictOn(waiting, end), /is submitted: there is no answer/],
      [verdictOn(briefed, end), /is briefed: there is no answer/],
      [verdictOn(prompt, end, { job: waiting.job }), /is job \w+ in the history/],
      [verdictOn(prompt, end, { result_sha256: 'e'.repeat(64) as Sha256 }), /is another one/],
      [verdictOn(prompt, end, { evidence_sha256: 'e'.repeat(64) as Sha256 }), /is another one/],
      [verdictOn(prompt, end, { by: { name: 'Ada <a>', email: 'ada@example.com' } }), /its by cannot be understood/],
      [verdictOn(prompt, end, { at: 'yesterday' }), /its at cannot be understood/],
    ];
    for (const [verdict, words] of faults)
      await assert.rejects(history.judge(verdict), (error: Error & { code?: string }) => {
        assert.match(error.message, words);
        assert.equal(error.code, 'EVERDICT');
        return true;
      });
    assert.deepEqual(await history.verdicts({}), []);
  });

  test('a review file that somebody changed, made or cannot be understood counts as nothing, and is told', async () => {
    const { prompt, end } = await answered(history);
    const { path: place } = await history.judge(verdictOn(prompt, end, { verdict: 'rejected', comment: 'no' }));
    assert.equal((await history.verdicts({})).length, 1);
    writeFileSync(path.join(rig.dir, place), renderReview(verdictOn(prompt, end)));
    writeFileSync(path.join(rig.dir, place.replace('.json', '_2.json')), renderReview(verdictOn(prompt, end, { by: BOB })));
    writeFileSync(path.join(rig.dir, place.replace('.json', '_3.json')), '{"verdict":"approved"}\n');
    rig.git('add', '-A');
    rig.git('commit', '-q', '-m', 'a person was here');
    const { log, lines } = listening();
    const next = await rig.open({ log });
    assert.deepEqual(await next.verdicts({}), []);
    assert.deepEqual(await history.verdicts({}), []);
    assert.ok(lines.some((line) => line.includes('counts as nothing')));
  });

  test('closing and opening again are records of the feature, in their order', async () => {
    await assert.rejects(history.closeFeature(closingOf('closing', '2026-11-20T11:00:00.000Z')), /has no record/);
    await answered(history);
    const said = [
      closingOf('closing', '2026-11-20T11:00:00.000Z'),
      closingOf('reopening', '2026-11-20T12:00:00.000Z'),
      closingOf('closing', '2026-11-20T13:00:00.000Z'),
    ];
    const places = [];
    for (const one of said) places.push((await history.closeFeature(one)).path);
    assert.deepEqual(places, [
      'FEAT-1-user-filters/closing.json',
      'FEAT-1-user-filters/reopening.json',
      'FEAT-1-user-filters/closing_2.json',
    ]);
    assert.deepEqual(await history.closings('FEAT-1-with-slug'), said);
    assert.deepEqual(await history.closings(), said);
    assert.deepEqual(await history.closings('FEAT-2'), []);
    assert.deepEqual(subjects().slice(0, 3), ['ai(FEAT-1): closed', 'ai(FEAT-1): reopened', 'ai(FEAT-1): closed']);
    assert.deepEqual(await findings(history), []);
  });

  test('what others recorded meanwhile is seen, whether or not it was asked for before', async () => {
    const { prompt, end } = await answered(history);
    assert.deepEqual(await history.verdicts({}), []);
    const other = await rig.open();
    await other.judge(verdictOn(prompt, end));
    await answered(history, { revision: 2 });
    assert.equal((await history.verdicts({})).length, 1);
    rig.git('commit', '-q', '--allow-empty', '-m', 'a person was here');
    await other.judge(verdictOn(prompt, end, { by: BOB }));
    assert.equal((await history.verdicts({ feature: 'FEAT-1' })).length, 2);
  });
});
