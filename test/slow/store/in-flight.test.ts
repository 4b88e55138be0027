/** Jobs that an earlier docket left in flight, at every point of their life, are brought to their end by this one: same names, same bytes, one record, no second run. */

import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '#platform/sqlite.ts';
import { fixturesOf, GENERATIONS, unpack, type Generation } from '#test/compat/unpack.ts';
import { writePlainContract } from '#test/support/plain-contract.ts';
import { assertVerified, makeRig, type Rig } from '#test/support/rig.ts';

/** Of the later ones those whose folders are another story than in the one before. */
const FINISHED: Readonly<Record<Generation, (name: string) => boolean>> = {
  v1: (name) => name.includes('at-'),
  v2: (name) => /^(?:failed-)?at-(?:submitted|spawned|recorded)$/.test(name),
  v3: (name) => /^at-(?:spawned|ran)$/.test(name),
};
const ENDS: Readonly<Record<string, { readonly suffix: string; readonly out: readonly string[] }>> = {
  at: { suffix: 'processed', out: ['foo_evidence.json', 'foo_result.md'] },
  'rejected-at': { suffix: 'rejected', out: ['foo_error.md'] },
  'failed-at': { suffix: 'failed', out: ['foo_error.md', 'foo_evidence.json'] },
};

/** Their tool answers without a heading, and the tests are not about contracts. */
function take(rig: Rig, generation: Generation, name: string): void {
  unpack(generation, name, rig.base);
  writePlainContract(rig.root);
}

const namesIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .toSorted();
const textOf = (file: string): string | null => (existsSync(file) ? readFileSync(file, 'utf8') : null);
const textOfFile = (file: string): string => (lstatSync(file).isFile() ? readFileSync(file, 'latin1') : '');
const startsOf = (rig: Rig): number => (textOf(path.join(rig.base, 'starts')) ?? '').split('\n').length - 1;
const workOf = (rig: Rig): string => path.join(rig.queues, '01-architect', 'work');
/** The jobs in flight, and their claimed files: `work/<job>/claimed` in v1, `work/<job>.claimed` since. */
const claimedIn = (rig: Rig): ReadonlyMap<string, string> =>
  new Map(
    namesIn(workOf(rig)).flatMap((name) => {
      const file = path.join(workOf(rig), name.endsWith('.claimed') ? name : `${name}/claimed`);
      const text = existsSync(file) ? rig.read(file) : null;
      return text === null ? [] : [[path.basename(name, '.claimed'), text] as const];
    }),
  );

/** The text that is fixed already: an answer of a run that ended, and the prompt. */
function fixedBy(rig: Rig): { readonly prompt: string; readonly answer: string | null } {
  const [claimed] = claimedIn(rig);
  const dir = path.join(workOf(rig), claimed?.[0] ?? '.none');
  const prompt = claimed?.[1] ?? textOf(path.join(rig.in(), 'foo.processed')) ?? textOf(path.join(rig.in(), 'foo.rejected'));
  assert.ok(prompt !== null, 'the fixture has the prompt');
  const hasEnded = existsSync(path.join(dir, 'a1', 'exit.json'));
  const answer = textOf(path.join(rig.out(), 'foo_result.md')) ?? (hasEnded ? textOf(path.join(dir, 'a1', 'stdout')) : null);
  return { prompt, answer };
}

const commitsSaying = (rig: Rig, status: string): number =>
  rig.git('log', '--format=%H', `--grep=Docket-Status: ${status}`).split('\n').filter(Boolean).length;

