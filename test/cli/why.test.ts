import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { addWhy, whatOf } from '#cli/why.ts';
import { judge, sayClosed } from '../support/verdicts.ts';
import { claimPrompt, makeTempWorkspace, move, promptText, seedJob, type TempWorkspace } from '../support/workspace.ts';

const failure = { kind: 'no-answer', runner: 'fake', message: 'nothing came' } as const;
const lane = { lane: 'claude', slots: 2, running: 2, queued: 3, heldUntil: null, reason: null };
const why = async (workspace: TempWorkspace, name: string): Promise<string> => {
  const { out, err } = await workspace.run(addWhy, 'why', name);
  assert.equal(err, '');
  return out;
};

describe('docket why, of a file that waits', () => {
  test('without a daemon: says so, and what would hold it back all the same', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await seedJob(await workspace.rooms(), 'meta', { agent: 'meta', feature: 'FEAT-9' }, { status: 'briefed', answer: 'brief' });
    await workspace.write(
      'queues/01-architect/in/foo.md',
      promptText({ feature: 'FEAT-9', more: 'not_before: 2999-01-01T00:00:00Z\ndepends_on: [meta, FEAT-2/ui@3]\n' }),
    );
    const out = await why(workspace, 'foo.md');
    assert.match(out, /^architect\/foo\.md waits in in\//);
    assert.match(out, /not_before 2999-01-01T00:00:00Z/);
    assert.match(out, /because {2}FEAT-9\/meta@1 has only a brief of the offline runner, which is no answer/);
    assert.match(out, /because {2}no prompt for FEAT-2\/ui@3 was dropped yet/);
    assert.match(out, /no daemon runs/);
    assert.match(out, /next {5}start the daemon: `docket up`/);
  });

  test('an accepted dependency and a time that has come hold nothing back', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'meta', { agent: 'meta' }, { status: 'answered', answer: 'yes' });
    await judge(rooms.history, 'FEAT-1/meta@1');
    await workspace.write('queues/01-architect/in/foo.md', promptText({ more: 'not_before: 2020-01-01T00:00:00Z\ndepends_on: [meta]\n' }));
    const out = await why(workspace, 'architect/foo');
    assert.doesNotMatch(out, /meta|not_before/);
  });

  test('one that is not valid, or no file, will be rejected', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.write('queues/01-architect/in/broken.md', 'no front matter');
    await symlink('/etc/hostname', workspace.in('link.md'));
    assert.match(await why(workspace, 'broken'), /docket check queues\/01-architect\/in\/broken\.md/);
    assert.match(await why(workspace, 'link'), /it is a symbolic link, and docket opens only regular files/);
  });

  test('the daemon knows: a held lane, no free slot, settling, a long queue', async (t) => {
    const workspace = await makeTempWorkspace(t);
    await workspace.write('queues/01-architect/in/foo.md', promptText());
    let said: Record<string, unknown> = {};
    await workspace.serve(() => ({ ok: true, lanes: [lane], in_flight: [], backlog: 0, waiting: {}, ...said }));
    assert.match(await why(workspace, 'foo'), /not looked at yet: the folders are looked at least every 5000 ms/);
    said = { backlog: 40 };
    assert.match(await why(workspace, 'foo'), /40 files wait/);
    said = { waiting: { 'architect/foo.md': 'lane claude has no free slot' } };
    assert.match(await why(workspace, 'foo'), /lane claude has no free slot: 2 of 2 are running/);
    said = {
      waiting: { 'architect/foo.md': 'lane claude is held: 429' },
      lanes: [{ ...lane, heldUntil: '2026-11-20T12:00:00.000Z', reason: '429' }],
    };
    assert.match(await why(workspace, 'foo'), /lane claude is held until 2026-11-20T12:00:00\.000Z: 429/);
    said = { waiting: { 'architect/foo.md': 'was changed a moment ago: waits until it is settled' } };
    assert.match(await why(workspace, 'foo'), /was changed a moment ago/);
  });
});

