/**
 * `docket status --watch`: the same screen again and again. On a terminal it is drawn in place, on the terminal's second screen, so that the first one is as it
 * was afterwards; in a pipe each change is a line (with --json a document) of its own.
 *
 *   drawn -> a second passed, something happened, or the terminal's size changed -> drawn …        q, Ctrl-C, a signal -> the terminal is put back
 *
 * Invariant: however it ends, what was switched on is switched off: the second screen, the hidden cursor, the raw keys.
 */

import type { Clock } from '#core/ports.ts';
import { notifyPlan } from './notify-ways.ts';
import { wantsLive } from './live.ts';
import { paint, type Common, type Io } from './io.ts';
import type { Sources } from './job-words-sources.ts';
import { connectControl, type Control } from './open.ts';
import { clock } from './parts.ts';
import type { StatusData } from './status-data.ts';
import { lookAtStatus, type Looked } from './status-look.ts';
import { statusLines, type Style } from './status-words.ts';

/** What the terminal is to the watch; a test hands in another. */
export type WatchScreen = {
  write(text: string): void;
  columns(): number;
  rows(): number;
  /** Calls `onKey` with what is typed, `onSize` when the size changed. @returns what ends it */
  listen(onKey: (text: string) => void, onSize: () => void): () => void;
};

const EVERY_MS = 1_000;
/** Without a daemon everything is read anew. */
const EVERY_DOWN_MS = 3_000;
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_TO_END = '\u001b[0J';
const BELL = '\u0007';
const CTRL_C = '\u0003';

/** What a person is called for; larger than a moment ago: the bell rings. */
const callsOf = ({ roles, waits_for_money: money }: StatusData): Readonly<Record<'review' | 'failed' | 'budget', number>> => ({
  review: roles.reduce((sum, row) => sum + (row.standings?.awaiting ?? 0), 0),
  failed: roles.reduce((sum, row) => sum + row.failed + row.held + row.rejected, 0),
  budget: money.length,
});

/** `12:03:55 up: 3 waiting, 1 running, 2 to review, 0 need a person` */
export function changeLine({ up, roles }: StatusData, at: Date): string {
  const sum = (of: (row: StatusData['roles'][number]) => number): string => String(roles.reduce((total, row) => total + of(row), 0));
  const parts = [
    `${sum((row) => row.waiting)} waiting`,
    `${sum((row) => row.in_flight - row.running)} claimed`,
    `${sum((row) => row.running)} running`,
    `${sum((row) => row.standings?.awaiting ?? 0)} to review`,
    `${sum((row) => row.standings?.['changes-requested'] ?? 0)} changes asked for`,
    `${sum((row) => row.needs_person)} need a person`,
    `${sum((row) => row.processed)} done`,
  ];
  return `${at.toTimeString().slice(0, 8)} ${up ? 'up' : 'down'}: ${parts.join(', ')}`;
}

/** Lines that fit, cut without counting what colors them. */
export function screenText(lines: readonly string[], columns: number, rows: number): string {
  const shown = lines.length < rows ? lines : [...lines.slice(0, Math.max(0, rows - 2)), `… ${String(lines.length - rows + 2)} more lines`];
  return `${HOME}${shown.map((line) => `${cutShown(line, columns - 1)}${ERASE_LINE}`).join('\r\n')}\r\n${ERASE_TO_END}`;
}

