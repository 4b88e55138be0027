/**
 * The last lines of `docket up` on a terminal: one for each job that runs. They are redrawn in place, below the lines of the log.
 *
 *   shown <-> taken away while a line is printed      closed: gone for good
 *
 * Invariant: what is shown is exactly `drawn` lines that fit the width of the terminal, so that as many lines as were drawn can be taken away again.
 */

import { styleText } from 'node:util';
import { printable } from '#core/names.ts';
import type { Clock } from '#core/ports.ts';
import type { LiveEvent } from '#daemon/live-runs.ts';
import { elapsedWord, eventWords, usageWords } from './live-words.ts';

export type LiveScreen = {
  /** A whole line of something else. */
  readonly print: (text: string) => void;
  readonly hear: (event: LiveEvent) => void;
  readonly close: () => void;
};
export type Screen = {
  write(text: string): void;
  columns(): number;
  rows(): number;
};

/** Redrawn at most this often, and this often while something runs: the time goes on. */
const REDRAW_MS = 250;
const TICK_MS = 1_000;
const LINES_MAX = 8;
const ERASE_TO_END = '\u001b[0J';
const lineUp = (count: number): string => `\r\u001b[${String(count)}A`;

type Row = { readonly event: LiveEvent; readonly sinceMs: number; last: string; usage: string };

/** A character that may take two columns counts as two. */
export function cutTo(text: string, columns: number): string {
  let width = 0;
  let shown = '';
  for (const character of text) {
    width += /^[ -~]$/.test(character) ? 1 : 2;
    if (width > columns) return shown;
    shown += character;
  }
  return shown;
}

/** Off where nobody looks at a terminal, or where one does not want it: a pipe, NO_COLOR, CI, TERM=dumb. */
export const wantsLive = (env: Readonly<Record<string, string | undefined>>, areTerminals: boolean): boolean =>
  areTerminals && [env['NO_COLOR'], env['CI']].every((value) => (value ?? '') === '') && env['TERM'] !== 'dumb';

export function makeLiveScreen(screen: Screen, clock: Clock): LiveScreen {
  const rows = new Map<string, Row>();
  const over = new AbortController();
  let drawn = 0;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let isDrawing = false;

  const lineOf = ({ event, sinceMs, last, usage }: Row): string => {
    const elapsed = elapsedWord(clock.now().getTime() - sinceMs);
    return printable([`${event.role}/${event.stem}`, event.runner, elapsed, usage, last].filter((part) => part !== '').join('  '), 1_000);
  };
  const linesNow = (): string[] => {
    const most = Math.max(1, Math.min(LINES_MAX, screen.rows() - 2));
    const all = [...rows.values()];
    const shown =
      all.length <= most ? all.map(lineOf) : [...all.slice(0, most - 1).map(lineOf), `and ${String(all.length - most + 1)} more`];
    return shown.map((line) => cutTo(`› ${line}`, screen.columns() - 1));
  };
  const erase = (): string => (drawn === 0 ? '' : `${lineUp(drawn)}${ERASE_TO_END}`);

  function draw(): void {
    const lines = over.signal.aborted ? [] : linesNow();
    const text = lines.map((line) => `${styleText('dim', line, { validateStream: false })}\n`).join('');
    if (drawn > 0 || lines.length > 0) screen.write(`${erase()}${text}`);
    drawn = lines.length;
    drawnMs = clock.monotonicMs();
  }

  /** Draws soon, and then while something runs. */
  async function keepDrawing(): Promise<void> {
    if (isDrawing) return;
    isDrawing = true;
    const waitMs = drawnMs + REDRAW_MS - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, over.signal);
    while (!over.signal.aborted) {
      draw();
      if (rows.size === 0) break;
      await clock.sleep(TICK_MS, over.signal);
    }
    isDrawing = false;
  }

  return {
    print(text) {
      screen.write(erase());
      drawn = 0;
      screen.write(`${text}\n`);
      draw();
    },
    hear(event) {
      if (over.signal.aborted) return;
      if (event.event === 'end') rows.delete(event.job);
      else if (event.event === 'begin')
        rows.set(event.job, { event, sinceMs: Date.parse(event.at) - event.elapsed_ms, last: '', usage: '' });
      else {
        const row = rows.get(event.job);
        if (row === undefined) return;
        if (event.event === 'usage') row.usage = usageWords(event);
        else if (event.event !== 'more') row.last = eventWords(event);
      }
      if (clock.monotonicMs() - drawnMs >= REDRAW_MS) draw();
      void keepDrawing();
    },
    close() {
      over.abort();
      draw();
    },
  };
}