describe('docket why, of the chain', () => {
  const answer = { status: 'answered', answer: 'x' } as const;

  test('an answer says how it stands, and the prompt that waits for it says the same', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'arch', { revision: 2 }, answer);
    await workspace.write('queues/03-ui/in/foo.md', promptText({ agent: 'ui', more: 'depends_on: [architect]\n' }));
    const both = async (): Promise<string> => `${await why(workspace, 'architect/arch')}\n${await why(workspace, 'ui/foo')}`;
    for (const [verdict, words, next] of [
      [null, 'FEAT-1/architect@2 awaits a verdict', '`docket approve FEAT-1/architect@2`'],
      ['held', 'FEAT-1/architect@2 is held by a reviewer', 'docket approve FEAT-1/architect@2'],
      ['changes-requested', 'changes were requested of FEAT-1/architect@2', '`docket revise FEAT-1/architect`'],
      ['rejected', 'FEAT-1/architect@2 was rejected', '`docket revise FEAT-1/architect`'],
    ] as const) {
      if (verdict !== null) await judge(rooms.history, 'FEAT-1/architect@2', { verdict });
      const said = await both();
      assert.equal(said.split(`because  ${words}`).length, 3, said);
      assert.equal(said.split(next).length, 3, said);
    }
    await judge(rooms.history, 'FEAT-1/architect@2');
    assert.match(await both(), /FEAT-1\/architect@2 is accepted[^]*no daemon runs/);
  });

  test('a feature that is closed, and a role whose answers await too many verdicts', async (t) => {
    const workspace = await makeTempWorkspace(t, 'runner: offline\nreview: { awaiting_max: 1 }\n');
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'arch', {}, answer);
    await workspace.write('queues/01-architect/in/foo.md', promptText({ feature: 'FEAT-2' }));
    assert.match(
      await why(workspace, 'foo'),
      /an answer of architect awaits a verdict, and review\.awaiting_max lets no more than 1 do so/,
    );
    await workspace.write('queues/01-architect/in/late.md', promptText({ revision: 2, more: 'depends_on: [FEAT-3/meta]\n' }));
    await sayClosed(rooms.history, 'FEAT-1', 'closing');
    const late = await why(workspace, 'late');
    assert.match(late, /FEAT-1 is closed and takes no more prompts, so this one is rejected[^]*`docket reopen FEAT-1` first/);
    assert.doesNotMatch(late, /FEAT-3|verdict/, 'nothing else would release it');
    assert.doesNotMatch(await why(workspace, 'foo'), /awaits? a verdict/, 'nobody judges the answers of a closed feature');
  });

  test('a prompt out of an answer is held until that answer is accepted', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id } = await seedJob(rooms, 'plan', { agent: 'meta' }, answer);
    await workspace.write('queues/01-architect/in/child.held', promptText({ more: `parent: ${id}\n` }));
    assert.match(
      await why(workspace, 'child'),
      /is held, and nothing is wrong with it\n {2}because {2}.*FEAT-1\/meta@1 awaits a verdict\n {2}next {5}`docket approve FEAT-1\/meta@1`/,
    );
  });
});

describe('docket why, of a job in work', () => {
  test('without a daemon it goes on at the next start', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { id } = await claimPrompt(await workspace.rooms(), 'foo', promptText());
    const out = await why(workspace, id);
    assert.match(out, /is in work\n {2}because {2}it was claimed, and no daemon runs now; nothing of it is lost/);
  });

  test('with one: checked, waiting for a slot, running, between attempts, ending, or dropped', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id, claimed } = await claimPrompt(rooms, 'foo', promptText());
    let inFlight: unknown[] = [{ id }];
    let faults: unknown[] = [];
    await workspace.serve(() => ({ ok: true, lanes: [lane], in_flight: inFlight, backlog: 0, waiting: {}, faults }));
    assert.match(await why(workspace, 'foo'), /it is being checked/);
    await rooms.journal.commit([move(id, 'submitted')]);
    assert.match(await why(workspace, 'foo'), /waits for a slot in its lane\n {2}because {2}lane claude: 2 of 2 slots in use, 3 queued/);
    const dir = await rooms.spool.attemptFolder(claimed, 1);
    await rooms.journal.commit([move(id, 'running')]);
    await workspace.write(`${dir.slice(workspace.root.length + 1)}/run.json`, '{ "deadline": "2026-11-20T13:00:00.000Z" }');
    assert.match(await why(workspace, 'foo'), /attempt 1 runs; it may run until 2026-11-20T13:00:00\.000Z/);
    await rooms.journal.commit([move(id, 'waiting', undefined, 'the provider failed')]);
    assert.match(
      await why(workspace, 'foo'),
      /attempt 1 failed: the provider failed\n {2}because {2}the next attempt comes after its back-off/,
    );
    inFlight = [];
    assert.match(await why(workspace, 'foo'), /has it in no hand/);
    faults = [{ role: 'architect', words: 'in/ is a symbolic link' }];
    assert.match(await why(workspace, 'foo'), /because {2}its role waits: in\/ is a symbolic link\n {2}next/);
    faults = [];
    inFlight = [{ id }];
    await rooms.spool.decide(claimed, { outcome: 'failed', failure, files: [] });
    assert.match(await why(workspace, 'foo'), /being recorded and published/);
  });
});

