import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Clock } from '#core/ports.ts';
import { makeIntake, type Intake } from '#daemon/intake.ts';
import { makeRoleFaults } from '#daemon/intake-faults.ts';
import { makeIntakePorts } from '#test/support/intake-ports.ts';
import { bytesOf, promptWith } from '#test/support/prompts.ts';
import { makeHandClock, makeLog, makeRig, ROLE, stem, type LogLine, type Rig } from '#test/spool/rig.ts';

type Intakes = {
  readonly rig: Rig;
  readonly spool: ReturnType<Rig['spool']>;
  readonly intake: Intake;
  readonly lines: LogLine[];
  readonly lanes: { room: number; isHeld: boolean };
};

async function ready(context: TestContext, canPeek = true): Promise<Intakes> {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  const lines: LogLine[] = [];
  const lanes = { room: 1, isHeld: false };
  const clock: Clock = { ...makeHandClock(), ...rig.clock, now: () => new Date('2026-11-20T12:00:00Z') };
  const ports = makeIntakePorts({
    spool,
    clock,
    log: makeLog(lines),
    scanIntervalMs: 5_000,
    room: () => lanes.room,
    isShut: () => lanes.isHeld,
  });
  return { rig, spool, intake: makeIntake(ports, makeRoleFaults(ports.log), () => canPeek), lines, lanes };
}

const prompt = (more = ''): Uint8Array => bytesOf(promptWith(more));
const shown = async (intake: Intake, room = 10): Promise<string[]> => (await intake.next(room)).map(({ waiting }) => waiting.shownName);

test('what waits is chosen by priority, then as it was seen, one per free slot; what is no prompt goes first and needs no slot', async (context) => {
  const { rig, spool, intake, lanes } = await ready(context);
  await spool.drop(ROLE.name, stem('b-late'), prompt('priority: 90\n'));
  await spool.drop(ROLE.name, stem('c-soon'), prompt('priority: 1\n'));
  await spool.drop(ROLE.name, stem('d-soon'), prompt('priority: 1\n'));
  await spool.drop(ROLE.name, stem('e-bad'), 'no front matter');
  await spool.drop(ROLE.name, stem('f-other'), prompt('priority: 99\nrunner: claude\n'));
  await intake.look();
  assert.ok(intake.hasLooked());
  assert.deepEqual(await shown(intake), ['e-bad.md', 'c-soon.md', 'f-other.md']);
  for (const name of ['e-bad', 'c-soon', 'f-other']) unlinkSync(path.join(rig.in, `${name}.md`));
  await intake.look();
  lanes.room = 0;
  assert.deepEqual(await shown(intake), []);
  assert.match(intake.reasons().get('architect/d-soon.md') ?? '', /no free slot/);
  lanes.isHeld = true;
  assert.match(intake.reasons().get('architect/d-soon.md') ?? '', /is held: a test/);
  lanes.isHeld = false;
  lanes.room = 2;
  assert.deepEqual(await shown(intake), ['d-soon.md', 'b-late.md']);
  assert.equal(intake.backlog(), 0);
});

test('a file that waits for its time keeps nobody back, and is told so', async (context) => {
  const { spool, intake } = await ready(context);
  await spool.drop(ROLE.name, stem('a-early'), prompt('priority: 0\nnot_before: 2099-01-01T00:00:00Z\n'));
  await spool.drop(ROLE.name, stem('b-now'), prompt());
  await intake.look();
  assert.deepEqual(await shown(intake), ['b-now.md']);
  assert.match(intake.reasons().get('architect/a-early.md') ?? '', /not_before 2099/);
  assert.equal(intake.backlog(), 1);
});

