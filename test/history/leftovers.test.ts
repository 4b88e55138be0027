/** What a dead git leaves in the history: ours in a folder of its own, anybody's among the objects, and the graph that is moved in. */

import assert from 'node:assert/strict';
import { closeSync, existsSync, globSync, mkdirSync, openSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { History } from '#core/history.ts';
import { makeHistoryGit } from '#platform/git-repository.ts';
import { answer, listening, makeRig, submission, value, type Rig } from './rig.ts';

async function record(history: History, feature: string): Promise<void> {
  const prompt = submission({ feature });
  value(await history.submit(prompt));
  value(await history.record(answer(prompt)));
}

suite('what a dead git leaves', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = makeRig();
  });
  afterEach(() => rig.end());
  const inGit = (name: string): string => path.join(rig.dir, '.git', name);
  const objectFiles = (): string[] => globSync('**/*', { cwd: inGit('objects') }).toSorted();
  const leave = (name: string, ageS: number): string => {
    const file = inGit(name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, 'torn');
    const at = Date.now() / 1_000 - ageS;
    utimesSync(file, at, at);
    return file;
  };

  test('the git program that packs and writes the graph, ended or not, leaves nothing among the objects', async () => {
    const history = await rig.open();
    for (let n = 0; n < 3; n++) await record(history, `FEAT-${String(n)}`);
    await history.close();
    const before = objectFiles();
    const git = makeHistoryGit();
    const packs = readdirSync(inGit('objects/pack')).flatMap((name) => (name.endsWith('.idx') ? [name.slice(0, -4)] : []));
    for (const [round, signal] of [AbortSignal.abort(), new AbortController().signal].entries()) {
      const fold = inGit(`docket/fold/${String(round)}`);
      mkdirSync(path.join(fold, 'info'), { recursive: true });
      writeFileSync(path.join(fold, 'info/alternates'), '../../../objects\n');
      const [made, graph] = await Promise.allSettled([
        git.packTogether(inGit(''), fold, packs.slice(0, 3), packs.slice(3), signal),
        git.writeCommitGraph(inGit(''), fold, signal),
      ]);
      // One that is to be ended may be quicker than the signal.
      if (!signal.aborted) {
        assert.ok(made.status === 'fulfilled' && existsSync(path.join(fold, `${String(made.value)}.pack`)));
        assert.ok(graph.status === 'fulfilled' && graph.value);
        assert.ok(existsSync(path.join(fold, 'info/commit-graphs/commit-graph-chain')));
      }
      assert.deepEqual(objectFiles(), before);
    }
    await rig.open();
    assert.equal(existsSync(inGit('docket/fold')), false, 'the next start removes it');
  });

  test('a round that fails takes its folder away, and so does one whose git was killed', async () => {
    const { promise: told, resolve: tell } = Promise.withResolvers<string>();
    const { log } = listening((line) => {
      if (line.includes('could not be tended')) tell(line);
    });
    const history = await rig.open({
      log,
      tend: { packsMax: 2, idleMs: 0 },
      git: {
        ...makeHistoryGit(),
        packTogether: (_, into) => {
          mkdirSync(path.join(into, 'pack'));
          writeFileSync(path.join(into, 'pack/tmp_pack_abcDEF'), 'torn');
          return Promise.reject(new Error('git was killed'));
        },
      },
    });
    await record(history, 'FEAT-1');
    await record(history, 'FEAT-2');
    assert.match(await told, /git was killed/);
    await history.close();
    assert.equal(existsSync(inGit('docket/fold')), false);
    assert.deepEqual(globSync('**/tmp_*', { cwd: inGit('objects') }), []);
    rig.assertClean();
  });

  const KINDS = [
    'objects/pack/tmp_pack_abcDEF',
    'objects/pack/tmp_idx_abcDEF',
    'objects/pack/.tmp-4711-pack-0123456789012345678901234567890123456789.idx',
    'objects/pack/multi-pack-index.lock',
    'objects/info/commit-graphs/tmp_graph_abcDEF',
    'objects/info/commit-graphs/commit-graph-chain.lock',
    'objects/maintenance.lock',
    'objects/ab/tmp_obj_abcDEF',
  ];

  test('what a git of anybody left is removed at start when it is old', async () => {
    await (await rig.open()).close();
    const old = KINDS.map((name) => leave(name, 7_200));
    const kept = [leave('objects/pack/tmp_pack_FRESH1', 60), leave('objects/pack/tmp_mine.txt', 7_200)];
    const { log, lines } = listening();
    await rig.open({ log });
    for (const file of old) assert.equal(existsSync(file), false, file);
    for (const file of kept) assert.ok(existsSync(file), file);
    assert.match(lines.join('\n'), /removed 8 files that a killed git left/);
  });

  test('nothing is removed that somebody has open, or while a git is at work there, or where that cannot be known', async () => {
    await (await rig.open()).close();
    const [first = '', second = ''] = KINDS.slice(0, 2).map((name) => leave(name, 7_200));
    const held = openSync(first, 'r+');
    for (const isAtWork of [true, null]) {
      await (await rig.open({ git: { ...makeHistoryGit(), isAtWork: () => Promise.resolve(isAtWork) } })).close();
      assert.ok(existsSync(first) && existsSync(second), String(isAtWork));
    }
    await (await rig.open()).close();
    assert.ok(existsSync(first));
    assert.equal(existsSync(second), false);
    closeSync(held);
    await (await rig.open()).close();
    assert.equal(existsSync(first), false);
  });

  test('the graph grows by layers that git finds whole, takes the place of one in one file, and waits for a git that holds its lock', async () => {
    const graphs = inGit('objects/info/commit-graphs');
    const round = async (n: number): Promise<void> => {
      const { promise: done, resolve } = Promise.withResolvers<void>();
      const { log } = listening((line) => {
        if (line.includes('are one now')) resolve();
      });
      const git = makeHistoryGit();
      const { promise: written, resolve: isWritten } = Promise.withResolvers<void>();
      const writeCommitGraph: typeof git.writeCommitGraph = async (...all) => git.writeCommitGraph(...all).finally(isWritten);
      const history = await rig.open({ log, tend: { packsMax: 2, idleMs: 0 }, git: { ...git, writeCommitGraph } });
      for (let k = 0; k < 3; k++) await record(history, `N${String(n)}-${String(k)}`);
      await done;
      await written;
      // The one that runs is ended by a close; a last start finds nothing to do.
      await history.close();
    };
    await (await rig.open()).close();
    rig.git('commit-graph', 'write', '--reachable');
    assert.ok(existsSync(inGit('objects/info/commit-graph')));
    for (let n = 0; n < 4; n++) await round(n);
    const chain = readFileSync(path.join(graphs, 'commit-graph-chain'), 'utf8').trim().split('\n');
    for (const sum of chain) assert.ok(existsSync(path.join(graphs, `graph-${sum}.graph`)), sum);
    assert.equal(readdirSync(graphs).length, chain.length + 1, 'no layer that nobody names');
    assert.equal(existsSync(inGit('objects/info/commit-graph')), false);
    rig.git('commit-graph', 'verify');
    writeFileSync(path.join(graphs, 'commit-graph-chain.lock'), '');
    await round(4);
    assert.equal(readFileSync(path.join(graphs, 'commit-graph-chain'), 'utf8').trim(), chain.join('\n'));
    assert.ok(existsSync(path.join(graphs, 'commit-graph-chain.lock')));
    rig.assertClean();
  });
});