for (const generation of GENERATIONS) {
  for (const name of fixturesOf(generation).filter(FINISHED[generation])) {
    test(`${generation}: a job left "${name}" is finished with the same names, the same bytes, one record`, async (t) => {
      const rig = makeRig(t);
      take(rig, generation, name);
      const { suffix, out } = ENDS[name.slice(0, name.lastIndexOf('-'))] ?? assert.fail(`a fixture nobody knows: ${name}`);
      const { prompt, answer } = fixedBy(rig);
      const before = startsOf(rig);

      const daemon = await rig.start();
      await rig.ended('foo', suffix);
      assert.equal(await daemon.stop(), 0);

      assert.deepEqual(namesIn(rig.in()), [`foo.${suffix}`]);
      assert.deepEqual(namesIn(rig.out()), out);
      assert.deepEqual(readdirSync(workOf(rig)), []);
      assert.equal(rig.read(path.join(rig.in(), `foo.${suffix}`)), prompt);
      if (suffix === 'processed') {
        const result = rig.read(path.join(rig.out(), 'foo_result.md'));
        if (answer !== null) assert.equal(result, answer);
        assert.equal(startsOf(rig), answer === null ? before + 1 : before, 'a run that ended is used, and not bought again');
        assert.equal(rig.git('show', 'HEAD:FEAT-1/01-architect/result_v1.md'), result);
      }
      assert.equal(commitsSaying(rig, 'submitted'), suffix === 'rejected' ? 0 : 1);
      assert.equal(commitsSaying(rig, 'answered'), suffix === 'processed' ? 1 : 0);
      assert.equal(commitsSaying(rig, 'failed'), suffix === 'failed' ? 1 : 0);
      assertVerified(rig);
      const rows = JSON.parse(rig.run(['ls', '--all', '--json']).out) as readonly { readonly stem: string; readonly state: string }[];
      assert.deepEqual(
        rows.map(({ stem, state }) => ({ stem, state })),
        [{ stem: 'foo', state: suffix === 'processed' ? 'answered' : suffix }],
      );
    });
  }

  test(`${generation}: a run that died with its machine goes again once, and what waited behind it is ended too`, async (t) => {
    const rig = makeRig(t);
    take(rig, generation, 'many');
    const jobs = claimedIn(rig);
    const waiting = namesIn(rig.in()).map((name) => rig.read(path.join(rig.in(), name)));
    assert.equal(jobs.size + waiting.length, 5);
    const died = [...jobs.keys()].filter((id) => existsSync(path.join(workOf(rig), id, 'a1', 'run.json')));
    assert.ok(died.length > 0);
    assert.equal(startsOf(rig), died.length);

    const daemon = await rig.start();
    for (const stem of ['one', 'two', 'three', 'same']) await rig.ended(stem);
    const cancelled = await rig.docket('cancel', 'architect/waiting');
    assert.equal(cancelled.code, 0, cancelled.err);
    await rig.ended('waiting', 'cancelled');
    assert.equal(await daemon.stop(), 0);

    const names = ['one.processed', 'same.processed', 'three.processed', 'two.processed', 'waiting.cancelled'];
    assert.deepEqual(namesIn(rig.in()), names);
    assert.deepEqual(names.map((name) => rig.read(path.join(rig.in(), name))).toSorted(), [...jobs.values(), ...waiting].toSorted());
    assert.equal(startsOf(rig), died.length + 3, 'each that died with its machine once more; of the two equal prompts one never');
    const first = existsSync(path.join(rig.out(), 'one_evidence.json')) ? 'one' : 'same';
    for (const stem of [first, 'two', 'three']) {
      const { job, attempts } = rig.evidence(stem).predicate;
      const starts = attempts.reduce((sum, attempt) => sum + attempt.starts, 0);
      assert.equal(starts, died.includes(job) ? 2 : 1, 'the evidence tells each start');
    }
    assert.ok(existsSync(path.join(rig.out(), `${first === 'one' ? 'same' : 'one'}_duplicate.json`)));
    assert.deepEqual(readdirSync(workOf(rig)), []);
    assert.equal(commitsSaying(rig, 'answered'), 3);
    assertVerified(rig);
  });
}

test('an older docket that finds the journal of a newer one says so and touches nothing; the newer one goes on', async (t) => {
  const rig = makeRig(t);
  take(rig, 'v1', 'at-ran');
  const { answer } = fixedBy(rig);
  const file = path.join(rig.queues, '.docket', 'journal.db');
  const versioned = (version: number | null): number => {
    const database = openDatabase(file);
    const before = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version !== null) database.exec(`PRAGMA user_version = ${String(version)}`);
    database.close();
    return before;
  };
  const treeOf = (): readonly (readonly string[])[] =>
    readdirSync(path.join(rig.queues, '01-architect'), { recursive: true, encoding: 'utf8' })
      .toSorted()
      .map((name) => [name, textOfFile(path.join(rig.queues, '01-architect', name))]);
  const before = treeOf();
  const known = versioned(99);
  const older = rig.launch();
  assert.equal(await older.exit(), 3);
  assert.match(
    older.output(),
    /^docket: the journal .* was written by a newer docket \(version 99, this one knows [0-9]+\): use that docket; .*$/m,
  );
  assert.deepEqual(treeOf(), before);
  assert.equal(versioned(null), 99);

  versioned(known);
  const newer = await rig.start();
  await rig.ended('foo');
  assert.equal(await newer.stop(), 0);
  assert.equal(rig.read(path.join(rig.out(), 'foo_result.md')), answer);
  assert.equal(startsOf(rig), 1);
  assertVerified(rig);
});
