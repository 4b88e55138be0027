/**
 * A real program on a real pseudo terminal (python3's pty: node has none), and a terminal emulator that says what a person would see.
 * Nothing sleeps: `shows` waits for output until the screen holds what is asked for.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import xterm from '@xterm/headless';

const PTY = path.join(import.meta.dirname, 'pseudo-terminal.py');
const WAIT_MS = 30_000;

/** Null: it can run. Else why not: a test that needs it is NOT RUN, and says so. */
export const whyNoPty = (): string | null =>
  spawnSync('python3', ['-c', 'import pty'], { stdio: 'ignore' }).status === 0 ? null : 'NOT RUN: there is no python3 with pty';

export type Screen = {
  /** Types characters, as fast as they are sent. */
  type(text: string): void;
  resize(columns: number, rows: number): void;
  signal(number: number): void;
  /** The lines that are seen, without spaces at their ends. */
  lines(): string[];
  /** Waits until the screen as one text fits. @returns that text */
  shows(what: string | RegExp): Promise<string>;
  /** Everything that was written so far, byte for byte. */
  raw(): string;
  isAlternate(): boolean;
  isCursorHidden(): boolean;
  /** Waits for the end. @returns the exit code; 128 + n after signal n */
  end(): Promise<number | null>;
};

const unheard = (): void => undefined;

/** @param env the whole environment of the program */
export function openScreen(
  t: { after(act: () => void): void },
  command: readonly string[],
  { columns = 80, rows = 24, env, cwd }: { columns?: number; rows?: number; env: Record<string, string>; cwd: string },
): Screen {
  const emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const child = spawn('python3', [PTY, String(columns), String(rows), ...command], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  t.after(() => {
    child.kill('SIGKILL');
    emulator.dispose();
  });
  let raw = '';
  let isOver = false;
  let wake = unheard;
  child.stdout.on('data', (bytes: Buffer) => {
    raw += bytes.toString('latin1');
    emulator.write(bytes, () => {
      wake();
    });
  });
  const end = async (): Promise<void> => {
    await ended;
    isOver = true;
    emulator.write('', () => {
      wake();
    });
  };
  void end();
  const send = (wish: unknown): void => void child.stdin.write(`${JSON.stringify(wish)}\n`);
  const lines = (): string[] => {
    const { active } = emulator.buffer;
    return Array.from({ length: emulator.rows }, (_line, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '');
  };
  const fits = (what: string | RegExp): boolean => {
    const text = lines().join('\n');
    return typeof what === 'string' ? text.includes(what) : what.test(text);
  };
  return {
    type(text) {
      send({ write: text });
    },
    resize(wide, high) {
      emulator.resize(wide, high);
      send({ size: [wide, high] });
    },
    signal(number) {
      send({ signal: number });
    },
    lines,
    async shows(what) {
      const timer = setTimeout(() => {
        isOver = true;
        wake();
      }, WAIT_MS);
      try {
        while (!fits(what)) {
          assert.ok(!isOver, `the screen never showed ${String(what)}:\n${lines().join('\n')}`);
          const next = Promise.withResolvers<undefined>();
          wake = () => {
            next.resolve(undefined);
          };
          await next.promise;
        }
        return lines().join('\n');
      } finally {
        clearTimeout(timer);
      }
    },
    raw: () => raw,
    isAlternate: () => emulator.buffer.active.type === 'alternate',
    isCursorHidden: () => raw.lastIndexOf('\u001b[?25l') > raw.lastIndexOf('\u001b[?25h'),
    async end() {
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}
