/** Lifecycle programs: told at least once and never waited for, asked within a limit, and never able to hurt a job. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EventEnd, EventFacts, EventName, EventRun } from '#core/events.ts';
import type { JobId } from '#core/names.ts';
import type { Log } from '#core/ports.ts';
import { SETTINGS, type Settings } from '#core/settings.ts';
import { openEvents, type EventPorts, type Events } from '#daemon/events.ts';
import { makeDigest } from '#platform/digest.ts';
import { makeFs } from '#platform/files.ts';
import { makeFakeClock } from '#test/support/fake-clock.ts';
import { roleNamed } from '#test/support/workspace.ts';

const factsOf = (job: string): EventFacts => ({
  job: job as JobId,
  role: roleNamed('architect'),
  stem: job,
  feature: 'FEAT-1',
  name: null,
  revision: 1,
  prompt_sha256: null,
  outcome: null,
  failure: null,
  files: [],
  at: '2026-11-20T12:00:00.000Z',
});

type Started = {
  readonly program: string;
  readonly run: EventRun;
  readonly told: Readonly<Record<string, unknown>>;
  end(end: Partial<EventEnd>): void;
};

function rig(t: TestContext, changes: Readonly<Record<string, unknown>> = {}) {
  const state = realpathSync(mkdtempSync(path.join(tmpdir(), 'docket-events-')));
  t.after(() => {
    rmSync(state, { recursive: true, force: true });
  });
  const words: string[] = [];
  const say = (text: string): void => void words.push(text);
  const log: Log = { error: say, warn: say, info: say, debug: say, with: () => log };
  const defaults = Object.fromEntries(Object.entries(SETTINGS).map(([key, row]) => [key, row.default]));
  const clock = makeFakeClock();
  const started: Started[] = [];
  const waiting: ((started: Started) => void)[] = [];
  const ports: EventPorts = {
    root: '/workspace',
    state,
    settings: { ...defaults, 'hooks.events': ['after_intake', 'before_run', 'after_publish'], ...changes } as unknown as Settings,
    fs: makeFs(),
    digest: makeDigest(),
    clock,
    log,
    clean: (text) => text.replaceAll('hush', '***'),
    find: (_root: string, event: EventName) => ({ programs: [{ name: event, path: `/workspace/hooks/events/${event}` }], faults: [] }),
    run: async (program, run) =>
      new Promise((resolve) => {
        const one: Started = {
          program,
          run,
          told: JSON.parse(run.input) as Record<string, unknown>,
          end: (end) => {
            resolve({ code: 0, how: 'exited', output: '', ...end });
          },
        };
        run.signal.addEventListener('abort', () => {
          one.end({ code: null, how: 'stopped' });
        });
        started.push(one);
        waiting.shift()?.(one);
      }),
  };
  return {
    ports,
    clock,
    words,
    started,
    file: path.join(state, 'events.jsonl'),
    async open(): Promise<Events> {
      const events = await openEvents(ports);
      assert.ok(events !== null);
      return events;
    },
    /** The next program that starts. */
    next: async (): Promise<Started> => new Promise((resolve) => void waiting.push(resolve)),
  };
}

test('without hooks.events there is nothing, and a name that is no event is refused with the names there are', async (t) => {
  assert.equal(await openEvents(rig(t, { 'hooks.events': [] }).ports), null);
  await assert.rejects(openEvents(rig(t, { 'hooks.events': ['on_review'] }).ports), /after_intake, before_run.*on_review is reserved/);
});

test('what is told is written down first, run later, and told again with the same id when a crash came between', async (t) => {
  const one = rig(t);
  const events = await one.open();
  const first = one.next();
  await events.tell('after_intake', factsOf('job1'));
  const { told, run } = await first;
  assert.equal(told['event'], 'after_intake');
  assert.equal(run.env['DOCKET_EVENT_ID'], told['event_id']);
  assert.match(readFileSync(one.file, 'utf8'), /"do":"tell"/);
  await events.close();
  writeFileSync(one.file, `${readFileSync(one.file, 'utf8')}{"do":"do`);
  const again = one.next();
  const reopened = await one.open();
  const second = await again;
  assert.deepEqual(second.told, told);
  second.end({});
  const other = one.next();
  await reopened.tell('after_publish', factsOf('job1'));
  (await other).end({});
  await reopened.close();
  assert.equal((await openEvents(one.ports)) === null, false);
  assert.equal(one.started.length, 3, 'what has run is not told again');
});

test('a few run at a time, more than the queue holds are dropped with words, and a bad exit is only logged', async (t) => {
  const one = rig(t, { 'hooks.event_parallel': 1, 'hooks.event_queue': 1 });
  const events = await one.open();
  const first = one.next();
  await events.tell('after_intake', factsOf('job1'));
  const running = await first;
  await events.tell('after_intake', factsOf('job2'));
  await events.tell('after_intake', factsOf('job3'));
  assert.equal(one.started.length, 1);
  assert.ok(one.words.some((line) => line.includes('1 events were dropped')));
  const second = one.next();
  running.end({ code: 7, output: 'it said hush' });
  assert.equal((await second).told['job'], 'job2');
  assert.ok(one.words.includes('after_intake: exit code 7: it said ***'));
  await events.close();
});

test('before_run holds a prompt by exit code 10 only: a broken or a slow program lets it go', async (t) => {
  const one = rig(t);
  const events = await one.open();
  const answers: readonly (readonly [Partial<EventEnd>, string | null])[] = [
    [{ code: 0 }, null],
    [{ code: 10, output: 'not on a friday, hush\n' }, 'not on a friday, ***'],
    [{ code: 10 }, 'it gave no reason'],
    [{ code: 1 }, null],
    [{ code: null, how: 'too slow' }, null],
    [{ code: null, how: 'killed' }, null],
    [{ code: null, how: 'not started' }, null],
  ];
  for (const [end, words] of answers) {
    const next = one.next();
    const asked = events.ask(factsOf('job1'));
    const program = await next;
    assert.ok(program.run.timeoutMs <= 10_000);
    program.end(end);
    assert.equal((await asked)?.words ?? null, words);
  }
  await events.close();
});

test('a prompt waits no longer than the limit for its turn to ask', async (t) => {
  const one = rig(t, { 'hooks.event_parallel': 1 });
  const events = await one.open();
  const next = one.next();
  const hanging = events.ask(factsOf('job1'));
  const first = await next;
  const late = events.ask(factsOf('job2'));
  await one.clock.advance(10_000);
  assert.equal(await late, null);
  assert.ok(one.words.some((line) => line.includes('was not asked')));
  first.end({});
  assert.equal(await hanging, null);
  await events.close();
});
