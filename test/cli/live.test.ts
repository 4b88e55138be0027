/** The lines of running jobs at the end of a terminal, on a terminal that understands just what is sent to it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventOf, eventWords } from '#cli/live-words.ts';
import { makeLiveScreen, wantsLive, type LiveScreen } from '#cli/live.ts';
import type { LiveEvent } from '#daemon/live-runs.ts';
import { makeFakeClock, type FakeClock } from '#test/support/fake-clock.ts';

/** Lines that never wrap: whoever writes past the width makes the test fail. */
function terminal(columns: number, rows: number): { readonly write: (text: string) => void; readonly shown: () => string[] } {
  let lines: string[] = [''];
  // eslint-disable-next-line no-control-regex -- these are what a terminal obeys
  const TOKENS = /\u001b\[(\d*)([A-Za-z])|\r|\n|[^\u001b\r\n]+/g;
  return {
    write(text) {
      for (const [token, count = '', command] of text.matchAll(TOKENS)) {
        if (token === '\n') lines.push('');
        else if (command === 'A') lines = lines.slice(0, lines.length - Number(count));
        else if (command === 'J') lines[lines.length - 1] = '';
        else if (command === 'm' || token === '\r') continue;
        else {
          assert.equal(command, undefined, `unknown: ${JSON.stringify(token)}`);
          const line = (lines.pop() ?? '') + token;
          assert.ok(line.length < columns, `too wide: ${line}`);
          lines.push(line);
        }
        assert.ok(rows > 0);
      }
    },
    shown: () => lines.slice(0, -1),
  };
}

const event = (job: string, more: Record<string, unknown>, at = '2026-11-20T12:00:00.000Z'): LiveEvent => {
  const made = eventOf({ v: 1, at, job, role: 'ui', stem: job, attempt: 1, runner: 'claude', elapsed_ms: 0, bytes: 0, ...more });
  assert.ok(made !== null);
  return made;
};

function makeScreen(columns = 60, rows = 24): { readonly live: LiveScreen; readonly clock: FakeClock; readonly shown: () => string[] } {
  const clock = makeFakeClock('2026-11-20T12:00:00.000Z');
  const { write, shown } = terminal(columns, rows);
  return { live: makeLiveScreen({ write, columns: () => columns, rows: () => rows }, clock), clock, shown };
}

test('a running job has one line that goes with the time, below the lines of the log', async () => {
  const { live, clock, shown } = makeScreen();
  live.print('12:00 a line');
  await clock.advance(250);
  live.hear(event('foo', { event: 'begin', elapsed_ms: 60_000 }));
  assert.deepEqual(shown(), ['12:00 a line', '› ui/foo  claude  1m00s']);
  live.print('12:01 another');
  assert.deepEqual(shown(), ['12:00 a line', '12:01 another', '› ui/foo  claude  1m00s']);
  await clock.advance(750);
  live.hear(event('foo', { event: 'tool', tool: 'Write', file: 'src/a.ts' }));
  live.hear(event('foo', { event: 'usage', input_tokens: 12_000, output_tokens: 300, cost_usd: 0.04, estimated: true }));
  await clock.advance(1_000);
  await clock.advance(1_000);
  assert.deepEqual(shown().slice(2), ['› ui/foo  claude  1m03s  12.3k tokens, ~$0.04  Write src/a']);
  live.hear(event('foo', { event: 'end', outcome: 'answered' }));
  live.print('12:02 foo.md: answered');
  assert.deepEqual(shown(), ['12:00 a line', '12:01 another', '12:02 foo.md: answered']);
  live.close();
});

test('what the terminal has no room for is counted, and closing leaves nothing behind', () => {
  const { live, shown } = makeScreen(40, 5);
  for (const job of ['a', 'b', 'c', 'd', 'e']) live.hear(event(job, { event: 'begin' }));
  live.print('a line');
  assert.deepEqual(shown(), ['a line', '› ui/a  claude  0s', '› ui/b  claude  0s', '› and 3 more']);
  live.close();
  assert.deepEqual(shown(), ['a line']);
  live.hear(event('f', { event: 'begin' }));
  live.print('the end');
  assert.deepEqual(shown(), ['a line', 'the end']);
});

test('a wide or hostile name never makes a line longer than the terminal', () => {
  const { live, shown } = makeScreen(30);
  live.hear(event('漢字'.repeat(20), { event: 'begin' }));
  live.hear(event('x\u001b[2J\n', { event: 'begin' }));
  live.print('done');
  assert.equal(shown().length, 3);
  live.close();
});

test('it is off in a pipe, in CI, without color, and on a dumb terminal', () => {
  assert.equal(wantsLive({ TERM: 'xterm' }, true), true);
  for (const env of [{ NO_COLOR: '1' }, { CI: 'true' }, { TERM: 'dumb' }]) assert.equal(wantsLive(env, true), false);
  assert.equal(wantsLive({}, false), false);
});

test('a message that is no event of this version is passed over', () => {
  assert.equal(eventOf(null), null);
  assert.equal(eventOf({ v: 2, event: 'tool' }), null);
  assert.equal(eventWords(event('a', { event: 'more', skipped: 12 })), '… 12 more');
  assert.equal(eventWords(event('a', { event: 'bytes', bytes: 1_500_000 })), '1.5M bytes of output');
});