test('a notice is looked at without going through the folder; nothing else is, until the interval is over or somebody asks', async (context) => {
  const { rig, spool, intake } = await ready(context);
  await intake.look();
  await spool.drop(ROLE.name, stem('told'), prompt());
  await spool.drop(ROLE.name, stem('untold'), prompt('priority: 60\n'));
  intake.notice({ folder: ROLE.folder, name: 'told.md', isWritten: false });
  await intake.look();
  assert.equal(intake.backlog(), 1);
  await intake.look();
  assert.equal(intake.backlog(), 2, 'asked without a name: everything is looked at');
  await spool.drop(ROLE.name, stem('untold-too'), prompt('priority: 70\n'));
  intake.notice({ folder: ROLE.folder, name: 'told.md', isWritten: false });
  rig.clock.advance(5_000);
  await intake.look();
  assert.equal(intake.backlog(), 3, 'a notice every moment does not put off the whole look');
  await spool.drop(ROLE.name, stem('more'), prompt());
  intake.notice({ folder: ROLE.folder, name: 'told.md', isWritten: false });
  intake.notice(null);
  await intake.look();
  assert.equal(intake.backlog(), 4, 'something was missed');
});

test('of a backlog that is larger than one step the best that was seen is offered at once, and at the end all are in order', async (context) => {
  const { rig, intake } = await ready(context);
  const outside = path.join(rig.queues, 'staging');
  mkdirSync(outside);
  for (let n = 0; n < 4_500; n++) {
    const name = `p${String(n).padStart(4, '0')}.md`;
    writeFileSync(path.join(outside, name), promptWith(n === 4_499 ? 'priority: 0\n' : n === 700 ? 'priority: 10\n' : ''));
    renameSync(path.join(outside, name), path.join(rig.in, name));
  }
  rig.clock.advance(10_000);
  await intake.look();
  assert.equal(intake.hasLooked(), false);
  assert.ok(intake.backlog() < 4_500);
  for (let step = 0; step < 200 && !intake.hasLooked(); step++) {
    rig.clock.advance(600);
    await intake.look();
  }
  assert.ok(intake.hasLooked());
  rig.clock.advance(600);
  await intake.look();
  assert.equal(intake.backlog(), 4_500);
  assert.deepEqual(await shown(intake, 1), ['p4499.md']);
});

test('when files of a role cannot be taken it waits longer each time, and is told; others do not wait for it', async (context) => {
  const { rig, spool, intake } = await ready(context);
  await spool.drop(ROLE.name, stem('stuck'), prompt());
  await intake.look();
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    assert.deepEqual(await shown(intake), ['stuck.md']);
    await intake.look();
    assert.deepEqual(await shown(intake), []);
    assert.match(intake.reasons().get('architect/stuck.md') ?? '', /could not be taken/);
    rig.clock.advance(pauseMs - 1);
    await intake.look();
    assert.deepEqual(await shown(intake), []);
    rig.clock.advance(1);
    await intake.look();
  }
  const chosen = await intake.next(1);
  assert.equal((await spool.claim(chosen.map(({ waiting }) => waiting))).length, 1);
  await spool.drop(ROLE.name, stem('next'), prompt());
  await intake.look();
  assert.deepEqual(await shown(intake), ['next.md'], 'it is over');
});

test('a fault of a folder is told once, and its end too', async (context) => {
  const { rig, intake, lines } = await ready(context);
  renameSync(rig.out, `${rig.out}-aside`);
  for (let n = 0; n < 3; n++) await intake.look();
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['error'],
  );
  assert.match(lines[0]?.message ?? '', /role architect waits: .*make the folder again/);
  renameSync(`${rig.out}-aside`, rig.out);
  await intake.look();
  assert.match(lines[1]?.message ?? '', /goes on/);
});

test('after starts that died, files are offered by name, unseen', async (context) => {
  const { spool, rig, intake } = await ready(context, false);
  await spool.drop(ROLE.name, stem('b'), prompt('priority: 1\n'));
  await spool.drop(ROLE.name, stem('a'), prompt('not_before: 2099-01-01T00:00:00Z\n'));
  await intake.look();
  assert.deepEqual(
    await intake.next(5).then((chosen) => chosen.map(({ waiting, stand }) => `${waiting.shownName} ${String(stand?.lane ?? null)}`)),
    ['a.md null', 'b.md null'],
  );
  assert.equal(readdirSync(rig.in).length, 2);
});
