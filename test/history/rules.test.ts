import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import { answer, collect, digest, makeRig, newJob, submission, value, type Rig } from './rig.ts';

suite('the rules of identity', () => {
  let rig: Rig;
  let history: History;
  beforeEach(async () => {
    rig = makeRig();
    history = await rig.open();
  });
  afterEach(() => rig.end());

  test('an accepted prompt is submitted, its answer makes it answered, and both are in the layout of FORMATS', async () => {
    const first = submission();
    const filed = value(await history.submit(first));
    assert.equal(filed.status, 'submitted');
    assert.equal(filed.commit, rig.git('rev-parse', 'HEAD').trim());
    const named = submission({ role: 'ui', folder: '03-ui', name: 'filter-panel', prompt: 'panel\n' });
    value(await history.submit(named));
    const recorded = value(await history.record(answer(first, { materials: ['one brief'] })));
    assert.equal(recorded.status, 'answered');
    const hash = digest.sha256('one brief');
    assert.deepEqual(rig.git('ls-tree', '-r', '--name-only', 'HEAD').trim().split('\n'), [
      '.gitattributes',
      'FEAT-1-user-filters/01-architect/evidence_v1.json',
      'FEAT-1-user-filters/01-architect/prompt_v1.md',
      'FEAT-1-user-filters/01-architect/result_v1.md',
      'FEAT-1-user-filters/03-ui/filter-panel/prompt_v1.md',
      'FEAT-1-user-filters/feature.json',
      'README.md',
      `materials/sha256/${hash.slice(0, 2)}/${hash}`,
    ]);
    assert.equal(Buffer.from((await history.read(`materials/sha256/${hash}`)) ?? []).toString(), 'one brief');
    assert.equal(await history.read('FEAT-1-user-filters/../README.md'), null);
    rig.assertClean();
  });

  test('the same job submitted or recorded again writes nothing', async () => {
    const prompt = submission();
    const first = value(await history.submit(prompt));
    assert.deepEqual(value(await history.submit(prompt)), first);
    const end = value(await history.record(answer(prompt)));
    assert.deepEqual(value(await history.record(answer(prompt, { result: 'another text, written again after a crash' }))), end);
    assert.equal(rig.git('rev-list', '--count', 'HEAD').trim(), '3');
    assert.deepEqual(await history.find(prompt.identity), end);
  });

  test('other bytes under a taken identity are refused and name the job that has it', async () => {
    const prompt = submission();
    value(await history.submit(prompt));
    const other = await history.submit(submission({ prompt: 'something else' }));
    assert.ok(!other.ok);
    assert.ok(other.error.kind === 'identity-taken');
    assert.equal(other.error.byJob, prompt.job);
    value(await history.record(answer(prompt)));
    assert.equal((await history.submit(submission({ prompt: 'something else' }))).ok, false);
  });

  test('the same bytes of another job are taken while in flight, answered when answered, and the first job goes on when it failed', async () => {
    const prompt = submission();
    value(await history.submit(prompt));
    assert.equal((await history.submit({ ...prompt, job: newJob() })).ok, false);
    value(await history.record(answer(prompt, { status: 'failed', runId: 'a' })));
    const again = value(await history.submit({ ...prompt, job: newJob() }));
    assert.deepEqual([again.job, again.status], [prompt.job, 'failed']);
    value(await history.record(answer(prompt, { runId: 'b' })));
    const duplicate = value(await history.submit({ ...prompt, job: newJob() }));
    assert.deepEqual([duplicate.job, duplicate.status], [prompt.job, 'answered']);
  });

  test('two jobs that ask for one identity in the same moment: the first one called has it', async () => {
    const [first, second] = [submission({ prompt: 'a' }), submission({ prompt: 'b' })];
    const [one, two] = await Promise.all([history.submit(first), history.submit(second)]);
    assert.ok(one.ok);
    assert.ok(!two.ok);
    assert.ok(two.error.kind === 'identity-taken');
    assert.equal(two.error.byJob, first.job);
  });

  test('a feature is one folder, whatever slug and case later prompts write, and a role one folder, whatever number', async () => {
    value(await history.submit(submission({ feature: 'FEAT-7', featureName: 'FEAT-7-first-slug' })));
    value(await history.submit(submission({ feature: 'feat-7', featureName: 'feat-7-Other', revision: 2 })));
    value(await history.submit(submission({ feature: 'FEAT-7', featureName: 'FEAT-7', revision: 3, folder: '04-architect' })));
    const files = rig.git('ls-tree', '-r', '--name-only', 'HEAD', 'FEAT-7-first-slug/').trim().split('\n');
    assert.deepEqual(
      files.map((file) => file.split('/').slice(1).join('/')),
      ['01-architect/prompt_v1.md', '01-architect/prompt_v2.md', '01-architect/prompt_v3.md', 'feature.json'],
    );
    assert.equal((await history.submit(submission({ feature: 'feat-7', prompt: 'other' }))).ok, false);
  });

  test('a failed job leaves its evidence and raw output under attempts, and the next failure gets the next number', async () => {
    const prompt = submission({ role: 'ui', folder: '03-ui', name: 'panel' });
    value(await history.submit(prompt));
    const raw = [{ name: 'a1.stdout', bytes: Buffer.from('noise') }];
    const failed = value(await history.record(answer(prompt, { status: 'failed', runId: 'a', attempts: raw })));
    assert.equal(failed.resultSha256, null);
    // Told again after a crash: nothing new.
    assert.deepEqual(value(await history.record(answer(prompt, { status: 'failed', runId: 'a', attempts: raw }))), failed);
    const more = [{ name: 'a1.stdout', bytes: Buffer.from('other noise') }];
    value(await history.record(answer(prompt, { status: 'failed', runId: 'b', attempts: more })));
    value(await history.record(answer(prompt, { status: 'cancelled', runId: 'b' })));
    const names = rig.git('ls-tree', '--name-only', 'HEAD', `FEAT-1-user-filters/03-ui/attempts/${prompt.job}/`).trim().split('\n');
    assert.deepEqual(
      names.map((name) => name.split('/').at(-1)),
      ['a1.stdout', 'a1_2.stdout', 'evidence.json', 'evidence_2.json', 'evidence_3.json'],
    );
    const [recorded] = await collect(history.records({ job: prompt.job }));
    assert.equal(recorded?.filed.status, 'cancelled');
    assert.match(recorded.evidence ?? '', /"status": "cancelled"/);
    assert.equal(recorded.folder, 'FEAT-1-user-filters/03-ui/panel');
  });

  test('a brief that is answered later is moved aside in the same commit, so nothing is lost', async () => {
    const prompt = submission();
    value(await history.submit(prompt));
    value(await history.record(answer(prompt, { status: 'briefed', result: 'the brief', runId: 'a' })));
    assert.equal((await history.find(prompt.identity))?.status, 'briefed');
    value(await history.record(answer(prompt, { result: 'the answer', runId: 'b' })));
    const folder = 'FEAT-1-user-filters/01-architect';
    assert.equal(rig.git('show', `HEAD:${folder}/result_v1.md`), 'the answer');
    assert.equal(rig.git('show', `HEAD:${folder}/attempts/${prompt.job}/brief_result.md`), 'the brief');
    assert.match(rig.git('show', `HEAD:${folder}/attempts/${prompt.job}/brief_evidence.json`), /briefed/);
    assert.equal(rig.git('rev-list', '--count', 'HEAD').trim(), '4');
    rig.assertClean();
    assert.deepEqual(await collect(history.verify()), []);
  });

  test('an answer to a prompt that was never submitted, or by another job, is not recorded', async () => {
    const prompt = submission();
    await assert.rejects(history.record(answer(prompt)), /no submission in the history/);
    value(await history.submit(prompt));
    assert.equal((await history.record(answer({ ...prompt, job: newJob() }))).ok, false);
    assert.equal(rig.git('rev-list', '--count', 'HEAD').trim(), '2');
  });

  test('one bad item of a group fails alone', async () => {
    const good = submission();
    const bad = { ...submission({ revision: 2 }), promptSha256: 'f'.repeat(64) as never };
    const outcomes = await Promise.allSettled([history.submit(bad), history.submit(good)]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled'],
    );
    assert.equal((await history.find(good.identity))?.status, 'submitted');
    assert.equal(await history.find(bad.identity), null);
  });

  test('a material whose bytes are not its hash, and an attempt file with a path in its name, are refused', async () => {
    const prompt = submission();
    value(await history.submit(prompt));
    const wrong = answer(prompt);
    await assert.rejects(
      history.record({ ...wrong, materials: wrong.materials.map((one) => ({ ...one, bytes: 'x' })) }),
      /not the hash of its bytes/,
    );
    const escaping = [{ name: '../../../etc/passwd', bytes: Buffer.from('x') }];
    await assert.rejects(history.record(answer(prompt, { status: 'failed', attempts: escaping })), /not a name for a file/);
  });
});

