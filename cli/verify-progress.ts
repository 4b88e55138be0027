/** A line of progress on standard error for what takes longer than a second, and only when somebody looks at it: a terminal. */

import type { Clock } from '#core/ports.ts';

const FIRST_AFTER_MS = 1_000;
const AGAIN_AFTER_MS = 100;

export type Progress = {
  /** @param total 0: not known */
  show(what: string, done: number, total: number): void;
  /** Wipes the line. */
  end(): void;
};

export type ProgressTerminal = { readonly isTTY?: boolean; write(text: string): unknown };

export function makeProgress(clock: Pick<Clock, 'monotonicMs'>, terminal: ProgressTerminal): Progress {
  const startMs = clock.monotonicMs();
  let lastMs = 0;
  let width = 0;
  return {
    show(what, done, total) {
      if (terminal.isTTY !== true) return;
      const atMs = clock.monotonicMs();
      if (atMs - startMs < FIRST_AFTER_MS || atMs - lastMs < AGAIN_AFTER_MS) return;
      lastMs = atMs;
      const text = `${what}: ${String(done)}${total > 0 ? ` of ${String(total)} (${String(Math.floor((done / total) * 100))} %)` : ''}`;
      terminal.write(`\r${text.padEnd(width)}`);
      width = text.length;
    },
    end() {
      if (width > 0) terminal.write(`\r${' '.repeat(width)}\r`);
      width = 0;
    },
  };
}
