/** A TypeScript script as a child process with IPC: tests wait for its messages, never for time. */

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export type Child = {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The next message, also one that came before it was asked for. Rejects when the child ends without another word. */
  next(): Promise<unknown>;
  /** Resolves when it is gone. */
  ended(): Promise<number | null>;
  kill(): Promise<void>;
};

export function startChild(t: Pick<TestContext, 'after'>, script: string, args: readonly string[] = []): Child {
  const child = fork(script, [...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'json' });
  const messages: unknown[] = [];
  const waiting: { resolve(message: unknown): void; reject(error: Error): void }[] = [];
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  child.on('message', (message) => {
    const next = waiting.shift();
    if (next === undefined) messages.push(message);
    else next.resolve(message);
  });
  child.on('exit', () => {
    for (const next of waiting.splice(0)) next.reject(new Error(`${script} ended without another message`));
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  t.after(kill);
  return {
    process: child,
    pid: child.pid ?? 0,
    next: () =>
      messages.length > 0
        ? Promise.resolve(messages.shift())
        : new Promise((resolve, reject) => {
            waiting.push({ resolve, reject });
          }),
    ended: () => exited,
    kill,
  };
}