suite('reading back', () => {
  let rig: Rig;
  let history: History;
  const prompts = [
    submission({ feature: 'FEAT-1' }),
    submission({ feature: 'FEAT-2', role: 'ui', folder: '03-ui', name: 'panel' }),
    submission({ feature: 'FEAT-2', role: 'ui', folder: '03-ui', revision: 2 }),
  ];
  before(async () => {
    rig = makeRig();
    history = await rig.open();
    for (const prompt of prompts) value(await history.submit(prompt));
    for (const prompt of prompts.slice(0, 2)) value(await history.record(answer(prompt)));
  });
  after(() => rig.end());

  test('the log is newest first, with trailers, and can be narrowed', async () => {
    const all = await collect(history.log({}));
    assert.deepEqual(
      all.map(({ subject }) => subject),
      [
        'ai(FEAT-2): ui/panel r1 answered',
        'ai(FEAT-1): architect r1 answered',
        'ai(FEAT-2): ui r2 submitted',
        'ai(FEAT-2): ui/panel r1 submitted',
        'ai(FEAT-1): architect r1 submitted',
        'docket: a history begins',
      ],
    );
    assert.equal(all[0]?.at, '2026-11-20T10:01:00.000Z');
    assert.equal((await collect(history.log({ feature: 'feat-2-any-slug' }))).length, 3);
    assert.equal((await collect(history.log({ feature: 'FEAT-2', role: '03-ui', limit: 1 }))).length, 1);
    assert.equal((await collect(history.log({ job: prompts[0]?.job ?? '' })))[0]?.trailers['Docket-Status'], 'answered');
    assert.deepEqual(
      all.map(({ commit }) => commit),
      rig.git('rev-list', 'HEAD').trim().split('\n'),
    );
  });

  test('records come with how they stand, also in a history opened anew', async () => {
    const again = await rig.open();
    const found = await collect(again.records({ feature: 'FEAT-2' }));
    assert.deepEqual(
      found.map(({ identity, filed }) => [identity.revision, identity.name, filed.status]),
      [
        [1, 'panel', 'answered'],
        [2, null, 'submitted'],
      ],
    );
    assert.deepEqual(await again.find(prompts[0]?.identity ?? assert.fail()), await history.find(prompts[0]?.identity ?? assert.fail()));
  });
});