test('a job that waits in its lane: that lane alone is the reason, and who paused it is the one who lets it go on', async (t) => {
  const workspace = await makeTempWorkspace(t);
  const rooms = await workspace.rooms();
  const { id } = await claimPrompt(rooms, 'foo', promptText());
  await rooms.journal.commit([move(id, 'submitted')]);
  const other = { ...lane, lane: 'codex', heldUntil: '2026-11-20T13:00:00.000Z', reason: 'the provider limits it' };
  let mine: Record<string, unknown> = { ...lane, paused: { kind: 'lane', name: 'claude', by: 'ada', at: '2026-11-20T12:00:00Z' } };
  await workspace.serve(() => ({
    ok: true,
    lanes: [mine, other],
    in_flight: [{ id, lane: 'claude' }],
    backlog: 0,
    waiting: {},
    faults: [],
  }));
  const paused = await why(workspace, 'foo');
  assert.match(paused, /because {2}lane claude was paused by ada/);
  assert.match(paused, /next {5}`docket resume claude` lets it go on\n {2}next {5}`docket cancel/);
  assert.doesNotMatch(paused, /codex|by itself/);
  mine = { ...lane, heldUntil: '2026-11-20T14:00:00.000Z', reason: 'the provider limits it' };
  assert.match(
    await why(workspace, 'foo'),
    /lane claude is held until 2026-11-20T14[^]*by itself when the lane opens; `docket resume claude` tries at once/,
  );
});

describe('docket why, of a job that ended', () => {
  test('each attempt that went wrong is told in the words of the time', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    const { id } = await claimPrompt(rooms, 'slow', promptText({}));
    const at = '2026-11-20T08:00:00.000Z';
    const noAnswer = { kind: 'no-answer', runner: 'fake', message: 'nothing came' } as const;
    await rooms.journal.commit([{ do: 'error', id, attempt: 1, failure: noAnswer, at }]);
    const { data } = await workspace.json(addWhy, 'why', 'slow');
    const { errors } = data as { readonly errors: readonly unknown[] };
    const words = 'fake gave no answer: nothing came';
    assert.deepEqual(errors, [{ attempt: 1, class: 'agent-failure', kind: 'no-answer', words, at }]);
    assert.match((await workspace.run(addWhy, 'why', 'slow')).out, /^ {2}error {4}attempt 1, .*no-answer \(agent-failure\): fake gave/m);
  });

  test('a bad end: the words of its error file, exit code 1, and how to go on', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'wrong', {}, { status: 'rejected', failure });
    await seedJob(rooms, 'bad', { revision: 2 }, { status: 'failed', failure });
    const { code, out } = await workspace.run(addWhy, 'why', 'wrong');
    assert.equal(code, 1);
    assert.match(out, /was rejected: it is not valid; nothing was sent anywhere/);
    assert.match(out, /because {2}fake gave no answer: nothing came/);
    assert.match(out, /mend queues\/01-architect\/in\/wrong\.rejected, then `docket retry architect\/wrong`/);
    const { data } = await workspace.json(addWhy, 'why', 'bad');
    assert.deepEqual([(data as { state: string }).state, (data as { name: string }).name], ['failed', 'architect/bad']);
  });

  test('a good end: where the answer is; a brief is no answer', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const rooms = await workspace.rooms();
    await seedJob(rooms, 'good', {}, { status: 'answered', answer: 'x' });
    await seedJob(rooms, 'brief', { revision: 2 }, { status: 'briefed', answer: 'x' });
    assert.match(await why(workspace, 'good'), /its answer is queues\/01-architect\/out\/good_result\.md/);
    assert.match(await why(workspace, 'FEAT-1/architect@2'), /briefed: no AI was called/);
  });
});

test('the reason is what stands between the title and the first section of an error page', () => {
  assert.equal(whatOf('# foo.md: failed\n\nit broke.\n\n## What to do\n\nx\n'), 'it broke.');
  assert.equal(whatOf('# foo.md: failed'), null);
});
