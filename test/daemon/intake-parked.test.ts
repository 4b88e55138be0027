import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Clock } from '#core/ports.ts';
import { makeIntake, type Intake } from '#daemon/intake.ts';
import { makeRoleFaults } from '#daemon/intake-faults.ts';
import { makeBook, type Book } from '#test/support/book.ts';
import { makeIntakePorts } from '#test/support/intake-ports.ts';
import { bytesOf, promptWith } from '#test/support/prompts.ts';
import { makeHandClock, makeLog, makeRig, ROLE, stem, type LogLine, type Rig } from '#test/spool/rig.ts';

type Waits = {
  readonly rig: Rig;
  readonly book: Book;
  readonly intake: Intake;
  readonly lines: LogLine[];
  readonly lanes: { room: number };
  /** As the daemon is poked after a verdict: what it may take is taken. */
  readonly poked: () => Promise<string[]>;
  /** A look at the folders, and what may be taken after it. */
  readonly looked: () => Promise<string[]>;
  readonly drop: (name: string, more: string) => Promise<void>;
};

async function ready(context: TestContext, settings: { readonly awaitingMax?: number; readonly agingMs?: number } = {}): Promise<Waits> {
  const rig = makeRig(context);
  const spool = rig.spool();
  await spool.prepare();
  const lines: LogLine[] = [];
  const lanes = { room: 10_000 };
  const book = makeBook();
  const hand = makeHandClock();
  const clock: Clock = { ...hand, ...rig.clock, now: () => new Date('2026-11-20T12:00:00Z') };
  const ports = makeIntakePorts({
    spool,
    clock,
    log: makeLog(lines),
    scanIntervalMs: 1,
    room: () => lanes.room,
    isShut: () => lanes.room === 0,
    history: book.history,
    ...settings,
  });
  const intake = makeIntake(ports, makeRoleFaults(ports.log), () => true);
  const taken = async (): Promise<string[]> => (await intake.next(10_000)).map(({ waiting }) => waiting.shownName);
  return {
    rig,
    book,
    intake,
    lines,
    lanes,
    async poked() {
      ports.acceptance.touch();
      intake.lookAtNews();
      await intake.looked();
      return taken();
    },
    async looked() {
      rig.clock.advance(1_000);
      await intake.look();
      await intake.looked();
      return taken();
    },
    drop: async (name, more) => void (await spool.drop(ROLE.name, stem(name), bytesOf(promptWith(more)))),
  };
}

