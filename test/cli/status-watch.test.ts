/** `docket status --watch` on a terminal that understands just what is sent to it, and in a pipe. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withSources } from '#cli/job-words-sources.ts';
import type { Io } from '#cli/io.ts';
import type { Clock } from '#core/ports.ts';
import { makeFakeClock } from '#test/support/fake-clock.ts';
import { statusData, type StatusData } from '#cli/status-data.ts';
import { factsOf } from '#cli/status-ask.ts';
import { changeLine, screenText, watchStatus, type WatchScreen } from '#cli/status-watch.ts';
import { makeTempWorkspace, rememberingIo, type Said } from '../support/workspace.ts';

const ESC = '\u001b[';

/** Nobody waits for a second to pass. */
const hurried = (): Clock => ({ ...makeFakeClock(), sleep: async () => new Promise((resolve) => void setImmediate(resolve)) });

const unheard = (): void => undefined;

type Screen = WatchScreen & { readonly text: () => string; readonly isListening: () => boolean };
/** @param onFrame told after each frame, with what types at the keyboard */
function screen(onFrame: (frames: number, type: (text: string) => void) => void): Screen {
  let text = '';
  let frames = 0;
  let key: (typed: string) => void = unheard;
  let listening = false;
  return {
    text: () => text,
    isListening: () => listening,
    write(more) {
      text += more;
      if (!more.startsWith(`${ESC}H`)) return;
      frames++;
      onFrame(frames, (typed) => {
        key(typed);
      });
    },
    columns: () => 80,
    rows: () => 24,
    listen(onKey) {
      key = onKey;
      listening = true;
      return () => {
        listening = false;
      };
    },
  };
}

async function watched(
  t: Parameters<typeof makeTempWorkspace>[0],
  made: Screen,
  settings?: string,
  serve?: Parameters<Awaited<ReturnType<typeof makeTempWorkspace>>['serve']>[0],
): Promise<void> {
  const workspace = await makeTempWorkspace(t, settings);
  if (serve !== undefined) await workspace.serve(serve);
  const io: Io = { ...rememberingIo(workspace.root).io, isTerminal: true };
  await withSources(io, {}, async (sources) => watchStatus(io, {}, sources, { screen: made, clock: hurried() }));
}

describe('on a terminal', () => {
  for (const [name, key] of [
    ['q', 'q'],
    ['Ctrl-C', '\u0003'],
  ] as const)
    test(`${name} ends it, and the terminal is as it was`, async (t) => {
      const made = screen((frames, type) => {
        if (frames === 1) type(`x${key}`);
      });
      await watched(t, made);
      assert.ok(made.text().startsWith(`${ESC}?1049h${ESC}?25l`), 'the second screen, no cursor');
      assert.ok(made.text().endsWith(`${ESC}?25h${ESC}?1049l`), 'both taken back');
      assert.equal(made.isListening(), false);
    });

  test('a failure in between takes all of it back too', async (t) => {
    const made = screen(() => {
      throw new Error('the terminal is gone');
    });
    await assert.rejects(async () => watched(t, made), /the terminal is gone/);
    assert.ok(made.text().endsWith(`${ESC}?25h${ESC}?1049l`));
    assert.equal(made.isListening(), false);
  });

  test('the bell rings when more await a verdict than a moment ago, and only for what notify.on names', async (t) => {
    for (const [on, rings] of [
      ['[review]', 1],
      ['[failed]', 0],
    ] as const) {
      let awaiting = 0;
      const made = screen((frames, type) => {
        awaiting = frames;
        if (frames === 2) type('q');
      });
      await watched(t, made, `runner: offline\nnotify: { on: ${on} }\n`, () => ({
        ok: true,
        role_facts: [{ role: '01-architect', name: 'architect', review: 'required' }],
        standings: { architect: { awaiting } },
      }));
      assert.equal(made.text().split('\u0007').length - 1, rings, on);
    }
  });

  test('a frame fits: what is wider is cut, what is longer is counted, and colors take no room', () => {
    const red = `${ESC}31m${'x'.repeat(100)}${ESC}39m`;
    const text = screenText([red, '漢字漢字', ...Array.from({ length: 10 }, (_, n) => `line ${String(n)}`)], 20, 6);
    const lines = text.replaceAll(`${ESC}K`, '').replace(`${ESC}H`, '').split('\r\n');
    assert.equal(lines[0], `${ESC}31m${'x'.repeat(19)}${ESC}39m`);
    assert.equal(lines.filter((line) => line !== `${ESC}0J`).length, 5, 'one row is left free');
    assert.match(lines[4] ?? '', /^… 8 more lines$/);
  });
});

describe('in a pipe', () => {
  test('each change is a line, and nothing that a terminal obeys', async (t) => {
    const workspace = await makeTempWorkspace(t);
    const { io, said } = rememberingIo(workspace.root);
    let asks = 0;
    await workspace.serve(() => {
      asks++;
      if (asks === 3) process.emit('SIGTERM');
      return {
        ok: true,
        role_facts: [{ role: '01-architect', name: 'architect', review: 'required' }],
        in_work: [{ id: 'a', role: 'architect', state: asks > 1 ? 'running' : 'read' }],
      };
    });
    await withSources(io, {}, async (sources) => watchStatus(io, {}, sources, { screen: null, clock: hurried() }));
    const { out }: Said = said();
    // eslint-disable-next-line no-control-regex -- what a terminal obeys
    assert.doesNotMatch(out, /\u001b/);
    assert.deepEqual(
      out.split('\n').map((line) => line.replace(/^[0-9:]{8} /, '').slice(0, 40)),
      ['up: 0 waiting, 1 claimed, 0 running, 0 t', 'up: 0 waiting, 0 claimed, 1 running, 0 t'],
    );
  });

  test('a line counts over all roles', () => {
    const facts = factsOf({ ok: true, role_facts: [], in_work: [] }, null);
    const data: StatusData = statusData(facts, { counts: new Map(), failures: [], faults: [] });
    assert.match(changeLine(data, new Date(2026, 0, 1, 9, 5, 7)), /^09:05:07 up: 0 waiting, .* 0 done$/);
  });
});
