/**
 * A child that is spoken to over its standard input and output, in a process group of its own; its standard error is ours.
 * It belongs to us: whoever made it ends it.
 */

import { spawn } from 'node:child_process';
import { Readable, Writable } from 'node:stream';

export type PipedChild = {
  readonly input: WritableStream<Uint8Array>;
  readonly output: ReadableStream<Uint8Array>;
  /** Resolves when it has gone: its exit code, null when a signal ended it. Rejects with the system's code when it could not be started. */
  readonly gone: Promise<number | null>;
  /** Closes its input, and waits; after `graceMs` SIGTERM to the group, after as long again SIGKILL. Resolves when it has gone. */
  end(graceMs: number): Promise<void>;
};

/** @param program absolute; the environment and working folder are ours */
export function startPiped(program: string, args: readonly string[]): PipedChild {
  const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const gone = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      resolve(code);
    });
  });
  // Whoever asks is told; nobody has to.
  gone.catch(() => undefined);
  // It may close its end at any moment.
  child.stdin.on('error', () => undefined);
  const signalGroup = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The whole group has gone.
    }
  };
  return {
    input: Writable.toWeb(child.stdin),
    output: Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>,
    gone,
    async end(graceMs) {
      child.stdin.end();
      const timers = [
        setTimeout(() => {
          signalGroup('SIGTERM');
        }, graceMs),
        setTimeout(() => {
          signalGroup('SIGKILL');
        }, 2 * graceMs),
      ];
      await gone.catch(() => undefined);
      for (const timer of timers) clearTimeout(timer);
      // What it left behind in its group.
      signalGroup('SIGKILL');
    },
  };
}
