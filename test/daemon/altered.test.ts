/** What somebody wrote into work/ after the end of a job was decided: put right from what is known, or the job is held. */

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { clock } from '#cli/parts.ts';
import type { Answer } from '#core/history.ts';
import type { FinalFile, Outcome } from '#core/job.ts';
import { parseFeature } from '#core/names.ts';
import { conclude } from '#daemon/conclude.ts';
import type { Ports } from '#daemon/ports.ts';
import { noteOf, readTold, type Told } from '#daemon/told-note.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeLog, type LogLine } from '#test/spool/rig.ts';
import { claimPrompt, makeTempWorkspace, promptText, type Rooms, type Taken, type TempWorkspace } from '#test/support/workspace.ts';

const digest = makeDigest();
const RESULT = 'the answer';
const EVIDENCE = '{"_type": "a statement"}\n';

type Rig = {
  readonly workspace: TempWorkspace;
  readonly rooms: Rooms;
  readonly ports: Ports;
  readonly lines: LogLine[];
  readonly job: Taken;
};

async function ready(t: TestContext): Promise<Rig> {
  const workspace = await makeTempWorkspace(t);
  const rooms = await workspace.rooms();
  const lines: LogLine[] = [];
  const { spool, history, journal } = rooms;
  const ports = {
    spool,
    history,
    journal,
    clock,
    digest,
    log: makeLog(lines),
    acceptance: { recorded: () => undefined, needsVerdict: () => true },
    reached: () => undefined,
  } as unknown as Ports;
  return { workspace, rooms, ports, lines, job: await claimPrompt(rooms, 'foo', promptText()) };
}

/** An accepted job whose end is decided, and what history is to be told of it. */
async function decided({ rooms, job }: Rig): Promise<{ final: FinalFile; told: Told }> {
  const { claimed, id, bytes } = job;
  const feature = parseFeature('FEAT-1');
  assert.ok(feature.ok && claimed.job.sha256 !== null);
  const common = {
    job: id,
    identity: { feature: feature.value.id, role: claimed.job.role, name: null, revision: 1 },
    roleFolder: claimed.job.folder,
    promptSha256: claimed.job.sha256,
    specVersion: '2.1.0',
    codeCommit: null,
    runner: 'offline',
    model: null,
    at: clock.now().toISOString(),
  };
  const submitted = await rooms.history.submit({
    ...common,
    featureName: feature.value.name,
    title: null,
    stream: 'feature',
    prompt: bytes,
  });
  assert.ok(submitted.ok);
  const answer: Answer = {
    ...common,
    status: 'briefed',
    result: new TextEncoder().encode(RESULT),
    evidence: EVIDENCE,
    materials: [],
    attempts: [],
  };
  const told = { answer, attempt: 1 };
  const files = [
    { as: '_evidence.json', bytes: EVIDENCE },
    { as: '_result.md', bytes: RESULT },
  ];
  const final = await rooms.spool.decide(claimed, { outcome: 'briefed', failure: null, files, ...noteOf(told, digest.sha256(RESULT)) });
  return { final, told };
}
const copyOf = ({ workspace, job }: Rig, name: string): string => path.join(workspace.queues, '01-architect/work', `${job.id}.${name}`);
const altered = ({ workspace }: Rig): string[] =>
  globSync(path.join(workspace.queues, '01-architect/archive/*.altered')).map((file) => readFileSync(file, 'utf8'));
const end = (rig: Rig): string[] =>
  [rig.workspace.in('foo.processed'), rig.workspace.in('foo.held'), rig.workspace.out('foo_result.md')].filter((file) => existsSync(file));

for (const name of ['1_result.md', '0_evidence.json'])
  test(`${name} changed while its job is concluded: what was recorded is published`, async (t) => {
    const rig = await ready(t);
    const { final, told } = await decided(rig);
    writeFileSync(copyOf(rig, name), 'forged');
    assert.equal(await conclude(rig.ports, rig.job.claimed, final, told), 'briefed' satisfies Outcome);
    assert.equal(readFileSync(rig.workspace.out('foo_result.md'), 'utf8'), RESULT);
    assert.equal(readFileSync(rig.workspace.out('foo_evidence.json'), 'utf8'), EVIDENCE);
    assert.deepEqual(altered(rig), ['forged']);
    assert.match(rig.lines.map(({ message }) => message).join('\n'), /was changed after the end of the job was decided/);
  });

test('the same after a crash, when it was recorded: history knows what was decided', async (t) => {
  const rig = await ready(t);
  const { final, told } = await decided(rig);
  assert.ok((await rig.rooms.history.record(told.answer)).ok);
  writeFileSync(copyOf(rig, '1_result.md'), 'forged');
  await assert.rejects(readTold(rig.rooms.spool, rig.job.claimed, final), /was changed after/);
  assert.equal(await conclude(rig.ports, rig.job.claimed, final), 'briefed');
  assert.equal(readFileSync(rig.workspace.out('foo_result.md'), 'utf8'), RESULT);
  assert.deepEqual(altered(rig), ['forged']);
});

test('the same after a crash, when nothing was recorded: nobody has the answer any more, so the job is held and nothing is published', async (t) => {
  const rig = await ready(t);
  const { final } = await decided(rig);
  writeFileSync(copyOf(rig, '1_result.md'), 'forged');
  assert.equal(await conclude(rig.ports, rig.job.claimed, final), 'held');
  assert.deepEqual(end(rig), [rig.workspace.in('foo.held')]);
  assert.match(readFileSync(rig.workspace.out('foo_error.md'), 'utf8'), /foo_result\.md was changed in work\/ after it was decided/);
  assert.deepEqual(altered(rig), ['forged']);
  assert.equal(await rig.rooms.history.read('FEAT-1/01-architect/result_v1.md'), null);
});

test('a changed error page is written again', async (t) => {
  const rig = await ready(t);
  const { claimed } = rig.job;
  const failure = { kind: 'cancelled', by: 'a person' } as const;
  const final = await rig.rooms.spool.decide(claimed, { outcome: 'cancelled', failure, files: [{ as: '_error.md', bytes: 'stopped' }] });
  writeFileSync(copyOf(rig, '0_error.md'), 'forged');
  assert.equal(await conclude(rig.ports, claimed, final), 'cancelled');
  assert.match(readFileSync(rig.workspace.out('foo_error.md'), 'utf8'), /# foo\.md: cancelled\n\nstopped by a person/);
  assert.deepEqual(altered(rig), ['forged']);
});
