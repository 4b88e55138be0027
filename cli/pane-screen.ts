/**
 * What a pane shows: lines that scroll away above, as in any terminal, and one line at the bottom that is drawn again and again.
 *
 *   shown <-> held, while an editor has the terminal: what comes meanwhile is kept, the newest lines of it
 *
 * Invariants: the bottom line fits the width it was drawn for; what is kept is bounded, and what was not kept is told as a number.
 */

import { styleText } from 'node:util';
import { cutTo } from './live.ts';

export type PaneScreen = {
  /** Whole lines. */
  print(text: string): void;
  /** The line at the bottom, from now on. */
  bottom(text: string): void;
  /** The size has changed, or something else wrote: it is drawn anew. */
  redraw(): void;
  hold(): void;
  release(): void;
  /** Takes the bottom line away. */
  close(): void;
};

const KEPT_MAX = 200;
const COLUMNS = 80;
const ERASE_TO_END = '\u001b[0J';

/** @param wraps the terminal folds a line that has become too long for it, as tmux does; others cut it, or leave the last one alone */
export function makePaneScreen(terminal: { write(text: string): void; columns(): number }, wraps = false): PaneScreen {
  let line = '';
  let drawnWidth = 0;
  let isHeld = false;
  let kept: string[] = [];
  let lostCount = 0;

  const erase = (): string => {
    const up = wraps ? Math.max(0, Math.ceil(drawnWidth / Math.max(1, terminal.columns())) - 1) : 0;
    drawnWidth = 0;
    return `\r${up === 0 ? '' : `\u001b[${String(up)}A`}${ERASE_TO_END}`;
  };
  const draw = (): string => {
    // A terminal that does not know its width says 0.
    const shown = cutTo(line, (terminal.columns() || COLUMNS) - 1);
    drawnWidth = shown.length;
    return shown === '' ? '' : styleText('inverse', shown, { validateStream: false });
  };

  return {
    print(text) {
      if (!isHeld) {
        terminal.write(`${erase()}${text.replaceAll('\n', '\r\n')}\r\n${draw()}`);
        return;
      }
      kept.push(text);
      if (kept.length > KEPT_MAX) {
        kept.shift();
        lostCount++;
      }
    },
    bottom(text) {
      if (text === line) return;
      line = text;
      if (!isHeld) terminal.write(`${erase()}${draw()}`);
    },
    redraw() {
      if (!isHeld) terminal.write(`${erase()}${draw()}`);
    },
    hold() {
      terminal.write(erase());
      isHeld = true;
    },
    release() {
      isHeld = false;
      const lost = lostCount === 0 ? [] : [`… ${String(lostCount)} lines came and were not kept`];
      const lines = [...lost, ...kept];
      kept = [];
      lostCount = 0;
      if (lines.length > 0) this.print(lines.join('\n'));
      else this.redraw();
    },
    close() {
      terminal.write(erase());
      isHeld = false;
      line = '';
    },
  };
}
