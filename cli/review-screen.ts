/**
 * The terminal review on a screen of its own: Ink draws the lines that review-draw.ts makes of the state, and hands on the keys.
 *
 *   taken over (alternate screen, raw input, no wrapping by the terminal) <-> lent to the editor -> given back
 *
 * Invariant: whatever ends it - a key, a signal, a fault - the terminal is given back as it was. Ink and React are loaded here and nowhere else.
 */

import type { Clock } from '#core/ports.ts';
import type { Desk } from './review-desk.ts';
import { draw } from './review-draw.ts';
import { painted } from './review-line.ts';
import { startState, type Entry, type Input, type State, type Want } from './review-state.ts';
import { step } from './review-step.ts';

export type Terminal = { readonly stdin: NodeJS.ReadStream; readonly stdout: NodeJS.WriteStream };
/** A character that the terminal takes for wider than we do must not push a line into the next one. */
const WRAP_OFF = '\u001b[?7l';
const WRAP_ON = '\u001b[?7h';
const FRAMES_PER_SECOND = 60;
const DEADLY = ['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Ink's names of keys as review-keys.ts has them. */
const NAMED = {
  upArrow: 'up',
  downArrow: 'down',
  leftArrow: 'left',
  rightArrow: 'right',
  pageDown: 'pagedown',
  pageUp: 'pageup',
  home: 'home',
  end: 'end',
  return: 'enter',
  escape: 'escape',
  backspace: 'backspace',
  delete: 'delete',
} as const;
type InkKey = Readonly<Record<keyof typeof NAMED | 'tab' | 'shift' | 'ctrl' | 'meta', boolean>> & {
  readonly eventType?: string | undefined;
};

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** What was typed, a key at a time: a terminal may send several at once. */
export function keysOf(input: string, key: InkKey): string[] {
  if (key.eventType === 'release') return [];
  if (key.tab) return [key.shift ? 'shift-tab' : 'tab'];
  const named = (Object.keys(NAMED) as (keyof typeof NAMED)[]).find((name) => key[name]);
  // Most terminals send DEL for the key that erases to the left, which Ink may call delete.
  if (named !== undefined) return [NAMED[named]];
  if (key.ctrl) return input === '' ? [] : [`ctrl-${input}`];
  if (key.meta) return [];
  return Array.from(segmenter.segment(input), ({ segment }) => controlKey(segment) ?? segment);
}
/** A control character as the key that makes it; null: it is none. */
function controlKey(character: string): string | null {
  const code = character.length <= 2 ? (character.codePointAt(0) ?? 0) : 0x20;
  if (code === 0x0d || code === 0x0a) return 'enter';
  if (code === 0x09) return 'tab';
  if (code === 0x7f || code === 0x08) return 'backspace';
  if (code === 0x1b) return 'escape';
  return code >= 1 && code <= 26 ? `ctrl-${String.fromCodePoint(code + 0x60)}` : null;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @returns false when it was stopped by Ctrl-C */
export async function runScreen(desk: Desk, terminal: Terminal, hasColor: boolean, clock: Clock): Promise<boolean> {
  // The history is read while Ink is loaded.
  let first: Promise<readonly Entry[]> | null = desk.entries();
  first.catch(() => undefined);
  // React reads it once, when it is loaded: the other build is slower and talks to the console.
  process.env['NODE_ENV'] ??= 'production';
  const [{ render, Box, Text, useApp, useInput, usePaste }, { createElement }] = await Promise.all([import('ink'), import('react')]);
  const { stdin, stdout } = terminal;
  const sizeNow = (): { columns: number; rows: number } => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });

  let state: State = startState(sizeNow().columns, sizeNow().rows, desk.commentBytesMax);
  let app: ReturnType<typeof useApp> | null = null;
  let isStopped = false;
  let isOver = false;
  let answer: ((isYes: boolean) => void) | null = null;
  const asked = new Set<string>();

  function Screen({ shown }: { readonly shown: State }): ReturnType<typeof createElement> {
    app = useApp();
    useInput((input, key) => {
      for (const one of keysOf(input, key)) feed({ kind: 'key', key: one });
    });
    usePaste((text) => {
      feed({ kind: 'pasted', text });
    });
    const lines = draw(shown, { sitter: desk.sitter, nowMs: clock.now().getTime() });
    return createElement(
      Box,
      { flexDirection: 'column', width: shown.columns, height: shown.rows },
      ...lines.map((one) => createElement(Text, { wrap: 'truncate-end' }, painted(one, hasColor) || ' ')),
    );
  }

  function feed(input: Input): void {
    // What is still read when a person leaves would mount the screen again, and take the terminal for good.
    if (isOver) return;
    const next = step(state, input);
    const isSame = next.state === state;
    ({ state } = next);
    if (!isSame) screen.rerender(createElement(Screen, { shown: state }));
    for (const want of next.wants) void fulfil(want);
  }

  /** Takes nothing down: what goes wrong is said on the screen. */
  async function fulfil(want: Want): Promise<void> {
    switch (want.kind) {
      case 'leave':
        ({ isStopped } = want);
        isOver = true;
        app?.exit();
        return;
      case 'reload': {
        const entries = first ?? desk.entries();
        first = null;
        const taken = await entries.then(
          (found): Input => ({ kind: 'entries', entries: found }),
          (error: unknown): Input => ({ kind: 'refused', words: wordsOf(error) }),
        );
        feed(taken);
        return;
      }
      case 'facts': {
        const keys = want.keys.filter((key) => !asked.has(key));
        if (keys.length === 0) return;
        for (const key of keys) asked.add(key);
        const facts = await desk.facts(keys).catch(() => new Map());
        feed({ kind: 'facts', facts });
        return;
      }
      case 'open': {
        const pages = await desk.pages(want.key).catch((error: unknown) => ({ fault: wordsOf(error) }));
        feed({ kind: 'pages', key: want.key, pages });
        return;
      }
      case 'give': {
        const ask = async (words: string): Promise<boolean> =>
          new Promise((resolve) => {
            answer = resolve;
            feed({ kind: 'asked', words });
          });
        const given = await desk.give(want.key, want.verdict, want.comment, ask).then(
          (words): Input => ({ kind: 'given', words }),
          (error: unknown): Input => ({ kind: 'refused', words: wordsOf(error) }),
        );
        feed(given);
        return;
      }
      case 'answer':
        answer?.(want.isYes);
        answer = null;
        return;
      case 'edit': {
        let result: Input = { kind: 'edited', text: null, fault: null };
        stdout.write(WRAP_ON);
        await app?.suspendTerminal(async () => {
          result = await desk.edit(want.text).then(
            (text): Input => ({ kind: 'edited', text, fault: null }),
            (error: unknown): Input => ({ kind: 'edited', text: null, fault: wordsOf(error) }),
          );
        });
        stdout.write(WRAP_OFF);
        feed(result);
        return;
      }
      default:
        want satisfies never;
    }
  }

  const giveBack = (): void => void stdout.write(WRAP_ON);
  const onResize = (): void => {
    feed({ kind: 'size', ...sizeNow() });
  };
  process.once('exit', giveBack);
  stdout.write(WRAP_OFF);
  const screen = render(createElement(Screen, { shown: state }), {
    stdin,
    stdout,
    alternateScreen: true,
    exitOnCtrlC: false,
    incrementalRendering: true,
    interactive: true,
    isScreenReaderEnabled: false,
    maxFps: FRAMES_PER_SECOND,
  });
  stdout.on('resize', onResize);
  // Ink would give back what it took, and die of the signal before anything else is given back.
  const onSignal = (signal: NodeJS.Signals): void => {
    isOver = true;
    screen.unmount();
    giveBack();
    for (const one of DEADLY) process.off(one, onSignal);
    process.kill(process.pid, signal);
  };
  for (const one of DEADLY) process.on(one, onSignal);
  try {
    await fulfil({ kind: 'reload' });
    await screen.waitUntilExit();
  } finally {
    isOver = true;
    stdout.off('resize', onResize);
    for (const one of DEADLY) process.off(one, onSignal);
    process.off('exit', giveBack);
    giveBack();
  }
  return !isStopped;
}