/** So many columns of what is shown; a sequence that colors takes none. */
function cutShown(line: string, columns: number): string {
  // eslint-disable-next-line no-control-regex -- these are what a terminal obeys
  const parts = line.split(/(\u001b\[[0-9;]*m)/);
  let left = columns;
  return parts
    .map((part, index) => {
      if (index % 2 === 1) return part;
      let shown = '';
      for (const character of part) {
        const width = /^[ -~]$/.test(character) || character === '…' || character === '›' ? 1 : 2;
        if (width > left) break;
        left -= width;
        shown += character;
      }
      if (shown.length < part.length) left = 0;
      return shown;
    })
    .join('');
}

export async function watchStatus(
  io: Io,
  common: Common,
  sources: Sources,
  given: { readonly screen: WatchScreen | null; readonly clock: Clock } | null = null,
): Promise<void> {
  const isDrawn = common.json !== true && wantsWatch(io);
  const screen = given === null ? (isDrawn ? realTerminal() : null) : given.screen;
  const time = given?.clock ?? clock;
  const over = new AbortController();
  const isOver = (): boolean => over.signal.aborted;
  let wake = new AbortController();
  const { settings } = sources.workspace;
  const ring = settings['notify.bell'] ? new Set((await notifyPlan(sources.workspace, io.env, time, null)).on) : new Set<string>();
  const stop = (): void => {
    over.abort();
    wake.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  const unlisten = screen?.listen(
    (text) => {
      if (text.includes('q') || text.includes(CTRL_C)) stop();
    },
    () => {
      wake.abort();
    },
  );
  screen?.write(ENTER);
  let control: Control | null = null;
  let last = '';
  let calls: ReturnType<typeof callsOf> | null = null;
  try {
    while (!isOver()) {
      const looked: Looked = await lookAtStatus(sources, (control ??= await connectControl(sources.workspace)));
      if (!looked.facts.up) {
        control?.close();
        control = null;
      }
      const now = callsOf(looked.data);
      const before = calls;
      const isCalled =
        before !== null && (['review', 'failed', 'budget'] as const).some((kind) => ring.has(kind) && now[kind] > before[kind]);
      calls = now;
      if (screen === null) last = tellChange(io, common, looked.data, last);
      else {
        const look = { paint: (style: Style, text: string) => paint(io, style, text), columns: screen.columns() };
        const title = `docket status, ${clock.now().toTimeString().slice(0, 8)} - q ends`;
        screen.write(
          `${screenText([title, ...statusLines(looked.data, looked.facts, look)], screen.columns(), screen.rows())}${isCalled ? BELL : ''}`,
        );
      }
      if (isOver()) break;
      wake = new AbortController();
      await time.sleep(looked.facts.up ? EVERY_MS : EVERY_DOWN_MS, wake.signal);
    }
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop);
    unlisten?.();
    screen?.write(LEAVE);
    control?.close();
  }
}

export const wantsWatch = (io: Io): boolean => wantsLive({ ...io.env, NO_COLOR: undefined }, io.isTerminal);

/** @returns what was said now */
function tellChange(io: Io, common: Common, data: StatusData, last: string): string {
  const now = clock.now();
  const key = JSON.stringify({ ...data, running: data.running.map(({ job, doing }) => [job, doing]) });
  if (key === last) return last;
  if (common.json === true) {
    io.out(JSON.stringify({ at: now.toISOString(), ...data }));
    return key;
  }
  const line = changeLine(data, now);
  const doing = data.running.map((run) => `  ${run.role}/${run.stem} ${run.runner} ${run.doing ?? ''}`.trimEnd());
  io.out([line, ...doing].join('\n'));
  return key;
}

/** The real one. Listening may end and begin again: an editor has it in between. */
export function realTerminal(): WatchScreen {
  const { stdin, stdout } = process;
  return {
    write: (text) => void stdout.write(text),
    columns: () => stdout.columns,
    rows: () => stdout.rows,
    listen(onKey, onSize) {
      const onData = (bytes: Buffer): void => {
        onKey(bytes.toString('latin1'));
      };
      const isRaw = stdin.isTTY && !stdin.isRaw;
      if (isRaw) stdin.setRawMode(true);
      // It stays paused after an editor had it, whoever listens.
      stdin.resume();
      stdin.on('data', onData);
      stdout.on('resize', onSize);
      return () => {
        stdin.off('data', onData);
        stdout.off('resize', onSize);
        if (isRaw) stdin.setRawMode(false);
        stdin.pause();
      };
    },
  };
}
