/** Stops one daemon through its socket, and waits until its process is gone. It is asked, never signalled: what a pid in a file means now, nobody knows. */

import { makeFs } from '#platform/files.ts';
import { isAlive, isStopped } from '#platform/process-facts.ts';
import { hostName } from '#platform/system.ts';
import { readHolder, type Holder } from './holder.ts';
import { connectControl } from './open.ts';
import { clock } from './parts.ts';
import { soon } from './soon.ts';

const PAUSE_MS = 20;
const AFTER_DRAIN_MS = 10_000;
/** It notes the question and nothing more. */
const ANSWER_MS = 15_000;

export type Stopped =
  | { readonly kind: 'stopped'; readonly pid: number | null }
  /** Nobody listens there. */
  | { readonly kind: 'none' }
  | { readonly kind: 'silent' | 'still there'; readonly pid: number | null; readonly words: string };

const isThere = (holder: Holder | null): boolean => holder !== null && isAlive(holder.pid, holder.pid_start ?? '');

/** @param options.drainMs its stop.drain */
export async function stopDaemon(
  state: string,
  { now, drainMs, answerMs = ANSWER_MS }: { readonly now: boolean; readonly drainMs: number; readonly answerMs?: number },
): Promise<Stopped> {
  const holder = await readHolder(makeFs(), state);
  const pid = holder?.pid ?? null;
  const control = await connectControl({ state });
  if (control === null) return { kind: 'none' };
  try {
    const told = await soon(clock, control.ask('stop'), answerMs);
    if (told === null) return { kind: 'silent', pid, words: silentWords(holder) };
    if (now) await soon(clock, control.ask('stop'), answerMs);
    const untilMs = clock.monotonicMs() + drainMs + AFTER_DRAIN_MS;
    while (isThere(holder)) {
      if (clock.monotonicMs() > untilMs)
        return {
          kind: 'still there',
          pid,
          words: `the daemon (pid ${String(pid ?? '?')}) is still there; \`docket status\` says what it does`,
        };
      await clock.sleep(PAUSE_MS);
    }
    return { kind: 'stopped', pid };
  } finally {
    control.close();
  }
}

/** Of one that has the socket and says nothing. */
export function silentWords(holder: Holder | null): string {
  const who = `the daemon (pid ${String(holder?.pid ?? '?')})`;
  if (holder === null || holder.host !== hostName() || !isThere(holder) || !isStopped(holder.pid))
    return `${who} does not answer: \`docket logs\``;
  const pid = String(holder.pid);
  return `${who} is stopped: \`kill -CONT ${pid}\` lets it go on, \`kill -KILL ${pid}\` ends it and loses nothing`;
}
