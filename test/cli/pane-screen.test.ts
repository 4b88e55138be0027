/** The screen of a pane: lines scroll away, one line stays, and what comes while an editor has the terminal is kept within bounds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import xterm from '@xterm/headless';
import { makePaneScreen, type PaneScreen } from '#cli/pane-screen.ts';

type Seen = PaneScreen & {
  readonly lines: () => Promise<readonly string[]>;
  readonly resize: (columns: number) => void;
  readonly writes: () => number;
};

function onTerminal(columns = 40): Seen {
  const terminal = new xterm.Terminal({ cols: columns, rows: 8, allowProposedApi: true, scrollback: 1_000 });
  let writes = 0;
  const screen = makePaneScreen({
    write(text) {
      writes++;
      terminal.write(text);
    },
    columns: () => terminal.cols,
  });
  return {
    ...screen,
    writes: () => writes,
    resize(wide) {
      terminal.resize(wide, 8);
    },
    async lines() {
      await new Promise<void>((resolve) => {
        terminal.write('', resolve);
      });
      const { active } = terminal.buffer;
      return Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? '').filter(
        (line) => line !== '',
      );
    },
  };
}

test('lines scroll away above the one at the bottom', async () => {
  const screen = onTerminal();
  screen.bottom('0 waiting');
  screen.print('one');
  screen.print('two\nthree');
  screen.bottom('1 waiting');
  assert.deepEqual(await screen.lines(), ['one', 'two', 'three', '1 waiting']);
  for (let index = 0; index < 100; index++) screen.print(`line ${String(index)}`);
  const lines = await screen.lines();
  assert.deepEqual([lines.length, lines.at(-2), lines.at(-1)], [104, 'line 99', '1 waiting']);
  screen.close();
  assert.equal((await screen.lines()).at(-1), 'line 99');
});

test('a bottom line that is as it was is not written again, and one that is too long is cut', async () => {
  const screen = onTerminal(10);
  screen.bottom('0123456789abcdef');
  const before = screen.writes();
  screen.bottom('0123456789abcdef');
  assert.equal(screen.writes(), before);
  assert.deepEqual(await screen.lines(), ['012345678']);
});

test('a terminal that became narrower loses none of the lines above', async () => {
  const screen = onTerminal(40);
  screen.print('one');
  screen.bottom('0123456789'.repeat(3));
  await screen.lines();
  screen.resize(20);
  screen.redraw();
  assert.deepEqual(await screen.lines(), ['one', '0123456789012345678']);
});

test('while an editor has the terminal nothing is written, and the newest 200 lines are kept', async () => {
  const screen = onTerminal();
  screen.bottom('0 waiting');
  screen.hold();
  const before = screen.writes();
  for (let index = 0; index < 100_000; index++) screen.print(`line ${String(index)}`);
  screen.bottom('5 waiting');
  assert.equal(screen.writes(), before);
  screen.release();
  const lines = await screen.lines();
  assert.deepEqual(
    [lines.length, lines[0], lines[1], lines.at(-1)],
    [202, '… 99800 lines came and were not kept', 'line 99800', '5 waiting'],
  );
});
