import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { addShow } from '#cli/show.ts';
import { readEvidence } from '#cli/show-evidence.ts';
import {
  claimPrompt,
  conclude,
  makeTempWorkspace,
  promptText,
  roleNamed,
  seedJob,
  stemNamed,
  type TempWorkspace,
} from '../support/workspace.ts';

const failure = { kind: 'no-answer', runner: 'fake', message: 'nothing came' } as const;
type Shown = {
  readonly name: string;
  readonly job: string | null;
  readonly state: string;
  readonly files: readonly string[];
  readonly sha256: Readonly<Record<string, string>>;
  readonly attempts: readonly { readonly outcome: string; readonly failure: string | null }[];
  readonly history: { readonly commit: string; readonly folder: string } | null;
};
const shown = async (workspace: TempWorkspace, name: string): Promise<Shown> => {
  const { data, err } = await workspace.json(addShow, 'show', name);
  assert.equal(err, '');
  return data as Shown;
};

describe('docket show', () => {
  test('an answered job has its files, hashes, attempts and commit', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id, claimed } = await seedJob(
      rooms,
      'foo',
      { feature: 'FEAT-1-user-filters', revision: 2 },
      { status: 'answered', answer: 'the answer\n' },
    );
    const data = await shown(workspace, 'foo');
    assert.equal(data.job, id);
    assert.equal(data.state, 'answered');
    assert.deepEqual(data.files, [workspace.in('foo.processed'), workspace.out('foo_evidence.json'), workspace.out('foo_result.md')]);
    assert.equal(data.sha256['prompt'], claimed.job.sha256);
    assert.match(data.sha256['result'] ?? '', /^[0-9a-f]{64}$/);
    assert.match(data.sha256['evidence'] ?? '', /^[0-9a-f]{64}$/);
    assert.match(data.history?.commit ?? '', /^[0-9a-f]{40}$/);
    assert.equal(data.history?.folder, 'FEAT-1-user-filters/01-architect');
    const { code, out } = await workspace.run(addShow, 'show', 'foo');
    assert.equal(code, 0);
    for (const words of [
      'architect/foo  answered',
      `job       ${id}`,
      'FEAT-1 r2, FEAT-1-user-filters',
      '2.1.0, asked 2.0.0',
      'queues/01-architect/out/foo_result.md',
      'attempt   1  ',
    ])
      assert.ok(out.includes(words), `${words} in:\n${out}`);
  });

  test('every form of the name leads to the same job', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { id } = await seedJob(await workspace.rooms(), 'foo', { name: 'panel', revision: 2 }, { status: 'answered', answer: 'x' });
    const names = [
      'foo',
      'architect/foo',
      '01-architect/foo',
      'foo.processed',
      'architect/foo_result.md',
      workspace.in('foo.processed'),
      id,
      id.slice(0, 5),
      'FEAT-1/architect/panel@2',
      'feat-1/architect/panel',
    ];
    for (const name of names) assert.equal((await shown(workspace, name)).job, id, name);
  });

  test('what may mean two things is not guessed: both are listed', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'foo', {}, { status: 'answered', answer: 'x' });
    await seedJob(rooms, 'foo', { agent: 'ui' }, { status: 'answered', answer: 'x' });
    const { code, err } = await workspace.run(addShow, 'show', 'foo');
    assert.equal(code, 2);
    assert.match(err, /"foo" may mean 2 things; say which/);
    assert.match(err, /^ {2}architect\/foo\.processed {2}answered {2}FEAT-1 r1$/m);
    assert.match(err, /^ {2}ui\/foo\.processed {2}answered {2}FEAT-1 r1$/m);
    await workspace.write('queues/01-architect/in/foo.md', promptText({ revision: 7 }));
    assert.equal((await workspace.run(addShow, 'show', 'architect/foo')).code, 2);
    assert.equal((await shown(workspace, 'architect/foo.md')).state, 'waiting-in');
    assert.equal((await shown(workspace, 'architect/foo.processed')).state, 'answered');
  });

  test('an unknown name is told with the nearest one, and wild ones harm nothing', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.write('queues/01-architect/in/filters.md', promptText());
    const { code, err } = await workspace.run(addShow, 'show', 'filter');
    assert.equal(code, 2);
    assert.match(err, /did you mean filters\?/);
    for (const name of [
      '../../etc/passwd',
      '',
      '/',
      'a'.repeat(500),
      '\u001B[31m',
      'FEAT-1/architect@0',
      'FEAT-1/nobody@1',
      'abcdefghijklmnop',
    ]) {
      const said = await workspace.run(addShow, 'show', name);
      assert.equal(said.code, 2, name);
      assert.match(said.err, /nothing here is called/);
      assert.ok(!said.err.includes('\u001B'));
    }
  });

  test('a failed job exits 1 with its attempts; a rejected one is found although it has no evidence', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'bad', {}, { status: 'failed', failure });
    const rejected = await seedJob(rooms, 'wrong', { revision: 2 }, { status: 'rejected', failure });
    const { code, data } = await workspace.json(addShow, 'show', 'bad');
    assert.equal(code, 1);
    assert.deepEqual(
      (data as Shown).attempts.map((attempt) => [attempt.outcome, attempt.failure]),
      [['agent-failure', 'no-answer']],
    );
    assert.equal((await shown(workspace, rejected.id)).state, 'rejected');
    assert.equal((await shown(workspace, 'wrong')).sha256['prompt'], rejected.claimed.job.sha256);
  });

  test('a prompt rejected because its place is taken does not pass for the one that has it', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'first', {}, { status: 'answered', answer: 'x' });
    const second = await claimPrompt(rooms, 'second', promptText({ body: 'other bytes\n' }));
    const at = new Date().toISOString();
    await rooms.journal.commit([{ do: 'identify', id: second.id, feature: 'FEAT-1', name: null, revision: 1, at }]);
    await conclude(rooms, second, 'rejected', failure, [{ as: '_error.md', bytes: '# no\n' }]);
    const data = await shown(workspace, 'second');
    assert.deepEqual([data.state, data.history, data.sha256], ['rejected', null, { prompt: second.claimed.job.sha256 }]);
  });

  test('what is left only in the history is shown from there', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id } = await seedJob(rooms, 'foo', {}, { status: 'answered', answer: 'x' });
    rooms.journal.close();
    await rm(workspace.queues, { recursive: true });
    for (const name of ['FEAT-1/architect', id, id.slice(0, 4)]) {
      const data = await shown(workspace, name);
      assert.deepEqual([data.job, data.state, data.files.length], [id, 'answered', 0]);
    }
    assert.match((await workspace.run(addShow, 'show', id)).out, /the history has it/);
  });

  test('a job in work and a job that went on under a new id are told apart', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const first = await seedJob(rooms, 'foo', {}, { status: 'rejected', failure });
    await rooms.spool.reopen(roleNamed('architect'), stemNamed('foo'));
    const { waiting } = await rooms.spool.scan();
    assert.equal(waiting.length, 1);
    assert.equal((await shown(workspace, 'foo')).state, 'waiting-in');
    const old = await shown(workspace, first.id);
    assert.deepEqual([old.state, old.files], ['rejected', []]);
    const flying = await claimPrompt(rooms, 'bar', promptText({ revision: 5 }));
    assert.deepEqual((await shown(workspace, 'bar')).files, [`${flying.claimed.dir}.claimed`]);
    await conclude(rooms, flying, 'duplicate', null, [{ as: '_duplicate.json', bytes: '{}\n' }]);
    assert.equal((await shown(workspace, flying.id)).state, 'duplicate');
  });
});

test('evidence that is damaged or hostile is read as far as it makes sense', () => {
  assert.equal(readEvidence('{'), null);
  assert.equal(readEvidence('[]'), null);
  assert.equal(readEvidence('{"_type":"https://in-toto.io/Statement/v1"}'), null);
  const odd = readEvidence(
    '{"_type":"https://in-toto.io/Statement/v1","subject":[7,{"name":1}],"predicate":{"job":{},"attempts":"x","spec":[],"code":{"dirty":"yes"}}}',
  );
  assert.deepEqual([odd?.job, odd?.attempts, odd?.isCodeDirty, odd?.subjects], [null, [], null, [{ name: '', sha256: '' }]]);
});