describe('a prompt that depends on others', () => {
  test('waits until they are accepted, says on what, and goes at the first look after the verdict', async (context) => {
    const { book, intake, drop, looked, poked } = await ready(context);
    await drop('a-waits', 'depends_on: [meta, ui]\n');
    await drop('b-goes', '');
    assert.deepEqual(await looked(), ['b-goes.md']);
    assert.equal(
      intake.reasons().get('architect/a-waits.md'),
      'nothing of FEAT-123/meta is recorded yet; nothing of FEAT-123/ui is recorded yet',
    );
    assert.equal(intake.takeable(), 0);
    assert.equal(intake.backlog(), 1);
    book.answer('FEAT-123/meta@1');
    book.answer('FEAT-123/ui@4', 'briefed');
    assert.deepEqual(await poked(), []);
    const words = 'FEAT-123/meta@1 awaits a verdict; FEAT-123/ui@4 has only a brief of the offline runner, which is no answer';
    assert.equal(intake.reasons().get('architect/a-waits.md'), words);
    book.judge('FEAT-123/meta@1');
    book.answer('FEAT-123/ui@5');
    book.judge('FEAT-123/ui@5', 'changes-requested');
    assert.deepEqual(await poked(), []);
    assert.equal(intake.reasons().get('architect/a-waits.md'), 'changes were requested of FEAT-123/ui@5');
    book.judge('FEAT-123/ui@5');
    assert.deepEqual(await poked(), ['a-waits.md']);
  });

  test('is satisfied by an older revision that is accepted, but not by another than the one it names', async (context) => {
    const { book, drop, looked, poked } = await ready(context);
    await drop('any', 'depends_on: [meta]\n');
    await drop('exact', 'depends_on: [meta@2]\n');
    book.answer('FEAT-123/meta@1');
    book.judge('FEAT-123/meta@1');
    book.answer('FEAT-123/meta@2');
    assert.deepEqual(await looked(), ['any.md']);
    book.judge('FEAT-123/meta@2');
    assert.deepEqual(await poked(), ['exact.md']);
  });

  test('a verdict that nobody told of is seen at the next whole look', async (context) => {
    const { book, drop, looked } = await ready(context);
    await drop('waits', 'depends_on: [meta]\n');
    book.answer('FEAT-123/meta@1');
    assert.deepEqual(await looked(), []);
    book.judge('FEAT-123/meta@1');
    assert.deepEqual(await looked(), ['waits.md']);
  });

  test('waits again when its verdict was taken back before its turn came', async (context) => {
    const { book, intake, drop, looked, poked, lanes } = await ready(context);
    await drop('waits', 'depends_on: [meta]\n');
    book.answer('FEAT-123/meta@1');
    book.judge('FEAT-123/meta@1');
    lanes.room = 0;
    assert.deepEqual(await looked(), []);
    assert.match(intake.reasons().get('architect/waits.md') ?? '', /lane/);
    book.judge('FEAT-123/meta@1', 'rejected');
    lanes.room = 1;
    assert.deepEqual(await poked(), []);
    await intake.looked();
    assert.equal(intake.reasons().get('architect/waits.md'), 'FEAT-123/meta@1 was rejected');
    book.judge('FEAT-123/meta@1');
    assert.deepEqual(await poked(), ['waits.md']);
  });

  test('a thousand that wait for one answer read it once, again only when its feature changed, and keep their order', async (context) => {
    const { book, intake, drop, looked, poked } = await ready(context);
    const names = Array.from({ length: 1_000 }, (_, index) => `p${String(index).padStart(4, '0')}`);
    for (const [index, name] of names.entries()) await drop(name, `priority: ${String(99 - (index % 100))}\ndepends_on: [meta]\n`);
    book.answer('FEAT-123/meta@1');
    for (let round = 0; !intake.hasLooked(); round++) assert.deepEqual(await looked(), [], `round ${String(round)}`);
    const before = book.readings();
    assert.ok(before <= 2, `${String(before)} readings`);
    for (let more = 0; more < 20; more++) {
      book.commit();
      assert.deepEqual(await poked(), []);
    }
    assert.equal(book.readings(), before);
    book.judge('FEAT-123/meta@1');
    const order = await poked();
    assert.equal(book.readings(), before + 1);
    assert.deepEqual(order.slice(0, 3), ['p0099.md', 'p0199.md', 'p0299.md']);
    assert.equal(order.length, 1_000);
  });

  test('grows older while it waits for an answer: what came later and is more urgent does not pass it for ever', async (context) => {
    const { book, rig, drop, looked, poked, lanes } = await ready(context, { agingMs: 1_000 });
    lanes.room = 0;
    await drop('a-old', 'priority: 60\ndepends_on: [meta]\n');
    assert.deepEqual(await looked(), []);
    rig.clock.advance(30_000);
    await drop('b-young', 'priority: 40\n');
    await drop('c-urgent', 'priority: 5\n');
    assert.deepEqual(await looked(), []);
    book.answer('FEAT-123/meta@1');
    book.judge('FEAT-123/meta@1');
    lanes.room = 3;
    assert.deepEqual(await poked(), ['c-urgent.md', 'a-old.md', 'b-young.md']);
  });

  test('one whose file is taken away is forgotten', async (context) => {
    const { rig, book, intake, drop, looked, poked } = await ready(context);
    await drop('gone', 'depends_on: [meta]\n');
    assert.deepEqual(await looked(), []);
    unlinkSync(path.join(rig.in, 'gone.md'));
    assert.deepEqual(await looked(), []);
    book.answer('FEAT-123/meta@1');
    book.judge('FEAT-123/meta@1');
    assert.deepEqual(await poked(), []);
    assert.equal(intake.backlog(), 0);
  });

  test('waits, and is told, while the history cannot be read', async (context) => {
    const { book, lines, drop, looked, poked } = await ready(context);
    await drop('waits', 'depends_on: [meta]\n');
    book.answer('FEAT-123/meta@1');
    book.judge('FEAT-123/meta@1');
    book.fail(new Error('the disk is gone'));
    assert.deepEqual(await looked(), []);
    assert.deepEqual(
      lines.filter(({ level }) => level === 'error').map(({ message }) => message),
      ['what prompts depend on cannot be looked at, and they wait: the disk is gone'],
    );
    assert.deepEqual(await poked(), ['waits.md']);
  });

  test('the one that closes a cycle is offered at once, to be refused; the others go on waiting', async (context) => {
    const { book, intake, drop, looked, poked, lanes } = await ready(context);
    lanes.room = 0;
    await drop('a-first', 'name: first\ndepends_on: [FEAT-123/architect/second]\n');
    await drop('b-second', 'name: second\ndepends_on: [FEAT-123/architect/first]\n');
    assert.deepEqual(await looked(), ['b-second.md']);
    assert.match(intake.reasons().get('architect/a-first.md') ?? '', /nothing of FEAT-123\/architect\/second is recorded/);
    lanes.room = 1;
    book.answer('FEAT-123/architect/second@1');
    book.judge('FEAT-123/architect/second@1');
    assert.deepEqual(await poked(), ['a-first.md']);
  });

  test('a cycle that comes to be because the only other way was taken away is refused, too', async (context) => {
    const { rig, drop, looked, lanes } = await ready(context);
    lanes.room = 0;
    await drop('a-first', 'name: first\ndepends_on: [FEAT-123/architect/second]\n');
    await drop('c-other-way', 'name: second\ndepends_on: [meta]\n');
    await drop('b-second', 'name: second\ndepends_on: [FEAT-123/architect/first]\n');
    assert.deepEqual(await looked(), []);
    unlinkSync(path.join(rig.in, 'c-other-way.md'));
    assert.deepEqual(await looked(), ['b-second.md']);
  });
});

describe('review.awaiting_max', () => {
  test('holds a role back while so many of its newest answers await a verdict, and lets it go at the verdict', async (context) => {
    const { book, intake, drop, looked, poked } = await ready(context, { awaitingMax: 2 });
    book.answer('FEAT-1/architect@1');
    book.answer('FEAT-1/architect@2');
    book.answer('FEAT-2/architect@1');
    book.answer('FEAT-3/ui@1');
    await drop('held', '');
    await drop('broken', 'priority: high\n');
    assert.deepEqual(await looked(), ['broken.md'], 'what will be refused costs no reviewer anything');
    assert.equal(
      intake.reasons().get('architect/held.md'),
      '2 answers of architect await a verdict, and review.awaiting_max lets no more than 2 do so',
    );
    book.judge('FEAT-2/architect@1', 'rejected');
    assert.deepEqual(await poked(), ['held.md']);
  });

  test('answers of a feature that is closed count no more, and count again when it is opened', async (context) => {
    const { book, drop, looked, poked } = await ready(context, { awaitingMax: 1 });
    book.answer('FEAT-1/architect@1');
    await drop('held', '');
    assert.deepEqual(await looked(), []);
    book.close('FEAT-1');
    assert.deepEqual(await poked(), ['held.md']);
    book.close('FEAT-1', 'reopening');
    await drop('next', '');
    assert.deepEqual(await poked(), []);
    assert.deepEqual(await looked(), []);
  });
});
